// The proof checker: one record, from its bytes to validators' signatures, against a pinned genesis. No network.
//
// A second implementation beside the project's Python, of docs/formats.md; both are held to the same vectors.

import { fromHex } from './bytes.js';
import { CannotCheck, Invalid, Refusal, STEPS } from './refusal.js';
import { CHECKS } from './steps.js';
import { STEP_MEANINGS, STEP_WORDS, describe, describeNothing } from './words.js';

export { decodeEnvelope } from './envelope.js';

/**
 * @typedef {object} Pin What a verifier knows from elsewhere.
 * @property {string} chainId
 * @property {string} genesisHash SHA-256 of the genesis head, 64 hexadecimal digits.
 */

/**
 * @typedef {object} Outcome
 * @property {boolean} ok Whether every step holds.
 * @property {boolean} isRefused Whether a step does not hold; neither `ok` nor refused: this browser cannot check.
 * @property {{name: string, ok: boolean, words: string}[]} steps Up to the one that failed, which is last.
 * @property {string | null} failed Name of that step.
 * @property {{holds: string[], signers: string[], not_proven: string[]}} words
 * @property {object | null} record The first record, once its signature held: `cid`, `kind`, `body`, `key`.
 * @property {number} ms Milliseconds it took.
 */

/**
 * @param {Uint8Array} bytes A proof file.
 * @param {Pin} pin
 * @returns {Promise<Outcome>} Throws `Invalid` only when the pin itself is none.
 */
export async function verifyProof(bytes, pin) {
  const started = performance.now();
  const known = { bytes, pin: parsePin(pin) };
  const steps = [];
  const fault = await runSteps(known, steps);
  return {
    ok: fault === null,
    isRefused: fault instanceof Refusal,
    steps,
    failed: fault === null ? null : steps.at(-1).name,
    words: fault === null ? describe(known) : describeNothing(),
    record: known.records?.[0] ?? null,
    ms: performance.now() - started,
  };
}

/** @param {Pin} pin @returns {{chainId: string, genesisHash: Uint8Array}} */
export function parsePin({ chainId, genesisHash }) {
  if (!chainId) throw new Invalid('give the chain’s id');
  if (!/^[0-9a-f]{64}$/i.test(genesisHash)) throw new Invalid('a genesis hash has 64 hexadecimal digits');
  return { chainId, genesisHash: fromHex(genesisHash) };
}

/** Walks the steps, adding to `known` and `steps`; returns what ended them early, or null when all hold. */
async function runSteps(known, steps) {
  for (const name of STEPS) {
    try {
      Object.assign(known, await runStep(name, known));
    } catch (fault) {
      steps.push({ name, ok: false, words: explain(fault) });
      return fault;
    }
    steps.push({ name, ok: true, words: STEP_WORDS[name](known) });
  }
  return null;
}

/** What a step adds; an input that breaks a rule is the step's refusal, a bug stays a bug. */
async function runStep(name, known) {
  try {
    return await CHECKS[name](known);
  } catch (fault) {
    throw fault instanceof Invalid ? new Refusal(name, fault.reason) : fault;
  }
}

function explain(fault) {
  if (fault instanceof Refusal) return `${fault.reason}. That means: ${STEP_MEANINGS[fault.step]}`;
  if (fault instanceof CannotCheck) return `cannot check here: ${fault.reason}. Use another browser or “cec verify”`;
  throw fault;
}
