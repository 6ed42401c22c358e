// Helps while a code is typed: groups its symbols and says what is missing. The server decides.

const LOOKALIKES = { I: '1', L: '1', O: '0' };

/** Returns typed text as 4-4-4-5, or unchanged when it is an address or holds foreign symbols. */
export function groupCode(text) {
  const symbols = text.toUpperCase().replace(/[-\s]/g, '').replace(/[ILO]/g, (symbol) => LOOKALIKES[symbol]);
  if (!/^[0-9A-HJKMNP-TV-Z]{1,17}$/.test(symbols)) return text;
  const groups = [symbols.slice(0, 4), symbols.slice(4, 8), symbols.slice(8, 12), symbols.slice(12)];
  return groups.filter((group) => group).join('-');
}

const field = document.querySelector('#code');
field?.addEventListener('change', () => {
  field.value = groupCode(field.value.trim());
});
