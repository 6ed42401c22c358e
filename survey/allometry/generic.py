"""Stem diameter, volume, biomass and carbon of a single tree of which only the type is known.

For many trees, species and regions see `survey.allometry.choose`; both give the same.
"""

import math
from functools import cache
from typing import Final

from survey.allometry.carbon import compute_carbon_factor
from survey.allometry.equation import Equation, ForestType
from survey.allometry.registry import get_equation
from survey.estimate import Estimate

BREAST_HEIGHT_M: Final = 1.3
_STEM: Final = "jucker2017-dbh"


def estimate_dbh(height_m: Estimate, crown_m: Estimate) -> Estimate:
    """Return the stem diameter at 1.3 m, cm, by the global equation of Jucker et al. (2017), doi 10.1111/gcb.13388.

    Parameters
    ----------
    height_m, crown_m
        Height, and diameter of the circle with the crown's area.

    Examples
    --------
    >>> round(estimate_dbh(Estimate(25.0, 0.0, 0.0, "h"), Estimate(6.0, 0.0, 0.0, "c")).value, 2)
    32.14
    """
    return _of_height_and_crown(_get(f"{_STEM}-global"), height_m, crown_m)


def estimate_biomass(height_m: Estimate, crown_m: Estimate, forest: ForestType) -> Estimate:
    """Return the dry biomass above ground, kg, by the equations of Jucker et al. (2017), doi 10.1111/gcb.13388.

    Parameters
    ----------
    height_m, crown_m
        Height, and diameter of the circle with the crown's area.
    forest
        Type; where unknown, the mean of both, half of their difference as further shared error.
    """
    if forest == "unknown":
        return _between(
            estimate_biomass(height_m, crown_m, "gymnosperm"),
            estimate_biomass(height_m, crown_m, "angiosperm"),
            "jucker2017-agb-unknown",
        )
    return _of_height_and_crown(_get(f"jucker2017-agb-{forest}"), height_m, crown_m)


def estimate_volume(height_m: Estimate, dbh_cm: Estimate, forest: ForestType) -> Estimate:
    """Return the stem's volume over bark, m3: basal area times height times a breast-height form factor.

    Parameters
    ----------
    height_m, dbh_cm
        Height, and stem diameter at 1.3 m. A diameter of `estimate_dbh` scatters about its equation, which raises the
        mean of its square, and shares the height's error.
    forest
        Type; where unknown, between both.
    """
    if forest == "unknown":
        return _between(
            estimate_volume(height_m, dbh_cm, "gymnosperm"),
            estimate_volume(height_m, dbh_cm, "angiosperm"),
            "form-factor-unknown",
        )
    equation = _get(f"form-factor-{forest}")
    (term,) = equation.terms
    curved, both = 1.0, 0.0
    if dbh_cm.model.startswith(_STEM):
        stem = _get(dbh_cm.model)
        curved = math.exp(stem.own_share**2)
        both = 4.0 * stem.terms[0].height
    value = term.scale * dbh_cm.value**2 * height_m.value * curved
    own, shared = (
        math.sqrt(of_form**2 + 4.0 * of_dbh**2 + (1.0 + both) * of_height**2)
        for of_form, of_dbh, of_height in (
            (equation.own_share, dbh_cm.own_share, height_m.own_share),
            (equation.shared_share, dbh_cm.shared_share, height_m.shared_share),
        )
    )
    return Estimate(value, value * own, value * shared, equation.id)


def estimate_carbon(biomass_kg: Estimate, forest: ForestType, *, density_kg_m2: float) -> Estimate:
    """Return the carbon above and below ground, kg; see `survey.allometry.carbon` for its sources.

    Parameters
    ----------
    biomass_kg
        Dry, above ground.
    forest
        Type; where unknown, between both.
    density_kg_m2
        Biomass above ground over the plot's area, which decides the share of roots.
    """
    factor = compute_carbon_factor(forest, density_kg_m2=density_kg_m2)
    value = biomass_kg.value * factor.factor
    shared = math.hypot(biomass_kg.shared_share, factor.shared_share)
    return Estimate(value, value * biomass_kg.own_share, value * shared, factor.model)


@cache
def _get(equation_id: str) -> Equation:
    """Return an equation, found once: a plot asks for the same four for each of its trees."""
    return get_equation(equation_id)


def _of_height_and_crown(equation: Equation, height_m: Estimate, crown_m: Estimate) -> Estimate:
    """Return what an equation of one power of height times crown gives."""
    (term,) = equation.terms
    value = term.scale * equation.correction * height_m.value**term.height * crown_m.value**term.crown
    own = math.hypot(equation.own_share, term.height * height_m.own_share, term.crown * crown_m.own_share)
    shared = math.hypot(equation.shared_share, term.height * height_m.shared_share, term.crown * crown_m.shared_share)
    return Estimate(value, value * own, value * shared, equation.id)


def _between(one: Estimate, two: Estimate, model: str) -> Estimate:
    """Return the mean of two models, half of their difference added to what they share."""
    value = (one.value + two.value) / 2.0
    own = (one.own_error + two.own_error) / 2.0
    shared = math.hypot((one.shared_error + two.shared_error) / 2.0, (one.value - two.value) / 2.0)
    return Estimate(value, own, shared, model)
