// A strict codec for the protobuf messages of consensus, driven by tables of fields.
// Source: protobuf.dev/programming-guides/encoding; one form a value: fields ascend, zero scalars are absent, varints
// are minimal, nothing unknown (the rules of Cosmos ADR 027). `always` marks messages that are written even when empty.

import { concat, decodeText, encodeText, isEqual } from './bytes.js';
import { Invalid } from './refusal.js';

/** Deepest nesting; the deepest message of a proof has 4 levels. */
const MAX_MESSAGE_DEPTH = 10;
const MAX_VARINT = 10;
const WORD = 1n << 64n;
const [VARINT, FIXED64, DELIMITED] = [0, 1, 2];
const WIRE = { uint: VARINT, int: VARINT, sfixed64: FIXED64, bytes: DELIMITED, text: DELIMITED, message: DELIMITED };
const NOTHING = { uint: 0n, int: 0n, sfixed64: 0n, bytes: new Uint8Array(0), text: '', message: null };

/**
 * @typedef {object} Field
 * @property {number} number In the bytes.
 * @property {string} name In the object.
 * @property {'uint' | 'int' | 'sfixed64' | 'bytes' | 'text' | 'message'} kind
 * @property {Field[]} [message] Fields of a nested message.
 * @property {boolean} [many] Whether it repeats.
 * @property {boolean} [always] Whether it stands even when empty.
 */

/** @param {Field[]} fields @param {object} message @returns {Uint8Array} Its canonical bytes. */
export function encodeMessage(fields, message) {
  return concat(...fields.flatMap((field) => encodeField(field, message[field.name])));
}

/** @param {Field[]} fields @param {Uint8Array} raw @returns {object} The message whose canonical bytes are `raw`. */
export function decodeMessage(fields, raw) {
  const message = readMessage(fields, raw, 0);
  if (!isEqual(encodeMessage(fields, message), raw)) throw new Invalid('a protobuf message not in canonical form');
  return message;
}

/** @param {bigint} number 0 to 2^64 - 1 @returns {Uint8Array} Its varint. */
export function encodeVarint(number) {
  const bytes = [];
  let left = number;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(left)]);
}

/** @param {Uint8Array} raw @returns {Uint8Array} The bytes behind their length. */
export function encodeDelimited(raw) {
  return concat(encodeVarint(BigInt(raw.length)), raw);
}

function encodeField(field, value) {
  const values = field.many ? value : [value];
  const written = values.filter((one) => field.many || !isNothing(field.kind, one));
  return written.map((one) => concat(encodeTag(field), encodeScalar(field, one)));
}

function isNothing(kind, value) {
  return kind === 'bytes' || kind === 'text' ? value.length === 0 : value === NOTHING[kind];
}

function encodeTag(field) {
  return encodeVarint(BigInt((field.number << 3) | WIRE[field.kind]));
}

function encodeScalar(field, value) {
  switch (field.kind) {
    case 'message':
      return encodeDelimited(encodeMessage(field.message, value));
    case 'bytes':
      return encodeDelimited(value);
    case 'text':
      return encodeDelimited(encodeText(value));
    case 'sfixed64':
      return encodeFixed(value);
    default:
      return encodeVarint(BigInt.asUintN(64, value));
  }
}

function encodeFixed(number) {
  const raw = new Uint8Array(8);
  new DataView(raw.buffer).setBigInt64(0, number, true);
  return raw;
}

function readMessage(fields, raw, depth) {
  if (depth > MAX_MESSAGE_DEPTH) throw new Invalid(`a message nested deeper than ${MAX_MESSAGE_DEPTH}`);
  const message = Object.fromEntries(fields.map((field) => [field.name, field.many ? [] : NOTHING[field.kind]]));
  let last = 0;
  for (const { number, wire, value } of readFields(raw)) {
    const field = fields.find((one) => one.number === number);
    if (!field || WIRE[field.kind] !== wire) throw new Invalid(`an unknown field ${number} of wire type ${wire}`);
    if (number < last || (number === last && !field.many))
      throw new Invalid(`field ${number} is out of order or doubled`);
    last = number;
    const read = readScalar(field, value, depth);
    if (field.many) message[field.name].push(read);
    else message[field.name] = read;
  }
  const missing = fields.find((field) => field.always && message[field.name] === null);
  if (missing) throw new Invalid(`field ${missing.number} is missing`);
  return message;
}

function readScalar(field, value, depth) {
  if (field.kind === 'message') return readMessage(field.message, value, depth + 1);
  if (field.kind === 'text') return decodeText(value);
  if (field.kind === 'int' || field.kind === 'sfixed64') return BigInt.asIntN(64, value);
  return value;
}

function* readFields(raw) {
  let offset = 0;
  while (offset < raw.length) {
    const tag = readVarint(raw, offset);
    const wire = Number(tag.value & 7n);
    const number = Number(tag.value >> 3n);
    const { value, end } = readPayload(raw, tag.end, wire);
    yield { number, wire, value };
    offset = end;
  }
}

function readPayload(raw, offset, wire) {
  if (wire === VARINT) return readVarint(raw, offset);
  if (wire === FIXED64 && raw.length - offset >= 8) {
    const view = new DataView(raw.buffer, raw.byteOffset + offset, 8);
    return { value: view.getBigUint64(0, true), end: offset + 8 };
  }
  if (wire !== DELIMITED) throw new Invalid(`wire type ${wire}, or an early end`);
  const length = readVarint(raw, offset);
  if (length.value > BigInt(raw.length - length.end)) throw new Invalid('a field longer than its message');
  const end = length.end + Number(length.value);
  return { value: raw.subarray(length.end, end), end };
}

function readVarint(raw, offset) {
  let value = 0n;
  for (let place = 0; place < MAX_VARINT; place += 1) {
    if (offset + place >= raw.length) throw new Invalid('ends inside a number');
    const byte = raw[offset + place];
    value |= BigInt(byte & 0x7f) << BigInt(7 * place);
    if (byte < 0x80) {
      if (value >= WORD) break;
      return { value, end: offset + place + 1 };
    }
  }
  throw new Invalid('a number beyond 64 bits');
}
