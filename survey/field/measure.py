"""Height from a hypsometer's shots and diameter from a caliper's readings, with their errors.

What repeated measurements by trained crews scatter is taken from Luoma et al. (2017), doi 10.3390/f8020038: 0.3 cm of a
diameter and 0.5 m of a height, 2.9 %. Part of a height's error is in where the crew stands and which tip it takes for
the top; more shots from the same place do not take that away.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.readings import HeightShot, Reading, StemDiameter, Visit
from survey.estimate import Estimate

_SHOT_M: Final = 0.3
"""One shot about the mean of many at the same tip."""
_TIP_SHARE: Final = 0.02
"""Which tip was taken for the top, as a share of the height; with `_SHOT_M` about what crews scatter."""
_INSTRUMENT_SHARE: Final = 0.005
"""What one instrument's calibration may be off, all its heights alike: half a percent, a judgement."""
_CALIPER_MM: Final = 3.0
_OUT_OF_ROUND: Final = 0.015
"""One direction's diameter about the mean of all; two that cross cancel it, as an ellipse's do."""
_CALIPER_SHARE: Final = 0.002
"""What one caliper may be off, a judgement."""
_SLIP_SHARE, _SLIP_MM = 0.15, 15.0
"""Readings of one stem do not differ by more."""
_OUTLIER: Final = 4.0
"""Shots further than this many scaled median deviations from the median are slips of the button."""
_ROBUST_FROM: Final = 4
_MM: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class FieldHeight:
    """A tree's height as the crew measured it.

    Attributes
    ----------
    height_m
        Mean of the shots with its errors.
    shots
        Used.
    warnings
        For a person.
    """

    height_m: Estimate
    shots: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldStem:
    """A stem's diameter as the crew measured it.

    Attributes
    ----------
    diameter_cm
        Mean of the readings with its errors.
    at_height_m
        Height on the stem: 1.30, 1.37, 1.40.
    readings
        Used.
    warnings
        For a person.
    """

    diameter_cm: Estimate
    at_height_m: float
    readings: int
    warnings: tuple[str, ...]


def measure_height(readings: Sequence[Reading]) -> FieldHeight | None:
    """Return a tree's height from all its shots, else from what was entered; none where nobody measured it."""
    shots = [
        height / _MM
        for one in readings
        if isinstance(one, HeightShot)
        for height in (one.shots_mm or (() if one.height_mm is None else (one.height_mm,)))
        if height > 0
    ]
    entered = [one.height_mm / _MM for one in readings if isinstance(one, Visit) and one.height_mm]
    if not shots and not entered:
        return None
    kept = _drop_slips(shots or entered[-1:])
    warnings = [] if len(kept) == len(shots or kept) else [f"{len(shots) - len(kept)} shots left out as slips"]
    height = _estimate_height(kept)
    if shots and entered and abs(entered[-1] - height.value) > 2.0 * height.own_error:
        warnings.append(f"{entered[-1]:.1f} m was entered, the shots say {height.value:.1f} m")
    return FieldHeight(height, len(kept), tuple(warnings))


def measure_stems(readings: Sequence[Reading], default_height_mm: int) -> tuple[FieldStem, ...]:
    """Return diameters by the height on the stem where they were taken, lowest first.

    Parameters
    ----------
    readings
        Of one tree. A caliper's own readings go before what was entered at the same height.
    default_height_mm
        Where diameters are taken by the campaign's method, for readings that do not say: 1300, 1370 or 1400.
    """
    read: dict[int, list[int]] = {}
    entered: dict[int, int] = {}
    assumed: set[int] = set()
    for one in readings:
        if isinstance(one, StemDiameter | Visit) and one.diameter_mm is not None:
            height = default_height_mm if one.at_height_mm is None else one.at_height_mm
            if one.at_height_mm is None:
                assumed.add(height)
            if isinstance(one, StemDiameter):
                read.setdefault(height, []).append(one.diameter_mm)
            else:
                entered[height] = one.diameter_mm
    return tuple(
        _measure_stem(height, read.get(height, []), entered.get(height), is_assumed=height in assumed)
        for height in sorted(read.keys() | entered.keys())
    )


def _measure_stem(height_mm: int, read: Sequence[int], entered: int | None, *, is_assumed: bool) -> FieldStem:
    used = read or ([] if entered is None else [entered])
    diameter = _estimate_diameter(used)
    warnings: list[str] = []
    if is_assumed:
        warnings.append(f"the diameter's height was not said, {height_mm / _MM:.2f} m was assumed")
    if max(used) - min(used) > max(_SLIP_SHARE * min(used), _SLIP_MM):
        warnings.append(f"readings from {min(used)} to {max(used)} mm: two stems, or a slip")
    if read and entered is not None and abs(entered / 10.0 - diameter.value) > 2.0 * diameter.own_error:
        warnings.append(f"{entered / 10.0:.1f} cm was entered, the caliper says {diameter.value:.1f} cm")
    return FieldStem(diameter, height_mm / _MM, len(used), tuple(warnings))


def _estimate_height(shots_m: Sequence[float]) -> Estimate:
    count = len(shots_m)
    value = math.fsum(shots_m) / count
    scatter = max(_SHOT_M, statistics.stdev(shots_m) if count > 1 else 0.0)
    own = math.hypot(scatter / math.sqrt(count), _TIP_SHARE * value)
    return Estimate(value, own, _INSTRUMENT_SHARE * value, "hypsometer-mean")


def _estimate_diameter(read_mm: Sequence[int]) -> Estimate:
    """Return the mean of readings, cm; the first two are taken to cross, as crews are taught."""
    count = len(read_mm)
    value = math.fsum(read_mm) / count
    out_of_round = _OUT_OF_ROUND * value if count == 1 else 0.0
    # Of two that cross, half of the difference is the shape's, not an error of the mean; beyond it they scatter.
    scatter = statistics.stdev(read_mm) if count > 2 else 0.0  # noqa: PLR2004 - as said
    own = math.hypot(max(_CALIPER_MM, scatter) / math.sqrt(count), out_of_round)
    return Estimate(value / 10.0, own / 10.0, _CALIPER_SHARE * value / 10.0, "caliper-mean")


def _drop_slips(values: Sequence[float]) -> list[float]:
    """Return values without those far from the median, where there are enough to tell."""
    if len(values) < _ROBUST_FROM:
        return list(values)
    middle = statistics.median(values)
    spread = max(1.4826 * statistics.median([abs(one - middle) for one in values]), _SHOT_M)
    return [one for one in values if abs(one - middle) <= _OUTLIER * spread]
