// Bounds of the quantities that records speak of; a field's name ends in its unit.

import { binary, integer, oneOf, pattern, text } from './schema.js';

const EXACT = 2 ** 53;

export const ID = pattern(/^[a-z0-9-]{1,32}$/);
export const NAME = text(1, 200);
export const SENTENCES = text(1, 4_000);
export const UUID = binary(16, 16);
export const DIGEST = binary(32, 32);
export const KEY_BYTES = binary(34, 35);
/** The device's own bytes behind a reading. */
export const RAW_LINE = binary(1, 512);

/** Milliseconds since 1970 UTC, to the year 2200. */
export const UTC_MS = integer(0, 7_258_118_400_000);
export const DURATION_MS = integer(0, EXACT);
export const SEQUENCE = integer(0, EXACT);
export const COUNT = integer(0, EXACT);
export const AMOUNT = integer(0, EXACT);
export const LENGTH_MM = integer(0, 10_000_000);
export const HEIGHT_MM = integer(0, 200_000);
export const ELEVATION_MM = integer(-12_000_000, 100_000_000);
export const EASTING_MM = integer(-100_000_000_000, 100_000_000_000);
export const NANO_DEGREES = integer(-360_000_000_000, 360_000_000_000);
export const CENTI_DEGREES = integer(-36_000, 36_000);
export const PPM = integer(0, 1_000_000);

export const TREE_CODE = pattern(/^[0-9ABCDEFGHJKMNPQRSTVWXYZ]{17}$/);
export const STATUS = oneOf('alive', 'standing-dead', 'fallen', 'stump', 'gone');
export const VISIBILITY = oneOf('public', 'members', 'private');
