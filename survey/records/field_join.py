"""A crew's trees and those known before: which is which, by label, by place and height, or by nobody yet."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from domain.cid import Cid
from domain.codes import format_code
from domain.records.result import Tree
from survey.estimate import Estimate
from survey.field.join import CloudTree, JoinedTree, JoinSettings, OpenTree, ShiftTeller, join_field
from survey.field.trees import FieldTree
from survey.linking.change import MAX_YEARS, RATE_ERROR_M_YEAR, RATE_M_YEAR
from survey.linking.fit import Fit
from survey.records.campaigns import KnownForest, place_known, tell_time_ms, tell_year
from survey.resurvey.seen import GONE, TreeSeen

NEAR_M: Final = 25.0
"""How far from a crew's place a known tree may be its tree: the largest common shift, and the errors of both."""
_DBH_RATE_CM_YEAR, _DBH_RATE_ERROR_CM_YEAR = 0.3, 0.3
"""Growth in diameter of a stem of closed forest, and how much it differs; a judgement from inventories."""
_MOST_STEPS: Final = 8
"""Records of one tree that are followed back to one that does not rest on the readings at hand."""


@dataclass(frozen=True, slots=True)
class FieldKnown:
    """What was known before a crew's day is told.

    Attributes
    ----------
    forest
        The latest record of each tree around, and all surveys that are named here.
    before
        Earlier records of trees whose latest rests on readings of the same day.
    """

    forest: KnownForest
    before: Mapping[Cid, Tree] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownTree:
    """A tree that was known.

    Attributes
    ----------
    record, tree
        Its latest record.
    source
        The latest that does not rest on the day's own readings, so that nothing is counted twice; absent where the
        tree was first told by these.
    years
        From the source to the crew's day; below zero where the crew came first.
    """

    record: Cid
    tree: Tree
    source: Tree | None
    years: float


@dataclass(frozen=True, slots=True)
class DayJoined:
    """What became of each tree of a day.

    Attributes
    ----------
    joined
        Trees that were known, with how sure that is.
    kept
        Trees that the same day's readings have given a record before, and nothing else knows.
    alone
        Trees that were not known, those in doubt included.
    doubtful
        Those in doubt, and what each may be.
    unplaced
        Trees without place or known label: no record can be made of them.
    known
        All known trees that were compared, by code.
    fit
        The crew's common shift; absent where nothing told it.
    told_by
        What told it.
    settings
        How trees were joined.
    warnings
        What a reader must know.
    """

    joined: tuple[JoinedTree, ...]
    kept: tuple[FieldTree, ...]
    alone: tuple[FieldTree, ...]
    doubtful: tuple[OpenTree, ...]
    unplaced: tuple[FieldTree, ...]
    known: Mapping[str, KnownTree]
    fit: Fit | None
    told_by: ShiftTeller
    settings: JoinSettings
    warnings: tuple[str, ...]


def choose_crs(known: FieldKnown, otherwise: str) -> str:
    """Return the CRS in which most known trees stand that have a place on Earth, else another one."""
    counts: dict[str, int] = {}
    for tree in known.forest.trees.values():
        if tree.position.lon_nd is not None and tree.position.x_mm is not None:
            counts[tree.position.crs] = counts.get(tree.position.crs, 0) + 1
    return min(counts, key=lambda crs: (-counts[crs], crs), default=otherwise)


def join_day(
    trees: Sequence[FieldTree], known: FieldKnown, *, crs: str, taken_ms: int, readings: Collection[Cid]
) -> DayJoined:
    """Return which of a day's trees are which of those known.

    Parameters
    ----------
    trees
        Of the day, each label once, places in `crs`.
    known
        What was known.
    crs
        Of places.
    taken_ms
        When the crew measured.
    readings
        Names of the day's observations.
    """
    year = tell_year(taken_ms)
    by_code = {one.tree.code: one for one in (_trace(cid, known, year, readings) for cid in known.forest.trees)}
    places = place_known({one.record: one.source for one in by_code.values() if one.source is not None}, crs)
    cloud = _list_cloud(by_code, places, trees)
    warnings: list[str] = []
    crew = [_forget_strange(tree, by_code, warnings) for tree in trees]
    placed = {one.key for one in cloud}
    kept = [tree for tree in crew if tree.label in by_code and by_code[tree.label].source is None]
    # A label is followed also where its tree has no place that could be compared.
    read = [
        tree
        for tree in crew
        if tree.label is not None and tree.label not in placed and by_code[tree.label].source is not None
    ]
    apart = {tree.key for tree in (*kept, *read)}
    rest = [tree for tree in crew if tree.key not in apart]
    settings = JoinSettings()
    found = join_field(rest, cloud, settings)
    return DayJoined(
        joined=found.trees + tuple(_read_label(tree, by_code[tree.label or ""]) for tree in read),
        kept=tuple(kept),
        alone=found.crew_alone + tuple(one.crew for one in found.doubtful),
        doubtful=found.doubtful,
        unplaced=found.unplaced,
        known=by_code,
        fit=None if found.told_by == "nothing" else found.fit,
        told_by=found.told_by,
        settings=settings,
        warnings=(*warnings, *(found.warnings if cloud and rest else ())),
    )


def _trace(cid: Cid, known: FieldKnown, year: float, readings: Collection[Cid]) -> KnownTree:
    tree = known.forest.trees[cid]
    source: Tree | None = tree
    for _ in range(_MOST_STEPS):
        if source is None or not set(source.readings or ()) & set(readings):
            break
        source = None if source.prev is None else known.before.get(source.prev)
    else:
        # Nothing says that the one reached rests on anything else.
        source = None
    survey = None if source is None else known.forest.surveys.get(source.survey)
    years = 0.0 if survey is None else year - tell_year(tell_time_ms(survey.survey))
    return KnownTree(cid, tree, source, years)


def _forget_strange(tree: FieldTree, known: Mapping[str, KnownTree], warnings: list[str]) -> FieldTree:
    """Return a tree without the label that says a code which is not known here."""
    if tree.label is None or tree.label in known:
        return tree
    warnings.append(f"{format_code(tree.label)}: a label says this code, but it is not known here; it was not used")
    return replace(tree, label=None)


def _list_cloud(
    known: Mapping[str, KnownTree], places: Mapping[Cid, TreeSeen], crew: Sequence[FieldTree]
) -> list[CloudTree]:
    """Return known trees that a crew's tree may be: those near one, and those that a label names."""
    labels = {tree.label for tree in crew}
    standing = [
        (one, places[one.record])
        for one in known.values()
        if one.record in places and (one.tree.status != GONE or one.tree.code in labels)
    ]
    feet = [(tree.place.x_m, tree.place.y_m) for tree in crew if tree.place is not None]
    if not standing:
        return []
    spots = np.array([(seen.x_m, seen.y_m) for _, seen in standing])
    near = np.zeros(len(standing), dtype=np.bool_)
    if feet:
        near = np.isfinite(cKDTree(np.array(feet)).query(spots, distance_upper_bound=NEAR_M)[0])
    return [
        _age(one, seen)
        for (one, seen), is_near in zip(standing, near.tolist(), strict=True)
        if is_near or one.tree.code in labels
    ]


def _age(known: KnownTree, seen: TreeSeen) -> CloudTree:
    """Return a known tree as it may be on the crew's day: trees grow, and nobody knows exactly how much."""
    years = math.copysign(min(abs(known.years), MAX_YEARS), known.years)
    return CloudTree(
        known.tree.code,
        seen.x_m,
        seen.y_m,
        seen.place_error_m,
        of="apex" if known.source is not None and known.source.position.of == "apex" else "stem",
        height_m=_grow(seen.height_m if seen.status in ("alive", "standing-dead") else None, years, _HEIGHT_RATE),
        crown_m=seen.crown_m,
        dbh_cm=_grow(seen.dbh_cm, years, (_DBH_RATE_CM_YEAR, _DBH_RATE_ERROR_CM_YEAR)),
    )


_HEIGHT_RATE: Final = (RATE_M_YEAR, RATE_ERROR_M_YEAR)


def _grow(size: Estimate | None, years: float, rate: tuple[float, float]) -> Estimate | None:
    if size is None:
        return None
    value = max(size.value + rate[0] * years, 0.1)
    return replace(size, value=value, own_error=math.hypot(size.own_error, rate[1] * years))


def _read_label(crew: FieldTree, known: KnownTree) -> JoinedTree:
    """Return a tree that its label alone tells, as its place cannot be compared."""
    return JoinedTree(CloudTree(known.tree.code, math.nan, math.nan, 0.0), crew, 1.0, math.inf, ())
