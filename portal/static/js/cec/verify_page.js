// The page of the verifier that works alone: takes a proof file, checks it here, says what holds and what is in it.

import { toHex } from './bytes.js';
import { MAX_CBOR } from './cbor.js';
import { listRows } from './figures.js';
import { sha256 } from './hash.js';
import { formatKey } from './keys.js';
import { verifyProof } from './proof.js';

const find = (selector) => document.querySelector(selector);
/** The file on show, so that another pin checks it again. */
let shown = null;
/** How many checks began: only the latest may speak, whichever ends last. */
let begun = 0;

/** Returns a new element with text. */
function make(name, text = '', className = '') {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

/** Shows a sentence as the outcome; `state` is a class of the style sheet. */
function say(sentence, state) {
  find('#verdict').textContent = sentence;
  find('#verdict').className = `verdict ${state}`;
}

function readPin() {
  const read = (selector) => find(selector).value.replace(/\s/g, '');
  return { chainId: read('#chain'), genesisHash: read('#genesis').toLowerCase() };
}

function showSteps(steps) {
  const items = steps.map((step) => {
    const item = make('li', '', step.ok ? 'ok' : 'bad');
    item.append(make('b', step.name), ` ${step.words}`);
    return item;
  });
  find('#steps').replaceChildren(...items);
}

function showWords(words) {
  const titles = [
    ['What holds', words.holds],
    ['Who signed', words.signers],
    ['What is not proven', words.not_proven],
  ];
  const parts = titles
    .filter(([, sentences]) => sentences.length)
    .flatMap(([title, sentences]) => [make('h3', title), ...sentences.map((sentence) => make('p', sentence))]);
  find('#words').replaceChildren(...parts);
}

function showRecord(record, signer) {
  find('#record').hidden = !record;
  if (!record) return;
  find('#record-title').textContent = `What this ${record.kind} says`;
  const rows = [...listRows(record.body), { name: 'signed by', value: signer }];
  const lines = rows.map(({ name, value }) => {
    const line = make('div');
    line.append(make('dt', name), make('dd', value));
    return line;
  });
  find('#fields').replaceChildren(...lines);
}

function judge(outcome) {
  const took = `${outcome.ms.toFixed(0)} ms`;
  if (outcome.ok) return [`The proof holds: all eight steps, checked here in ${took}.`, 'holds'];
  if (outcome.isRefused) return [`The proof does not hold: refused at step “${outcome.failed}”.`, 'fails'];
  return [`This browser cannot check the step “${outcome.failed}”. That says nothing about the proof.`, 'wait'];
}

function showOutcome({ outcome, digest, signer }) {
  find('#file-name').textContent = `${shown.name}, SHA-256 ${toHex(digest)}`;
  showSteps(outcome.steps);
  showWords(outcome.words);
  showRecord(outcome.record, signer);
  find('#outcome').hidden = false;
  say(...judge(outcome));
}

/** Everything that is to be shown, so that showing it waits for nothing. */
async function examine(bytes, pin) {
  const [outcome, digest] = await Promise.all([verifyProof(bytes, pin), sha256(bytes)]);
  return { outcome, digest, signer: outcome.record ? await formatKey(outcome.record.key) : '' };
}

/** Clears what an earlier check showed, then checks; whatever goes wrong is said and is never a pass. */
async function check() {
  if (!shown) return;
  begun += 1;
  const mine = begun;
  find('#outcome').hidden = true;
  say('Checking …', 'wait');
  try {
    const found = await examine(shown.bytes, readPin());
    if (mine === begun) showOutcome(found);
  } catch (fault) {
    if (mine === begun) say(`Not checked: ${fault.message}.`, 'wait');
  }
}

async function take(file) {
  // One byte beyond the limit is enough to be refused as too large.
  shown = { name: file.name, bytes: new Uint8Array(await file.slice(0, MAX_CBOR + 1).arrayBuffer()) };
  await check();
}

function listen() {
  find('#file').addEventListener('change', ({ target }) => target.files[0] && take(target.files[0]));
  for (const input of [find('#chain'), find('#genesis')]) input.addEventListener('input', check);
  find('#pin').addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('over');
  });
  document.addEventListener('dragleave', () => document.body.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('over');
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

listen();
document.documentElement.dataset.ready = 'yes';
