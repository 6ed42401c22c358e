"""Equations chosen for a forest, and what they give for its trees."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from survey.allometry.carbon import CarbonFactor, compute_carbon_factor
from survey.allometry.columns import (
    EstimateColumn,
    Mask,
    StockColumns,
    Stocks,
    TreeColumns,
    check_trees,
    gather_sizes,
)
from survey.allometry.equation import Equation, ForestType
from survey.allometry.predict import Stem, model_stems, predict
from survey.cloud import Floats
from survey.estimate import Estimate

MEASURED: Final = "measured"
_SQUARE_METRES: Final = math.pi / 4.0 / 100.0**2


@dataclass(frozen=True, slots=True)
class StockModels:
    """Equations chosen for a forest; `choose_models` makes it.

    Attributes
    ----------
    species, forest, region
        For what.
    dbh
        Stem diameter from height and crown, for trees without a measured one.
    biomass_by_dbh
        Biomass from stem diameter and perhaps height; none where the forest's place has none.
    biomass_by_crown
        Biomass from height and crown, for trees whose diameter would be modelled from the same.
    volume
        Stem volume from stem diameter and height.
    carbon_fraction
        Of the species' wood; absent where only the type's is known.
    notes
        What is not available, and what the user could name instead.
    """

    species: str | None
    forest: ForestType
    region: str | None
    dbh: tuple[Equation, ...]
    biomass_by_dbh: tuple[Equation, ...]
    biomass_by_crown: tuple[Equation, ...]
    volume: tuple[Equation, ...]
    carbon_fraction: float | None
    notes: tuple[str, ...]

    def estimate(
        self,
        height_m: Estimate,
        crown_m: Estimate | None,
        dbh_cm: Estimate | None,
        *,
        density_kg_m2: float | None = None,
    ) -> Stocks:
        """Return what stands in one tree.

        Parameters
        ----------
        height_m
            Height.
        crown_m
            Diameter of the circle with the crown's area; without it and without a stem diameter nothing follows.
        dbh_cm
            Stem diameter at breast height where it was measured; it is taken before any modelled one.
        density_kg_m2
            Biomass above ground over the stand's area, which decides the share of roots; without it, their mean.
        """
        trees = TreeColumns(gather_sizes([height_m]), gather_sizes([crown_m]), gather_sizes([dbh_cm]))
        return estimate_stocks(self, trees, density_kg_m2=density_kg_m2, measured=dbh_cm.model if dbh_cm else None).at(
            0
        )

    def estimate_columns(
        self, trees: TreeColumns, *, density_kg_m2: float | None = None, area_m2: float | None = None
    ) -> StockColumns:
        """Return what stands in many trees; see `estimate_stocks`."""
        return estimate_stocks(self, trees, density_kg_m2=density_kg_m2, area_m2=area_m2)


def estimate_stocks(
    models: StockModels,
    trees: TreeColumns,
    *,
    density_kg_m2: float | None = None,
    area_m2: float | None = None,
    measured: str | None = None,
) -> StockColumns:
    """Return what stands in many trees.

    Parameters
    ----------
    models
        Which equations.
    trees
        Their sizes.
    density_kg_m2
        Biomass above ground over the stand's area, which decides the share of roots.
    area_m2
        Ground of these trees: where no density is given, it follows from their biomass.
    measured
        Id of the measured stem diameters.

    Raises
    ------
    InvalidSizes
        Columns differ in length or are no sizes.
    """
    check_trees(trees)
    with np.errstate(invalid="ignore", divide="ignore"):
        stem = model_stems(models.dbh, trees, measured or MEASURED)
        volume, outside = _predict(models.volume, stem, trees)
        biomass, far = _predict_biomass(models, stem, trees)
        basal = _basal_area(stem)
    if density_kg_m2 is None and area_m2 is not None:
        density_kg_m2 = float(np.nansum(biomass.value)) / area_m2
    factor = compute_carbon_factor(models.forest, density_kg_m2=density_kg_m2, fraction=models.carbon_fraction)
    outside = outside | far
    return StockColumns(
        stem.column, basal, volume, biomass, _carbon(biomass, factor), outside, _notes(models, trees, biomass, outside)
    )


def _predict_biomass(models: StockModels, stem: Stem, trees: TreeColumns) -> tuple[EstimateColumn, Mask]:
    """Return biomass by stem diameter where there is an equation and cause for it, else by height and crown.

    Without a species, a modelled diameter knows nothing that height and crown did not, so biomass comes from them.
    """
    by_dbh, outside = _predict(models.biomass_by_dbh, stem, trees)
    if not models.biomass_by_crown:
        return by_dbh, outside
    by_crown, _ = _predict(models.biomass_by_crown, stem, trees)
    is_taped = by_dbh.is_known & (stem.column.which == 0)
    return _choose(is_taped, by_dbh, by_crown), outside & is_taped


def _predict(equations: tuple[Equation, ...], stem: Stem, trees: TreeColumns) -> tuple[EstimateColumn, Mask]:
    if equations:
        return predict(equations, stem, trees)
    nothing = np.full(len(trees), np.nan)
    nowhere = np.full(len(trees), -1, dtype=np.int8)
    return EstimateColumn(nothing, nothing, nothing, (), nowhere), np.zeros(len(trees), dtype=np.bool_)


def _choose(is_first: Mask, first: EstimateColumn, second: EstimateColumn) -> EstimateColumn:
    """Return one column's estimates where a mask says so, the other's elsewhere."""
    shifted = np.where(second.is_known, second.which + len(first.models), -1)
    return EstimateColumn(
        np.where(is_first, first.value, second.value),
        np.where(is_first, first.own_error, second.own_error),
        np.where(is_first, first.shared_error, second.shared_error),
        first.models + second.models,
        np.where(is_first, first.which, shifted).astype(np.int8),
    )


def _basal_area(stem: Stem) -> EstimateColumn:
    """Return the stems' sections; the mean square of scattered diameters is more than the square of their mean."""
    column = stem.column
    area: Floats = _SQUARE_METRES * stem.dbh_cm**2 * np.exp(stem.model_share**2)
    own, shared = (2.0 * area * error / column.value for error in (column.own_error, column.shared_error))
    return replace(column, value=area, own_error=own, shared_error=shared)


def _carbon(biomass: EstimateColumn, factor: CarbonFactor) -> EstimateColumn:
    value = biomass.value * factor.factor
    shared = np.hypot(biomass.shared_error * factor.factor, value * factor.shared_share)
    which = np.where(biomass.is_known, 0, -1).astype(np.int8)
    return EstimateColumn(value, biomass.own_error * factor.factor, shared, (factor.model,), which)


def _notes(models: StockModels, trees: TreeColumns, biomass: EstimateColumn, outside: Mask) -> tuple[str, ...]:
    notes = list(models.notes)
    bare = int((np.isnan(trees.crown_m.value) & np.isnan(trees.dbh_cm.value)).sum())
    if bare:
        notes.append(f"not available for {bare} of {len(trees)} trees: neither crown nor stem diameter is known")
    elif not biomass.is_known.all() and (models.biomass_by_dbh or models.biomass_by_crown):
        missing = len(trees) - int(biomass.is_known.sum())
        notes.append(
            f"biomass not available for {missing} of {len(trees)} trees: their crown is not known; name a region"
        )
    if outside.any():
        notes.append(
            f"{int(outside.sum())} of {len(trees)} stem diameters lie outside the range of an equation; "
            "their errors are widened"
        )
    return tuple(notes)
