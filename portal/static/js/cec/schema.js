// Bounds of fields: small checks that are put together to the tables of `kinds.js`.
//
// A check takes a value and the path where it stands, and throws `Invalid` when the value breaks its bound.

import { Cid } from './cid.js';
import { Invalid } from './refusal.js';

/** @typedef {(value: unknown, path: string) => void} Check */

/** Key that tells which of several forms a nested map has. */
const TYPE_KEY = 'type';

/** @param {number} low @param {number} high Inclusive. @returns {Check} */
export function integer(low, high) {
  return (value, path) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') fail(path, 'expected an integer');
    if (value < low || value > high) fail(path, `must lie between ${low} and ${high}`);
  };
}

/** @param {number} low @param {number} high Characters. @returns {Check} */
export function text(low, high) {
  return (value, path) => {
    if (typeof value !== 'string') fail(path, 'expected text');
    checkLength([...value].length, { low, high, path });
  };
}

/** @param {RegExp} pattern Anchored at both ends. @returns {Check} */
export function pattern(pattern) {
  return (value, path) => {
    if (typeof value !== 'string' || !pattern.test(value)) fail(path, `must match ${pattern.source}`);
  };
}

/** @param {...string} words @returns {Check} */
export function oneOf(...words) {
  return (value, path) => {
    if (!words.includes(value)) fail(path, `must be one of ${words.join(', ')}`);
  };
}

/** @param {number} low @param {number} high Bytes. @returns {Check} */
export function binary(low, high) {
  return (value, path) => {
    if (!(value instanceof Uint8Array)) fail(path, 'expected bytes');
    checkLength(value.length, { low, high, path });
  };
}

/** @type {Check} */
export function flag(value, path) {
  if (typeof value !== 'boolean') fail(path, 'expected true or false');
}

/** @type {Check} */
export function link(value, path) {
  if (!(value instanceof Cid)) fail(path, 'expected a link');
}

/** @param {Check} item @param {number} low @param {number} high Items. @returns {Check} */
export function list(item, low, high) {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, 'expected a list');
    checkLength(value.length, { low, high, path });
    value.forEach((each, index) => item(each, `${path}[${index}]`));
  };
}

/** @param {Record<string, Check>} required @param {Record<string, Check>} [optional] @returns {Check} */
export function map(required, optional = {}) {
  const checks = new Map([...Object.entries(required), ...Object.entries(optional)]);
  return (value, path) => {
    if (!(value instanceof Map)) fail(path, 'expected a map');
    for (const name of value.keys()) if (!checks.has(name)) fail(join(path, name), 'this version has no such field');
    for (const name of Object.keys(required)) if (!value.has(name)) fail(join(path, name), 'the field is required');
    for (const [name, each] of value) checks.get(name)(each, join(path, name));
  };
}

/** @param {Record<string, Check>} forms By the value of the key `type`. @returns {Check} */
export function formsByType(forms) {
  const checks = new Map(Object.entries(forms));
  return (value, path) => {
    const type = value instanceof Map ? value.get(TYPE_KEY) : undefined;
    const check = checks.get(type);
    if (!check) fail(join(path, TYPE_KEY), `must be one of ${[...checks.keys()].join(', ')}`);
    check(new Map([...value].filter(([name]) => name !== TYPE_KEY)), path);
  };
}

function checkLength(length, { low, high, path }) {
  if (length < low || length > high) fail(path, `length must lie between ${low} and ${high}`);
}

function join(path, name) {
  return path ? `${path}.${name}` : name;
}

function fail(path, reason) {
  throw new Invalid(`field ${path}: ${reason}`);
}
