// Signed envelopes: a record's body, the key that signed it and the signature (docs/formats.md, "Envelope").

import { concat, encodeText } from './bytes.js';
import { decodeCborEntries } from './cbor.js';
import { nameRecord } from './cid.js';
import { isSignature, parseKey } from './keys.js';
import { KINDS } from './kinds.js';
import { Invalid } from './refusal.js';

/** Bytes of one envelope, 256 KiB. */
export const MAX_ENVELOPE = 256 * 1024;

const VERSION = 1;
const SEPARATOR = Uint8Array.of(0);

/**
 * @typedef {object} Envelope
 * @property {string} kind
 * @property {Map<string, import('./cbor.js').Value>} body Its fields, `v` and `kind` included.
 * @property {import('./keys.js').PublicKey} key
 * @property {Uint8Array} signature
 * @property {Uint8Array} signed The bytes that the signature is of.
 */

/**
 * @typedef {object} Checked
 * @property {Uint8Array} raw The envelope's bytes.
 * @property {import('./cid.js').Cid} cid Its name.
 */

/** @param {Uint8Array} raw @returns {Envelope} What an envelope says; its signature is not checked here. */
export function decodeEnvelope(raw) {
  if (raw.length > MAX_ENVELOPE) throw new Invalid(`an envelope of ${raw.length} bytes, at most ${MAX_ENVELOPE}`);
  const entries = decodeCborEntries(raw);
  if (entries.size !== 3) throw new Invalid('an envelope holds body, key and sig, no more');
  const [body, key, signature] = ['body', 'key', 'sig'].map((name) => entries.get(name));
  if (!(body?.value instanceof Map)) throw new Invalid('an envelope’s body is a map');
  if (![key?.value, signature?.value].every((value) => value instanceof Uint8Array)) {
    throw new Invalid('an envelope’s key and sig are bytes');
  }
  const kind = checkBody(body.value);
  const signed = concat(encodeText(`cec/v1/${kind}`), SEPARATOR, body.raw);
  return { kind, body: body.value, key: parseKey(key.value), signature: signature.value, signed };
}

/** @param {Uint8Array} raw @returns {Promise<Envelope & Checked>} A record whose signature holds. */
export async function openEnvelope(raw) {
  const envelope = decodeEnvelope(raw);
  if (!(await isSignature(envelope.key, envelope.signed, envelope.signature))) {
    throw new Invalid(`the signature of this ${envelope.kind} is not one of its key`);
  }
  return { ...envelope, raw, cid: await nameRecord(raw) };
}

/** Returns the kind of a body whose fields keep their bounds. */
function checkBody(body) {
  const kind = body.get('kind');
  const check = KINDS.get(kind);
  if (!check || body.get('v') !== VERSION) throw new Invalid('a record of a kind or version that is not known here');
  check(new Map([...body].filter(([name]) => name !== 'v' && name !== 'kind')), '');
  return kind;
}
