// What field instruments say, inside an observation.

import {
  CENTI_DEGREES,
  COUNT,
  DURATION_MS,
  ELEVATION_MM,
  HEIGHT_MM,
  ID,
  LENGTH_MM,
  NAME,
  NANO_DEGREES,
  PPM,
  RAW_LINE,
  STATUS,
  TREE_CODE,
  UTC_MS,
} from './quantities.js';
import { formsByType, integer, link, list, map, oneOf, text } from './schema.js';

const QUALITY = integer(0, 9);
const DOP_C = integer(0, 10_000);
const DIAMETER_MM = integer(1, 20_000);

const GNSS = map(
  { mono_ms: DURATION_MS, lon_nd: NANO_DEGREES, lat_nd: NANO_DEGREES, quality: QUALITY },
  {
    satellites: integer(0, 255),
    altitude_mm: ELEVATION_MM,
    geoid_mm: ELEVATION_MM,
    hdop_c: DOP_C,
    vdop_c: DOP_C,
    pdop_c: DOP_C,
    east_error_mm: LENGTH_MM,
    north_error_mm: LENGTH_MM,
    up_error_mm: LENGTH_MM,
    horizontal_error_mm: LENGTH_MM,
    vertical_error_mm: LENGTH_MM,
    correction_age_ms: DURATION_MS,
    correction_station: integer(0, 65_535),
    gnss_at_ms: UTC_MS,
    datum: NAME,
    raw: RAW_LINE,
  },
);

const GNSS_MEAN = map(
  {
    mono_ms: DURATION_MS,
    lon_nd: NANO_DEGREES,
    lat_nd: NANO_DEGREES,
    quality: QUALITY,
    fixes: integer(1, 1_000_000),
    duration_ms: DURATION_MS,
    left_out: COUNT,
  },
  {
    east_sd_mm: LENGTH_MM,
    north_sd_mm: LENGTH_MM,
    up_sd_mm: LENGTH_MM,
    altitude_mm: ELEVATION_MM,
    geoid_mm: ELEVATION_MM,
    hdop_c: DOP_C,
    horizontal_error_mm: LENGTH_MM,
    vertical_error_mm: LENGTH_MM,
    datum: NAME,
  },
);

const STATION = map(
  { lon_nd: NANO_DEGREES, lat_nd: NANO_DEGREES },
  { altitude_mm: ELEVATION_MM, hdop_c: DOP_C },
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
    target: text(1, 40),
    station: STATION,
    raw: RAW_LINE,
  },
);

const MISSING_LINE = map(
  { mono_ms: DURATION_MS },
  {
    horizontal_mm: LENGTH_MM,
    slope_mm: LENGTH_MM,
    inclination_cd: CENTI_DEGREES,
    azimuth_cd: CENTI_DEGREES,
    instrument: NAME,
    raw: RAW_LINE,
  },
);

const PHOTO = map(
  { mono_ms: DURATION_MS, root: link },
  {
    lon_nd: NANO_DEGREES,
    lat_nd: NANO_DEGREES,
    altitude_mm: ELEVATION_MM,
    ellipsoidal_mm: ELEVATION_MM,
    above_ground_mm: ELEVATION_MM,
    yaw_cd: CENTI_DEGREES,
    pitch_cd: CENTI_DEGREES,
    roll_cd: CENTI_DEGREES,
    taken_ms: UTC_MS,
    camera: NAME,
  },
);

const VISIT = map(
  { mono_ms: DURATION_MS },
  {
    tree: TREE_CODE,
    plot: ID,
    species: NAME,
    species_code: text(1, 40),
    status: STATUS,
    diameter_mm: DIAMETER_MM,
    at_height_mm: HEIGHT_MM,
    height_mm: HEIGHT_MM,
    damage_agent: NAME,
    damage_ppm: PPM,
    remark: text(1, 1_000),
  },
);

const DIAMETER = map(
  { mono_ms: DURATION_MS, diameter_mm: DIAMETER_MM },
  { at_height_mm: HEIGHT_MM, species_code: text(1, 40), instrument: NAME, raw: RAW_LINE },
);

/** A reading of any form, told apart by its key `type`. */
export const READING = formsByType({
  gnss: GNSS,
  'gnss-mean': GNSS_MEAN,
  height: HEIGHT,
  'missing-line': MISSING_LINE,
  diameter: DIAMETER,
  photo: PHOTO,
  visit: VISIT,
  note: map({
    mono_ms: DURATION_MS,
    text: text(1, 1_000),
    topic: oneOf('tree', 'plot', 'damage', 'species', 'other'),
  }),
});
