// SHA-256 by the browser's own WebCrypto.

import { concat } from './bytes.js';
import { CannotCheck } from './refusal.js';

/** Bytes of a digest. */
export const HASH_LENGTH = 32;

/** @returns {SubtleCrypto} The browser's cryptography, which exists on https, loopback and local files only. */
export function getSubtle() {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle)
    throw new CannotCheck('this page has no WebCrypto: open it by https, from this computer or as a local file');
  return subtle;
}

/** @param {...Uint8Array} parts @returns {Promise<Uint8Array>} SHA-256 of the parts, joined. */
export async function sha256(...parts) {
  return new Uint8Array(await getSubtle().digest('SHA-256', concat(...parts)));
}
