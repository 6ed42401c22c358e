// Record keys and their signatures: Ed25519 (RFC 8032) and P-256 (FIPS 186-5), checked by WebCrypto.
// A key is its multicodec prefix and raw bytes; a signature has 64 bytes, P-256's with the low `s`.

import { concat, toHex, toNumber } from './bytes.js';
import { getSubtle, sha256 } from './hash.js';
import { P256_ORDER, decompressPoint } from './p256.js';
import { CannotCheck, Invalid } from './refusal.js';

const SIGNATURE_LENGTH = 64;
const ED25519_LENGTH = 32;
const P256_LENGTH = 33;

/**
 * @typedef {object} PublicKey
 * @property {Uint8Array} raw Prefix and key.
 * @property {'ed25519' | 'p256'} algorithm
 * @property {Uint8Array} point 32 bytes (Ed25519), or 65 (P-256, uncompressed).
 */

/** @param {Uint8Array} raw @returns {PublicKey} The key of multicodec bytes. */
export function parseKey(raw) {
  const key = raw.subarray(2);
  if (raw[0] === 0xed && raw[1] === 0x01 && key.length === ED25519_LENGTH)
    return { raw, algorithm: 'ed25519', point: key };
  if (raw[0] === 0x80 && raw[1] === 0x24 && key.length === P256_LENGTH) {
    return { raw, algorithm: 'p256', point: decompressPoint(key) };
  }
  throw new Invalid('a key is ed01 and 32 bytes (Ed25519) or 8024 and 33 bytes (P-256, compressed)');
}

/** @param {Uint8Array} point 32 bytes @returns {PublicKey} A validator's Ed25519 key. */
export function parseValidatorKey(point) {
  return parseKey(concat(Uint8Array.of(0xed, 0x01), point));
}

/** @param {PublicKey} key @returns {Promise<string>} Algorithm and fingerprint, for people to compare. */
export async function formatKey(key) {
  return `${key.algorithm}:${toHex(await sha256(key.raw)).slice(0, 16)}`;
}

/**
 * @param {PublicKey} key
 * @param {Uint8Array} message
 * @param {Uint8Array} signature
 * @returns {Promise<boolean>} Whether `signature` is one of `message` by `key`; `CannotCheck` where the browser lacks
 *   the algorithm.
 */
export async function isSignature(key, message, signature) {
  if (signature.length !== SIGNATURE_LENGTH) return false;
  if (key.algorithm === 'ed25519')
    return verifyWith({ name: 'Ed25519' }, { name: 'Ed25519' }, { key, message, signature });
  const [r, s] = [toNumber(signature.subarray(0, 32)), toNumber(signature.subarray(32))];
  if (r <= 0n || r >= P256_ORDER || s <= 0n || s > P256_ORDER / 2n) return false;
  return verifyWith(
    { name: 'ECDSA', namedCurve: 'P-256' },
    { name: 'ECDSA', hash: 'SHA-256' },
    { key, message, signature },
  );
}

async function verifyWith(imported, verified, { key, message, signature }) {
  const subtle = getSubtle();
  try {
    const handle = await subtle.importKey('raw', key.point, imported, false, ['verify']);
    return await subtle.verify(verified, handle, signature, message);
  } catch (error) {
    if (error.name === 'NotSupportedError')
      throw new CannotCheck(`this browser does not know ${imported.name} signatures`);
    if (error.name === 'DataError') return false;
    throw error;
  }
}
