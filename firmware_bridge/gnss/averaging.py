"""The mean of the fixes of a stop, and stops out of a walk.

Only fixes of the best common quality count: RTK fixed before float, before differential, before single. Outliers are
left out by the modified z-score of the median and the median absolute deviation: B. Iglewicz and D. C. Hoaglin, How to
Detect and Handle Outliers, ASQC 1993, section 3.3, which also gives 3.5 as bound. The rest count alike: weights by a
receiver's own estimates would lean on what is least sure under canopy. Means are taken in the plane that touches the
earth at the stop.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.readings import GnssFix, GnssMean
from firmware_bridge.gnss.errors import MixedDatums, NoFixes
from firmware_bridge.gnss.geodesy import Plane, Vector, lift, project, to_earth_centred, to_geographic, touch

RANKED: Final = (4, 5, 3, 2, 9, 1, 6, 7, 8)
"""Qualities, best first: RTK fixed, float, PPS, differential (9 is some makers' word for it), single, estimated,
manual, simulated. Quality 0 is no place."""
COMMON_SHARE: Final = 10
"""A quality is common when one fix in ten reaches it: one lucky fix is no reason to leave out ninety-nine."""
MAX_Z: Final = 3.5
MAD_TO_SD: Final = 0.6745
"""Median absolute deviation of a normal distribution of standard deviation 1."""
LEAST_MAD_M: Final = 0.02
"""Receivers write 10^-5 minute of arc, 0.0186 m: deviations within their last digit are no outliers."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """Fixes with their places in a tangent plane, metres."""

    fixes: list[GnssFix]
    east_m: list[float]
    north_m: list[float]
    lon_nd: int
    lat_nd: int


def average_fixes(fixes: Sequence[GnssFix], *, mono_ms: int) -> GnssMean:
    """Return the mean of a stop's fixes.

    Parameters
    ----------
    fixes
        In order of time.
    mono_ms
        When the stop ended.

    Raises
    ------
    NoFixes
        When none has a place.
    MixedDatums
        When those of the best quality tell different datums.

    Examples
    --------
    >>> average_fixes([GnssFix(0, 10, 20, 4), GnssFix(1_000, 10, 40, 4)], mono_ms=1_500).lat_nd
    30
    """
    chosen = choose_fixes(fixes)
    datum = _one_datum(chosen)
    spread = _leave_outliers(_spread(chosen))
    used = spread.fixes
    is_spread = len(used) > 1
    altitudes = _told([fix.altitude_mm for fix in used])
    return GnssMean(
        mono_ms,
        lon_nd=spread.lon_nd,
        lat_nd=spread.lat_nd,
        quality=max((fix.quality for fix in used), key=RANKED.index),
        fixes=len(used),
        duration_ms=used[-1].mono_ms - used[0].mono_ms,
        left_out=len(fixes) - len(used),
        east_sd_mm=round(statistics.stdev(spread.east_m) * 1000) if is_spread else None,
        north_sd_mm=round(statistics.stdev(spread.north_m) * 1000) if is_spread else None,
        up_sd_mm=round(statistics.stdev(altitudes)) if len(altitudes) > 1 else None,
        altitude_mm=_mean(altitudes),
        geoid_mm=_mean(_told([fix.geoid_mm for fix in used])),
        hdop_c=max(_told([fix.hdop_c for fix in used]), default=None),
        horizontal_error_mm=_root_mean_square(_told([fix.horizontal_error_mm for fix in used])),
        vertical_error_mm=_root_mean_square(_told([fix.vertical_error_mm for fix in used])),
        datum=datum,
    )


def choose_fixes(fixes: Sequence[GnssFix]) -> list[GnssFix]:
    """Return the fixes of the best common quality: the best that one fix in ten reaches, and those better than it.

    Raises
    ------
    NoFixes
        When none has a place.
    """
    placed = [fix for fix in fixes if fix.quality in RANKED]
    chosen: list[GnssFix] = []
    for rank in range(len(RANKED)):
        chosen = [fix for fix in placed if RANKED.index(fix.quality) <= rank]
        if chosen and len(chosen) * COMMON_SHARE >= len(placed):
            return chosen
    raise NoFixes(len(fixes))


def find_outliers(values: Sequence[float]) -> list[bool]:
    """Return, for each value in metres, whether its modified z-score is above 3.5.

    Examples
    --------
    >>> find_outliers([0.0, 1.0, 2.0, 3.0, 4.0, 100.0])
    [False, False, False, False, False, True]
    """
    middle = statistics.median(values)
    deviations = [abs(value - middle) for value in values]
    mad = max(statistics.median(deviations), LEAST_MAD_M)
    return [MAD_TO_SD * deviation / mad > MAX_Z for deviation in deviations]


@dataclass(frozen=True, slots=True)
class StopParameters:
    """What counts as a stop.

    Attributes
    ----------
    radius_mm
        Fixes within this distance of the stop's middle belong to it. 3 m: a walking crew leaves it in three seconds,
        and neighbouring trees stand about as far apart.
    away_ms
        Fixes outside for so long end the stop; a shorter excursion is multipath, and stays in it for the outlier rule
        to judge.
    min_fixes, min_duration_ms
        A shorter stop is a pause and gives no mean.
    max_gap_ms
        A longer silence ends the stop: nobody knows where the crew was.
    max_fixes
        A stop of so many ends and another begins: ten hours at one a second, one at ten; it bounds memory.
    """

    radius_mm: int = 3_000
    away_ms: int = 4_000
    min_fixes: int = 10
    min_duration_ms: int = 10_000
    max_gap_ms: int = 60_000
    max_fixes: int = 36_000


DEFAULT_STOP: Final = StopParameters()


class StopAverager:
    """Takes fixes and yields a mean when the crew moves on from a stop.

    Parameters
    ----------
    parameters
        What counts as a stop.
    """

    def __init__(self, parameters: StopParameters = DEFAULT_STOP) -> None:
        self._parameters = parameters
        self._stop: list[GnssFix] = []
        self._away: list[GnssFix] = []
        self._sum: Vector = (0.0, 0.0, 0.0)
        self._inside = 0

    def feed(self, fix: GnssFix) -> list[GnssMean]:
        """Return the mean of the stop that this fix ends, if it ends one.

        Raises
        ------
        MixedDatums
            When the stop's fixes tell different datums; the stop is given up.
        """
        if fix.quality not in RANKED:
            return []
        last = (self._away or self._stop)[-1:]
        if last and fix.mono_ms - last[0].mono_ms > self._parameters.max_gap_ms:
            return self._begin([fix])
        if len(self._stop) + len(self._away) >= self._parameters.max_fixes:
            return self._begin([fix])
        if self._inside and math.dist(_place(fix), self._middle()) * 1000 > self._parameters.radius_mm:
            return self._take_away(fix)
        # The crew was not away after all.
        self._stop += [*self._away, fix]
        self._away = []
        self._add(fix)
        return []

    def flush(self) -> list[GnssMean]:
        """Return the mean of the stop that lasts, if it is one: the walk has ended."""
        return self._begin([])

    def _take_away(self, fix: GnssFix) -> list[GnssMean]:
        self._away.append(fix)
        if fix.mono_ms - self._away[0].mono_ms < self._parameters.away_ms:
            return []
        here = _place(fix)
        # Only the last of them may already be at the next stop; the others were on the way.
        near = [one for one in self._away if math.dist(_place(one), here) * 1000 <= self._parameters.radius_mm]
        return self._begin(near)

    def _begin(self, fixes: list[GnssFix]) -> list[GnssMean]:
        """End the stop and begin another with these fixes."""
        ended, parameters = self._stop, self._parameters
        self._stop, self._away, self._sum, self._inside = list(fixes), [], (0.0, 0.0, 0.0), 0
        for fix in fixes:
            self._add(fix)
        if len(ended) < parameters.min_fixes or ended[-1].mono_ms - ended[0].mono_ms < parameters.min_duration_ms:
            return []
        return [average_fixes(ended, mono_ms=ended[-1].mono_ms)]

    def _add(self, fix: GnssFix) -> None:
        x, y, z = (total + one for total, one in zip(self._sum, _place(fix), strict=True))
        self._sum, self._inside = (x, y, z), self._inside + 1

    def _middle(self) -> Vector:
        x, y, z = (total / self._inside for total in self._sum)
        return x, y, z


def _leave_outliers(spread: _Spread) -> _Spread:
    """Return the fixes that are outliers neither east, nor north, nor up."""
    flags = [find_outliers(spread.east_m), find_outliers(spread.north_m)]
    altitudes = [fix.altitude_mm for fix in spread.fixes]
    told = _told(altitudes)
    if len(told) == len(altitudes):
        flags.append(find_outliers([one / 1000 for one in told]))
    kept = [fix for fix, *out in zip(spread.fixes, *flags, strict=True) if not any(out)]
    # Three axes may each call others outliers until none is left: then there is no majority to go by.
    return spread if not kept or len(kept) == len(spread.fixes) else _spread(kept)


def _spread(fixes: list[GnssFix]) -> _Spread:
    """Return fixes about their mean; the plane first touches at a fix, then at the mean found there."""
    height_m = _height_m(fixes)
    places = [to_earth_centred(fix.lon_nd, fix.lat_nd, height_m) for fix in fixes]
    first = _about(fixes, places, touch(fixes[0].lon_nd, fixes[0].lat_nd, height_m))
    return _about(fixes, places, touch(first.lon_nd, first.lat_nd, height_m))


def _about(fixes: list[GnssFix], places: list[Vector], plane: Plane) -> _Spread:
    projected = [project(place, plane) for place in places]
    east_m, north_m = [east for east, _ in projected], [north for _, north in projected]
    lon_nd, lat_nd = to_geographic(lift(statistics.fmean(east_m), statistics.fmean(north_m), plane))
    return _Spread(fixes, east_m, north_m, lon_nd, lat_nd)


def _height_m(fixes: list[GnssFix]) -> float:
    """Return one height above the ellipsoid for all: on it, distances on the ground are true."""
    return sum(_mean(_told(one)) or 0 for one in ([f.altitude_mm for f in fixes], [f.geoid_mm for f in fixes])) / 1000


def _one_datum(fixes: list[GnssFix]) -> str | None:
    """Return the datum that fixes tell; one that tells none is taken to be in the others'."""
    names = sorted({fix.datum for fix in fixes if fix.datum is not None})
    if len(names) > 1:
        raise MixedDatums(tuple(names))
    return names[0] if names else None


def _told(values: list[int | None]) -> list[int]:
    return [value for value in values if value is not None]


def _mean(values: list[int]) -> int | None:
    return round(statistics.fmean(values)) if values else None


def _root_mean_square(values: list[int]) -> int | None:
    return round(math.sqrt(sum(value * value for value in values) / len(values))) if values else None


def _place(fix: GnssFix) -> Vector:
    """Return a fix's place on the ellipsoid: a stop is left sideways, and heights scatter most."""
    return to_earth_centred(fix.lon_nd, fix.lat_nd, 0.0)
