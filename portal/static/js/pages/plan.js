// A plan of trees in SVG, for browsers without WebGL: each tree a link that the keyboard reaches.

const SVG = 'http://www.w3.org/2000/svg';
const METRES_PER_DEGREE = 111_320; // along a meridian, to 0.5 %
const MOST = 5_000; // links that a browser lays out in a second
const MARGIN_PX = 40;

/** Returns a new SVG element. */
function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Returns a scale bar length in metres, 1, 2 or 5 times a power of ten. */
export function chooseBar(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].map((digit) => digit * power).find((length) => length <= metres) ?? power;
}

/** Returns a function from longitude and latitude to pixels, and pixels per metre. */
function makeProjection([[west, south], [east, north]], width, height) {
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const spanX = Math.max((east - west) * shrink * METRES_PER_DEGREE, 10);
  const spanY = Math.max((north - south) * METRES_PER_DEGREE, 10);
  const scale = Math.min((width - 2 * MARGIN_PX) / spanX, (height - 2 * MARGIN_PX) / spanY);
  const x = (lon) => width / 2 + (lon - (west + east) / 2) * shrink * METRES_PER_DEGREE * scale;
  const y = (lat) => height / 2 - (lat - (south + north) / 2) * METRES_PER_DEGREE * scale;
  return { x, y, scale };
}

/** Returns a tree's height in words; what is hidden is at least as high as what was seen. */
export function describeHeight({ height_m: height, height_error_m: error, is_top_hidden: isTopHidden }) {
  if (height === undefined) return 'height unknown';
  // A lower bound has no error to tell.
  if (isTopHidden) return `over ${height.toFixed(1)} m high`;
  return `${height.toFixed(1)} m ± ${error.toFixed(1)} m high`;
}

/** Draws `features` into `box`. */
export function drawPlan(box, features, bounds) {
  const { clientWidth: width, clientHeight: height } = box;
  const { x, y, scale } = makeProjection(bounds, width, height);
  const plan = make('svg', { viewBox: `0 0 ${width} ${height}` });
  for (const { geometry, properties } of features.slice(0, MOST)) {
    const [lon, lat] = geometry.coordinates;
    const link = make('a', { href: `/tree/${properties.code}` });
    const title = make('title', {});
    const isGone = properties.status === 'gone';
    title.textContent = `${properties.code}, ${isGone ? 'gone, last ' : ''}${describeHeight(properties)}`;
    const radius = Math.max(((properties.crown_diameter_m ?? 2) / 2) * scale, 2);
    const opacity = isGone ? 0 : 0.25 + 0.6 * Math.min((properties.height_m ?? 0) / 40, 1);
    const place = { cx: x(lon), cy: y(lat), r: radius };
    link.append(title, make('circle', { class: 'dot', 'fill-opacity': opacity, ...place }));
    plan.append(link);
  }
  const bar = chooseBar(140 / scale);
  plan.append(make('path', { class: 'bar', d: `M16 ${height - 16}h${bar * scale}` }));
  const text = make('text', { x: 16, y: height - 24 });
  text.textContent = `${bar} m`;
  plan.append(text);
  box.replaceChildren(plan);
  box.dataset.drawn = 'svg';
}
