// The proof file's form: what stands in it, within which limits (docs/formats.md, "Proof file").

import { decodeCborMap } from './cbor.js';
import { COMMIT, HEADER, VALIDATOR_SET } from './comet.js';
import { HASH_LENGTH } from './hash.js';
import { MAX_VALIDATORS } from './light.js';
import { decodeMessage } from './protobuf.js';
import { Invalid } from './refusal.js';

const MAX_RECORDS = 8;
const MAX_TRUST_PATH = 1_000;
const MAX_LEAF_PATH = 64;
const MAX_MODULE_PATH = 16;
const MAX_SMT_DEPTH = 256;

/**
 * @typedef {object} Proof
 * @property {{envelope: Uint8Array, path: import('./merkle.js').MerklePath}[]} leaves The record first.
 * @property {Uint8Array} root The anchored root.
 * @property {import('./smt.js').StateProof} anchor
 * @property {import('./smt.js').StateProof[]} keys One for each signing key, in order of first use.
 * @property {import('./light.js').SignedHeader} block
 * @property {Uint8Array} genesis The genesis head.
 * @property {import('./light.js').SignedHeader[]} path The trust path.
 */

/** @param {Uint8Array} raw @returns {Proof} */
export function parseProof(raw) {
  const fields = expectMap(decodeCborMap(raw), ['v', 'kind', 'records', 'anchor', 'keys', 'block', 'genesis', 'path']);
  if (fields.kind !== 'proof' || fields.v !== 1) throw new Invalid('not a proof file of version 1');
  const anchor = expectMap(fields.anchor, ['root', 'state']);
  return {
    leaves: expectList(fields.records, 1, MAX_RECORDS).map(parseLeaf),
    root: expectHash(anchor.root),
    anchor: parseState(anchor.state),
    keys: expectList(fields.keys, 1, MAX_RECORDS).map((item) => parseState(expectMap(item, ['state']).state)),
    block: parseSigned(fields.block),
    genesis: expectBytes(fields.genesis),
    path: expectList(fields.path, 0, MAX_TRUST_PATH).map(parseSigned),
  };
}

/** @param {unknown} value @param {string} name @returns {number | bigint} A number from 0. */
export function expectCount(value, name) {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  if (!isNumber || value < 0) throw new Invalid(`expected a number for ${name}`);
  return value;
}

/** @param {unknown} value @param {string[]} names @returns {Record<string, unknown>} A map of just these fields. */
export function expectMap(value, names) {
  if (!(value instanceof Map) || value.size !== names.length || !names.every((name) => value.has(name))) {
    throw new Invalid(`expected a map of ${names.join(', ')}`);
  }
  return Object.fromEntries(value);
}

/** @param {unknown} value @returns {Uint8Array} */
export function expectBytes(value) {
  if (!(value instanceof Uint8Array)) throw new Invalid('expected bytes');
  return value;
}

function expectHash(value) {
  if (expectBytes(value).length !== HASH_LENGTH) throw new Invalid(`expected ${HASH_LENGTH} bytes`);
  return value;
}

function expectList(value, low, high) {
  if (!Array.isArray(value) || value.length < low || value.length > high) {
    throw new Invalid(`expected a list of ${low} to ${high} items`);
  }
  return value;
}

function parsePath({ index, count, path }, longest) {
  return {
    index: expectCount(index, 'index'),
    count: expectCount(count, 'count'),
    hashes: expectList(path, 0, longest).map(expectHash),
  };
}

function parseLeaf(value) {
  const fields = expectMap(value, ['envelope', 'index', 'count', 'path']);
  return { envelope: expectBytes(fields.envelope), path: parsePath(fields, MAX_LEAF_PATH) };
}

function parseState(value) {
  const fields = expectMap(value, ['module', 'key', 'value', 'smt', 'modules']);
  if (typeof fields.module !== 'string') throw new Invalid('a module’s name is text');
  return {
    module: fields.module,
    key: expectBytes(fields.key),
    value: expectBytes(fields.value),
    smt: parseSmt(fields.smt),
    modules: parsePath(expectMap(fields.modules, ['index', 'count', 'path']), MAX_MODULE_PATH),
  };
}

function parseSmt(value) {
  const fields = expectMap(value, ['depth', 'mask', 'siblings']);
  const depth = Number(expectCount(fields.depth, 'depth'));
  const mask = expectBytes(fields.mask);
  const siblings = expectList(fields.siblings, 0, MAX_SMT_DEPTH).map(expectHash);
  const isSized = depth <= MAX_SMT_DEPTH && mask.length === Math.ceil(depth / 8);
  const places = isSized ? listBits(mask) : [];
  if (!isSized || places.some((place) => place >= depth) || places.length !== siblings.length) {
    throw new Invalid('depth, mask and siblings of a state proof do not fit');
  }
  return { depth, mask, siblings };
}

function listBits(mask) {
  return Array.from({ length: 8 * mask.length }, (_, bit) => bit).filter((bit) => (mask[bit >> 3] >> (bit & 7)) & 1);
}

function parseSigned(value) {
  const fields = expectMap(value, ['header', 'commit', 'validators']);
  const signed = {
    header: decodeMessage(HEADER, expectBytes(fields.header)),
    commit: decodeMessage(COMMIT, expectBytes(fields.commit)),
    validators: decodeMessage(VALIDATOR_SET, expectBytes(fields.validators)),
  };
  expectPlainSet(signed.validators);
  return signed;
}

/** Refuses a validator set that says more than its hash covers, keys and powers: the rest would be unchecked. */
function expectPlainSet({ validators, proposer, total_voting_power }) {
  if (validators.length > MAX_VALIDATORS) throw new Invalid(`more than ${MAX_VALIDATORS} validators`);
  const isPlain = validators.every((member) => member.proposer_priority === 0n);
  if (!isPlain || proposer !== null || total_voting_power !== 0n)
    throw new Invalid('a validator set says more than its hash covers');
}
