// The entry form: a draft that outlives a closed page, species as large buttons, and Enter that does not save by itself.
const KEY = "cec-entry";
const SAVED_KEY = "cec-entry-saved";
const MOST_PICKS = 6;
const form = document.getElementById("entry");
const fields = () => [...form.elements].filter((one) => one.name && one.name !== "token" && one.type !== "submit");

function keepDraft() {
  const draft = {};
  for (const one of fields()) {
    if (one.type === "radio" || one.type === "checkbox") {
      if (one.checked) draft[one.name] = one.value;
    } else {
      draft[one.name] = one.value;
    }
  }
  store((storage) => storage.setItem(KEY, JSON.stringify(draft)));
}

function takeDraft() {
  const draft = store((storage) => JSON.parse(storage.getItem(KEY) ?? "null"));
  if (draft === null || typeof draft !== "object") return;
  const asked = new URLSearchParams(location.search);
  for (const one of fields()) {
    const value = draft[one.name];
    if (typeof value !== "string" || asked.has(one.name)) continue;
    if (one.type === "radio" || one.type === "checkbox") one.checked = one.value === value;
    else one.value = value;
  }
}

// A browser may refuse storage altogether; then there is no draft, and the form works as before.
function store(work) {
  try {
    return work(sessionStorage);
  } catch {
    return null;
  }
}

function offerSpecies() {
  const input = document.getElementById("f-species");
  const list = document.getElementById("species-list");
  const picks = document.getElementById("picks");
  if (list === null || picks === null) return;
  const known = [...list.options].map((option) => option.value);
  input.removeAttribute("list"); // the large buttons take the place of the browser's small list
  const show = () => {
    const wanted = input.value.trim().toLowerCase();
    const found = wanted ? known.filter((one) => one.toLowerCase().includes(wanted)) : [];
    // A code typed in full comes first.
    found.sort((one, other) => isCode(other, wanted) - isCode(one, wanted));
    const isChosen = found.includes(input.value);
    picks.replaceChildren(...(isChosen ? [] : found.slice(0, MOST_PICKS).map((one) => pick(one, input, picks))));
  };
  input.addEventListener("input", show);
}

function isCode(text, wanted) {
  return text.toLowerCase().endsWith(` ${wanted}`) ? 1 : 0;
}

function pick(text, input, picks) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = text;
  button.addEventListener("click", () => {
    input.value = text;
    picks.replaceChildren();
    keepDraft();
    input.focus();
  });
  return button;
}

function moveOn(event) {
  if (event.key !== "Enter" || !event.target.matches("input[type=text]")) return;
  event.preventDefault(); // hand scanners end a code with Enter
  const ways = [...form.querySelectorAll("input:not([type=hidden]):not([type=file]), select, textarea, button.save")];
  ways[ways.indexOf(event.target) + 1]?.focus();
}

// The draft of a record that was saved is over; what is typed below that word, and seen again, is the next one's.
function isJustSaved() {
  if (document.getElementById("saved") === null) return false;
  const record = new URLSearchParams(location.search).get("saved");
  return store((storage) => storage.getItem(SAVED_KEY)) !== record;
}

if (isJustSaved()) {
  store((storage) => storage.removeItem(KEY));
  store((storage) => storage.setItem(SAVED_KEY, new URLSearchParams(location.search).get("saved")));
} else if (!form.hasAttribute("data-kept")) takeDraft();
document.getElementById("faults")?.focus();
form.addEventListener("input", keepDraft);
form.addEventListener("keydown", moveOn);
form.addEventListener("submit", () => {
  keepDraft();
  // After the browser has taken the values; the token stands for those who tap faster than this.
  setTimeout(() => { form.querySelector(".save").disabled = true; });
});
addEventListener("pageshow", () => { form.querySelector(".save").disabled = false; });
offerSpecies();
