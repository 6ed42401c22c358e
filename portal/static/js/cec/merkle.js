// Merkle trees of RFC 9162, which are also CometBFT's: leaves under 0x00, nodes under 0x01, SHA-256.

import { sha256 } from './hash.js';
import { Invalid } from './refusal.js';

/** Longest path read: a tree of 2^48 leaves. */
export const MAX_PATH = 48;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** @param {...Uint8Array} data @returns {Promise<Uint8Array>} Hash of a leaf. */
export function hashLeaf(...data) {
  return sha256(LEAF, ...data);
}

/** @param {Uint8Array} left @param {Uint8Array} right @returns {Promise<Uint8Array>} Hash of a node. */
export function hashNode(left, right) {
  return sha256(NODE, left, right);
}

/**
 * @typedef {object} MerklePath
 * @property {number | bigint} index Position of the leaf, from 0.
 * @property {number | bigint} count Leaves of the tree.
 * @property {Uint8Array[]} hashes Sibling hashes from the leaf upwards.
 */

/**
 * @param {Uint8Array} leaf Data of the leaf.
 * @param {MerklePath} path
 * @returns {Promise<Uint8Array>} The root to which the path leads (RFC 9162 section 2.1.3.2).
 */
export async function computeRoot(leaf, path) {
  let position = BigInt(path.index);
  let last = BigInt(path.count) - 1n;
  if (position < 0n || position > last || path.hashes.length > MAX_PATH)
    throw new Invalid('a path’s index lies beyond its count');
  let node = await hashLeaf(leaf);
  for (const sibling of path.hashes) {
    if (last === 0n) throw new Invalid('a path longer than its tree is high');
    if (position & 1n || position === last) {
      node = await hashNode(sibling, node);
      // A last node without a sibling rises unchanged until it is a right child.
      for (; position && !(position & 1n); position >>= 1n) last >>= 1n;
    } else {
      node = await hashNode(node, sibling);
    }
    position >>= 1n;
    last >>= 1n;
  }
  if (last) throw new Invalid('a path shorter than its tree is high');
  return node;
}

/** @param {Uint8Array[]} leaves @returns {Promise<Uint8Array>} Root over leaves; SHA-256 of nothing when there are none. */
export async function buildRoot(leaves) {
  if (!leaves.length) return sha256();
  let level = await Promise.all(leaves.map((leaf) => hashLeaf(leaf)));
  while (level.length > 1) level = await Promise.all(pairUp(level));
  return level[0];
}

function pairUp(level) {
  const parents = [];
  for (let index = 0; index < level.length; index += 2) {
    parents.push(index + 1 < level.length ? hashNode(level[index], level[index + 1]) : level[index]);
  }
  return parents;
}
