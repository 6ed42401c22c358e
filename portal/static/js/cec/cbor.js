// Canonical DAG-CBOR, read strictly: no floats, no nulls, integers within 64 bits in their shortest form, maps sorted
// by key length and then bytes, links as tag 42. Source: ipld.io/specs/codecs/dag-cbor/spec, RFC 8949 section 4.2.
//
// Whatever another encoding would have written is refused, so a value has one form and a slice of the bytes is the
// encoding of the value it holds.

import { decodeText } from './bytes.js';
import { Cid } from './cid.js';
import { Invalid } from './refusal.js';

/** Largest document read, 1 MiB: the limit of a proof file. */
export const MAX_CBOR = 1 << 20;
/** Deepest nesting; the deepest record has 6 levels. */
export const MAX_DEPTH = 16;

/** Largest integer that is given as a number; beyond it stands a bigint. */
const MAX_EXACT = 1n << 53n;
const LINK_TAG = 42n;
const [UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
const FALSE = 20;
const TRUE = 21;

/** @typedef {boolean | number | bigint | string | Uint8Array | Cid | Value[] | Map<string, Value>} Value */

/** @param {Uint8Array} raw @returns {Value} The value whose canonical bytes are `raw`. */
export function decodeCbor(raw) {
  const reader = new CborReader(raw);
  const value = reader.readValue(0);
  reader.expectEnd();
  return value;
}

/** @param {Uint8Array} raw @returns {Map<string, Value>} The map whose canonical bytes are `raw`. */
export function decodeCborMap(raw) {
  const value = decodeCbor(raw);
  if (!(value instanceof Map)) throw new Invalid('expected a map');
  return value;
}

/**
 * @param {Uint8Array} raw
 * @returns {Map<string, {value: Value, raw: Uint8Array}>} The map's entries, each with the bytes of its value.
 */
export function decodeCborEntries(raw) {
  const reader = new CborReader(raw);
  const entries = reader.readEntries(0);
  reader.expectEnd();
  return entries;
}

/** Reads one document from its start. */
class CborReader {
  /** @param {Uint8Array} raw */
  constructor(raw) {
    if (raw.length > MAX_CBOR) throw new Invalid(`${raw.length} bytes, at most ${MAX_CBOR} are read`);
    this.raw = raw;
    this.offset = 0;
  }

  /** Returns when nothing follows. */
  expectEnd() {
    if (this.offset !== this.raw.length) throw new Invalid('bytes after the end');
  }

  /** @param {number} depth @returns {Value} */
  readValue(depth) {
    if (depth > MAX_DEPTH) throw new Invalid(`nested deeper than ${MAX_DEPTH}`);
    const start = this.offset;
    const { major, argument } = this.readHead();
    switch (major) {
      case UNSIGNED:
        return shrink(argument);
      case NEGATIVE:
        return shrink(-1n - argument);
      case BYTES:
        return this.take(argument);
      case TEXT:
        return decodeText(this.take(argument));
      case LIST:
        return this.readItems(argument, depth);
      case MAP:
        this.offset = start;
        return new Map(Array.from(this.readEntries(depth), ([name, entry]) => [name, entry.value]));
      case TAG:
        return this.readLink(argument);
      default:
        return readSimple(argument);
    }
  }

  /** @param {number} depth @returns {Map<string, {value: Value, raw: Uint8Array}>} */
  readEntries(depth) {
    const { major, argument } = this.readHead();
    if (major !== MAP) throw new Invalid('expected a map');
    this.expectRoom(argument);
    const entries = new Map();
    let last = null;
    for (let left = argument; left > 0n; left -= 1n) {
      const key = this.readKey();
      if (last && !ascends(last, key)) throw new Invalid('keys out of order or doubled');
      last = key;
      const start = this.offset;
      const value = this.readValue(depth + 1);
      entries.set(decodeText(key), { value, raw: this.raw.subarray(start, this.offset) });
    }
    return entries;
  }

  readItems(count, depth) {
    this.expectRoom(count);
    const items = [];
    for (let left = count; left > 0n; left -= 1n) items.push(this.readValue(depth + 1));
    return items;
  }

  readKey() {
    const { major, argument } = this.readHead();
    if (major !== TEXT) throw new Invalid('a map key that is not text');
    return this.take(argument);
  }

  readLink(tag) {
    if (tag !== LINK_TAG) throw new Invalid('a tag other than 42 (link)');
    const { major, argument } = this.readHead();
    if (major !== BYTES) throw new Invalid('a link is a byte string');
    const raw = this.take(argument);
    if (raw[0] !== 0) throw new Invalid('a link starts with 0x00');
    return new Cid(raw.subarray(1));
  }

  readHead() {
    const first = this.take(1n)[0];
    const major = first >> 5;
    const short = first & 31;
    if (short < 24) return { major, argument: BigInt(short) };
    if (short > 27 || major === SIMPLE) throw new Invalid('a form that canonical DAG-CBOR does not have');
    const size = 1 << (short - 24);
    const argument = this.take(BigInt(size)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const least = size === 1 ? 24n : 1n << BigInt(4 * size);
    if (argument < least) throw new Invalid('a number longer than needed');
    return { major, argument };
  }

  take(length) {
    this.expectRoom(length);
    const start = this.offset;
    this.offset += Number(length);
    return this.raw.subarray(start, this.offset);
  }

  /** Refuses what claims more bytes (or items of at least one byte) than follow, before anything is made for it. */
  expectRoom(length) {
    if (length > BigInt(this.raw.length - this.offset)) throw new Invalid('ends early');
  }
}

function readSimple(argument) {
  if (argument !== BigInt(FALSE) && argument !== BigInt(TRUE))
    throw new Invalid('a simple value other than true and false');
  return argument === BigInt(TRUE);
}

function shrink(number) {
  return number <= MAX_EXACT && number >= -MAX_EXACT ? Number(number) : number;
}

/** Whether one key stands before another: the shorter first, then by bytes. */
function ascends(left, right) {
  if (left.length !== right.length) return left.length < right.length;
  const index = left.findIndex((byte, place) => byte !== right[place]);
  return index >= 0 && left[index] < right[index];
}
