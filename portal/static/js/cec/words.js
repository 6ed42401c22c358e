// What a proof proves, in sentences: what holds, who signed, what is not proven.

/** @typedef {import('./steps.js').Known} Known */

/** @type {Record<string, (known: Known) => string>} What a step found, when it holds. */
export const STEP_WORDS = {
  decode: ({ bytes }) => `a proof file of ${group(bytes.length)} bytes, in its one canonical form`,
  record: ({ records }) =>
    `${count(records.length, 'record')}, each signed by its key: the first is a ${records[0].kind}`,
  path: ({ proof }) => `each record is one of ${group(proof.leaves[0].path.count)} under the anchored root`,
  anchor: ({ anchor }) =>
    `that root stands in the chain’s state since block ${anchor.height}, ${formatTime(anchor.atMs)}`,
  keys: ({ signers }) => `the registry knows ${signers.map(formatSigner).join(', ')}`,
  header: ({ proof }) => `block ${proof.block.header.height} of ${proof.block.header.chain_id} carries that state`,
  commit: ({ validators }) => `that block was signed by ${formatWitness(validators)}`,
  genesis: ({ proof }) =>
    proof.path.length
      ? `its validators follow, over ${count(proof.path.length, 'header')}, from the genesis that you trust`
      : 'its validators are those of the genesis that you trust',
};

/** @type {Record<string, string>} What it means that a step does not hold. */
export const STEP_MEANINGS = {
  decode: 'the file is damaged or no proof; get it again',
  record: 'the record was changed after it was signed',
  path: 'the record is not among those that were anchored',
  anchor: 'the anchor does not stand on the chain as the file says',
  keys: 'the signing key was not accredited for this organisation when the record was anchored',
  header: 'the block’s header was changed',
  commit: 'the validators did not sign this block',
  genesis: 'this is another chain than the one that you pinned, perhaps a forged one',
};

/** @param {Known} known After every step held. @returns {{holds: string[], signers: string[], not_proven: string[]}} */
export function describe({ records, anchor, signers, validators, proof }) {
  const [record] = records;
  return {
    holds: [
      `Record ${record.cid} (${record.kind}) is exactly what was signed.`,
      `It is one of ${group(anchor.count)} records anchored at ${formatTime(anchor.atMs)} in block ${anchor.height}.`,
      'Nothing in it changed since.',
    ],
    signers: [
      `The records: ${signers.map(formatSigner).join(', ')}.`,
      `The state that says so, in block ${proof.block.header.height}: signed by ${formatWitness(validators)}.`,
    ],
    not_proven: ['That the measurements are right, nor anything that was recorded after that block.'],
  };
}

/** What can be said when a check ended early. */
export function describeNothing() {
  return { holds: [], signers: [], not_proven: ['Nothing is proven by this file here.'] };
}

/** @param {number | bigint} ms @returns {string} UTC, to the second. */
export function formatTime(ms) {
  const time = new Date(Number(ms));
  return Number.isNaN(time.getTime()) ? `${ms} ms` : `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** @param {number | bigint} number @returns {string} With thousands apart. */
export function group(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function formatSigner({ key, org, role, subject }) {
  return role === 'org' ? `organisation “${org}” (${key})` : `${role} “${subject}” of “${org}” (${key})`;
}

function formatWitness({ signed, power, total }) {
  if (signed.length === 1 && power === total) return 'this server alone; no outside witness yet';
  return `${count(signed.length, 'validator')} with ${power} of ${total} voting power`;
}
