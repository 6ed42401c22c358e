"""Tracks from files: CSV with units in its header, and Applanix SBET.

**CSV**: UTF-8, commas, one header line, then a line a position; lines that begin with ``#`` are passed over. Columns
by name, in any order, others ignored:

- ``gps_s`` (GPS seconds), ``gps_sow_s`` (GPS seconds of the week) or ``utc_s`` (POSIX seconds);
- ``longitude_deg`` and ``latitude_deg``, or ``easting_m`` and ``northing_m`` in the CRS that is named;
- ``ellipsoidal_height_m``: a height above the sea is another thing, and is refused by having another name;
- ``roll_deg``, ``pitch_deg``, ``heading_deg``: right side down, nose up, clockwise from true north.

**SBET** (smoothed best estimate of trajectory; Applanix POSPac): records of 17 little-endian float64 without a header,
commonly at 200 Hz: seconds of the week, latitude, longitude (radians), ellipsoidal height (m), three velocities,
roll, pitch, platform heading, wander angle (radians), three accelerations, three rates.
"""

import csv
import io
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyproj
from pyproj.exceptions import CRSError, ProjError

from firmware_bridge.scan.driver import Floats
from firmware_bridge.scan.errors import InvalidTrack, UnstatedWander, UnusableCrs
from firmware_bridge.scan.gps_time import count_leap_seconds, find_week_start_s, to_gps_s, to_utc_s
from firmware_bridge.scan.track import DEFAULT_CRS, MAX_GAP_S, MAX_POSITIONS, Samples, Track, build_track

MAX_LINE: Final = 4_096
"""Longest line of a CSV track; a line of all columns has about 150 characters."""
MAX_COLUMNS: Final = 64
SBET_FIELDS: Final = 17
SBET_BYTES: Final = 8 * SBET_FIELDS
NO_WANDER_DEG: Final = 0.001
"""A wander angle below this moves a point at 100 m by less than 2 mm."""
_ANGLES: Final = ("roll_deg", "pitch_deg", "heading_deg")
_HEIGHT: Final = "ellipsoidal_height_m"
_TIMES: Final = ("gps_s", "gps_sow_s", "utc_s")
_PLACES: Final = (("longitude_deg", "latitude_deg"), ("easting_m", "northing_m"))


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """What a track's file does not say itself.

    Attributes
    ----------
    crs
        CRS of its coordinates: geographic, or projected for a CSV with eastings; heights are of its ellipsoid.
    max_gap_s
        Gaps longer than this are not bridged.
    scale
        Whether seconds of the week count from the week's start in GPS time or in UTC.
    wander
        Whether an SBET's wander angle is added to its heading (1), subtracted (-1) or left out (0); absent refuses
        files in which it matters, since programs differ.
    """

    crs: str = DEFAULT_CRS
    max_gap_s: float = MAX_GAP_S
    scale: Literal["gps", "utc"] = "gps"
    wander: Literal[-1, 0, 1] | None = None


def read_track(path: Path, options: TrackOptions | None = None, *, near_gps_s: float | None = None) -> Track:
    """Return the track of a file: CSV by its ending ``.csv`` or ``.txt``, else SBET.

    Parameters
    ----------
    path
        The file.
    options
        What it does not say itself.
    near_gps_s
        A time within half a week of the track, such as the capture's start; needed where the file counts seconds of
        the week.

    Raises
    ------
    InvalidTrack, UnusableCrs
        It is not such a file, or cannot be used.
    """
    chosen = options or TrackOptions()
    try:
        if path.suffix.lower() in {".csv", ".txt"}:
            with path.open("rb") as stream:
                return _read_csv(stream, chosen, near_gps_s)
        return _read_sbet(path, chosen, near_gps_s)
    except OSError as error:
        raise InvalidTrack(f"{path} cannot be read ({error.strerror})") from error


def _read_csv(stream: io.BufferedIOBase, options: TrackOptions, near_gps_s: float | None) -> Track:
    lines = _read_lines(stream)
    names = [name.strip() for name in next(lines, (0, [""]))[1]]
    time = _find_one(names, [(name,) for name in _TIMES])[0]
    place = _find_one(names, list(_PLACES))
    wanted = (time, *place, _HEIGHT, *_ANGLES)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InvalidTrack(f"no column {', '.join(missing)} in its header")
    columns = _read_columns(lines, [names.index(name) for name in wanted])
    gps_s = _to_gps(time, columns[0], options, near_gps_s)
    if place == _PLACES[0]:
        return build_track(Samples(gps_s, *columns[1:]), crs=options.crs, max_gap_s=options.max_gap_s)
    longitude, latitude, datum = _unproject(options.crs, columns[1], columns[2])
    return build_track(Samples(gps_s, longitude, latitude, *columns[3:]), crs=datum, max_gap_s=options.max_gap_s)


def _read_lines(stream: io.BufferedIOBase) -> Iterator[tuple[int, list[str]]]:
    for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
        if len(raw) > MAX_LINE:
            raise InvalidTrack(f"line {number} is longer than {MAX_LINE} bytes")
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise InvalidTrack(f"line {number} is not text in UTF-8") from error
        if not line or line.startswith("#"):
            continue
        try:
            yield number, next(csv.reader([line]))[:MAX_COLUMNS]
        except csv.Error as error:
            raise InvalidTrack(f"line {number} is no line of CSV ({error})") from error


def _find_one(names: list[str], choices: list[tuple[str, ...]]) -> tuple[str, ...]:
    found = [choice for choice in choices if all(name in names for name in choice)]
    if len(found) != 1:
        shown = " or ".join(" and ".join(choice) for choice in choices)
        raise InvalidTrack(f"its header has {len(found)} of the columns {shown}; expected one")
    return found[0]


def _read_columns(lines: Iterator[tuple[int, list[str]]], indexes: list[int]) -> list[Floats]:
    held = [array("d") for _ in indexes]
    for number, fields in lines:
        if len(held[0]) >= MAX_POSITIONS:
            raise InvalidTrack(f"more than {MAX_POSITIONS} positions")
        try:
            for column, index in zip(held, indexes, strict=True):
                column.append(float(fields[index]))
        except (ValueError, IndexError) as error:
            raise InvalidTrack(f"line {number} has not a number in each of its columns") from error
    return [np.array(column, dtype=np.float64) for column in held]


def _to_gps(name: str, seconds: Floats, options: TrackOptions, near_gps_s: float | None) -> Floats:
    if not seconds.size or not np.isfinite(seconds).all():
        raise InvalidTrack("no positions, or a time that is no number")
    if name == "gps_s":
        return seconds
    if name == "utc_s":
        # One count for the whole track: a leap second within it is not stepped over twice.
        return seconds + (to_gps_s(float(seconds[0])) - float(seconds[0]))
    return _place_week(seconds, options, near_gps_s)


def _place_week(seconds: Floats, options: TrackOptions, near_gps_s: float | None) -> Floats:
    if near_gps_s is None:
        raise InvalidTrack("it counts seconds of the week and nothing says of which; give a capture with times")
    start_s = find_week_start_s(near_gps_s, float(seconds[0]))
    if options.scale == "utc":
        start_s += count_leap_seconds(to_utc_s(start_s))
    return seconds + start_s


def _unproject(crs: str, easting: Floats, northing: Floats) -> tuple[Floats, Floats, str]:
    try:
        projected = pyproj.CRS.from_user_input(crs)
        datum = projected.geodetic_crs
        if not projected.is_projected or datum is None:
            raise UnusableCrs(crs, "a track with eastings needs its projected CRS")
        convert = pyproj.Transformer.from_crs(projected.to_2d(), datum.to_2d(), always_xy=True)
        longitude, latitude = convert.transform(easting, northing, errcheck=True)
    except (CRSError, ProjError) as error:
        raise UnusableCrs(crs, "the track's eastings and northings do not lie in it") from error
    return longitude, latitude, datum.to_wkt()


def _read_sbet(path: Path, options: TrackOptions, near_gps_s: float | None) -> Track:
    size = path.stat().st_size
    if size % SBET_BYTES or not 0 < size <= MAX_POSITIONS * SBET_BYTES:
        raise InvalidTrack(f"{size} bytes; an SBET has 1 to {MAX_POSITIONS} records of {SBET_BYTES} bytes")
    records = np.memmap(path, dtype="<f8", mode="r", shape=(size // SBET_BYTES, SBET_FIELDS))
    seconds, latitude, longitude, height, roll, pitch, heading, wander = (
        np.array(records[:, field], dtype=np.float64) for field in (0, 1, 2, 3, 7, 8, 9, 10)
    )
    if not np.isfinite(seconds).all():
        raise InvalidTrack("a time is no number; it may not be an SBET")
    largest_deg = float(np.degrees(np.abs(wander)).max())
    if options.wander is None and not largest_deg <= NO_WANDER_DEG:
        raise UnstatedWander(largest_deg)
    samples = Samples(
        gps_s=_place_week(seconds, options, near_gps_s),
        longitude_deg=np.degrees(longitude),
        latitude_deg=np.degrees(latitude),
        height_m=height,
        roll_deg=np.degrees(roll),
        pitch_deg=np.degrees(pitch),
        heading_deg=np.degrees(heading + (options.wander or 0) * wander),
    )
    return build_track(samples, crs=options.crs, max_gap_s=options.max_gap_s)
