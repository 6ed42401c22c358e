"""The crew's trees and a cloud's as one: place, height and crown of the cloud, diameter and species of the crew."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from survey.cloud import Floats
from survey.estimate import Estimate
from survey.field.errors import DoubledTree
from survey.field.trees import FieldTree
from survey.linking.fit import Fit, Shift, move_places
from survey.linking.link import Linking, LinkSettings, link_trees
from survey.linking.shift import ShiftSearch, UnclearShift
from survey.linking.trees import TreeList, list_trees

LEAN_SHARE: Final = 0.02
"""Apex about the stem's foot as a share of the height, each axis: trees lean and crowns reach for light. A judgement
from stands where stems are upright; on slopes and in broad-leaved forest it is more."""
_WITHIN: Final = 2.0
"""Measurements further apart than this many standard errors disagree."""
_PLACED_ERROR_M: Final = 0.3
"""Where the crew's common shift cannot be told, places stand for themselves, with the errors that they state."""
_LEAST_ERROR: Final = 0.02
_LEAST_READ: Final = 3
"""Trees whose labels were read from which the common shift is taken, in place of being estimated from all others."""
_DEVIATION: Final = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""
_MEDIAN: Final = 1.2533
"""Standard error of a median over that of a mean, of a normal distribution."""
_BREAST_M: Final = (1.2, 1.5)

ShiftTeller: TypeAlias = Literal["labels", "search", "nothing"]


@dataclass(frozen=True, slots=True)
class CloudTree:
    """One tree of a cloud.

    Attributes
    ----------
    key
        Its code or any name that is unique in its survey.
    x_m, y_m
        Easting and northing.
    error_m
        Standard error of the place, each axis.
    of
        Whether the apex or the stem's foot was located.
    height_m, crown_m, dbh_cm
        Absent where unknown; a diameter may be modelled.
    """

    key: str
    x_m: float
    y_m: float
    error_m: float
    of: str = "apex"
    height_m: Estimate | None = None
    crown_m: Estimate | None = None
    dbh_cm: Estimate | None = None


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How both lists are joined.

    Attributes
    ----------
    search
        Where to look for the crew's common shift: its receiver, or its plot's centre, is off for all its trees alike.
        Ask for a rotation where places come by compass from one station.
    least_odds
        Odds from which two trees are joined.
    """

    search: ShiftSearch = field(default_factory=lambda: ShiftSearch(max_shift_m=10.0))
    least_odds: float = 2.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two measurements of a joined tree that their errors do not explain.

    Attributes
    ----------
    what
        ``height`` (metres), ``diameter`` (centimetres) or ``place`` (metres).
    crew, cloud
        Both values; of a place, the distance and 0.
    error
        Standard error of the difference.
    """

    what: str
    crew: float
    cloud: float
    error: float


@dataclass(frozen=True, slots=True)
class JoinedTree:
    """A tree of both lists: the cloud's place, height and crown, the crew's diameters and species.

    Attributes
    ----------
    cloud, crew
        Both trees.
    probability, odds
        That both are one, and that over the best alternative's; 1 and infinite where the label told it.
    disagreements
        Beyond what errors explain; for a person to look at.
    """

    cloud: CloudTree
    crew: FieldTree
    probability: float
    odds: float
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class OpenTree:
    """A crew's tree that may be one of several of the cloud.

    Attributes
    ----------
    crew
        Which.
    choices
        Keys and probabilities of the cloud's trees, likeliest first.
    alone
        Probability that it is none of them.
    """

    crew: FieldTree
    choices: tuple[tuple[str, float], ...]
    alone: float


@dataclass(frozen=True, slots=True)
class Joined:
    """Crew and cloud together.

    Attributes
    ----------
    trees
        In both.
    doubtful
        Crew's trees left open for a person.
    crew_alone
        Crew's trees that the cloud does not show.
    unplaced
        Crew's trees without a place or label; nothing can be said of them.
    cloud_alone
        Keys of cloud trees that the crew did not measure, or not surely.
    fit
        The crew's common shift and what else was fitted; the shift leads from the crew's places to the cloud's.
    told_by
        What told that shift: ``labels``, ``search``, or ``nothing``, where places stand for themselves.
    unclear
        Why a search did not tell it; absent when it did, and when there was nothing to search.
    warnings
        What a reader must know.
    """

    trees: tuple[JoinedTree, ...]
    doubtful: tuple[OpenTree, ...]
    crew_alone: tuple[FieldTree, ...]
    unplaced: tuple[FieldTree, ...]
    cloud_alone: tuple[str, ...]
    fit: Fit
    told_by: ShiftTeller
    unclear: UnclearShift | None
    warnings: tuple[str, ...]


def join_field(crew: Sequence[FieldTree], cloud: Sequence[CloudTree], settings: JoinSettings | None = None) -> Joined:
    """Return which of the crew's trees are which of a cloud's.

    Parameters
    ----------
    crew
        With places in the cloud's CRS.
    cloud
        Of one survey, made at about the same time.
    settings
        How.

    Raises
    ------
    DoubledTree
        When a key occurs twice in a list.
    LinkingError
        When the lists cannot be linked as they are.
    """
    chosen = settings or JoinSettings()
    _check_keys([one.key for one in crew])
    _check_keys([one.key for one in cloud])
    known = {one.key: one for one in cloud}
    read = [(known[one.label], one) for one in crew if one.label is not None and one.label in known]
    taken = {one.key for one, _ in read}
    placed = [one for one in crew if one.place is not None and (one.label is None or one.label not in known)]
    free = [one for one in cloud if one.key not in taken]
    read_shift = _measure_shift(read)
    linking = _link(placed, free, chosen, read_shift)
    is_searched = bool(placed and free) and linking.unclear is None
    linked = [(free[one.later], placed[one.earlier], one.probability, one.odds) for one in linking.links]
    trees = [_join(one, two, (1.0, math.inf), linking.fit if linking.unclear is None else None) for one, two in read]
    trees += [_join(one, two, (sure, odds), linking.fit) for one, two, sure, odds in linked]
    joined = {one.cloud.key for one in trees}
    return Joined(
        trees=tuple(trees),
        doubtful=_list_open(placed, free, linking),
        crew_alone=tuple(placed[one] for one in linking.earlier_alone),
        unplaced=tuple(one for one in crew if one.place is None and one.label not in known),
        cloud_alone=tuple(one.key for one in cloud if one.key not in joined),
        fit=linking.fit,
        told_by="labels" if read_shift is not None else "search" if is_searched else "nothing",
        unclear=linking.unclear,
        warnings=_warn(linking),
    )


def _check_keys(keys: Sequence[str]) -> None:
    known: set[str] = set()
    for key in keys:
        if key in known:
            raise DoubledTree(key)
        known.add(key)


def _measure_shift(read: Sequence[tuple[CloudTree, FieldTree]]) -> Shift | None:
    """Return the common shift as trees tell it whose labels were read; nothing where they are too few."""
    pairs = [(cloud, crew.place) for cloud, crew in read if crew.place is not None]
    if len(pairs) < _LEAST_READ:
        return None
    east, east_error = _find_middle([cloud.x_m - place.x_m for cloud, place in pairs])
    north, north_error = _find_middle([cloud.y_m - place.y_m for cloud, place in pairs])
    return Shift(east, north, east_error, north_error, pairs=float(len(pairs)))


def _find_middle(values: Sequence[float]) -> tuple[float, float]:
    """Return a median and its standard error, never below that of places taken as they are."""
    middle = statistics.median(values)
    spread = _DEVIATION * statistics.median([abs(value - middle) for value in values])
    return middle, max(_MEDIAN * spread / math.sqrt(len(values)), _PLACED_ERROR_M)


def _link(
    crew: Sequence[FieldTree], cloud: Sequence[CloudTree], settings: JoinSettings, read_shift: Shift | None
) -> Linking:
    """Return links with the common shift where labels or the trees tell it, else with the places as they stand."""
    lists = _list_crew(crew), _list_cloud(cloud)
    as_placed = Shift(0.0, 0.0, _PLACED_ERROR_M, _PLACED_ERROR_M)
    # Where nothing is left to be linked, there is no shift to be told either.
    known = read_shift or (None if crew and cloud else as_placed)
    linking = link_trees(*lists, LinkSettings(0.0, settings.search, known, least_odds=settings.least_odds))
    if linking.unclear is None:
        return linking
    placed = link_trees(*lists, LinkSettings(0.0, settings.search, as_placed, least_odds=settings.least_odds))
    return Linking(placed.links, placed.doubts, placed.earlier_alone, placed.later_alone, placed.fit, linking.unclear)


def _list_crew(crew: Sequence[FieldTree]) -> TreeList:
    """Return the crew's trees as linking takes them; only standing trees have a height that compares."""
    places = [one.place for one in crew if one.place is not None]
    heights = [
        one.height.height_m if one.height is not None and one.status in ("alive", "standing-dead") else None
        for one in crew
    ]
    stems = [breast_diameter(one) for one in crew]
    return list_trees(
        np.array([one.x_m for one in places]),
        np.array([one.y_m for one in places]),
        _values(heights),
        place_error_m=np.array([one.error_m for one in places]),
        height_error_m=_errors(heights),
        dbh_cm=_values(stems),
        dbh_error_cm=_errors(stems),
    )


def _list_cloud(cloud: Sequence[CloudTree]) -> TreeList:
    heights = [one.height_m for one in cloud]
    crowns, stems = [one.crown_m for one in cloud], [one.dbh_cm for one in cloud]
    lean = np.array(
        [LEAN_SHARE * one.height_m.value if one.of == "apex" and one.height_m is not None else 0.0 for one in cloud]
    )
    return list_trees(
        np.array([one.x_m for one in cloud]),
        np.array([one.y_m for one in cloud]),
        _values(heights),
        place_error_m=np.maximum(np.hypot([one.error_m for one in cloud], lean), _LEAST_ERROR),
        height_error_m=_errors(heights),
        crown_m=_values(crowns),
        crown_error_m=_errors(crowns),
        dbh_cm=_values(stems),
        dbh_error_cm=_errors(stems),
    )


def breast_diameter(tree: FieldTree) -> Estimate | None:
    """Return a tree's diameter at breast height, by whichever convention; none where it was taken elsewhere."""
    fitting = [one.diameter_cm for one in tree.stems if _BREAST_M[0] <= one.at_height_m <= _BREAST_M[1]]
    return fitting[0] if fitting else None


def _values(sizes: Sequence[Estimate | None]) -> Floats:
    return np.array([np.nan if size is None else size.value for size in sizes], dtype=np.float64)


def _errors(sizes: Sequence[Estimate | None]) -> Floats:
    """Return own and shared errors together: the other list's model is another, so neither cancels."""
    return np.array(
        [
            np.nan if size is None else max(math.hypot(size.own_error, size.shared_error), _LEAST_ERROR * size.value)
            for size in sizes
        ],
        dtype=np.float64,
    )


def _join(cloud: CloudTree, crew: FieldTree, sure: tuple[float, float], fit: Fit | None) -> JoinedTree:
    height = crew.height.height_m if crew.height is not None else None
    found = [
        compare("height", height, cloud.height_m),
        compare("diameter", breast_diameter(crew), cloud.dbh_cm),
        _compare_places(crew, cloud, fit),
    ]
    return JoinedTree(cloud, crew, sure[0], sure[1], tuple(one for one in found if one is not None))


def compare(what: str, crew: Estimate | None, cloud: Estimate | None) -> Disagreement | None:
    """Return where two measurements of one thing disagree beyond their errors; nothing where one is absent."""
    if crew is None or cloud is None:
        return None
    error = math.hypot(crew.own_error, crew.shared_error, cloud.own_error, cloud.shared_error)
    if abs(crew.value - cloud.value) <= _WITHIN * error:
        return None
    return Disagreement(what, crew.value, cloud.value, error)


def _compare_places(crew: FieldTree, cloud: CloudTree, fit: Fit | None) -> Disagreement | None:
    if crew.place is None:
        return None
    shift = fit.shift if fit is not None else Shift(0.0, 0.0, 0.0, 0.0)
    east, north = move_places(shift, np.array([crew.place.x_m]), np.array([crew.place.y_m]))
    apart = math.hypot(float(east[0]) - cloud.x_m, float(north[0]) - cloud.y_m)
    lean = LEAN_SHARE * cloud.height_m.value if cloud.of == "apex" and cloud.height_m is not None else 0.0
    error = math.hypot(crew.place.error_m, cloud.error_m, lean)
    # Two axes: 95 % of places lie within 2.45 standard errors of one axis.
    return Disagreement("place", apart, 0.0, error) if apart > 2.45 * error else None


def _list_open(crew: Sequence[FieldTree], cloud: Sequence[CloudTree], linking: Linking) -> tuple[OpenTree, ...]:
    return tuple(
        OpenTree(
            crew[doubt.earlier],
            tuple((cloud[one.later].key, one.probability) for one in doubt.candidates),
            doubt.alone,
        )
        for doubt in linking.doubts
    )


def _warn(linking: Linking) -> tuple[str, ...]:
    if linking.unclear is not None:
        return (
            f"The crew's common shift cannot be told: {linking.unclear.reason}. Its places were taken as they are.",
        )
    shift = linking.fit.shift
    length = math.hypot(shift.east_m, shift.north_m)
    if length <= 2.0 * math.hypot(shift.east_error_m, shift.north_error_m):
        return ()
    return (f"The crew's places lie {length:.1f} m from the cloud's; they were moved by that.",)
