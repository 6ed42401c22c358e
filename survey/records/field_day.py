"""A crew's day as trees: which of them say something new since the day was last told, and which codes they have."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyproj

from domain.cid import Cid
from domain.codes import format_code, mint_reading_code
from domain.readings import GnssFix, GnssMean, HeightShot, Reading
from domain.records.field import Observation
from survey.field.join import breast_diameter, compare
from survey.field.place import PlaceSettings, ToPlane
from survey.field.trees import FieldSettings, FieldTree, build_field_trees
from survey.files.crs import CloudCrs, parse_crs, to_world

Evidence = tuple[Cid, int]
"""An observation record and a reading's place in it, from 0."""
GroundBox = tuple[int, int, int, int]
"""West, south, east, north in 10^-9 degree."""

_NANO: Final = 1e-9
_CELL_DEG: Final = 0.005
"""Places within a cell (half a kilometre) are asked for together, so that a walk between plots asks for no more."""
_REACH_M: Final = 30.0
"""How far from a crew's place known trees are looked for: the largest common shift, and three errors of a receiver."""
_APART: Final = 2.45
"""Two axes: 95 % of places lie within so many standard errors of one axis."""
_WORLD: Final = "EPSG:4326"
_POLAR_DEG: Final = 84.0


@dataclass(frozen=True, slots=True)
class FieldDay:
    """What a crew measured on one day.

    Attributes
    ----------
    observations
        All that is known of the day, with their names.
    told
        Those of them that an earlier survey of the day was made from.
    codes
        The code that each reading's tree was given by those surveys.
    """

    observations: tuple[tuple[Cid, Observation], ...]
    told: frozenset[Cid] = frozenset()
    codes: Mapping[Evidence, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayTrees:
    """The trees of a day.

    Attributes
    ----------
    trees
        Each once, whoever measured it; `label` is the code that its label says, or that it was given before.
    told
        Keys of those that say nothing new.
    warnings
        What a reader must know.
    breast_height_mm
        Where diameters were taken, of readings that do not say.
    """

    trees: tuple[FieldTree, ...]
    told: frozenset[str]
    warnings: tuple[str, ...]
    breast_height_mm: int


@dataclass(frozen=True, slots=True)
class DayOutline:
    """What must be known before a day is told.

    Attributes
    ----------
    boxes
        Where known trees may be those that the crew measured.
    codes
        Codes that labels say, that were given before, or that the readings give.
    """

    boxes: tuple[GroundBox, ...]
    codes: tuple[str, ...]


def outline_day(day: FieldDay, secret: bytes) -> DayOutline:
    """Return what must be known before a day is told."""
    found = build_day(day, name_zone(day))
    codes = {tree.label for tree in found.trees if tree.label is not None}
    codes |= {mint_reading_code(secret, *tree.evidence[0]) for tree in found.trees}
    return DayOutline(_box_places(found.trees, parse_crs(name_zone(day))), tuple(sorted(codes)))


def name_zone(day: FieldDay) -> str:
    """Return the CRS of a day that no survey has named one for: the UTM zone (or polar cap) of its first position.

    A day without any position stands in the first zone; it has no place there.
    """
    first = next((place for _, body in day.observations for one in body.readings for place in _positions(one)), None)
    longitude, latitude = first or (-180.0, 0.0)
    if abs(latitude) > _POLAR_DEG:
        return "EPSG:32661" if latitude > 0.0 else "EPSG:32761"
    zone = int((longitude + 180.0) // 6.0) % 60 + 1
    return f"EPSG:{(32_600 if latitude >= 0.0 else 32_700) + zone}"


def build_day(day: FieldDay, crs: str) -> DayTrees:
    """Return the trees of a day, with their places in a CRS.

    A tree that is built alike from the readings that were told before says nothing new.
    """
    settings = FieldSettings(PlaceSettings(_lead_to(parse_crs(crs))))
    now = build_field_trees(day.observations, settings)
    before = build_field_trees([one for one in day.observations if one[0] in day.told], settings).trees
    known = {tree.key: tree for tree in before}
    told = {tree.key for tree in now.trees if known.get(tree.key) == tree}
    warnings: list[str] = []
    trees = _give_codes(now.trees, day.codes, warnings)
    told -= {tree.key for tree in trees if _has_lost_code(tree, day.codes)}
    joined = _join_labels(trees, told, warnings)
    _tell_lost(before, trees, day.codes, warnings)
    if now.strays:
        warnings.append(f"{len(now.strays)} measurements belong to no tree")
    told &= {tree.key for tree in joined}
    return DayTrees(joined, frozenset(told), tuple(warnings), settings.breast_height_mm)


def _move_to_world(crs: CloudCrs, x_m: Sequence[float], y_m: Sequence[float]) -> list[tuple[float, float]]:
    """Return longitude and latitude of places."""
    if not x_m:
        return []
    world = to_world(crs, np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64))
    return list(zip(world.longitude_deg.tolist(), world.latitude_deg.tolist(), strict=True))


def _positions(reading: Reading) -> list[tuple[float, float]]:
    if isinstance(reading, GnssMean | GnssFix) and reading.quality:
        return [(reading.lon_nd * _NANO, reading.lat_nd * _NANO)]
    if isinstance(reading, HeightShot) and reading.station is not None:
        return [(reading.station.lon_nd * _NANO, reading.station.lat_nd * _NANO)]
    return []


def _lead_to(crs: CloudCrs) -> ToPlane:
    way = pyproj.Transformer.from_crs(_WORLD, pyproj.CRS.from_wkt(crs.horizontal_wkt), always_xy=True)

    def lead(longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
        x, y = way.transform(longitude_deg, latitude_deg, errcheck=True)
        return float(x) * crs.unit_m, float(y) * crs.unit_m

    return lead


def _give_codes(
    trees: Sequence[FieldTree], codes: Mapping[Evidence, str], warnings: list[str]
) -> tuple[FieldTree, ...]:
    """Return trees with the codes that their readings were given before as labels; what a true label says wins.

    A code that a label says is given to another tree only where both may be one: the label came to the tree that the
    code was made for, or it hangs on another.
    """
    read: defaultdict[str, list[FieldTree]] = defaultdict(list)
    for tree in trees:
        if tree.label is not None:
            read[tree.label].append(tree)
    claimed: set[str] = set()
    labelled: list[FieldTree] = []
    for tree in trees:
        given = list(dict.fromkeys(codes[one] for one in tree.evidence if one in codes))
        free = [code for code in given if code not in claimed and all(_may_be_one(tree, one) for one in read[code])]
        if tree.label is None and free:
            labelled.append(replace(tree, label=free[0]))
            claimed.add(free[0])
        else:
            labelled.append(tree)
        warnings += [_tell_other(code, labelled[-1].label) for code in given if code != labelled[-1].label]
    return tuple(labelled)


def _has_lost_code(tree: FieldTree, codes: Mapping[Evidence, str]) -> bool:
    """Tell whether a tree was told under a code that another has now, so that it must be told under one of its own."""
    return tree.label is None and any(one in codes for one in tree.evidence)


def _may_be_one(one: FieldTree, other: FieldTree) -> bool:
    """Tell whether places allow that two visits were to one tree."""
    if one.place is None or other.place is None:
        return True
    apart = math.hypot(one.place.x_m - other.place.x_m, one.place.y_m - other.place.y_m)
    return apart <= _APART * math.hypot(one.place.error_m, other.place.error_m)


def _tell_other(code: str, label: str | None) -> str:
    now = "by readings that came later they are of two trees" if label is None else f"now {format_code(label)}"
    return f"{format_code(code)}: some of its readings were told under this code before, {now}"


def _tell_lost(
    before: Sequence[FieldTree], now: Sequence[FieldTree], codes: Mapping[Evidence, str], warnings: list[str]
) -> None:
    kept = {tree.label for tree in now} | {codes[one] for tree in now for one in tree.evidence if one in codes}
    lost = {codes[one] for tree in before for one in tree.evidence if one in codes} - kept
    warnings += [f"{format_code(code)}: no reading of the day is of this tree any more" for code in sorted(lost)]


def _join_labels(trees: Sequence[FieldTree], told: set[str], warnings: list[str]) -> tuple[FieldTree, ...]:
    """Return trees, those of one label as one: two devices may have measured it, each with a clock of its own."""
    groups: defaultdict[str, list[FieldTree]] = defaultdict(list)
    for tree in trees:
        groups[tree.key if tree.label is None else tree.label].append(tree)
    joined: list[FieldTree] = []
    for group in groups.values():
        whole = group[0]
        for other in group[1:]:
            warnings += _tell_apart(whole, other)
            if other.key not in told:
                told.discard(whole.key)
            whole = _merge(whole, other)
        joined.append(whole)
    return tuple(joined)


def _merge(one: FieldTree, other: FieldTree) -> FieldTree:
    """Return a tree measured by two: of each figure the surer one, of what was entered the second's."""
    places = [tree.place for tree in (one, other) if tree.place is not None]
    heights = [tree.height for tree in (one, other) if tree.height is not None]
    stems = {stem.at_height_m: stem for stem in one.stems}
    for stem in other.stems:
        first = stems.get(stem.at_height_m)
        if first is None or stem.diameter_cm.own_error < first.diameter_cm.own_error:
            stems[stem.at_height_m] = stem
    return replace(
        one,
        evidence=one.evidence + other.evidence,
        plot=other.plot or one.plot,
        place=min(places, key=lambda place: place.error_m, default=None),
        height=min(heights, key=lambda height: height.height_m.own_error, default=None),
        stems=tuple(stems[at] for at in sorted(stems)),
        species=other.species or one.species,
        species_code=other.species_code or one.species_code,
        status=other.status if other.status != "alive" else one.status,
        damage_agent=other.damage_agent or one.damage_agent,
        damage_ppm=one.damage_ppm if other.damage_ppm is None else other.damage_ppm,
        photos=one.photos + other.photos,
        remarks=one.remarks + other.remarks,
        warnings=tuple(dict.fromkeys(one.warnings + other.warnings)),
    )


def _tell_apart(one: FieldTree, other: FieldTree) -> list[str]:
    heights = [None if tree.height is None else tree.height.height_m for tree in (one, other)]
    found = [
        (compare("height", *heights), "m"),
        (compare("diameter", breast_diameter(one), breast_diameter(other)), "cm"),
    ]
    name = format_code(one.label) if one.label else one.key
    return [
        f"{name}: measured twice, {what.what} {what.crew:.1f} and {what.cloud:.1f} {unit}"
        for what, unit in found
        if what is not None
    ]


def _box_places(trees: Sequence[FieldTree], crs: CloudCrs) -> tuple[GroundBox, ...]:
    places = [tree.place for tree in trees if tree.place is not None]
    cells: defaultdict[tuple[float, float], list[tuple[float, float]]] = defaultdict(list)
    for longitude, latitude in _move_to_world(crs, [one.x_m for one in places], [one.y_m for one in places]):
        cells[longitude // _CELL_DEG, latitude // _CELL_DEG].append((longitude, latitude))
    return tuple(_enclose(cell) for cell in cells.values())


def _enclose(places: Sequence[tuple[float, float]]) -> GroundBox:
    longitudes, latitudes = zip(*places, strict=True)
    north = _REACH_M / 111_000.0
    east = north / max(float(np.cos(np.radians(max(abs(one) for one in latitudes)))), 0.01)
    ends = min(longitudes) - east, min(latitudes) - north, max(longitudes) + east, max(latitudes) + north
    west, south, far_east, far_north = (round(one / _NANO) for one in ends)
    return west, south, far_east, far_north
