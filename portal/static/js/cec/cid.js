// Content identifiers: CIDv1 over sha2-256 with the codecs raw, dag-pb and dag-cbor; always 36 bytes.
// Source: github.com/multiformats/cid, RFC 4648 section 6 (base32, lower case, no padding).

import { concat } from './bytes.js';
import { sha256 } from './hash.js';
import { Invalid } from './refusal.js';

/** Bytes of a CID: version, codec, hash function, digest length, digest. */
export const CID_LENGTH = 36;
/** Multicodec number of records. */
export const DAG_CBOR = 0x71;

const CODECS = new Set([0x55, 0x70, DAG_CBOR]);
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const CID_TEXT_LENGTH = 59;

/** Name of a block: which codec reads it and the SHA-256 of its bytes. */
export class Cid {
  /** @param {Uint8Array} bytes 36 bytes; `Invalid` when they are no CID that CEC uses. */
  constructor(bytes) {
    const isKnown = bytes.length === CID_LENGTH && bytes[0] === 1 && bytes[2] === 0x12 && bytes[3] === 32;
    if (!isKnown || !CODECS.has(bytes[1])) throw new Invalid('a link is a CIDv1 with SHA-256: raw, dag-pb or dag-cbor');
    this.bytes = bytes;
  }

  /** @returns {string} Base32 with its multibase prefix `b`. */
  toString() {
    return `b${encodeBase32(this.bytes)}`;
  }
}

/** @param {Uint8Array} block @returns {Promise<Cid>} The name of a record's bytes. */
export async function nameRecord(block) {
  return new Cid(concat(Uint8Array.of(1, DAG_CBOR, 0x12, 32), await sha256(block)));
}

/** @param {string} text @returns {Cid} The CID that `text` names, in its one spelling. */
export function parseCid(text) {
  if (text.length !== CID_TEXT_LENGTH || text[0] !== 'b')
    throw new Invalid(`a CID has ${CID_TEXT_LENGTH} symbols and begins with b`);
  const cid = new Cid(decodeBase32(text.slice(1)));
  if (String(cid) !== text) throw new Invalid('a CID with stray bits');
  return cid;
}

function encodeBase32(raw) {
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of raw) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
  }
  return bits ? text + BASE32[(held << (5 - bits)) & 31] : text;
}

function decodeBase32(text) {
  const raw = [];
  let bits = 0;
  let held = 0;
  for (const symbol of text) {
    const value = BASE32.indexOf(symbol);
    if (value < 0) throw new Invalid('a CID with a symbol outside base32');
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      raw.push((held >> bits) & 0xff);
    }
  }
  return Uint8Array.from(raw);
}
