// The map of trees: MapLibre where WebGL is there, else a drawing in SVG. No tiles: nothing is asked from outside.

import { describeHeight, drawPlan } from './plan.js';

const MOST = 50_000; // features held in a page: about 40 MB of memory
const PAGE = 5_000;

const box = document.querySelector('#map');
const note = document.querySelector('#map-note');

/** Returns the trees of all pages, at most `MOST`, and whether there are more. */
async function fetchTrees(address) {
  const features = [];
  let next = `${address}?limit=${PAGE}`;
  while (next && features.length < MOST) {
    const answer = await fetch(next);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const page = await answer.json();
    features.push(...page.features);
    const link = page.links.find((each) => each.rel === 'next');
    next = link ? new URL(link.href).pathname + new URL(link.href).search : null;
  }
  return { features, isMore: Boolean(next) };
}

/** Returns [[west, south], [east, north]] of point features. */
export function computeBounds(features) {
  const edges = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { geometry } of features) {
    const [lon, lat] = geometry.coordinates;
    edges[0] = Math.min(edges[0], lon);
    edges[1] = Math.min(edges[1], lat);
    edges[2] = Math.max(edges[2], lon);
    edges[3] = Math.max(edges[3], lat);
  }
  return [edges.slice(0, 2), edges.slice(2)];
}

/** Returns whether this browser draws with WebGL. */
function hasWebGl() {
  try {
    return Boolean(document.createElement('canvas').getContext('webgl2'));
  } catch {
    return false;
  }
}

/** Loads MapLibre's CSP build, a classic script. */
function loadMapLibre() {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = '/static/vendor/maplibre/maplibre-gl-csp.js';
    script.onload = () => resolve(window.maplibregl);
    script.onerror = () => reject(new Error('the map library did not load'));
    document.head.append(script);
  });
}

/** Returns colours of the style sheet, so that light and dark hold on the map too. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ground: colour('raised'), green: colour('green'), ink: colour('ink') };
}

/** Returns a MapLibre style: plain ground, one circle a tree, its size the crown's radius on the ground. */
function makeStyle(features, latitude) {
  const { ground, green } = readColours();
  // Web Mercator: 256 px tiles hold 40,075,017 m at zoom 0 on the equator; MapLibre's tiles have 512 px.
  const pixelsAt = (zoom) => (512 * 2 ** zoom) / (40_075_017 * Math.cos((latitude * Math.PI) / 180));
  const radius = ['/', ['coalesce', ['get', 'crown_diameter_m'], 2], 2];
  const size = ['interpolate', ['exponential', 2], ['zoom'], 10, 1.5, 14, 2, 22, ['*', radius, pixelsAt(22)]];
  const height = ['coalesce', ['get', 'height_m'], 0];
  const fill = ['interpolate', ['linear'], height, 0, 0.25, 40, 0.85];
  const opacity = ['case', ['==', ['get', 'status'], 'gone'], 0, fill];
  return {
    version: 8,
    sources: { trees: { type: 'geojson', data: { type: 'FeatureCollection', features } } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': ground } },
      {
        id: 'trees',
        type: 'circle',
        source: 'trees',
        paint: {
          'circle-radius': size,
          'circle-color': green,
          'circle-opacity': opacity,
          'circle-stroke-color': green,
          'circle-stroke-width': 0.7,
        },
      },
    ],
  };
}

/** Returns the popup of a tree. */
export function describeTree(properties) {
  const { code, species, status } = properties;
  const made = document.createElement('div');
  const link = document.createElement('a');
  link.href = `/tree/${code}`;
  link.textContent = code;
  const size = `${describeHeight(properties)}${species ? `, ${species}` : ''}`;
  made.append(link, document.createElement('br'), status === 'gone' ? `gone, last ${size}` : size);
  return made;
}

/** Draws the trees with MapLibre. */
async function drawMap(features) {
  const maplibre = await loadMapLibre();
  maplibre.setWorkerUrl('/static/vendor/maplibre/maplibre-gl-csp-worker.js');
  const bounds = computeBounds(features);
  const map = new maplibre.Map({
    container: box,
    style: makeStyle(features, bounds[0][1]),
    bounds,
    fitBoundsOptions: { padding: 48, maxZoom: 20 },
    attributionControl: { compact: true },
    cooperativeGestures: true,
  });
  map.addControl(new maplibre.NavigationControl({ showCompass: false }));
  map.addControl(new maplibre.ScaleControl({ maxWidth: 140 }));
  map.on('click', 'trees', (event) => {
    const popup = new maplibre.Popup().setLngLat(event.lngLat);
    popup.setDOMContent(describeTree(event.features[0].properties)).addTo(map);
  });
  map.on('mouseenter', 'trees', () => (map.getCanvas().style.cursor = 'pointer'));
  map.on('mouseleave', 'trees', () => (map.getCanvas().style.cursor = ''));
  map.once('idle', () => (box.dataset.drawn = 'webgl'));
}

/** Fetches and draws. */
async function show() {
  const { features, isMore } = await fetchTrees(box.dataset.trees);
  const gone = features.filter(({ properties }) => properties.status === 'gone').length;
  const hollow = gone ? ` Hollow: ${gone.toLocaleString('en')} that are gone.` : '';
  note.textContent = `${features.length.toLocaleString('en')} trees${isMore ? ', the first of more' : ''}. Circles are crowns, fuller colour is taller.${hollow}`;
  if (!features.length) return;
  if (hasWebGl()) await drawMap(features);
  else drawPlan(box, features, computeBounds(features));
}

show().catch((error) => {
  note.textContent = `The map could not be drawn: ${error.message}. Load the page again.`;
});
