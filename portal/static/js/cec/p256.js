// The point of a compressed P-256 key: WebCrypto need not read compressed points, so the second coordinate is computed.
// Source: NIST SP 800-186 section 3.2.1.3 (curve), SEC 1 version 2 section 2.3.4 (decompression).

import { concat, fromHex, toNumber } from './bytes.js';
import { Invalid } from './refusal.js';

/** Order of the curve's group. */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** @param {Uint8Array} compressed 33 bytes @returns {Uint8Array} 65 bytes: 0x04, x, y. */
export function decompressPoint(compressed) {
  const x = toNumber(compressed.subarray(1));
  if (compressed.length !== 33 || (compressed[0] & 0xfe) !== 2 || x >= P)
    throw new Invalid('not a compressed P-256 point');
  const square = modulo(x * x * x - 3n * x + B);
  // p = 3 mod 4, so that a root, where there is one, is this power (SEC 1, 2.3.4).
  const root = power(square, (P + 1n) / 4n);
  if (modulo(root * root) !== square) throw new Invalid('not a point of P-256');
  const isOdd = Boolean(root & 1n);
  const y = isOdd === (compressed[0] === 3) ? root : modulo(-root);
  return concat(Uint8Array.of(4), compressed.subarray(1), fromHex(y.toString(16).padStart(64, '0')));
}

function modulo(number) {
  const rest = number % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let factor = base, left = exponent; left; left >>= 1n) {
    if (left & 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}
