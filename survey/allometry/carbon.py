"""Carbon of a tree from its biomass: roots beside what stands above ground, and the carbon in dry matter.

Root to shoot ratios are those of the IPCC's 2006 Guidelines, volume 4, table 4.4 (after Mokany et al. 2006, doi
10.1111/j.1365-2486.2005.001043.x), the carbon fraction that of table 4.3, which the 2019 Refinement kept. For species
of the United States the fraction in wood is that of Westfall et al. (2024), doi 10.2737/WO-GTR-104, table S10a.
"""

import math
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final, Literal, TypeAlias

from survey.allometry.equation import ForestType
from survey.allometry.tables import read_rows

KnownType: TypeAlias = Literal["gymnosperm", "angiosperm"]
SQUARE_METRES_PER_HECTARE: Final = 10_000.0
_TYPES: Final[tuple[KnownType, KnownType]] = ("gymnosperm", "angiosperm")


@dataclass(frozen=True, slots=True)
class _RootClass:
    """Root to shoot ratio up to a density of biomass above ground (t/ha); its range read as two standard errors."""

    below_t_ha: float
    ratio: float
    low: float
    high: float


_ROOTS: Final[dict[KnownType, tuple[_RootClass, ...]]] = {
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
_CARBON: Final[dict[KnownType, tuple[float, float]]] = {"gymnosperm": (0.51, 0.02), "angiosperm": (0.48, 0.01)}
_SPECIES_FRACTION_ERROR: Final = 0.01
"""A species' fraction is of its wood; bark and branches differ by about a hundredth."""


@dataclass(frozen=True, slots=True)
class CarbonFactor:
    """What biomass above ground is multiplied by.

    Attributes
    ----------
    factor
        Carbon above and below ground over dry biomass above ground.
    shared_share
        Its relative standard error, for all trees alike.
    model
        Its id.
    """

    factor: float
    shared_share: float
    model: str


def find_carbon_fraction(taxon: str | None) -> float | None:
    """Return the carbon fraction of a taxon's wood; nothing where none was measured.

    Examples
    --------
    >>> find_carbon_fraction("Acer rubrum")
    0.485733333
    """
    if taxon is None:
        return None
    found = [row["carbon_percent"] for row in read_rows("nsvb2024") if row["taxon"] == taxon and row["carbon_percent"]]
    return float(found[0]) / 100.0 if found else None


def compute_carbon_factor(
    forest: ForestType, *, density_kg_m2: float | None, fraction: float | None = None
) -> CarbonFactor:
    """Return the factor from biomass above ground to carbon above and below ground.

    Parameters
    ----------
    forest
        Type; where unknown, the mean of both, their spread as further shared error.
    density_kg_m2
        Biomass above ground over the plot's area, which decides the share of roots; where unknown, the mean of all.
    fraction
        Carbon in dry matter, if known better than by type.

    Examples
    --------
    >>> round(compute_carbon_factor("gymnosperm", density_kg_m2=10.0).factor, 4)
    0.6579
    """
    types = _TYPES if forest == "unknown" else (forest,)
    ways = [_factor(one, density_kg_m2, fraction) for one in types]
    factor = fmean(value for value, _ in ways)
    share = math.hypot(fmean(value * error for value, error in ways), pstdev([value for value, _ in ways])) / factor
    source = "ipcc2006" if fraction is None else "ipcc2006-nsvb2024"
    return CarbonFactor(factor, share, f"{source}-carbon-{forest}")


def _factor(forest: KnownType, density_kg_m2: float | None, fraction: float | None) -> tuple[float, float]:
    """Return the factor of one type and its relative error."""
    ratio, ratio_error = _root_ratio(forest, density_kg_m2)
    carbon, carbon_error = _CARBON[forest] if fraction is None else (fraction, _SPECIES_FRACTION_ERROR)
    return (1.0 + ratio) * carbon, math.hypot(ratio_error / (1.0 + ratio), carbon_error / carbon)


def _root_ratio(forest: KnownType, density_kg_m2: float | None) -> tuple[float, float]:
    classes = _ROOTS[forest]
    if density_kg_m2 is not None:
        tonnes_ha = density_kg_m2 * SQUARE_METRES_PER_HECTARE / 1_000.0
        # The last class has no upper end, so one always fits, also when the density is not a number.
        classes = (next((one for one in classes if tonnes_ha < one.below_t_ha), classes[-1]),)
    errors = [(one.high - one.low) / 4.0 for one in classes]
    ratios = [one.ratio for one in classes]
    return fmean(ratios), math.hypot(fmean(errors), pstdev(ratios))
