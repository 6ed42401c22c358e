// State proofs: from a key and its value to the module's root (a sparse Merkle tree by ICS 23's SmtSpec) and from
// there to the application hash (docs/formats.md, "State").

import { concat, encodeText } from './bytes.js';
import { HASH_LENGTH, sha256 } from './hash.js';
import { computeRoot, hashLeaf, hashNode } from './merkle.js';
import { encodeVarint } from './protobuf.js';

const EMPTY = new Uint8Array(HASH_LENGTH);

/**
 * @typedef {object} StateProof
 * @property {string} module
 * @property {Uint8Array} key
 * @property {Uint8Array} value
 * @property {{depth: number, mask: Uint8Array, siblings: Uint8Array[]}} smt
 * @property {import('./merkle.js').MerklePath} modules
 */

/** @param {StateProof} proof @returns {Promise<Uint8Array>} The application hash to which it leads. */
export async function computeStateRoot(proof) {
  const name = encodeText(proof.module);
  const root = await computeModuleRoot(proof);
  const leaf = concat(encodeVarint(BigInt(name.length)), name, Uint8Array.of(HASH_LENGTH), await sha256(root));
  return computeRoot(leaf, proof.modules);
}

/** @param {StateProof} proof @returns {Promise<Uint8Array>} Root of the module's tree to which the leaf leads. */
export async function computeModuleRoot({ key, value, smt }) {
  const [keyHash, valueHash] = await Promise.all([sha256(key), sha256(value)]);
  let node = await hashLeaf(keyHash, valueHash);
  let unused = smt.siblings.length;
  for (let depth = smt.depth - 1; depth >= 0; depth -= 1) {
    const isGiven = (smt.mask[depth >> 3] >> (depth & 7)) & 1;
    if (isGiven) unused -= 1;
    const sibling = isGiven ? smt.siblings[unused] : EMPTY;
    const turnsRight = (keyHash[depth >> 3] >> (7 - (depth & 7))) & 1;
    node = turnsRight ? await hashNode(sibling, node) : await hashNode(node, sibling);
  }
  return node;
}
