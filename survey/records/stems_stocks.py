"""What stands in trees whose stems were measured: equations take the measured diameter, and the height where seen.

A tree that forks below breast height is the sum of its stems, as field rules count them; what a stem's figures are off
is taken to be shared by the stems of one tree, so that errors of a sum are not told too small.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from survey.allometry import BREAST_HEIGHT_M, StockColumns, StockModels, TreeColumns, gather_sizes
from survey.estimate import Estimate
from survey.terrestrial.diameter import BayesianFrustum
from survey.terrestrial.result import Stem, StemTree

DIAMETER_MODEL = BayesianFrustum.NAME
"""Named in records as the method of diameters."""
TOP_MODEL = "highest-point-from-below"
"""The same of heights."""


@dataclass(frozen=True, slots=True)
class TreeStocks:
    """What stands in one tree; absent where no equation goes by what was measured.

    Attributes
    ----------
    volume_m3, biomass_kg, carbon_kg
        Stem volume; dry biomass above ground; carbon above and below ground.
    """

    volume_m3: Estimate | None = None
    biomass_kg: Estimate | None = None
    carbon_kg: Estimate | None = None


def estimate_tree_stocks(
    trees: Sequence[StemTree], models: StockModels, area_m2: float
) -> tuple[tuple[TreeStocks, ...], tuple[str, ...]]:
    """Return what stands in each tree, and what a reader of it must know.

    Parameters
    ----------
    trees
        Of one survey.
    models
        Equations for them.
    area_m2
        Ground covered: biomass over it decides the share of roots, where that of all trees is known.
    """
    if not trees:
        return (), models.notes
    rows = [(tree, stem) for tree in trees for stem in tree.stems]
    nothing = [None] * len(rows)
    sizes = TreeColumns(
        gather_sizes([estimate_height(tree) for tree, _ in rows]),
        gather_sizes(nothing),
        gather_sizes([estimate_diameter(stem) for _, stem in rows]),
    )
    stocks = models.estimate_columns(sizes, area_m2=area_m2)
    if not stocks.biomass_kg.is_known.all():
        # Biomass of some trees alone would make the stand look thinner than it is.
        stocks = models.estimate_columns(sizes)
    columns = [column.to_list() for column in (stocks.volume_m3, stocks.biomass_kg, stocks.carbon_kg)]
    ends = list(accumulate(len(tree.stems) for tree in trees))
    spans = zip([0, *ends], ends, strict=False)
    found = tuple(TreeStocks(*(_add_stems(column[first:last]) for column in columns)) for first, last in spans)
    return found, (*models.notes, *_note(trees, models, stocks))


def estimate_height(tree: StemTree) -> Estimate | None:
    """Return a tree's height in metres where its top is seen."""
    if not tree.is_height_seen or tree.height_error_m is None:
        return None
    return Estimate(tree.height_m, tree.height_error_m, 0.0, TOP_MODEL)


def estimate_diameter(stem: Stem) -> Estimate:
    """Return a stem's diameter in centimetres."""
    return Estimate(stem.diameter_cm, stem.diameter_error_cm, 0.0, DIAMETER_MODEL)


def _add_stems(stems: Sequence[Estimate | None]) -> Estimate | None:
    known = [one for one in stems if one is not None]
    if len(known) < len(stems):
        return None
    return Estimate(
        math.fsum(one.value for one in known),
        math.fsum(one.own_error for one in known),
        math.fsum(one.shared_error for one in known),
        known[0].model,
    )


def _note(trees: Sequence[StemTree], models: StockModels, stocks: StockColumns) -> list[str]:
    notes = []
    known, count = stocks.biomass_kg.is_known, stocks.biomass_kg.is_known.size
    if not known.all() and not models.biomass_by_dbh:
        notes.append(
            "biomass and carbon not available: no equation goes by stem diameter alone; name species or region"
        )
    elif not known.all():
        notes.append(
            f"biomass and carbon not available for {int((~known).sum())} of {count} stems: their tops are hidden"
        )
    if stocks.is_outside.any():
        outside = int(stocks.is_outside.sum())
        notes.append(
            f"{outside} of {count} stem diameters lie outside the range of an equation; their errors are widened"
        )
    heights = {round(stem.at_height_m, 3) for tree in trees for stem in tree.stems}
    if not np.allclose(list(heights), BREAST_HEIGHT_M):
        at = ", ".join(f"{height:g}" for height in sorted(heights))
        notes.append(f"equations hold for diameters at {BREAST_HEIGHT_M:g} m; those at {at} m were taken for them")
    return notes
