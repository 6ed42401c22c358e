"""How heights change from one survey to the next: growth that is much alike within a stand, seldom a broken top."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.errors import InvalidParameter

MAX_YEARS: Final = 50.0
"""After this, sizes say nothing on who is who."""
# What is assumed before the two lists are seen. Height growth of closed forests lies between 0 and 0.8 m a year (yield
# tables of temperate forest); two instruments may differ by half a metre throughout.
RATE_M_YEAR: Final = 0.3
RATE_ERROR_M_YEAR: Final = 0.25
_BIAS_M: Final = 0.4
_TREND_ERROR_YEAR, _TREND_ERROR = 0.008, 0.005
_SPREAD_M_YEAR, _SPREAD_M = 0.10, 0.1
_PRIOR_PAIRS: Final = 10.0
"""Pairs that the assumed spread counts for."""
_BROKEN_SHARE_YEAR: Final = 0.002
"""Trees that lose their tops, a year; and the least share, so that one slip is no proof."""
_BROKEN_SHARE: Final = 0.005
_SNAG_SHARE: Final = 0.25
"""What is lower than this share of the tree that stood there is no snag of it, but a young tree."""
_TALLEST_M: Final = 120.0
_HUBER: Final = 1.345
"""Residuals beyond this many standard deviations count less (Huber 1964, doi 10.1214/aoms/1177703732)."""
_CAPPED_SHARE: Final = 0.9205
"""Mean of a squared standard normal value that is capped at 4."""
_ROUNDS: Final = 6


@dataclass(frozen=True, slots=True)
class HeightChange:
    """Later height less earlier height of the same tree.

    Attributes
    ----------
    years
        Between the surveys.
    mean_m
        Mean change of a tree with the earlier height `pivot_m`; a difference of the two instruments is within it.
    per_m
        More change for each metre of earlier height; negative where young trees grow faster.
    pivot_m
        See `mean_m`.
    spread_m
        Standard deviation between trees, beside the errors of measurement.
    pairs
        Number of pairs it rests on, each counted by its probability; 0 where it is only assumed.
    """

    years: float
    mean_m: float
    per_m: float
    pivot_m: float
    spread_m: float
    pairs: float = 0.0


def assume_change(years: float, pivot_m: float) -> HeightChange:
    """Return what is assumed before any pair is known.

    Parameters
    ----------
    years
        Between the surveys, 0 to 50; 0 where two instruments saw the same trees at the same time.
    pivot_m
        Typical height.

    Raises
    ------
    InvalidParameter
        When the years are out of range.
    """
    if not 0.0 <= years <= MAX_YEARS:
        raise InvalidParameter("years", years, f"it must be 0 to {MAX_YEARS:g}")
    return HeightChange(years, RATE_M_YEAR * years, 0.0, pivot_m, math.hypot(_SPREAD_M, _SPREAD_M_YEAR * years))


def expect_change(change: HeightChange, height_m: Floats) -> Floats:
    """Return the expected change of trees with some earlier height, metres, the same shape.

    Examples
    --------
    >>> expect_change(HeightChange(5.0, 1.5, -0.05, 20.0, 0.3), np.array([10.0, 20.0])).tolist()
    [2.0, 1.5]
    """
    return change.mean_m + change.per_m * (height_m - change.pivot_m)


def log_density(change: HeightChange, earlier_m: Floats, later_m: Floats, variance_m2: Floats) -> Floats:
    """Return the logarithm of the density, a metre, of later heights given earlier ones of the same trees.

    Parameters
    ----------
    change
        How heights change.
    earlier_m, later_m
        Heights, shape (n,).
    variance_m2
        Sum of both squared standard errors, shape (n,).
    """
    total = variance_m2 + change.spread_m**2
    if change.pairs == 0.0:
        total = total + (RATE_ERROR_M_YEAR * change.years) ** 2 + _BIAS_M**2
    rest = later_m - earlier_m - expect_change(change, earlier_m)
    whole = np.exp(-0.5 * rest**2 / total) / np.sqrt(2.0 * np.pi * total)
    # A broken tree keeps some of its height; a gross error gives any height at all.
    is_snag = (later_m < earlier_m) & (later_m > _SNAG_SHARE * earlier_m)
    lost = np.where(is_snag, 0.98 / ((1.0 - _SNAG_SHARE) * earlier_m), 0.0) + 0.02 / _TALLEST_M
    share = _BROKEN_SHARE + _BROKEN_SHARE_YEAR * change.years
    density: Floats = np.log((1.0 - share) * whole + share * lost)
    return density


def fit_change(
    assumed: HeightChange, earlier_m: Floats, later_m: Floats, variance_m2: Floats, weight: Floats
) -> HeightChange:
    """Return the change that pairs show: a line over earlier height by Huber's regression, drawn to what was assumed.

    Parameters
    ----------
    assumed
        From `assume_change`.
    earlier_m, later_m, variance_m2
        As in `log_density`; NaN where a height is unknown.
    weight
        Probability that each is a pair, shape (n,).
    """
    known = np.isfinite(earlier_m) & np.isfinite(later_m) & (weight > 0.0)
    earlier, moved, variance, likely = (one[known] for one in (earlier_m, later_m - earlier_m, variance_m2, weight))
    if likely.sum() < 1.0:
        return assumed
    lever = earlier - assumed.pivot_m
    start = np.array([assumed.mean_m, assumed.per_m])
    errors = (
        math.hypot(_BIAS_M, RATE_ERROR_M_YEAR * assumed.years),
        math.hypot(_TREND_ERROR, _TREND_ERROR_YEAR * assumed.years),
    )
    tie = np.diag([1.0 / errors[0] ** 2, 1.0 / errors[1] ** 2])
    line, spread2 = start, assumed.spread_m**2
    for _ in range(_ROUNDS):
        rest = moved - line[0] - line[1] * lever
        total = variance + spread2
        beyond = np.abs(rest) / np.sqrt(total) / _HUBER
        robust = likely / np.maximum(beyond, 1.0)
        pull = robust / total
        across = float((pull * lever).sum())
        normal = np.array([[float(pull.sum()), across], [across, float((pull * lever**2).sum())]])
        wanted = np.array([float((pull * moved).sum()), float((pull * lever * moved).sum())])
        line = np.linalg.solve(normal + tie, wanted + tie @ start)
        spread2 = _fit_spread(assumed, moved - line[0] - line[1] * lever, variance, likely, spread2)
    return replace(
        assumed,
        mean_m=float(line[0]),
        per_m=float(line[1]),
        spread_m=math.sqrt(spread2),
        pairs=float(likely.sum()),
    )


def _fit_spread(assumed: HeightChange, rest: Floats, variance: Floats, likely: Floats, spread2: float) -> float:
    """Return the variance between trees: what residuals have beyond their errors, those beyond 2 sigma capped."""
    total = variance + spread2
    capped = np.minimum(rest**2, 4.0 * total) / _CAPPED_SHARE
    own = float((likely * (capped - variance)).sum()) + _PRIOR_PAIRS * assumed.spread_m**2
    return max(own / (float(likely.sum()) + _PRIOR_PAIRS), (0.2 * assumed.spread_m) ** 2)
