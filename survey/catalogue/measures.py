"""Sizes and stocks of a catalogue's trees, batch by batch: the figures of `survey.airborne.trees`, as columns."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.airborne.forms import SURE
from survey.airborne.heights import CROWN_SHARED, HEIGHT_SHARED_M, CrownRelation, guess_crown
from survey.allometry import Sizes, StockColumns, StockModels, TreeColumns, estimate_stocks
from survey.catalogue.numbering import TreeBatch

HEIGHT_MODEL: Final = "apex-return"
CROWN_MODEL, HIDDEN_CROWN_MODEL = "crown-equal-area", "plot-crown-of-height"


@dataclass(frozen=True, slots=True)
class StandFacts:
    """What the stocks of a tree need to know of all trees.

    Attributes
    ----------
    models
        Which equations.
    crowns
        Crown diameter over height; none where no relation holds.
    biomass_kg_m2
        Dry, above ground, over the area covered.
    """

    models: StockModels
    crowns: CrownRelation | None
    biomass_kg_m2: float


def measure_stand(
    batches: Iterable[TreeBatch], crowns: CrownRelation | None, area_m2: float, models: StockModels
) -> StandFacts:
    """Return what must be known of all trees before the stocks of one can be told."""
    total = math.fsum(_sum_biomass(batch, crowns, models) for batch in batches)
    return StandFacts(models, crowns, total / area_m2)


def measure_batch(batch: TreeBatch, stand: StandFacts) -> tuple[TreeColumns, StockColumns]:
    """Return sizes and stocks of trees."""
    sizes = _measure_sizes(batch, stand.crowns)
    return sizes, estimate_stocks(stand.models, _of_living(batch, sizes), density_kg_m2=stand.biomass_kg_m2)


def _sum_biomass(batch: TreeBatch, crowns: CrownRelation | None, models: StockModels) -> float:
    found = estimate_stocks(models, _of_living(batch, _measure_sizes(batch, crowns))).biomass_kg.value
    return math.fsum(found[~np.isnan(found)].tolist())


def _measure_sizes(batch: TreeBatch, crowns: CrownRelation | None) -> TreeColumns:
    height, wide = batch.columns["height_m"], batch.columns["crown_diameter_m"]
    nothing = np.zeros(len(batch))
    unknown = Sizes(np.full(len(batch), np.nan), nothing, nothing)
    value, own, shared = wide.copy(), np.nan_to_num(batch.columns["crown_error_m"]), np.nan_to_num(CROWN_SHARED * wide)
    for at in np.flatnonzero(batch.columns["is_hidden"]).tolist() if crowns else ():
        value[at], own[at], shared[at] = _guess(crowns, float(height[at]))
    tall = Sizes(height, batch.columns["height_error_m"], np.full(len(batch), HEIGHT_SHARED_M))
    return TreeColumns(tall, Sizes(value, own, shared), unknown)


def _of_living(batch: TreeBatch, sizes: TreeColumns) -> TreeColumns:
    """Return sizes without those of dead trees: equations say nothing of a dead one, whose crown is bare."""
    dead = batch.columns["dead_probability"] >= SURE
    tall, wide = (
        Sizes(
            np.where(dead, np.nan, one.value), np.where(dead, 0.0, one.own_error), np.where(dead, 0.0, one.shared_error)
        )
        for one in (sizes.height_m, sizes.crown_m)
    )
    return TreeColumns(tall, wide, sizes.dbh_cm)


def _guess(crowns: CrownRelation | None, height_m: float) -> tuple[float, float, float]:
    if crowns is None:
        return math.nan, 0.0, 0.0
    found = guess_crown(crowns, height_m)
    return found.value, found.own_error, found.shared_error
