// Reads a QR code from a photo of a label, in the browser: the photo goes nowhere.
const SIDES = [1000, 1800, 600]; // longest side in pixels; codes near and far show best at different sizes
const scan = document.querySelector(".scan");
const picker = document.getElementById("photo");
const said = document.getElementById("photo-said");

function loadReader() {
  if (globalThis.jsQR !== undefined) return Promise.resolve();
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "/static/jsqr.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
}

function readCode(picture) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    const found = globalThis.jsQR(pixels.data, pixels.width, pixels.height);
    if (found !== null && found.data) return found.data;
  }
  return null;
}

async function take() {
  const file = picker.files[0];
  if (file === undefined) return;
  said.textContent = scan.dataset.busy;
  let text = null;
  try {
    const [picture] = await Promise.all([createImageBitmap(file), loadReader()]);
    text = readCode(picture);
    picture.close();
    said.textContent = text === null ? scan.dataset.nothing : "";
  } catch {
    said.textContent = scan.dataset.unreadable;
  }
  picker.value = "";
  if (text !== null) give(text);
}

function give(text) {
  const target = document.getElementById(scan.dataset.target);
  // Of a label's link the last part is the code; the server checks it again.
  target.value = text.trim().replace(/[?#].*$/, "").replace(/\/+$/, "").split("/").pop();
  target.dispatchEvent(new Event("input", { bubbles: true }));
  if (target.form.id === "search") target.form.requestSubmit();
  else target.focus();
}

scan.hidden = false;
picker.addEventListener("change", take);
