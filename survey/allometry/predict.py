"""From sizes to a quantity by one or several equations, errors carried by the delta method.

Errors are carried on logarithms: a result's error, as a share of it, is an input's share times the result's elasticity.
Where a stem diameter was modelled from height and crown, height enters biomass twice, directly and through the
diameter; its elasticities are added before they are squared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from survey.allometry.columns import EstimateColumn, Mask, Sizes, TreeColumns
from survey.allometry.equation import Equation, solve_equation
from survey.cloud import Floats

POWER_DOUBT: Final = 0.3
"""What the power of stem diameter may be off beyond an equation's range: the powers of the species of one table differ
by about as much at their ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Stem:
    """Stem diameters, measured or modelled, and where their errors come from; arrays of shape (n,).

    Attributes
    ----------
    dbh_cm
        Diameter at breast height.
    by_height, by_crown
        How a modelled one answers to height and crown; zero where it was measured.
    own_share, shared_share
        Errors beside those that come through height and crown: of measuring, or of the equation.
    model_share
        Scatter of trees about the equation that modelled it; zero where it was measured.
    column
        As an estimate, with all its errors.
    """

    dbh_cm: Floats
    by_height: Floats
    by_crown: Floats
    own_share: Floats
    shared_share: Floats
    model_share: Floats
    column: EstimateColumn


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What one equation gives for many trees, errors as shares."""

    value: Floats
    by_height: Floats
    by_crown: Floats
    own_share: Floats
    shared_share: Floats


def model_stems(equations: Sequence[Equation], trees: TreeColumns, measured: str) -> Stem:
    """Return stem diameters: the measured one where there is one, else modelled from height and crown.

    Parameters
    ----------
    equations
        For stem diameter from height and crown; their mean where there are several.
    trees
        Sizes.
    measured
        Id of the measurement.
    """
    nothing = np.zeros(len(trees))
    way = _mean([_way_of_stem(one, trees) for one in equations])
    taped = trees.dbh_cm
    is_taped = ~np.isnan(taped.value)
    with np.errstate(invalid="ignore"):
        own_taped, shared_taped = taped.own_error / taped.value, taped.shared_error / taped.value
    dbh = np.where(is_taped, taped.value, way.value)
    stem = Stem(
        dbh_cm=dbh,
        by_height=np.where(is_taped, nothing, way.by_height),
        by_crown=np.where(is_taped, nothing, way.by_crown),
        own_share=np.where(is_taped, own_taped, way.own_share),
        shared_share=np.where(is_taped, shared_taped, way.shared_share),
        model_share=np.where(is_taped, nothing, way.own_share),
        column=EstimateColumn(dbh, dbh, dbh, (measured, join_ids(equations)), np.where(is_taped, 0, 1).astype(np.int8)),
    )
    return _with_errors(stem, trees)


def _with_errors(stem: Stem, trees: TreeColumns) -> Stem:
    """Return the stems with the column's errors filled in from all they come from."""
    own, shared = carry_shares(stem.by_height, stem.by_crown, trees)
    dbh = stem.dbh_cm
    which = np.where(np.isnan(dbh), -1, stem.column.which).astype(np.int8)
    own_error, shared_error = dbh * np.hypot(own, stem.own_share), dbh * np.hypot(shared, stem.shared_share)
    return replace(stem, column=EstimateColumn(dbh, own_error, shared_error, stem.column.models, which))


def _way_of_stem(equation: Equation, trees: TreeColumns) -> _Way:
    nowhere = np.full(len(trees), np.nan)
    response = solve_equation(equation, dbh_cm=nowhere, height_m=trees.height_m.value, crown_m=trees.crown_m.value)
    own = np.full(len(trees), equation.own_share)
    return _Way(response.value, response.by_height, response.by_crown, own, np.full(len(trees), equation.shared_share))


def predict(equations: Sequence[Equation], stem: Stem, trees: TreeColumns) -> tuple[EstimateColumn, Mask]:
    """Return a quantity for each tree, the mean where there are several equations, and which trees lie outside a range.

    Parameters
    ----------
    equations
        For one quantity; what they need may be stem diameter, height and crown.
    stem
        Stem diameters.
    trees
        Height and crown.
    """
    outside = np.zeros(len(trees), dtype=np.bool_)
    ways = []
    for equation in equations:
        beyond = _measure_beyond(equation, stem.dbh_cm)
        outside |= beyond > 0.0
        ways.append(_way(equation, stem, trees, beyond))
    way = _mean(ways)
    which = np.where(np.isnan(way.value), -1, 0).astype(np.int8)
    column = EstimateColumn(
        way.value, way.value * way.own_share, way.value * way.shared_share, (join_ids(equations),), which
    )
    return column, outside & (which >= 0)


def _way(equation: Equation, stem: Stem, trees: TreeColumns, beyond: Floats) -> _Way:
    """Return what one equation gives.

    A modelled diameter is the mean of trees of that height and crown, about which they scatter; the mean of a curved
    function of them is more than the function of their mean: by exp(b (b - 1) s ** 2 / 2) for a power b of a
    log-normal diameter with scatter s.
    """
    response = solve_equation(equation, dbh_cm=stem.dbh_cm, height_m=trees.height_m.value, crown_m=trees.crown_m.value)
    power = response.by_dbh
    by_height = response.by_height + power * stem.by_height
    by_crown = response.by_crown + power * stem.by_crown
    own, shared = carry_shares(by_height, by_crown, trees)
    own = _root_sum(own, power * stem.own_share, equation.own_share)
    shared = _root_sum(shared, power * stem.shared_share, equation.shared_share, POWER_DOUBT * beyond)
    curved = np.exp(power * (power - 1.0) * stem.model_share**2 / 2.0)
    return _Way(response.value * curved, by_height, by_crown, own, shared)


def carry_shares(by_height: Floats, by_crown: Floats, trees: TreeColumns) -> tuple[Floats, Floats]:
    """Return own and shared error that come from height and crown, as shares of the result."""
    own, shared = np.zeros(len(trees)), np.zeros(len(trees))
    for power, sizes in ((by_height, trees.height_m), (by_crown, trees.crown_m)):
        own = np.hypot(own, _carry(power, sizes.own_error, sizes))
        shared = np.hypot(shared, _carry(power, sizes.shared_error, sizes))
    return own, shared


def _carry(power: Floats, error: Floats, sizes: Sizes) -> Floats:
    """Return a power times an error's share; nothing where the power is zero, whether the size is known or not."""
    with np.errstate(invalid="ignore"):
        return np.where(power == 0.0, 0.0, power * error / sizes.value)


def _measure_beyond(equation: Equation, dbh_cm: Floats) -> Floats:
    """Return how far, in logarithms, stem diameters lie outside an equation's range."""
    if equation.range_cm is None or "dbh_cm" not in equation.inputs:
        return np.zeros_like(dbh_cm)
    least, most = equation.range_cm
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(np.log(least / dbh_cm), np.log(dbh_cm / most))
    return np.nan_to_num(np.maximum(beyond, 0.0))


def _mean(ways: Sequence[_Way]) -> _Way:
    """Return the mean of several equations, the spread between them added to what trees share."""
    if len(ways) == 1:
        return ways[0]
    value = np.mean([one.value for one in ways], axis=0)
    spread = np.std([one.value for one in ways], axis=0)
    weighted = {
        name: np.mean([one.value * getattr(one, name) for one in ways], axis=0) / value
        for name in ("by_height", "by_crown", "own_share", "shared_share")
    }
    weighted["shared_share"] = np.hypot(weighted["shared_share"], spread / value)
    return _Way(value, **weighted)


def _root_sum(first: Floats, *others: Floats | float) -> Floats:
    total = first * first
    for one in others:
        total = total + one * one
    return np.sqrt(total)


def join_ids(equations: Sequence[Equation]) -> str:
    """Return the id of a mean of equations: that of one, of both types, or their common beginning and how many.

    Examples
    --------
    >>> from survey.allometry.registry import find_equations
    >>> join_ids(find_equations("volume_m3", place="global"))
    'form-factor-unknown'
    """
    if len(equations) == 1:
        return equations[0].id
    first = equations[0].id.split("-")
    same = [word for at, word in enumerate(first) if all(one.id.split("-")[at : at + 1] == [word] for one in equations)]
    if all(one.taxon == one.forest for one in equations):
        return "-".join([*same, "unknown"])
    return "-".join([*(same or ["several"]), f"mean-of-{len(equations)}"])
