// What a record's body says, as rows for people: each field with its unit, read off the ending of its name.

import { toHex } from './bytes.js';
import { Cid } from './cid.js';
import { formatCode } from './code.js';
import { formatTime, group } from './words.js';

/** Rows shown at most: a page stays readable where an observation has 200 readings. */
export const MAX_ROWS = 300;
/** Lists of numbers that are rings: x, y, x, y … */
const RINGS = new Set(['outline', 'covered', 'rings']);

/** How many decimals a unit moves, and the unit then. */
const UNITS = new Map([
  ['mm', { decimals: 3, unit: 'm' }],
  ['cm2', { decimals: 4, unit: 'm²' }],
  ['dm3', { decimals: 3, unit: 'm³' }],
  ['g', { decimals: 3, unit: 'kg' }],
  ['nd', { decimals: 9, unit: '°' }],
  ['cd', { decimals: 2, unit: '°' }],
  ['mdeg', { decimals: 3, unit: '°' }],
  ['ppm', { decimals: 4, unit: '%' }],
  ['c', { decimals: 2, unit: '' }],
]);
/** Words for short parts of names. */
const WORDS = new Map([
  ['lon', 'longitude'],
  ['lat', 'latitude'],
  ['org', 'organisation'],
  ['seq', 'sequence number'],
  ['prev', 'record before'],
  ['mono', 'monotonic clock'],
]);
/** What a reader looks for first; other fields follow in the order of the bytes. */
const FIRST = [
  'code',
  'status',
  'species',
  'height_mm',
  'is_top_hidden',
  'stems',
  'crown',
  'volume_dm3',
  'biomass_g',
  'carbon_g',
  'position',
];

/** @typedef {{name: string, value: string}} Row */

/** @param {Map<string, import('./cbor.js').Value>} body @returns {Row[]} Its fields; `v` and `kind` are left out. */
export function listRows(body) {
  const fields = [...body].filter(([name]) => name !== 'v' && name !== 'kind');
  const ordered = fields.sort(([left], [right]) => rank(left) - rank(right));
  const rows = ordered.flatMap(([name, value]) => describeField(name, value, []));
  if (rows.length <= MAX_ROWS) return rows;
  return [...rows.slice(0, MAX_ROWS), { name: '…', value: `and ${rows.length - MAX_ROWS} fields more` }];
}

function rank(name) {
  const place = FIRST.indexOf(name);
  return place < 0 ? FIRST.length : place;
}

function describeField(name, value, path) {
  const { stem, unit } = splitName(name);
  const place = [...path, stem];
  if (value instanceof Map) return describeMap(value, unit, place);
  if (Array.isArray(value)) return describeList(name, value, place);
  return [{ name: place.join(' · '), value: formatValue(name, value) }];
}

function describeMap(value, unit, place) {
  if (isEstimate(value)) return [{ name: place.join(' · '), value: formatEstimate(value, unit) }];
  return [...value].flatMap(([name, item]) => describeField(name, item, place));
}

function describeList(name, items, place) {
  const numbered = (index) => [...place.slice(0, -1), `${place.at(-1)} ${index + 1}`];
  if (RINGS.has(name)) return describeRings(Array.isArray(items[0]) ? items : [items], place);
  if (items[0] instanceof Map) return items.flatMap((item, index) => describeMap(item, '', numbered(index)));
  return [{ name: place.join(' · '), value: items.map((item) => formatValue(name, item)).join(', ') }];
}

function describeRings(rings, place) {
  const words = rings.map((ring) => `a ring of ${group(Math.floor(ring.length / 2))} points`);
  return [{ name: place.join(' · '), value: words.join(', ') }];
}

function isEstimate(value) {
  return ['value', 'own_error', 'shared_error', 'model'].every((name) => value.has(name));
}

function formatEstimate(estimate, unit) {
  const [value, own, shared] = ['value', 'own_error', 'shared_error'].map((name) => scale(estimate.get(name), unit));
  return `${value} ± ${own} own, ± ${shared} shared with all of ${estimate.get('model')}`;
}

function formatValue(name, value) {
  if (value instanceof Cid) return String(value);
  if (value instanceof Uint8Array) return toHex(value);
  if (name === 'code') return formatCode(String(value));
  if (typeof value === 'number' || typeof value === 'bigint') return formatNumber(name, value);
  return value === true ? 'yes' : value === false ? 'no' : String(value);
}

function formatNumber(name, value) {
  if (name === 'mono_ms') return `${(Number(value) / 1000).toFixed(3)} s`;
  if (name.endsWith('_ms')) return formatTime(value);
  if (name === 'size') return `${group(value)} bytes`;
  const { unit } = splitName(name);
  return unit ? scale(value, unit) : group(value);
}

/** The number in the unit that people read, with as many decimals as it was recorded with. */
function scale(value, unit) {
  const { decimals, unit: shown } = UNITS.get(unit) ?? { decimals: 0, unit: '' };
  const [whole, fraction] = (Number(value) / 10 ** decimals).toFixed(decimals).split('.');
  const digits = fraction ? `${group(whole)}.${fraction}` : group(whole);
  return shown === '°' || !shown ? `${digits}${shown}` : `${digits} ${shown}`;
}

/** A field's name without its unit, in words, and the unit. */
function splitName(name) {
  const parts = name.split('_');
  const last = parts.at(-1);
  const hasUnit = parts.length > 1 && (UNITS.has(last) || last === 'ms');
  const words = hasUnit ? parts.slice(0, -1) : parts;
  const stem = name === 'at_ms' ? 'time' : words.map((word) => WORDS.get(word) ?? word).join(' ');
  return { stem, unit: hasUnit && last !== 'ms' ? last : '' };
}
