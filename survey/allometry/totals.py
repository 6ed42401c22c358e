"""Totals of plots and stands, with trees that were not found and found ones that are none, and honest intervals.

The estimator is Horvitz and Thompson's (1952), doi 10.1080/01621459.1952.10483446: each found tree stands for one over
the probability with which trees of its height are found, so the missed ones have the sizes of their class. A found tree
counts by its confidence. Five errors are kept apart, since they add up differently:

===============  =======================================================================================
own              each tree's own; squares add over trees
false            found trees that are none, or several: Bernoulli's variance; squares add
omission         which trees chance left out: Horvitz and Thompson's variance; squares add
detection        how well this stand's trees are found, beside how such stands' are: adds as it is
shared           the equations' own, and what is wrong alike with all measured sizes: adds as it is
===============  =======================================================================================
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.allometry.columns import EstimateColumn, StockColumns
from survey.allometry.errors import InvalidSizes
from survey.cloud import Floats
from survey.errors import InvalidParameter

_NORMAL_95: Final = 1.959964
_LEAST_PROBABILITY: Final = 0.02
"""One found tree cannot stand for more than fifty."""
_HECTARE_M2: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Detection:
    """How likely a tree of a height class is found.

    Attributes
    ----------
    from_m, to_m
        Height class, lower end inclusive.
    probability
        Share found, over stands like this one.
    error
        Standard deviation of one stand's share about it, and of itself.
    """

    from_m: float
    to_m: float
    probability: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrees:
    """The trees found on a plot.

    Attributes
    ----------
    height_m
        Heights, shape (n,).
    confidence
        Probability that each is one tree, 0 to 1, shape (n,).
    stocks
        What stands in them.
    area_m2
        Ground of the plot.
    """

    height_m: Floats
    confidence: Floats
    stocks: StockColumns
    area_m2: float


@dataclass(frozen=True, slots=True)
class Total:
    """A total, its five errors as standard errors in its unit, and its 95 % interval.

    Attributes
    ----------
    value
        The estimate.
    own, false, omission, detection, shared
        Standard errors; see the module.
    """

    value: float
    own: float
    false: float
    omission: float
    detection: float
    shared: float

    @property
    def error(self) -> float:
        """Standard error of all causes together."""
        return math.hypot(self.own, self.false, self.omission, self.detection, self.shared)

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % interval.

        It is log-normal, since most errors are factors, and the error as a share is the logarithm's standard deviation,
        since that is what equations' errors are taken from and how they are carried (`predict`).
        """
        if self.value <= 0.0:
            return 0.0, 0.0
        spread = _NORMAL_95 * self.error / self.value
        return self.value * math.exp(-spread), self.value * math.exp(spread)


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a plot or stand, or what a hectare of it holds.

    Attributes
    ----------
    area_m2
        Ground they are for.
    count
        Stems.
    basal_area_m2, volume_m3, biomass_kg, carbon_kg
        As of `StockColumns`; absent where no tree has an estimate.
    notes
        What a reader of the figures must know.
    """

    area_m2: float
    count: Total
    basal_area_m2: Total | None
    volume_m3: Total | None
    biomass_kg: Total | None
    carbon_kg: Total | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """What each found tree stands for; arrays of shape (n,)."""

    group: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    probability: Floats
    doubt: Floats
    confidence: Floats


def total_plot(found: FoundTrees, detection: Sequence[Detection]) -> Totals:
    """Return the totals of a plot.

    Parameters
    ----------
    found
        Its trees.
    detection
        Probabilities by height; trees of other heights are taken to be all found.

    Raises
    ------
    InvalidParameter
        A probability or its error is out of range, or the area is not above zero.
    InvalidSizes
        Heights, confidences and stocks differ in length, or a confidence is none.
    """
    _check(found, detection)
    weights = _weigh(found, detection)
    known = found.stocks
    ones = EstimateColumn(
        np.ones(found.height_m.size),
        np.zeros(found.height_m.size),
        np.zeros(found.height_m.size),
        ("count",),
        np.zeros(found.height_m.size, dtype=np.int8),
    )
    return Totals(
        area_m2=found.area_m2,
        count=_total(ones, weights) or Total(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        basal_area_m2=_total(known.basal_area_m2, weights),
        volume_m3=_total(known.volume_m3, weights),
        biomass_kg=_total(known.biomass_kg, weights),
        carbon_kg=_total(known.carbon_kg, weights),
        notes=known.notes + _describe(found, weights, detection),
    )


def total_stand(plots: Sequence[Totals]) -> Totals:
    """Return the totals of all plots together: chance errors add as squares, detection and shared ones as they are.

    Parameters
    ----------
    plots
        At least one, surveyed and computed alike.
    """
    return Totals(
        area_m2=math.fsum(one.area_m2 for one in plots),
        count=_sum([one.count for one in plots]),
        basal_area_m2=_sum_known([one.basal_area_m2 for one in plots]),
        volume_m3=_sum_known([one.volume_m3 for one in plots]),
        biomass_kg=_sum_known([one.biomass_kg for one in plots]),
        carbon_kg=_sum_known([one.carbon_kg for one in plots]),
        notes=tuple(dict.fromkeys(note for one in plots for note in one.notes)),
    )


def per_hectare(totals: Totals) -> Totals:
    """Return what a hectare holds on average."""
    factor = _HECTARE_M2 / totals.area_m2
    return Totals(
        area_m2=_HECTARE_M2,
        count=_scale(totals.count, factor),
        basal_area_m2=_scale_known(totals.basal_area_m2, factor),
        volume_m3=_scale_known(totals.volume_m3, factor),
        biomass_kg=_scale_known(totals.biomass_kg, factor),
        carbon_kg=_scale_known(totals.carbon_kg, factor),
        notes=totals.notes,
    )


def _weigh(found: FoundTrees, detection: Sequence[Detection]) -> _Weights:
    """Return each tree's height class and what is known of it; class -1 and certainty for heights in none."""
    group = np.full(found.height_m.size, -1, dtype=np.int64)
    for number, one in enumerate(detection):
        group[(found.height_m >= one.from_m) & (found.height_m < one.to_m)] = number
    probability = np.array([one.probability for one in detection] + [1.0])
    doubt = np.array([one.error / one.probability for one in detection] + [0.0])
    return _Weights(group, probability[group], doubt[group], found.confidence)


def _total(column: EstimateColumn, weights: _Weights) -> Total | None:
    """Return the total of one quantity; nothing where no tree has it."""
    if not column.is_known.any():
        return None
    value, own, shared = _fill(column, weights)
    expected = weights.confidence / weights.probability
    square = weights.confidence / weights.probability**2 * (value**2 + own**2)
    false = weights.confidence * (1.0 - weights.confidence) * (value / weights.probability) ** 2
    return Total(
        float(np.sum(expected * value)),
        math.sqrt(float(np.sum(weights.confidence * (own / weights.probability) ** 2))),
        math.sqrt(float(np.sum(false))),
        math.sqrt(float(np.sum((1.0 - weights.probability) * square))),
        float(np.sum(expected * value * weights.doubt)),
        float(np.sum(expected * shared)),
    )


def _fill(column: EstimateColumn, weights: _Weights) -> tuple[Floats, Floats, Floats]:
    """Return value, own and shared error, trees without an estimate with the means of the nearest class that has some.

    The own error of a filled tree is the spread of its class beside the errors in it.
    """
    value, own, shared = column.value.copy(), column.own_error.copy(), column.shared_error.copy()
    known = column.is_known
    with_some = np.unique(weights.group[known])
    for group in np.unique(weights.group[~known]):
        nearest = with_some[np.argmin(np.abs(with_some - group))]
        like = known & (weights.group == nearest)
        empty = ~known & (weights.group == group)
        value[empty] = np.mean(column.value[like])
        own[empty] = np.sqrt(np.var(column.value[like]) + np.mean(column.own_error[like] ** 2))
        shared[empty] = np.mean(column.shared_error[like])
    return value, own, shared


def _describe(found: FoundTrees, weights: _Weights, detection: Sequence[Detection]) -> tuple[str, ...]:
    outside = int((weights.group < 0).sum())
    notes = []
    if not detection:
        notes.append("no detection probabilities hold for this survey: trees that were not found are not in the totals")
    elif outside:
        notes.append(
            f"{outside} of {found.height_m.size} trees have heights without detection probability: counted as found"
        )
    return tuple(notes)


def _sum(totals: Sequence[Total]) -> Total:
    return Total(
        math.fsum(one.value for one in totals),
        math.hypot(*(one.own for one in totals)),
        math.hypot(*(one.false for one in totals)),
        math.hypot(*(one.omission for one in totals)),
        math.fsum(one.detection for one in totals),
        math.fsum(one.shared for one in totals),
    )


def _sum_known(totals: Sequence[Total | None]) -> Total | None:
    """Return the sum, or nothing where a plot lacks the quantity: half a total is none."""
    known = [one for one in totals if one is not None]
    return _sum(known) if known and len(known) == len(totals) else None


def _scale(total: Total, factor: float) -> Total:
    return Total(
        total.value * factor,
        total.own * factor,
        total.false * factor,
        total.omission * factor,
        total.detection * factor,
        total.shared * factor,
    )


def _scale_known(total: Total | None, factor: float) -> Total | None:
    return None if total is None else _scale(total, factor)


def _check(found: FoundTrees, detection: Sequence[Detection]) -> None:
    if not (math.isfinite(found.area_m2) and found.area_m2 > 0.0):
        raise InvalidParameter("area_m2", found.area_m2, "it must be above zero")
    for one in detection:
        if not _LEAST_PROBABILITY <= one.probability <= 1.0:
            raise InvalidParameter("probability", one.probability, f"it must be {_LEAST_PROBABILITY} to 1")
        if not 0.0 <= one.error < math.inf or not one.from_m < one.to_m:
            raise InvalidParameter("detection", one, "its error is not below zero, its lower end below its upper end")
    count = found.height_m.shape
    if found.confidence.shape != count or found.stocks.dbh_cm.value.shape != count:
        raise InvalidSizes("confidence", found.confidence.shape, f"heights, confidences and stocks have shape {count}")
    if found.confidence.size and not (found.confidence.min() >= 0.0 and found.confidence.max() <= 1.0):
        raise InvalidSizes("confidence", float(found.confidence.max()), "confidences are 0 to 1")
