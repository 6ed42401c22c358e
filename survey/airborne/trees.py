"""From what a tile holds to trees with all their figures, modelled ones included."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.heights import CROWN_SHARED, HEIGHT_SHARED_M, ApexReturn, guess_crown, relate_crowns
from survey.airborne.result import TreeEstimate
from survey.airborne.tile import TileTrees
from survey.algorithm import StepDone
from survey.allometry import StockColumns, StockModels, TreeColumns, gather_sizes
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import WorldPositions


@dataclass(frozen=True, slots=True)
class PlotFacts:
    """What holds for all trees of a plot.

    Attributes
    ----------
    models
        Equations for stem diameter, volume, biomass and carbon.
    is_normalized
        Whether there is no ground elevation.
    area_m2
        Ground covered.
    """

    models: StockModels
    is_normalized: bool
    area_m2: float


@dataclass(frozen=True, slots=True)
class _Size:
    """Height and crown of one tree."""

    height_m: Estimate
    crown_m: Estimate | None


def measure_trees(
    found: TileTrees,
    apex_units: NDArray[np.int32],
    facts: PlotFacts,
    world: WorldPositions | None,
    *,
    heights: ApexReturn,
) -> tuple[TreeEstimate, ...]:
    """Return the trees of a plot, canopy trees first.

    Parameters
    ----------
    found
        Tops and crowns.
    apex_units
        The file's integers of each apex return, shape (n, 3).
    facts
        What holds for the whole plot.
    world
        Longitude and latitude of the apexes, in their order; none in a local frame.
    heights
        How heights follow from apex returns.
    """
    sizes = _measure_sizes(found)
    dead = [form is not None and form.status == "standing-dead" for form in found.forms or [None] * len(sizes)]
    stocks = _model_stocks([None if is_dead else size for size, is_dead in zip(sizes, dead, strict=True)], facts)
    build = partial(_build_tree, found, apex_units.tolist(), facts, world, heights)
    columns = stocks.dbh_cm, stocks.volume_m3, stocks.biomass_kg, stocks.carbon_kg
    rows = zip(*(column.to_list() for column in columns), strict=True)
    return tuple(build(number, sizes[number], row) for number, row in enumerate(rows))


def _measure_sizes(found: TileTrees) -> list[_Size]:
    free = ~found.is_hidden
    relation = relate_crowns(found.height_m[free], found.crown_diameter_m[free])
    sizes = []
    columns = found.height_m, found.height_error_m, found.crown_diameter_m, found.crown_error_m, found.is_hidden
    for tall, tall_error, wide, wide_error, is_hidden in zip(*(one.tolist() for one in columns), strict=True):
        crown: Estimate | None = Estimate(wide, wide_error, CROWN_SHARED * wide, "crown-equal-area")
        if is_hidden:
            crown = guess_crown(relation, tall) if relation else None
        sizes.append(_Size(Estimate(tall, tall_error, HEIGHT_SHARED_M, "apex-return"), crown))
    return sizes


def _outline(polygon: shapely.Polygon | None) -> Ring | None:
    """Return a polygon's outer ring in millimetres, the resolution of records."""
    if polygon is None:
        return None
    return tuple((round(x, 3), round(y, 3)) for x, y in shapely.get_coordinates(polygon.exterior).tolist())


def _model_stocks(sizes: list[_Size | None], facts: PlotFacts) -> StockColumns:
    """Return stocks of living trees: equations say nothing of a dead one, whose crown is bare."""
    nothing = [None] * len(sizes)
    heights = gather_sizes([None if one is None else one.height_m for one in sizes])
    crowns = gather_sizes([None if one is None else one.crown_m for one in sizes])
    trees = TreeColumns(heights, crowns, gather_sizes(nothing))
    return facts.models.estimate_columns(trees, area_m2=facts.area_m2)


def _build_tree(  # noqa: PLR0913 - the first five are bound once for all trees
    found: TileTrees,
    apex_units: list[list[int]],
    facts: PlotFacts,
    world: WorldPositions | None,
    heights: ApexReturn,
    number: int,
    size: _Size,
    stocks: tuple[Estimate | None, Estimate | None, Estimate | None, Estimate | None],
) -> TreeEstimate:
    is_hidden = bool(found.is_hidden[number])
    x_units, y_units, z_units = apex_units[number]
    dbh, volume, biomass, carbon = stocks
    return TreeEstimate(
        x_m=float(found.x_m[number]),
        y_m=float(found.y_m[number]),
        position_error_m=heights.hidden_position_error_m if is_hidden else heights.position_error_m,
        longitude_deg=float(world.longitude_deg[number]) if world else None,
        latitude_deg=float(world.latitude_deg[number]) if world else None,
        apex_z_m=float(found.z_m[number]),
        ground_m=None if facts.is_normalized else float(found.ground_m[number]),
        apex_xyz_units=(x_units, y_units, z_units),
        is_hidden=is_hidden,
        confidence=float(found.confidence[number]),
        height_m=size.height_m,
        crown_diameter_m=size.crown_m,
        crown_outline=_outline(found.outlines[number]),
        dbh_cm=dbh,
        volume_m3=volume,
        biomass_kg=biomass,
        carbon_kg=carbon,
        form=found.forms[number] if found.forms else None,
    )


def describe_stocks(models: StockModels) -> StepDone:
    """Return what records say of the equations for stem diameter, volume, biomass and carbon."""
    # Diameters are modelled here, and biomass then comes from height and crown where there are equations for it.
    chosen = models.biomass_by_crown or models.biomass_by_dbh
    # The paper is the first word of an equation's id; each figure's record names the whole id.
    paper = chosen[0].id.partition("-")[0] if chosen else "none"
    doi = chosen[0].source.doi if chosen else None
    settings = {"forest": models.forest, "species": models.species, "region": models.region}
    return StepDone("estimate_stocks", paper, doi, tuple((name, text) for name, text in settings.items() if text))


def warn_of_dead(count: int) -> tuple[str, ...]:
    """Return what a reader must know of the figures of so many standing dead trees.

    Examples
    --------
    >>> warn_of_dead(0)
    ()
    """
    if not count:
        return ()
    return (f"the {count} standing dead have no stem diameter and stocks: equations hold for living trees",)
