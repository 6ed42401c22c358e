// The kinds of records and the fields of each (docs/formats.md, "Envelope").

import {
  AMOUNT,
  COUNT,
  DIGEST,
  DURATION_MS,
  EASTING_MM,
  ELEVATION_MM,
  HEIGHT_MM,
  ID,
  KEY_BYTES,
  LENGTH_MM,
  NAME,
  NANO_DEGREES,
  PPM,
  SENTENCES,
  SEQUENCE,
  STATUS,
  TREE_CODE,
  UTC_MS,
  UUID,
  VISIBILITY,
} from './quantities.js';
import { READING } from './readings.js';
import { binary, flag, integer, link, list, map, oneOf, text } from './schema.js';

const RING = list(EASTING_MM, 8, 20_000);
const PROFILE = oneOf('unixfs-v1-2025');

const PLACE = map(
  { epoch: UUID, seq: SEQUENCE, at_ms: UTC_MS, boot: UUID, mono_ms: DURATION_MS },
  { prev: link, gnss_at_ms: UTC_MS },
);
const ESTIMATE = map({ value: AMOUNT, own_error: AMOUNT, shared_error: AMOUNT, model: NAME });
const POSITION = map(
  { of: oneOf('apex', 'stem'), crs: SENTENCES, error_mm: LENGTH_MM },
  {
    x_mm: EASTING_MM,
    y_mm: EASTING_MM,
    x_nd: NANO_DEGREES,
    y_nd: NANO_DEGREES,
    elevation_mm: ELEVATION_MM,
    vertical: NAME,
    lon_nd: NANO_DEGREES,
    lat_nd: NANO_DEGREES,
    operation: NAME,
    operation_error_mm: LENGTH_MM,
  },
);
const CROWN = map({ diameter_mm: ESTIMATE }, { outline: RING, base_mm: HEIGHT_MM });
const STEM = map({ diameter_mm: ESTIMATE, at_height_mm: HEIGHT_MM });
const SPECIES = map({ name: NAME, confidence_ppm: PPM, source: NAME }, { code_list: NAME, code: NAME });
const PARAMETER = map({ name: NAME, value: NAME });
const STEP = map({ task: NAME, algorithm: NAME }, { doi: NAME, parameters: list(PARAMETER, 1, 50) });
const DETECTION = map({ from_mm: HEIGHT_MM, to_mm: HEIGHT_MM, probability_ppm: PPM, source: NAME });
const ABSENCE = map({ is_covered: flag, gone_ppm: PPM }, { seen_ppm: PPM });
const DAYS = integer(-73_000, 73_000);
const SHIFT_MM = integer(-100_000, 100_000);
const COMMON_SHIFT = map({
  east_mm: SHIFT_MM,
  north_mm: SHIFT_MM,
  east_error_mm: LENGTH_MM,
  north_error_mm: LENGTH_MM,
});
const CHANGE = map({ change_mm: integer(-200_000, 200_000), error_mm: LENGTH_MM, days: DAYS });
const SAME_TREE = map({ code: TREE_CODE, prev: link, probability_ppm: PPM }, { height: CHANGE });
const CHOICE = map({ code: TREE_CODE, probability_ppm: PPM });
const DOUBTFUL_TREE = map({ code: TREE_CODE, alone_ppm: PPM }, { choices: list(CHOICE, 1, 20) });
const UNSEEN_TREE = map({
  code: TREE_CODE,
  verdict: oneOf('gone', 'not-seen', 'outside'),
  reason: NAME,
  absence: ABSENCE,
});
const JOINED_CROWNS = map({ code: TREE_CODE, other: TREE_CODE });
const MATCH_COUNTS = map({
  same: COUNT,
  new: COUNT,
  undecided: COUNT,
  doubtful: COUNT,
  not_seen: COUNT,
  outside: COUNT,
  gone: COUNT,
});
const ANSWER = map(
  { record: link, verdict: oneOf('stored', 'refused') },
  { epoch: UUID, seq: SEQUENCE, reason: NAME, remedy: SENTENCES },
);
const UPLOAD_STATE = map({ root: link, frames: COUNT, is_whole: flag }, { held: binary(1, 131_072) });

const SPECIES_NAME = map({ code: text(1, 40), name: NAME }, { common: NAME });
const PROGRESS = map(
  { record: link, stage: oneOf('processed', 'anchored') },
  { root: DIGEST, height: COUNT, at_ms: UTC_MS },
);

const FIELD = {
  observation: map({ org: ID, device: ID, campaign: ID, place: PLACE, readings: list(READING, 1, 200) }),
  blob: map(
    { org: ID, device: ID, campaign: ID, place: PLACE, root: link, size: COUNT, media: NAME, profile: PROFILE },
    { name: NAME, crs: SENTENCES, scanned: oneOf('airborne', 'drone', 'terrestrial', 'mobile') },
  ),
  birth: map({ org: ID, device: ID, place: PLACE, software: NAME }, { last: link }),
  close: map({ org: ID, device: ID, place: PLACE, last_seq: SEQUENCE, last: link }, { campaign: ID }),
};

const MEMBERSHIP = {
  enrol: map({ org: ID, device: ID, key: KEY_BYTES, ingest_key: KEY_BYTES, at_ms: UTC_MS }),
  rotate: map({ org: ID, device: ID, old_key: KEY_BYTES, new_key: KEY_BYTES, at_ms: UTC_MS }),
  revoke: map({ org: ID, device: ID, key: KEY_BYTES, reason: SENTENCES, at_ms: UTC_MS }),
};

const FRAME = {
  campaign: map(
    {
      org: ID,
      campaign: ID,
      title: NAME,
      method: SENTENCES,
      starts_ms: UTC_MS,
      trees: VISIBILITY,
      evidence: VISIBILITY,
    },
    { ends_ms: UTC_MS, crew: list(NAME, 1, 100) },
  ),
  area: map(
    {
      org: ID,
      area: ID,
      use: oneOf('stand', 'parcel', 'plot', 'protected'),
      crs: SENTENCES,
      rings: list(RING, 1, 100),
      authority: NAME,
      from_ms: UTC_MS,
    },
    { until_ms: UTC_MS, title_holder: NAME },
  ),
  'species-list': map(
    { org: ID, list_id: ID, title: NAME, at_ms: UTC_MS, species: list(SPECIES_NAME, 1, 1_000) },
    { campaign: ID },
  ),
};

const RESULT = {
  survey: map(
    {
      org: ID,
      campaign: ID,
      inputs: list(link, 1, 4_000),
      steps: list(STEP, 1, 50),
      software: NAME,
      crs: SENTENCES,
      crs_source: oneOf('file', 'user', 'assumed'),
      at_ms: UTC_MS,
    },
    { clouds: list(link, 1, 1_000), warnings: list(SENTENCES, 1, 100), taken_ms: UTC_MS },
  ),
  tree: map(
    {
      org: ID,
      campaign: ID,
      code: TREE_CODE,
      survey: link,
      position: POSITION,
      status: STATUS,
      confidence_ppm: PPM,
    },
    {
      height_mm: ESTIMATE,
      is_top_hidden: flag,
      lean_mdeg: ESTIMATE,
      status_ppm: PPM,
      prev: link,
      crown: CROWN,
      stems: list(STEM, 1, 50),
      species: SPECIES,
      readings: list(link, 1, 200),
      volume_dm3: ESTIMATE,
      biomass_g: ESTIMATE,
      carbon_g: ESTIMATE,
      damage: NAME,
      damage_ppm: PPM,
      absence: ABSENCE,
    },
  ),
  result: map(
    { org: ID, campaign: ID, survey: link, count: COUNT, area_cm2: AMOUNT, covered: list(RING, 1, 100) },
    { trees_root: DIGEST, detection: list(DETECTION, 1, 20), matches: list(link, 1, 1_000) },
  ),
  match: map(
    {
      org: ID,
      campaign: ID,
      survey: link,
      earlier: list(link, 1, 1_000),
      part: integer(0, 999),
      parts: integer(1, 1_000),
      days: DAYS,
    },
    {
      counts: MATCH_COUNTS,
      shift: COMMON_SHIFT,
      unclear: SENTENCES,
      height: CHANGE,
      same: list(SAME_TREE, 1, 4_000),
      doubtful: list(DOUBTFUL_TREE, 1, 4_000),
      unseen: list(UNSEEN_TREE, 1, 4_000),
      merges: list(JOINED_CROWNS, 1, 4_000),
      splits: list(JOINED_CROWNS, 1, 4_000),
      warnings: list(SENTENCES, 1, 100),
    },
  ),
};

const RECEIPT = {
  receipt: map(
    { org: ID, device: ID, at_ms: UTC_MS },
    {
      answers: list(ANSWER, 1, 400),
      uploads: list(UPLOAD_STATE, 1, 64),
      progress: list(PROGRESS, 1, 400),
      pause_ms: DURATION_MS,
    },
  ),
};

/** @type {Map<unknown, import('./schema.js').Check>} Checks of bodies, without `v` and `kind`. */
export const KINDS = new Map(Object.entries({ ...FIELD, ...MEMBERSHIP, ...FRAME, ...RESULT, ...RECEIPT }));
