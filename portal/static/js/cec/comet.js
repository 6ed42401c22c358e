// CometBFT 0.38's messages in a proof, the hashes over them and what its validators sign.
// Source: cometbft v0.38 proto/tendermint/{types,version,crypto}/*.proto, types/{block,vote,canonical,validator_set}.go.

import { sha256 } from './hash.js';
import { buildRoot } from './merkle.js';
import { encodeDelimited, encodeMessage } from './protobuf.js';

/** A precommit, among the types of votes. */
const PRECOMMIT = 2n;
const ADDRESS_BYTES = 20;

const TIMESTAMP = [field(1, 'seconds', 'int'), field(2, 'nanos', 'int')];
const PART_SET_HEADER = [field(1, 'total', 'uint'), field(2, 'hash', 'bytes')];
const BLOCK_ID = [field(1, 'hash', 'bytes'), nested(2, 'part_set_header', PART_SET_HEADER, { always: true })];
const CONSENSUS = [field(1, 'block', 'uint'), field(2, 'app', 'uint')];

/** Names of a header's plain hashes, in the order of their fields from 6 on. */
const HEADER_HASHES = [
  'last_commit_hash',
  'data_hash',
  'validators_hash',
  'next_validators_hash',
  'consensus_hash',
  'app_hash',
  'last_results_hash',
  'evidence_hash',
  'proposer_address',
];

/** Fields of a block's header. */
export const HEADER = [
  nested(1, 'version', CONSENSUS, { always: true }),
  field(2, 'chain_id', 'text'),
  field(3, 'height', 'int'),
  nested(4, 'time', TIMESTAMP, { always: true }),
  nested(5, 'last_block_id', BLOCK_ID, { always: true }),
  ...HEADER_HASHES.map((name, index) => field(6 + index, name, 'bytes')),
];

const COMMIT_SIG = [
  field(1, 'block_id_flag', 'int'),
  field(2, 'validator_address', 'bytes'),
  nested(3, 'timestamp', TIMESTAMP, { always: true }),
  field(4, 'signature', 'bytes'),
];

/** Fields of a commit: who signed a block. */
export const COMMIT = [
  field(1, 'height', 'int'),
  field(2, 'round', 'int'),
  nested(3, 'block_id', BLOCK_ID, { always: true }),
  nested(4, 'signatures', COMMIT_SIG, { many: true }),
];

const PUBLIC_KEY = [field(1, 'ed25519', 'bytes')];
const VALIDATOR = [
  field(1, 'address', 'bytes'),
  nested(2, 'pub_key', PUBLIC_KEY, { always: true }),
  field(3, 'voting_power', 'int'),
  field(4, 'proposer_priority', 'int'),
];

/** Fields of a validator set. */
export const VALIDATOR_SET = [
  nested(1, 'validators', VALIDATOR, { many: true }),
  nested(2, 'proposer', VALIDATOR),
  field(3, 'total_voting_power', 'int'),
];

const SIMPLE_VALIDATOR = [nested(1, 'pub_key', PUBLIC_KEY), field(2, 'voting_power', 'int')];
const CANONICAL_VOTE = [
  field(1, 'type', 'int'),
  field(2, 'height', 'sfixed64'),
  field(3, 'round', 'sfixed64'),
  nested(4, 'block_id', BLOCK_ID),
  nested(5, 'timestamp', TIMESTAMP, { always: true }),
  field(6, 'chain_id', 'text'),
];
const [BYTES_VALUE, STRING_VALUE, INT64_VALUE] = ['bytes', 'text', 'int'].map((kind) => [field(1, 'value', kind)]);

/** @param {object} header @returns {Promise<Uint8Array>} Its hash: a Merkle root over its fields. */
export function computeHeaderHash(header) {
  return buildRoot([
    encodeMessage(CONSENSUS, header.version),
    encodeMessage(STRING_VALUE, { value: header.chain_id }),
    encodeMessage(INT64_VALUE, { value: header.height }),
    encodeMessage(TIMESTAMP, header.time),
    encodeMessage(BLOCK_ID, header.last_block_id),
    ...HEADER_HASHES.map((name) => encodeMessage(BYTES_VALUE, { value: header[name] })),
  ]);
}

/** @param {object} validators @returns {Promise<Uint8Array>} Hash of a validator set. */
export function computeValidatorsHash({ validators }) {
  return buildRoot(validators.map((member) => encodeMessage(SIMPLE_VALIDATOR, member)));
}

/** @param {Uint8Array} key 32 bytes, Ed25519 @returns {Promise<Uint8Array>} A validator's address. */
export async function computeValidatorAddress(key) {
  return (await sha256(key)).subarray(0, ADDRESS_BYTES);
}

/**
 * @param {string} chainId
 * @param {object} commit
 * @param {{timestamp: object, isForBlock: boolean}} vote The validator's own time, and whether it is for the commit's
 *   block or for none.
 * @returns {Uint8Array} What the validator signs.
 */
export function encodeVote(chainId, commit, { timestamp, isForBlock }) {
  const { height, round } = commit;
  const block_id = isForBlock ? commit.block_id : null;
  const vote = { type: PRECOMMIT, height, round, block_id, timestamp, chain_id: chainId };
  return encodeDelimited(encodeMessage(CANONICAL_VOTE, vote));
}

function field(number, name, kind) {
  return { number, name, kind };
}

function nested(number, name, message, options = {}) {
  return { number, name, kind: 'message', message, ...options };
}
