"""From tops and crowns to trees with all their figures."""

from dataclasses import dataclass
from functools import partial
from math import fsum

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.airborne.crowns import Crowns
from survey.airborne.detection import canopy_confidence, hidden_confidence
from survey.airborne.heights import ApexReturn, estimate_crown, estimate_height, guess_crown, relate_crowns
from survey.airborne.locate import Tops
from survey.airborne.result import TreeEstimate
from survey.airborne.understory import HiddenTops
from survey.allometry import ForestType, estimate_biomass, estimate_carbon, estimate_dbh, estimate_volume
from survey.cloud import Floats, Points, RawCloud
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import WorldPositions


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Everything found on a plot before it becomes trees.

    Attributes
    ----------
    raw, points, above_m
        The file's points, those used, and their heights above ground, shape (n,).
    tops, crowns, hidden
        What was found.
    """

    raw: RawCloud
    points: Points
    above_m: Floats
    tops: Tops
    crowns: Crowns
    hidden: HiddenTops

    @property
    def apexes(self) -> NDArray[np.int64]:
        """Index of each tree's apex among the points: canopy trees, then hidden ones."""
        return np.concatenate([self.crowns.apex, self.hidden.point])


@dataclass(frozen=True, slots=True)
class PlotFacts:
    """What holds for all trees of a plot.

    Attributes
    ----------
    forest
        Which equations.
    is_normalized
        Whether there is no ground elevation.
    first_density
        First echoes a square metre.
    area_m2
        Ground covered.
    """

    forest: ForestType
    is_normalized: bool
    first_density: float
    area_m2: float


@dataclass(frozen=True, slots=True)
class _Size:
    """Height, crown and outline of one tree."""

    height_m: Estimate
    crown_m: Estimate | None
    outline: Ring | None


@dataclass(frozen=True, slots=True)
class _Stocks:
    """What is modelled from a tree's size."""

    dbh_cm: Estimate | None = None
    volume_m3: Estimate | None = None
    biomass_kg: Estimate | None = None
    carbon_kg: Estimate | None = None


def measure_trees(
    found: Found, facts: PlotFacts, world: WorldPositions | None, heights: ApexReturn
) -> tuple[TreeEstimate, ...]:
    """Return the trees of a plot, canopy trees first.

    Parameters
    ----------
    found
        Tops and crowns.
    facts
        What holds for the whole plot.
    world
        Longitude and latitude of the apexes, in their order; none in a local frame.
    heights
        How heights follow from apex returns.
    """
    sizes = _measure_sizes(found, facts.first_density, heights)
    stocks = _model_stocks(sizes, facts)
    confidence = np.concatenate(
        [
            canopy_confidence(found.tops.prominence_m[found.crowns.top] / found.tops.height_m[found.crowns.top]),
            hidden_confidence(found.hidden.support),
        ]
    )
    build = partial(_build_tree, found, facts, world, heights)
    return tuple(
        build(number, sizes[number], stocks[number], float(confidence[number])) for number in range(len(sizes))
    )


def _measure_sizes(found: Found, first_density: float, heights: ApexReturn) -> list[_Size]:
    height = partial(estimate_height, first_density=first_density, algorithm=heights)
    canopy = [
        _Size(height(float(above), is_hidden=False), None, _outline(polygon))
        for above, polygon in zip(found.above_m[found.crowns.apex], found.crowns.outlines, strict=True)
    ]
    tall = np.array([size.height_m.value for size in canopy])
    diameters = found.crowns.diameter_m
    sized = [
        _Size(size.height_m, estimate_crown(float(diameter), size.height_m.value, first_density), size.outline)
        for size, diameter in zip(canopy, diameters, strict=True)
    ]
    relation = relate_crowns(tall, diameters)
    for above in found.above_m[found.hidden.point]:
        one = height(float(above), is_hidden=True)
        sized.append(_Size(one, guess_crown(relation, one.value) if relation else None, None))
    return sized


def _outline(polygon: shapely.Polygon) -> Ring:
    """Return a polygon's outer ring in millimetres, the resolution of records."""
    return tuple((round(x, 3), round(y, 3)) for x, y in polygon.exterior.coords)


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


def _build_tree(  # noqa: PLR0913 - the first four are bound once for all trees
    found: Found,
    facts: PlotFacts,
    world: WorldPositions | None,
    heights: ApexReturn,
    number: int,
    size: _Size,
    stocks: _Stocks,
    confidence: float,
) -> TreeEstimate:
    is_hidden = number >= found.crowns.apex.size
    point = int(found.apexes[number])
    z = float(found.points.z_m[point])
    x_units, y_units, z_units = found.raw.units[found.points.source[point]].tolist()
    return TreeEstimate(
        x_m=float(found.points.x_m[point]),
        y_m=float(found.points.y_m[point]),
        position_error_m=heights.hidden_position_error_m if is_hidden else heights.position_error_m,
        longitude_deg=float(world.longitude_deg[number]) if world else None,
        latitude_deg=float(world.latitude_deg[number]) if world else None,
        apex_z_m=z,
        ground_m=None if facts.is_normalized else z - float(found.above_m[point]),
        apex_xyz_units=(x_units, y_units, z_units),
        is_hidden=is_hidden,
        confidence=confidence,
        height_m=size.height_m,
        crown_diameter_m=size.crown_m,
        crown_outline=size.outline,
        dbh_cm=stocks.dbh_cm,
        volume_m3=stocks.volume_m3,
        biomass_kg=stocks.biomass_kg,
        carbon_kg=stocks.carbon_kg,
    )
