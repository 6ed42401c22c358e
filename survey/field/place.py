"""Where a tree stands: beside a receiver, or off the crew's station by the vector of a shot.

Receivers err under a canopy by more than they know. Mapping-grade ones without corrections are off by 3 to 5 m there
(Weaver et al. 2015, PMC4414510), phones by 4 to 12 m where they err by 2 to 4 m in the open (Tomastik et al. 2021,
Forestry): what a receiver says of itself is doubled under a canopy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from domain.readings import GnssFix, GnssMean, HeightShot, Station, StemDiameter, Visit
from survey.field.visits import Heard

ToPlane: TypeAlias = Callable[[float, float], tuple[float, float]]
"""Longitude and latitude, degrees, to easting and northing of the cloud's CRS, metres."""
How: TypeAlias = Literal["beside-stem", "off-station"]

_CANOPY_TIMES: Final = 2.0
# Horizontal error in the open at a dilution of 1, by quality of the fix, for both axes together.
_OPEN_ERROR_M: Final = {1: 3.0, 2: 1.2, 3: 3.0, 4: 0.03, 5: 0.4, 9: 1.5}
_OTHER_OPEN_ERROR_M: Final = 5.0
_UNKNOWN_HDOP: Final = 1.5
_LEAST_CANOPY_M: Final = 2.0
"""Least error under a canopy of a receiver that says nothing of itself, unless it had phase corrections."""
_PHASE: Final = (4, 5)
_BESIDE_M: Final = 0.5
"""The receiver hangs beside the stem, not in it; each axis."""
_AZIMUTH_DEG: Final = 2.0
"""Of a compass in an instrument, in the hand, near steel; a judgement from makers' 1 degree."""
_UNKNOWN_DECLINATION_DEG: Final = 5.0
_DISTANCE_M: Final = 0.1
_NEAR_MS: Final = 60_000
"""Single fixes within a minute of a measurement at the stem were taken beside it."""
_TOGETHER_M: Final = 5.0
_LEAST_OFFSET_M: Final = 1.0
_EARTH_M: Final = 6_371_008.8
"""Mean radius (GRS 80). The ellipsoid's own radii differ from it by 0.4 % at most: 0.2 m of 50 m."""
_NANO: Final = 1e-9
_MM: Final = 1e-3


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """How places follow from readings.

    Attributes
    ----------
    to_plane
        To the cloud's CRS.
    is_under_canopy
        Whether the crew worked below trees.
    declination_deg
        Of the compass, east positive: true bearing = reading + declination; absent where instruments were not set and
        nobody says it, which widens the error.
    """

    to_plane: ToPlane
    is_under_canopy: bool = True
    declination_deg: float | None = None


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """Where a stem's foot stands.

    Attributes
    ----------
    x_m, y_m
        Easting and northing.
    error_m
        Standard error, each axis.
    how
        Beside the stem, or off a station.
    warnings
        For a person.
    """

    x_m: float
    y_m: float
    error_m: float
    how: How
    warnings: tuple[str, ...] = ()


def locate_tree(heard: Sequence[Heard], settings: PlaceSettings) -> FieldPlace | None:
    """Return where a tree stands by the surest of its readings; none where nothing tells it.

    Parameters
    ----------
    heard
        Readings at one tree.
    settings
        How places follow.
    """
    beside = _locate_beside(heard, settings)
    off = _locate_off(heard, settings)
    if beside is None or off is None:
        return beside or off
    best, other = sorted((beside, off), key=lambda one: one.error_m)
    apart = math.hypot(best.x_m - other.x_m, best.y_m - other.y_m)
    if apart <= 3.0 * math.hypot(best.error_m, other.error_m):
        return best
    warning = f"the place beside the stem and the place off the station lie {apart:.1f} m apart"
    return FieldPlace(best.x_m, best.y_m, best.error_m, best.how, (*best.warnings, warning))


def tell_error(fix: GnssFix | GnssMean, *, is_under_canopy: bool) -> tuple[float, bool]:
    """Return a receiver's standard error, metres, each axis, and whether it is only assumed.

    Examples
    --------
    >>> error, is_assumed = tell_error(GnssFix(0, 0, 0, 1, horizontal_error_mm=2_000), is_under_canopy=False)
    >>> round(error, 3), is_assumed
    (1.414, False)
    """
    times = _CANOPY_TIMES if is_under_canopy else 1.0
    if fix.horizontal_error_mm:
        return times * fix.horizontal_error_mm * _MM / math.sqrt(2.0), False
    if isinstance(fix, GnssFix) and fix.east_error_mm and fix.north_error_mm:
        return times * math.hypot(fix.east_error_mm, fix.north_error_mm) * _MM / math.sqrt(2.0), False
    hdop = fix.hdop_c / 100.0 if fix.hdop_c else _UNKNOWN_HDOP
    error = times * hdop * _OPEN_ERROR_M.get(fix.quality, _OTHER_OPEN_ERROR_M) / math.sqrt(2.0)
    is_floored = is_under_canopy and fix.quality not in _PHASE
    return max(error, _LEAST_CANOPY_M) if is_floored else error, True


def _locate_beside(heard: Sequence[Heard], settings: PlaceSettings) -> FieldPlace | None:
    """Return the place of the stop at the stem: that nearest in time to the caliper, or to what was entered."""
    at_stem = _times_at_stem(heard)
    stops = [
        one
        for one in heard
        if isinstance(one.reading, GnssMean) and one.reading.quality and not _is_station(one, heard, at_stem)
    ]
    if stops:
        stop = min(stops, key=lambda one: _apart_ms(one, at_stem)).reading
        return _place_fix(stop, settings) if isinstance(stop, GnssMean) else None
    fixes = [one.reading for one in heard if isinstance(one.reading, GnssFix) and one.reading.quality]
    near = [fix for fix in fixes if any(abs(fix.mono_ms - time) <= _NEAR_MS for time in at_stem)]
    return _place_fixes(near or (fixes if at_stem and _lie_together(fixes) else []), settings)


def _lie_together(fixes: Sequence[GnssFix]) -> bool:
    """Tell whether fixes were taken at one place, not on the way: all of them within a few metres."""
    if not fixes:
        return False
    north = [fix.lat_nd * _NANO * math.radians(_EARTH_M) for fix in fixes]
    per_degree = math.radians(_EARTH_M) * math.cos(math.radians(fixes[0].lat_nd * _NANO))
    east = [fix.lon_nd * _NANO * per_degree for fix in fixes]
    return max(north) - min(north) <= _TOGETHER_M and max(east) - min(east) <= _TOGETHER_M


def _is_station(stop: Heard, heard: Sequence[Heard], at_stem: Sequence[int]) -> bool:
    """Tell whether the crew stood away from the tree: for several trees, or to shoot at it from a distance.

    A stop during which the caliper was used too is at the stem, whatever else was done from there.
    """
    if stop.is_shared:
        return True
    if any(_is_during(time, stop) for time in at_stem):
        return False
    return any(
        isinstance(one.reading, HeightShot)
        and _is_during(one.reading.mono_ms, stop)
        and _reach(one.reading) > _LEAST_OFFSET_M
        for one in heard
    )


def _is_during(time_ms: int, stop: Heard) -> bool:
    return stop.began_ms <= time_ms <= stop.reading.mono_ms


def _times_at_stem(heard: Sequence[Heard]) -> list[int]:
    """Return when the crew was surely at the stem: at the caliper's readings, else at what was entered."""
    for kind in (StemDiameter, Visit):
        times = [one.reading.mono_ms for one in heard if isinstance(one.reading, kind)]
        if times:
            return times
    return []


def _apart_ms(stop: Heard, times: Sequence[int]) -> int:
    """Return how far in time a stop is from the nearest of some times; 0 within it."""
    return min((max(stop.began_ms - time, time - stop.reading.mono_ms, 0) for time in times), default=0)


def _place_fixes(fixes: Sequence[GnssFix], settings: PlaceSettings) -> FieldPlace | None:
    """Return the mean place of single fixes of the best quality; their errors are one, as they wander together."""
    if not fixes:
        return None
    best = max(fixes, key=lambda fix: (_rank(fix.quality), -fix.mono_ms))
    used = [fix for fix in fixes if fix.quality == best.quality]
    places = [_place_fix(fix, settings) for fix in used]
    return FieldPlace(
        math.fsum(place.x_m for place in places) / len(places),
        math.fsum(place.y_m for place in places) / len(places),
        math.fsum(place.error_m for place in places) / len(places),
        "beside-stem",
        places[0].warnings,
    )


def _rank(quality: int) -> int:
    """Return how good a quality is: phase solutions, then corrected ones, then single ones."""
    return {4: 5, 5: 4, 2: 3, 9: 3, 3: 2, 1: 2}.get(quality, 1)


def _place_fix(fix: GnssFix | GnssMean, settings: PlaceSettings) -> FieldPlace:
    error, is_assumed = tell_error(fix, is_under_canopy=settings.is_under_canopy)
    x, y = settings.to_plane(fix.lon_nd * _NANO, fix.lat_nd * _NANO)
    return FieldPlace(x, y, math.hypot(error, _BESIDE_M), "beside-stem", _warn(settings, is_assumed=is_assumed))


def _warn(settings: PlaceSettings, *, is_assumed: bool) -> tuple[str, ...]:
    if not is_assumed:
        return ()
    where = " under canopy" if settings.is_under_canopy else ""
    return (f"the receiver told no accuracy{where}; its error is assumed",)


def _locate_off(heard: Sequence[Heard], settings: PlaceSettings) -> FieldPlace | None:
    """Return the surest place by a shot's vector from a station."""
    radius_m = max(
        (one.reading.diameter_mm or 0 for one in heard if isinstance(one.reading, StemDiameter | Visit)), default=0
    )
    places = [
        _offset(station, one.reading, radius_m * _MM / 2.0, settings)
        for one in heard
        if isinstance(one.reading, HeightShot)
        and one.reading.azimuth_cd is not None
        and _reach(one.reading) > _LEAST_OFFSET_M
        for station in _stations(one, heard)
    ]
    return min(places, key=lambda place: place.error_m, default=None)


def _stations(shot: Heard, heard: Sequence[Heard]) -> list[Station | GnssFix | GnssMean]:
    """Return where a shot was made from: the instrument's own station, and the stop during which it came."""
    found: list[Station | GnssFix | GnssMean] = []
    if isinstance(shot.reading, HeightShot) and shot.reading.station is not None:
        found.append(shot.reading.station)
    at_stem = _times_at_stem(heard)
    found += [
        one.reading
        for one in heard
        if isinstance(one.reading, GnssMean)
        and one.reading.quality
        and _is_during(shot.reading.mono_ms, one)
        and _is_station(one, heard, at_stem)
    ]
    return found


def _reach(shot: HeightShot) -> float:
    """Return the distance on the level, metres; 0 where a shot tells none."""
    if shot.horizontal_mm is not None:
        return shot.horizontal_mm * _MM
    if shot.slope_mm is not None and shot.inclination_cd is not None:
        return shot.slope_mm * _MM * math.cos(math.radians(shot.inclination_cd / 100.0))
    return 0.0


def _offset(
    station: Station | GnssFix | GnssMean, shot: HeightShot, radius_m: float, settings: PlaceSettings
) -> FieldPlace:
    """Return a station moved by a shot's vector, to the middle of the stem."""
    known = station
    if isinstance(station, Station):
        # An instrument's own receiver is a single one unless it says otherwise.
        known = GnssFix(0, station.lon_nd, station.lat_nd, 1, hdop_c=station.hdop_c)
    error, is_assumed = tell_error(known, is_under_canopy=settings.is_under_canopy)  # type: ignore[arg-type]
    warnings = list(_warn(settings, is_assumed=is_assumed))
    bearing_deg = (shot.azimuth_cd or 0) / 100.0 + (settings.declination_deg or 0.0)
    bearing_error = _AZIMUTH_DEG
    if settings.declination_deg is None:
        bearing_error = math.hypot(_AZIMUTH_DEG, _UNKNOWN_DECLINATION_DEG)
        warnings.append("the compass's declination is not known")
    reach = _reach(shot) + radius_m
    longitude, latitude = _move(station.lon_nd * _NANO, station.lat_nd * _NANO, reach, bearing_deg)
    x, y = settings.to_plane(longitude, latitude)
    vector = math.hypot(_DISTANCE_M, reach * math.radians(bearing_error)) / math.sqrt(2.0)
    return FieldPlace(x, y, math.hypot(error, vector), "off-station", tuple(warnings))


def _move(longitude_deg: float, latitude_deg: float, reach_m: float, bearing_deg: float) -> tuple[float, float]:
    """Return a place moved along a true bearing, on a sphere."""
    north = reach_m * math.cos(math.radians(bearing_deg))
    east = reach_m * math.sin(math.radians(bearing_deg))
    per_degree = math.radians(_EARTH_M)
    return (
        longitude_deg + east / (per_degree * math.cos(math.radians(latitude_deg))),
        latitude_deg + north / per_degree,
    )
