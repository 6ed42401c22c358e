"""Stem diameter, volume, biomass and carbon from height and crown diameter.

Stem diameter and biomass above ground are the global equations of Jucker et al. (2017), doi 10.1111/gcb.13388; the root
to shoot ratio is that of the IPCC's 2006 Guidelines, volume 4, table 4.4 (after Mokany et al. 2006, doi
10.1111/j.1365-2486.2005.001043.x), the carbon fraction that of table 4.3, which the 2019 Refinement kept. Errors are
propagated by the delta method. They are wide: this is a model for all forests of the Earth.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from survey.errors import InvalidParameter
from survey.estimate import Estimate

ForestType: TypeAlias = Literal["gymnosperm", "angiosperm", "unknown"]
BREAST_HEIGHT_M: Final = 1.3
_SQUARE_METRES_PER_HECTARE: Final = 10_000.0

# Jucker et al. (2017), equations for stem diameter (cm) and biomass (kg) from height x crown diameter (m2).
_DBH_SCALE, _DBH_POWER = 0.557, 0.809
_AGB_SCALE, _AGB_POWER = 0.016, 2.013
_GYMNOSPERM_SCALE, _GYMNOSPERM_POWER = 0.093, -0.223
# The paper corrects the back-transformation by exp(s ** 2 / 2) with s = 0.056 and 0.204. The correction is kept as
# printed, so that values are the paper's. As standard deviations of single trees these would be too good to be true
# (6 % of a diameter from height and crown), so they are read as mean squares and their roots taken, the wider reading.
# Whether the paper means that is in doubt.
_DBH_PRINTED, _AGB_PRINTED = 0.056, 0.204
_DBH_SPREAD, _AGB_SPREAD = math.sqrt(_DBH_PRINTED), math.sqrt(_AGB_PRINTED)
# What a global equation may be off in one region, for all its trees alike. Not published as one figure: a judgement.
_DBH_REGIONAL, _AGB_REGIONAL = 0.10, 0.20
# Breast-height form factors for rough work, between a cone's 1/3 and a paraboloid's 1/2; the usual textbook values.
_FORM: Final = {"gymnosperm": 0.45, "angiosperm": 0.40}
_FORM_OWN, _FORM_SHARED = 0.08, 0.10


@dataclass(frozen=True, slots=True)
class _RootClass:
    """Root to shoot ratio up to a density of biomass above ground (t/ha); its range read as two standard errors."""

    below_t_ha: float
    ratio: float
    low: float
    high: float


_ROOTS: Final = {
    "gymnosperm": (
        _RootClass(50.0, 0.40, 0.21, 1.06),
        _RootClass(150.0, 0.29, 0.24, 0.50),
        _RootClass(math.inf, 0.20, 0.12, 0.49),
    ),
    "angiosperm": (
        _RootClass(75.0, 0.46, 0.12, 0.93),
        _RootClass(150.0, 0.23, 0.13, 0.37),
        _RootClass(math.inf, 0.24, 0.17, 0.44),
    ),
}
# Carbon fraction of dry matter and a quarter of its range: conifers 0.51 (0.47 to 0.55), broad-leaved 0.48 (0.46 to
# 0.50).
_CARBON: Final = {"gymnosperm": (0.51, 0.02), "angiosperm": (0.48, 0.01)}


def check_forest_type(forest: str) -> None:
    """Raise `InvalidParameter` unless there are equations for that type of forest."""
    if forest not in ("gymnosperm", "angiosperm", "unknown"):
        raise InvalidParameter("forest", forest, "there are equations for gymnosperm, angiosperm and unknown")


def estimate_dbh(height_m: Estimate, crown_m: Estimate) -> Estimate:
    """Return the stem diameter at 1.3 m, cm.

    Parameters
    ----------
    height_m, crown_m
        Height, and diameter of the circle with the crown's area.

    Examples
    --------
    >>> round(estimate_dbh(Estimate(25.0, 0.0, 0.0, "h"), Estimate(6.0, 0.0, 0.0, "c")).value, 2)
    32.14
    """
    value = _DBH_SCALE * (height_m.value * crown_m.value) ** _DBH_POWER * math.exp(_DBH_PRINTED**2 / 2.0)
    own = math.hypot(_DBH_SPREAD, _DBH_POWER * height_m.own_share, _DBH_POWER * crown_m.own_share)
    shared = math.hypot(_DBH_REGIONAL, _DBH_POWER * height_m.shared_share, _DBH_POWER * crown_m.shared_share)
    return Estimate(value, value * own, value * shared, "jucker2017-dbh-global")


def estimate_biomass(height_m: Estimate, crown_m: Estimate, forest: ForestType) -> Estimate:
    """Return the dry biomass above ground, kg.

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
    is_gymnosperm = forest == "gymnosperm"
    scale = _AGB_SCALE + (_GYMNOSPERM_SCALE if is_gymnosperm else 0.0)
    power = _AGB_POWER + (_GYMNOSPERM_POWER if is_gymnosperm else 0.0)
    value = scale * (height_m.value * crown_m.value) ** power * math.exp(_AGB_PRINTED**2 / 2.0)
    own = math.hypot(_AGB_SPREAD, power * height_m.own_share, power * crown_m.own_share)
    shared = math.hypot(_AGB_REGIONAL, power * height_m.shared_share, power * crown_m.shared_share)
    return Estimate(value, value * own, value * shared, f"jucker2017-agb-{forest}")


def estimate_volume(height_m: Estimate, dbh_cm: Estimate, forest: ForestType) -> Estimate:
    """Return the stem's volume over bark, m3: basal area times height times a breast-height form factor.

    Parameters
    ----------
    height_m, dbh_cm
        Height, and stem diameter at 1.3 m.
    forest
        Type; where unknown, between both.
    """
    if forest == "unknown":
        return _between(
            estimate_volume(height_m, dbh_cm, "gymnosperm"),
            estimate_volume(height_m, dbh_cm, "angiosperm"),
            "form-factor-unknown",
        )
    value = _FORM[forest] * math.pi / 4.0 * (dbh_cm.value / 100.0) ** 2 * height_m.value
    own = math.hypot(_FORM_OWN, 2.0 * dbh_cm.own_share, height_m.own_share)
    shared = math.hypot(_FORM_SHARED, 2.0 * dbh_cm.shared_share, height_m.shared_share)
    return Estimate(value, value * own, value * shared, f"form-factor-{forest}")


def estimate_carbon(biomass_kg: Estimate, forest: ForestType, *, density_kg_m2: float) -> Estimate:
    """Return the carbon above and below ground, kg.

    Parameters
    ----------
    biomass_kg
        Dry, above ground.
    forest
        Type; where unknown, between both.
    density_kg_m2
        Biomass above ground over the plot's area, which decides the share of roots.
    """
    if forest == "unknown":
        return _between(
            estimate_carbon(biomass_kg, "gymnosperm", density_kg_m2=density_kg_m2),
            estimate_carbon(biomass_kg, "angiosperm", density_kg_m2=density_kg_m2),
            "ipcc2006-carbon-unknown",
        )
    tonnes_ha = density_kg_m2 * _SQUARE_METRES_PER_HECTARE / 1_000.0
    roots = next(one for one in _ROOTS[forest] if tonnes_ha < one.below_t_ha)
    fraction, fraction_error = _CARBON[forest]
    value = biomass_kg.value * (1.0 + roots.ratio) * fraction
    root_error = (roots.high - roots.low) / 4.0 / (1.0 + roots.ratio)
    shared = math.hypot(biomass_kg.shared_share, root_error, fraction_error / fraction)
    return Estimate(value, value * biomass_kg.own_share, value * shared, f"ipcc2006-carbon-{forest}")


def _between(one: Estimate, two: Estimate, model: str) -> Estimate:
    """Return the mean of two models, half of their difference added to what they share."""
    value = (one.value + two.value) / 2.0
    own = (one.own_error + two.own_error) / 2.0
    shared = math.hypot((one.shared_error + two.shared_error) / 2.0, (one.value - two.value) / 2.0)
    return Estimate(value, own, shared, model)
