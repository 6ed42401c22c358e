// The eight steps of a proof. Each takes what is known so far and returns what it adds, or throws `Invalid`.

import { concat, encodeText, isEqual } from './bytes.js';
import { decodeCborMap } from './cbor.js';
import { openEnvelope } from './envelope.js';
import { parseHead } from './genesis.js';
import { sha256 } from './hash.js';
import { formatKey } from './keys.js';
import { follow, sumPower, validateCommit, validateSignedHeader } from './light.js';
import { computeRoot } from './merkle.js';
import { expectCount, parseProof } from './proof_file.js';
import { Invalid } from './refusal.js';
import { computeStateRoot } from './smt.js';

/**
 * @typedef {object} Known What the steps have found so far.
 * @property {Uint8Array} bytes The file.
 * @property {{chainId: string, genesisHash: Uint8Array}} pin
 * @property {import('./proof_file.js').Proof} proof
 * @property {(import('./envelope.js').Envelope & import('./envelope.js').Checked)[]} records
 * @property {{count: number, height: number, atMs: number}} anchor
 * @property {{key: string, org: string, role: string, subject: string}[]} signers
 * @property {{signed: object[], total: bigint, power: bigint}} validators
 */

/** @type {Record<string, (known: Known) => Promise<Partial<Known>>>} By name, as in `STEPS`. */
export const CHECKS = {
  decode: async ({ bytes }) => ({ proof: parseProof(bytes) }),
  record: checkRecords,
  path: checkPaths,
  anchor: checkAnchor,
  keys: checkKeys,
  header: async ({ proof, pin }) => validateSignedHeader(proof.block, pin.chainId),
  commit: checkCommit,
  genesis: checkGenesis,
};

async function checkRecords({ proof }) {
  return { records: await Promise.all(proof.leaves.map((leaf) => openEnvelope(leaf.envelope))) };
}

async function checkPaths({ proof, records }) {
  for (const [index, leaf] of proof.leaves.entries()) {
    const root = await computeRoot(records[index].cid.bytes, leaf.path);
    if (!isEqual(root, proof.root))
      throw new Invalid(`the path of ${records[index].cid} does not lead to the anchored root`);
  }
}

async function checkAnchor({ proof }) {
  await checkState(proof, proof.anchor, 'anchor', concat(encodeText('a/'), proof.root));
  const value = decodeCborMap(proof.anchor.value);
  const [count, height, atMs] = ['count', 'height', 'time_ms'].map((name) => expectCount(value.get(name), name));
  if (proof.leaves.some((leaf) => leaf.path.count !== count)) {
    throw new Invalid('the anchor covers another number of records than the paths say');
  }
  return { anchor: { count, height, atMs } };
}

async function checkKeys({ proof, records, anchor }) {
  const groups = groupByKey(records);
  if (groups.length !== proof.keys.length)
    throw new Invalid(`${groups.length} keys signed, ${proof.keys.length} are proved`);
  const checks = groups.map((group, index) => checkKey({ proof, state: proof.keys[index], group, anchor }));
  return { signers: await Promise.all(checks) };
}

async function checkKey({ proof, state, group, anchor }) {
  const { key } = group[0];
  await checkState(proof, state, 'registry', concat(encodeText('k/'), await sha256(key.raw)));
  const entry = decodeCborMap(state.value);
  const org = entry.get('org');
  const stranger = group.find((record) => record.body.get('org') !== org);
  if (stranger) throw new Invalid(`its key speaks for “${org}”, the record for “${stranger.body.get('org')}”`);
  if (entry.has('revoked_ms') && expectCount(entry.get('revoked_ms'), 'revoked_ms') <= anchor.atMs) {
    throw new Invalid('the key was revoked before the record was anchored');
  }
  return { key: await formatKey(key), org, role: String(entry.get('role')), subject: String(entry.get('subject')) };
}

async function checkCommit({ proof }) {
  const signed = await validateCommit(proof.block);
  const total = sumPower(proof.block.validators.validators);
  return { validators: { signed, total, power: sumPower(signed) } };
}

async function checkGenesis({ proof, pin }) {
  if (!isEqual(await sha256(proof.genesis), pin.genesisHash)) {
    throw new Invalid('the chain has another genesis than the one that you trust');
  }
  const head = parseHead(proof.genesis);
  if (head.chainId !== pin.chainId) throw new Invalid(`its chain is “${head.chainId}”, not “${pin.chainId}”`);
  const [first, ...rest] = [...proof.path, proof.block];
  if (!isEqual(first.header.validators_hash, head.validatorsHash)) {
    throw new Invalid('the validators are not those of the genesis');
  }
  if (rest.length) await followPath(first, rest, pin.chainId);
}

async function followPath(first, rest, chainId) {
  await validateSignedHeader(first, chainId);
  await validateCommit(first);
  await follow(first, rest, chainId);
}

/** Returns when a state proof is about this entry and leads to the header's application hash. */
async function checkState(proof, state, module, key) {
  if (state.module !== module || !isEqual(state.key, key)) throw new Invalid('the state proof is about another entry');
  if (!isEqual(await computeStateRoot(state), proof.block.header.app_hash)) {
    throw new Invalid('the state proof does not lead to the header’s application hash');
  }
}

/** Records by the key that signed them, in order of first use. */
function groupByKey(records) {
  const groups = [];
  for (const record of records) {
    const group = groups.find(([first]) => isEqual(first.key.raw, record.key.raw));
    if (group) group.push(record);
    else groups.push([record]);
  }
  return groups;
}
