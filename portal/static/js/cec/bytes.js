// Bytes: joining, comparing, and their forms as text.

import { Invalid } from './refusal.js';

const ENCODER = new TextEncoder();

/** @param {...Uint8Array} parts @returns {Uint8Array} The parts, joined. */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** @param {Uint8Array} left @param {Uint8Array} right @returns {boolean} Whether they hold the same bytes. */
export function isEqual(left, right) {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** @param {string} text @returns {Uint8Array} Its UTF-8. */
export function encodeText(text) {
  return ENCODER.encode(text);
}

/** @param {Uint8Array} raw @returns {string} The text whose UTF-8 is `raw`; a byte order mark is a symbol like others. */
export function decodeText(raw) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new Invalid('text that is not UTF-8');
  }
}

/** @param {Uint8Array} raw @returns {string} Lower-case hexadecimal. */
export function toHex(raw) {
  return Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} text @returns {Uint8Array} The bytes that hexadecimal `text` writes. */
export function fromHex(text) {
  if (text.length % 2 || !/^[0-9a-f]*$/i.test(text)) throw new Invalid('not hexadecimal');
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

/** @param {Uint8Array} raw @returns {bigint} The number that big-endian bytes write. */
export function toNumber(raw) {
  return raw.length ? BigInt(`0x${toHex(raw)}`) : 0n;
}
