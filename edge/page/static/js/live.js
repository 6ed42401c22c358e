// Keeps the parts marked data-live as the device has them. The page is whole without this.
const EVERY_MS = 2000;
const PATIENCE_MS = 8000;
let tag = null;
let timer = 0;

async function refresh() {
  const stale = document.getElementById("stale");
  try {
    const headers = tag === null ? {} : { "if-none-match": tag };
    const answer = await fetch(location.href, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status === 200) {
      put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      tag = answer.headers.get("etag");
    }
    stale.hidden = answer.status === 200 || answer.status === 304;
  } catch {
    stale.hidden = false;
  }
}

// Only what differs is exchanged, so that screen readers tell only what is new; what holds the focus stays in place.
function put(fresh) {
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const old = document.getElementById(part.id);
    if (old === null || old.outerHTML === part.outerHTML || holdsWork(old)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const taken = document.importNode(part, true);
    old.replaceWith(taken);
    if (focused !== null) taken.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function holdsWork(part) {
  return part.contains(document.activeElement) && document.activeElement.matches("button, input, select, textarea");
}

function tick() {
  clearTimeout(timer);
  if (document.hidden) return;
  refresh().finally(() => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(tick, EVERY_MS);
  });
}

document.addEventListener("visibilitychange", tick);
timer = setTimeout(tick, EVERY_MS);
