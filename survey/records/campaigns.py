"""Signed records as campaigns that can be compared: what was known of some ground, and what a survey found there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import pyproj
import shapely

from domain.cid import Cid
from domain.records import result as bodies
from domain.records.measured import is_stem_measured
from survey.cloud import Floats
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import CloudCrs, parse_crs, to_world
from survey.linking.trees import LARGEST_ERROR_M, TALLEST_M
from survey.resurvey.seen import CampaignSeen, SeenShare, TreeSeen

_MILLI: Final = 1_000.0
_MILLION: Final = 1e6
_NANO: Final = 1e9
_WORLD: Final = "EPSG:4326"
_YEAR_MS: Final = 365.2425 * 86_400_000.0
_LOCAL: Final = "local:"
_LEAST_HEIGHT: Final = "min_height_m"
_REACH_M: Final = 20.0
"""How far beyond a survey's ground known trees are looked for: the largest shift, their errors, and a margin."""
_LEAST_ERROR_M: Final = 0.001
"""Positions are told to the millimetre."""
_UNKNOWN_FLOOR_M: Final = 3.0
"""Height from which surveys list trees where they do not say."""

Places: TypeAlias = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class KnownSurvey:
    """An earlier survey.

    Attributes
    ----------
    survey
        How it was made.
    closing
        How complete it is; absent where that has not come.
    """

    survey: bodies.Survey
    closing: bodies.Result | None


@dataclass(frozen=True, slots=True)
class KnownForest:
    """What was known of some ground.

    Attributes
    ----------
    trees
        The latest record of each tree, by name.
    surveys
        Those that these records come from, by name.
    """

    trees: Mapping[Cid, bodies.Tree]
    surveys: Mapping[Cid, KnownSurvey]


@dataclass(frozen=True, slots=True)
class Found:
    """What a survey found, before it is signed.

    Attributes
    ----------
    survey, trees, closing
        Bodies, with new codes for all trees.
    """

    survey: bodies.Survey
    trees: tuple[bodies.Tree, ...]
    closing: bodies.Result


def tell_time_ms(survey: bodies.Survey) -> int:
    """Return when a survey's evidence was taken, as far as it says; else when it was made."""
    return survey.at_ms if survey.taken_ms is None else survey.taken_ms


def tell_year(time_ms: int) -> float:
    """Return a UTC time as a year with its fraction.

    Examples
    --------
    >>> round(tell_year(0), 3), round(tell_year(1_751_328_000_000), 2)
    (1970.0, 2025.5)
    """
    return 1970.0 + time_ms / _YEAR_MS


def read_found(found: Found, labels: Collection[str]) -> CampaignSeen:
    """Return what a survey found as a campaign.

    Parameters
    ----------
    found
        The survey.
    labels
        Known codes; a tree found that has one of them is that tree, since both come from the same evidence.
    """
    places = _list_native(found.trees)
    return CampaignSeen(
        at_year=tell_year(tell_time_ms(found.survey)),
        trees=_see_trees(list(found.trees), places, np.zeros(len(found.trees)), labels=labels),
        covered=_read_rings(found.closing),
        seen=_read_shares(found.closing),
        least_height_m=_tell_floor(found.survey),
    )


def read_known(known: KnownForest, crs: str, labels: Collection[str]) -> CampaignSeen:
    """Return what was known as one campaign, in a new survey's CRS; trees that have no place in it are left out.

    Parameters
    ----------
    known
        Trees and the surveys that they come from, of which there is one at least.
    crs
        Of the new survey, as its record says it.
    labels
        See `read_found`; of use where the known side is the later one.
    """
    target = parse_crs(crs)
    records = [cid for cid, tree in known.trees.items() if _has_place(tree, crs)]
    trees = [known.trees[cid] for cid in records]
    years = {cid: tell_year(tell_time_ms(one.survey)) for cid, one in known.surveys.items()}
    latest = max(years, key=lambda cid: (years[cid], bytes(cid)))
    seen = _see_trees(trees, *_bring_over(trees, crs, target), labels=labels, records=records)
    # The surest word on completeness is the latest survey's that says one; a crew's says none.
    telling = [cid for cid, one in known.surveys.items() if one.closing is not None and one.closing.detection]
    closing = known.surveys[max(telling or [latest], key=lambda cid: (years[cid], bytes(cid)))].closing
    return CampaignSeen(
        at_year=years[latest],
        trees=tuple(
            _date(one, years.get(tree.survey, years[latest]), years[latest])
            for one, tree in zip(seen, trees, strict=True)
        ),
        covered=_join_covered(known.surveys.values(), crs, target),
        seen=_read_shares(closing) if closing else (),
        least_height_m=max(_tell_floor(one.survey) for one in known.surveys.values()),
    )


def place_known(trees: Mapping[Cid, bodies.Tree], crs: str) -> dict[Cid, TreeSeen]:
    """Return known trees as seen at their places in a CRS; those that have no place in it are left out."""
    records = [cid for cid, tree in trees.items() if _has_place(tree, crs)]
    chosen = [trees[cid] for cid in records]
    seen = _see_trees(chosen, *_bring_over(chosen, crs, parse_crs(crs)), labels=(), records=records)
    return dict(zip(records, seen, strict=True))


def enclose_ground(closing: bodies.Result, crs: str) -> tuple[int, int, int, int] | None:
    """Return west, south, east and north of where known trees are looked for, 10^-9 degree; nothing in a local frame.

    Raises
    ------
    InvalidCrs
        When the CRS has no way to WGS 84.
    """
    target = parse_crs(crs)
    if target.is_local:
        return None
    edge = np.array([point for ring in _read_rings(closing) for point in ring])
    (west, south), (east, north) = edge.min(axis=0) - _REACH_M, edge.max(axis=0) + _REACH_M
    # Points along the edge, not the corners alone: meridians bend in a projected CRS.
    along = np.linspace(0.0, 1.0, 9)
    x = np.concatenate([west + (east - west) * along] * 2 + [np.full(9, west), np.full(9, east)])
    y = np.concatenate([np.full(9, south), np.full(9, north)] + [south + (north - south) * along] * 2)
    world = to_world(target, x, y)
    low, high = np.floor, np.ceil
    return (
        int(low(world.longitude_deg.min() * _NANO)),
        int(low(world.latitude_deg.min() * _NANO)),
        int(high(world.longitude_deg.max() * _NANO)),
        int(high(world.latitude_deg.max() * _NANO)),
    )


def _has_place(tree: bodies.Tree, crs: str) -> bool:
    position = tree.position
    is_native = position.crs == crs and position.x_mm is not None and position.y_mm is not None
    return is_native or (position.lon_nd is not None and position.lat_nd is not None and not crs.startswith(_LOCAL))


def _list_native(trees: Sequence[bodies.Tree]) -> Places:
    x = np.array([np.nan if tree.position.x_mm is None else tree.position.x_mm for tree in trees], dtype=np.float64)
    y = np.array([np.nan if tree.position.y_mm is None else tree.position.y_mm for tree in trees], dtype=np.float64)
    return x / _MILLI, y / _MILLI


def _bring_over(trees: Sequence[bodies.Tree], crs: str, target: CloudCrs) -> tuple[Places, Floats]:
    """Return the places of trees in a CRS, and the error of those that were brought over from another one."""
    x, y = _list_native(trees)
    error = np.zeros(len(trees))
    foreign = np.array([tree.position.crs != crs for tree in trees], dtype=np.bool_)
    if foreign.any():
        chosen = [tree.position for tree, is_foreign in zip(trees, foreign, strict=True) if is_foreign]
        longitude = np.array([(position.lon_nd or 0) / _NANO for position in chosen])
        latitude = np.array([(position.lat_nd or 0) / _NANO for position in chosen])
        x[foreign], y[foreign] = _from_world(target, longitude, latitude)
        error[foreign] = [(position.operation_error_mm or 0) / _MILLI for position in chosen]
    return (x, y), error


def _from_world(crs: CloudCrs, longitude_deg: Floats, latitude_deg: Floats) -> Places:
    way = pyproj.Transformer.from_crs(_WORLD, pyproj.CRS.from_wkt(crs.horizontal_wkt), always_xy=True)
    x, y = way.transform(longitude_deg, latitude_deg, errcheck=True)
    return np.asarray(x, dtype=np.float64) * crs.unit_m, np.asarray(y, dtype=np.float64) * crs.unit_m


def _see_trees(
    trees: Sequence[bodies.Tree],
    places: Places,
    moved_error_m: Floats,
    *,
    labels: Collection[str],
    records: Sequence[Cid] | None = None,
) -> tuple[TreeSeen, ...]:
    names: Sequence[Cid | None] = records or [None] * len(trees)
    return tuple(
        TreeSeen(
            code=tree.code,
            x_m=float(x),
            y_m=float(y),
            place_error_m=float(
                np.clip(np.hypot(tree.position.error_mm / _MILLI, moved), _LEAST_ERROR_M, LARGEST_ERROR_M)
            ),
            height_m=None
            if tree.height_mm is None or tree.is_top_hidden
            else _keep_possible(_in_metres(tree.height_mm), TALLEST_M),
            crown_m=_keep_possible(_in_metres(tree.crown.diameter_mm), 10.0 * TALLEST_M) if tree.crown else None,
            dbh_cm=_keep_possible(_read_diameter(tree), 10.0 * TALLEST_M),
            status=tree.status,
            confidence=tree.confidence_ppm / _MILLION,
            record=record,
            label=tree.code if tree.code in labels else None,
        )
        for tree, record, x, y, moved in zip(trees, names, *places, moved_error_m, strict=True)
    )


def _keep_possible(estimate: Estimate | None, most: float) -> Estimate | None:
    """Return a size that can be compared; what a record says beyond that is worth no more than nothing."""
    error = 0.0 if estimate is None else float(np.hypot(estimate.own_error, estimate.shared_error))
    if estimate is None or not 0.0 < estimate.value < most or not 0.0 < error <= LARGEST_ERROR_M:
        return None
    return estimate


def _in_metres(estimate: bodies.Estimate) -> Estimate:
    return Estimate(
        estimate.value / _MILLI, estimate.own_error / _MILLI, estimate.shared_error / _MILLI, estimate.model
    )


def _read_diameter(tree: bodies.Tree) -> Estimate | None:
    """Return a stem's diameter where it was measured: one modelled from height and crown says nothing of its own."""
    if not is_stem_measured(tree):
        return None
    thickest = max((stem.diameter_mm for stem in tree.stems or ()), key=lambda one: one.value)
    return Estimate(thickest.value / 10.0, thickest.own_error / 10.0, thickest.shared_error / 10.0, thickest.model)


def _date(tree: TreeSeen, year: float, campaign_year: float) -> TreeSeen:
    """Return a tree with when it was last seen, where that was before its campaign."""
    return tree if year >= campaign_year else replace(tree, at_year=year)


def _read_rings(closing: bodies.Result) -> tuple[Ring, ...]:
    return tuple(
        tuple((x / _MILLI, y / _MILLI) for x, y in zip(ring[::2], ring[1::2], strict=True)) for ring in closing.covered
    )


def _read_shares(closing: bodies.Result) -> tuple[SeenShare, ...]:
    return tuple(
        SeenShare(one.from_mm / _MILLI, one.to_mm / _MILLI, one.probability_ppm / _MILLION)
        for one in closing.detection or ()
    )


def _tell_floor(survey: bodies.Survey) -> float:
    """Return the height from which a survey lists trees."""
    stated = [
        float(parameter.value)
        for step in survey.steps
        for parameter in step.parameters or ()
        if parameter.name == _LEAST_HEIGHT and parameter.value.replace(".", "", 1).isdecimal()
    ]
    return min(stated, default=_UNKNOWN_FLOOR_M)


def _join_covered(surveys: Iterable[KnownSurvey], crs: str, target: CloudCrs) -> tuple[Ring, ...]:
    """Return the ground that any of the surveys covered, as rings that an odd-even rule reads."""
    grounds = [_ground(one.closing, one.survey.crs, crs, target) for one in surveys if one.closing]
    joined = shapely.union_all(grounds) if grounds else shapely.Polygon()
    rings: list[Ring] = []
    for part in shapely.get_parts(joined):
        if isinstance(part, shapely.Polygon) and not part.is_empty:
            rings += [tuple(ring.coords) for ring in (part.exterior, *part.interiors)]
    return tuple(rings)


def _ground(closing: bodies.Result, of: str, crs: str, target: CloudCrs) -> shapely.Geometry:
    ground: shapely.Geometry = shapely.Polygon()
    if of != crs and (target.is_local or of.startswith(_LOCAL)):
        return ground
    for ring in _read_rings(closing):
        moved = ring if of == crs else _move_ring(ring, of, target)
        # A hole lies within its outer ring: what both hold is taken away.
        ground = ground.symmetric_difference(shapely.make_valid(shapely.Polygon(moved)))
    return ground


def _move_ring(ring: Ring, of: str, target: CloudCrs) -> Ring:
    source = parse_crs(of)
    x, y = np.array(ring).T
    world = to_world(source, np.ascontiguousarray(x), np.ascontiguousarray(y))
    east, north = _from_world(target, world.longitude_deg, world.latitude_deg)
    return tuple(zip(east.tolist(), north.tolist(), strict=True))
