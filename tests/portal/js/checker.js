// What the tests in a browser call: the checker's modules, with bytes as hexadecimal or base64 on the way.

import { fromHex, toHex } from '/cec/bytes.js';
import { decodeCbor } from '/cec/cbor.js';
import { parseCid } from '/cec/cid.js';
import { formatCode, parseCode } from '/cec/code.js';
import { openEnvelope } from '/cec/envelope.js';
import { listRows } from '/cec/figures.js';
import { isSignature, parseKey } from '/cec/keys.js';
import { buildRoot, computeRoot } from '/cec/merkle.js';
import { verifyProof } from '/cec/proof.js';
import { STEPS } from '/cec/refusal.js';

const fromBase64 = (text) => Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0));

/** Returns what a call gives, or the name and reason of its refusal; a bug is thrown on. */
async function attempt(call) {
  try {
    return { ok: true, value: await call() };
  } catch (fault) {
    if (fault.name !== 'Invalid') throw fault;
    return { ok: false, value: fault.reason };
  }
}

/** Values as JSON that keeps their kinds apart: bytes, links and maps say what they are. */
function toJson(value) {
  if (value instanceof Map) return { map: [...value].map(([name, item]) => [name, toJson(item)]) };
  if (value instanceof Uint8Array) return { bytes: toHex(value) };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'bigint' || typeof value === 'number') return { int: String(value) };
  return typeof value === 'object' ? { link: String(value) } : value;
}

function summarise({ ok, isRefused, failed, steps, words, ms, record }) {
  return { ok, isRefused, failed, steps, words, ms, cid: record && String(record.cid) };
}

const check = async (file, pin) => summarise(await verifyProof(fromBase64(file), pin));

/** Changes each byte in turn by one bit; returns how many of them each step refused, and what passed. */
async function changeEveryByte(file, pin) {
  const bytes = fromBase64(file);
  const refused = Object.fromEntries(STEPS.map((step) => [step, 0]));
  const passed = [];
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = bytes.slice();
    changed[index] ^= 1 << (index & 7);
    const outcome = await verifyProof(changed, pin);
    if (outcome.isRefused) refused[outcome.failed] += 1;
    else passed.push(index);
  }
  return { refused, passed };
}

window.checker = {
  check,
  changeEveryByte,
  open: (hex) =>
    attempt(async () => {
      const { cid, kind, body, key } = await openEnvelope(fromHex(hex));
      return { cid: String(parseCid(String(cid))), kind, body: toJson(body), key: toHex(key.raw) };
    }),
  rows: (hex) => attempt(async () => listRows((await openEnvelope(fromHex(hex))).body)),
  openAll: (envelopes) =>
    Promise.all(envelopes.map(async (hex) => (await attempt(() => openEnvelope(fromHex(hex)))).ok)),
  cbor: (documents) => Promise.all(documents.map((hex) => attempt(() => toJson(decodeCbor(fromHex(hex)))))),
  codes: (texts) => Promise.all(texts.map((text) => attempt(() => [parseCode(text), formatCode(parseCode(text))]))),
  root: async (leaves) => toHex(await buildRoot(leaves.map(fromHex))),
  climb: (paths) =>
    Promise.all(
      paths.map(({ leaf, index, count, hashes }) =>
        attempt(async () => toHex(await computeRoot(fromHex(leaf), { index, count, hashes: hashes.map(fromHex) }))),
      ),
    ),
  verify: (key, message, signature) =>
    attempt(() => isSignature(parseKey(fromHex(key)), fromHex(message), fromHex(signature))),
};
document.documentElement.dataset.ready = 'yes';
