"""From what a tile holds to trees with all their figures, modelled ones included."""

from dataclasses import dataclass
from functools import partial
from math import fsum

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.heights import CROWN_SHARED, HEIGHT_SHARED_M, ApexReturn, guess_crown, relate_crowns
from survey.airborne.result import TreeEstimate
from survey.airborne.tile import TileTrees
from survey.allometry import ForestType, estimate_biomass, estimate_carbon, estimate_dbh, estimate_volume
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import WorldPositions


@dataclass(frozen=True, slots=True)
class PlotFacts:
    """What holds for all trees of a plot.

    Attributes
    ----------
    forest
        Which equations.
    is_normalized
        Whether there is no ground elevation.
    area_m2
        Ground covered.
    """

    forest: ForestType
    is_normalized: bool
    area_m2: float


@dataclass(frozen=True, slots=True)
class _Size:
    """Height and crown of one tree."""

    height_m: Estimate
    crown_m: Estimate | None


@dataclass(frozen=True, slots=True)
class _Stocks:
    """What is modelled from a tree's size."""

    dbh_cm: Estimate | None = None
    volume_m3: Estimate | None = None
    biomass_kg: Estimate | None = None
    carbon_kg: Estimate | None = None


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
    stocks = _model_stocks(sizes, facts)
    build = partial(_build_tree, found, apex_units.tolist(), facts, world, heights)
    return tuple(build(number, sizes[number], stocks[number]) for number in range(len(sizes)))


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


def _model_stocks(sizes: list[_Size], facts: PlotFacts) -> list[_Stocks]:
    biomass = [estimate_biomass(s.height_m, s.crown_m, facts.forest) if s.crown_m else None for s in sizes]
    density = fsum(one.value for one in biomass if one) / facts.area_m2
    stocks: list[_Stocks] = []
    for size, above in zip(sizes, biomass, strict=True):
        if size.crown_m is None or above is None:
            stocks.append(_Stocks())
            continue
        dbh = estimate_dbh(size.height_m, size.crown_m)
        volume = estimate_volume(size.height_m, dbh, facts.forest)
        carbon = estimate_carbon(above, facts.forest, density_kg_m2=density)
        stocks.append(_Stocks(dbh, volume, above, carbon))
    return stocks


def _build_tree(  # noqa: PLR0913 - the first five are bound once for all trees
    found: TileTrees,
    apex_units: list[list[int]],
    facts: PlotFacts,
    world: WorldPositions | None,
    heights: ApexReturn,
    number: int,
    size: _Size,
    stocks: _Stocks,
) -> TreeEstimate:
    is_hidden = bool(found.is_hidden[number])
    x_units, y_units, z_units = apex_units[number]
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
        dbh_cm=stocks.dbh_cm,
        volume_m3=stocks.volume_m3,
        biomass_kg=stocks.biomass_kg,
        carbon_kg=stocks.carbon_kg,
    )
