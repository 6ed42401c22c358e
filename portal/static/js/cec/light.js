// The light client: headers, commits and validator sets, checked without a network.
// Source: cometbft v0.38 light/verifier.go, types/validation.go.

import { isEqual, toHex } from './bytes.js';
import { computeHeaderHash, computeValidatorAddress, computeValidatorsHash, encodeVote } from './comet.js';
import { isSignature, parseValidatorKey } from './keys.js';
import { Invalid } from './refusal.js';

/** Largest validator set read: more than any Cosmos chain has. */
export const MAX_VALIDATORS = 200;
/** Flags of a vote: none, for the block, for no block. */
const [FLAG_ABSENT, FLAG_COMMIT, FLAG_NIL] = [1n, 2n, 3n];
/** Seconds of Go's zero time, the year 1: the time of a vote that was not cast. */
const ZERO_TIME_S = -62_135_596_800n;
const NS = 1_000_000_000n;

/** @typedef {{header: object, commit: object, validators: object}} SignedHeader */

/** Returns when header, commit and validator set fit each other; `Invalid` otherwise. */
export async function validateSignedHeader({ header, commit, validators }, chainId) {
  if (header.chain_id !== chainId) throw new Invalid(`the header is of chain “${header.chain_id}”, not “${chainId}”`);
  if (header.height < 1n || commit.height !== header.height) {
    throw new Invalid(`the header’s height is ${header.height}, its commit’s ${commit.height}`);
  }
  const [hash, membersHash] = await Promise.all([computeHeaderHash(header), computeValidatorsHash(validators)]);
  if (!isEqual(commit.block_id.hash, hash)) throw new Invalid('the header’s hash is not what the commit signs');
  if (!isEqual(membersHash, header.validators_hash)) throw new Invalid('the header names another validator set');
}

/**
 * @param {SignedHeader} signed
 * @returns {Promise<object[]>} The validators who signed; more than two thirds of the power must have.
 */
export async function validateCommit(signed) {
  const members = signed.validators.validators;
  const votes = signed.commit.signatures;
  if (!members.length || members.length > MAX_VALIDATORS || votes.length !== members.length) {
    throw new Invalid(`${votes.length} votes for ${members.length} validators`);
  }
  if (new Set(members.map((member) => toHex(member.address))).size !== members.length) {
    throw new Invalid('a validator stands twice in the set');
  }
  await Promise.all(members.map((member) => validateMember(member)));
  const marks = await Promise.all(members.map((member, index) => isSigner(signed, member, votes[index])));
  const signers = members.filter((_, index) => marks[index]);
  const [power, total] = [sumPower(signers), sumPower(members)];
  if (3n * power <= 2n * total)
    throw new Invalid(`${power} of ${total} voting power signed: more than two thirds are needed`);
  return signers;
}

/** Returns when each header follows from the one before it; `Invalid` otherwise. */
export async function follow(trusted, headers, chainId) {
  let last = trusted;
  for (const next of headers) {
    await validateNext(last, next, chainId);
    last = next;
  }
}

/** @param {object[]} members @returns {bigint} Their voting power together. */
export function sumPower(members) {
  return members.reduce((sum, member) => sum + member.voting_power, 0n);
}

async function validateMember(member) {
  const address = await computeValidatorAddress(member.pub_key.ed25519);
  if (member.voting_power <= 0n || !isEqual(address, member.address)) {
    throw new Invalid(`validator ${toHex(member.address)} has no power, or another key than its address says`);
  }
}

/** Whether a member signed the block. Nothing in a commit stays unchecked: a vote is empty or its signature holds. */
async function isSigner(signed, member, vote) {
  if (vote.block_id_flag === FLAG_ABSENT) {
    if (!isEmptyVote(vote))
      throw new Invalid(`the vote of validator ${toHex(member.address)} is absent and says something`);
    return false;
  }
  const isForBlock = vote.block_id_flag === FLAG_COMMIT;
  if (!isForBlock && vote.block_id_flag !== FLAG_NIL)
    throw new Invalid(`a vote of the unknown kind ${vote.block_id_flag}`);
  const message = encodeVote(signed.header.chain_id, signed.commit, { timestamp: vote.timestamp, isForBlock });
  const isOwn = isEqual(vote.validator_address, member.address);
  if (!isOwn || !(await isSignature(parseValidatorKey(member.pub_key.ed25519), message, vote.signature))) {
    throw new Invalid(`the signature of validator ${toHex(member.address)} does not hold`);
  }
  return isForBlock;
}

function isEmptyVote({ validator_address, signature, timestamp }) {
  const isTimeless = timestamp.seconds === ZERO_TIME_S && timestamp.nanos === 0n;
  return validator_address.length === 0 && signature.length === 0 && isTimeless;
}

async function validateNext(trusted, next, chainId) {
  const { height } = next.header;
  if (height <= trusted.header.height) throw new Invalid(`header ${height} is not later than ${trusted.header.height}`);
  await validateSignedHeader(next, chainId);
  const signers = await validateCommit(next);
  if (timeOf(next.header) <= timeOf(trusted.header)) throw new Invalid(`header ${height} is not later in time`);
  if (height === trusted.header.height + 1n) validateAnnounced(trusted, next);
  else validateOverlap(trusted, signers, height);
}

function validateAnnounced(trusted, next) {
  if (!isEqual(next.header.validators_hash, trusted.header.next_validators_hash)) {
    throw new Invalid(`the validators of header ${next.header.height} are not those announced before`);
  }
}

function validateOverlap(trusted, signers, height) {
  const addresses = new Set(signers.map((member) => toHex(member.address)));
  const members = trusted.validators.validators;
  const power = sumPower(members.filter((member) => addresses.has(toHex(member.address))));
  if (3n * power <= sumPower(members))
    throw new Invalid(`a third of the trusted validators did not sign header ${height}`);
}

function timeOf(header) {
  return header.time.seconds * NS + header.time.nanos;
}
