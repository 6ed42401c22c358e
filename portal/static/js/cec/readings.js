// What field instruments say, inside an observation.

import {
  CENTI_DEGREES,
  DURATION_MS,
  ELEVATION_MM,
  HEIGHT_MM,
  LENGTH_MM,
  NAME,
  NANO_DEGREES,
  RAW_LINE,
  UTC_MS,
} from './quantities.js';
import { formsByType, integer, list, map, oneOf, text } from './schema.js';

const GNSS = map(
  { mono_ms: DURATION_MS, lon_nd: NANO_DEGREES, lat_nd: NANO_DEGREES, quality: integer(0, 9) },
  {
    satellites: integer(0, 255),
    altitude_mm: ELEVATION_MM,
    geoid_mm: ELEVATION_MM,
    hdop_c: integer(0, 10_000),
    east_error_mm: LENGTH_MM,
    north_error_mm: LENGTH_MM,
    up_error_mm: LENGTH_MM,
    gnss_at_ms: UTC_MS,
    datum: NAME,
    raw: RAW_LINE,
  },
);

const HEIGHT = map(
  { mono_ms: DURATION_MS },
  {
    horizontal_mm: LENGTH_MM,
    slope_mm: LENGTH_MM,
    inclination_cd: CENTI_DEGREES,
    azimuth_cd: CENTI_DEGREES,
    height_mm: HEIGHT_MM,
    shots_mm: list(HEIGHT_MM, 1, 10),
    instrument: NAME,
    raw: RAW_LINE,
  },
);

const DIAMETER = map(
  { mono_ms: DURATION_MS, diameter_mm: integer(1, 20_000) },
  { at_height_mm: HEIGHT_MM, species_code: text(1, 40), instrument: NAME, raw: RAW_LINE },
);

/** A reading of any form, told apart by its key `type`. */
export const READING = formsByType({
  gnss: GNSS,
  height: HEIGHT,
  diameter: DIAMETER,
  note: map({
    mono_ms: DURATION_MS,
    text: text(1, 1_000),
    topic: oneOf('tree', 'plot', 'damage', 'species', 'other'),
  }),
});
