// The tree page's proof: fetches the proof file, lets this browser check it, and says in words what holds.

const section = document.querySelector('#proof');
const verdict = document.querySelector('#verdict');

/** Returns a new element with text. */
function element(name, text, className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Shows a sentence as the outcome; `state` is a class of the style sheet. */
function say(sentence, state) {
  verdict.textContent = sentence;
  verdict.className = `verdict ${state}`;
}

/** Shows each step of the check. */
function showSteps(steps) {
  const items = steps.map((step) => {
    const item = element('li', '', step.ok ? 'ok' : 'bad');
    item.append(element('b', step.name), ` ${step.words}`);
    return item;
  });
  document.querySelector('#steps').replaceChildren(...items);
}

/** Shows what holds, who signed and what is not proven. */
function showWords(words) {
  const titles = { holds: 'What holds', signers: 'Who signed', not_proven: 'What is not proven' };
  const known = Object.entries(titles).filter(([name]) => words?.[name]?.length);
  const lines = known.map(([name, title]) => {
    const line = element('p', '');
    line.append(element('strong', `${title}: `), [words[name]].flat().join(' '));
    return line;
  });
  document.querySelector('#words').replaceChildren(...lines);
}

/** Returns the proof file's bytes, or throws with the server's remedy. */
async function fetchProof(record) {
  const answer = await fetch(`/api/proofs/${record}`);
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const problem = await answer.json().catch(() => ({}));
  throw new Error([problem.detail, problem.remedy].filter(Boolean).join('. ') || `answer ${answer.status}`);
}

/** Returns the checker, or throws with a remedy. */
function loadChecker() {
  return import('/static/js/cec/proof.js').catch(() => {
    throw new Error('the checker did not load. Load the page again, or check the downloaded file by “cec verify”');
  });
}

/** Shows the outcome of a check of the proof of `record`. */
function showOutcome(outcome, record) {
  showSteps(outcome.steps);
  const took = `${outcome.ms.toFixed(0)} ms`;
  if (outcome.ok && String(outcome.record.cid) !== record) {
    // A true proof of something else proves nothing about this page.
    say(`This browser refused the proof: it is about another record, ${outcome.record.cid} (${took}).`, 'fails');
    return;
  }
  showWords(outcome.words);
  if (outcome.ok) say(`This browser checked the proof: it holds (${took}).`, 'holds');
  else if (outcome.isRefused) say(`This browser refused the proof at step “${outcome.failed}” (${took}).`, 'fails');
  else say(`This browser cannot check step “${outcome.failed}”; check the downloaded file by “cec verify”.`, 'wait');
}

/** Fetches and checks. */
async function check() {
  say('Checking in this browser …', 'wait');
  const { record, chain, genesis } = section.dataset;
  const [{ verifyProof }, bytes] = await Promise.all([loadChecker(), fetchProof(record)]);
  showOutcome(await verifyProof(bytes, { chainId: chain, genesisHash: genesis }), record);
}

check().catch((error) => say(`The proof could not be checked here: ${error.message}.`, 'wait'));
