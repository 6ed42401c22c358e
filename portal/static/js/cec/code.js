// Tree codes: 16 Crockford base-32 symbols and a check symbol by Luhn mod 32.

import { Invalid } from './refusal.js';

/** Crockford's base 32: no I, L, O, U. */
export const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

const CODE_SYMBOLS = 16;
const MAX_LABEL = 200;
const LOOKALIKES = { I: '1', L: '1', O: '0', '-': '', ' ': '' };

/**
 * @param {string} text What a person typed or a label shows; of a URL the last path segment counts.
 * @returns {string} The 17 symbols.
 */
export function parseCode(text) {
  if (text.length > MAX_LABEL) throw new Invalid('longer than any label');
  const last = text.trim().split(/[?#]/)[0].replace(/\/+$/, '').split('/').at(-1);
  const symbols = last.toUpperCase().replace(/[ILO\- ]/g, (symbol) => LOOKALIKES[symbol]);
  if (!new RegExp(`^[${CODE_ALPHABET}]{17}$`).test(symbols))
    throw new Invalid('a tree code has 17 symbols of 0-9 and A-Z without U');
  if (computeCheckSymbol(symbols.slice(0, CODE_SYMBOLS)) !== symbols[CODE_SYMBOLS]) {
    throw new Invalid('the check symbol does not fit: a symbol was misread');
  }
  return symbols;
}

/** @param {string} code @returns {string} As people read it, 4-4-4-5. */
export function formatCode(code) {
  return [code.slice(0, 4), code.slice(4, 8), code.slice(8, 12), code.slice(12)].join('-');
}

/** @param {string} symbols @returns {string} Their Luhn mod 32 check symbol. */
export function computeCheckSymbol(symbols) {
  const sum = [...symbols].reverse().reduce((total, symbol, place) => {
    const value = CODE_ALPHABET.indexOf(symbol) * (place % 2 ? 1 : 2);
    return total + Math.floor(value / 32) + (value % 32);
  }, 0);
  return CODE_ALPHABET[(32 - (sum % 32)) % 32];
}
