"""A crew's day as record bodies: a survey without a cloud, its trees, how they compare with those known, the result."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import shapely

from domain.cid import Cid
from domain.codes import format_code, mint_reading_code
from domain.records import match as matching
from domain.records import result as bodies
from survey.coverage import Ring
from survey.field.join import JoinedTree
from survey.field.trees import FieldTree
from survey.field.visits import PAUSE_MS
from survey.files.crs import parse_crs
from survey.records.bodies import SOFTWARE, encode_ring
from survey.records.field_day import DayTrees, Evidence, FieldDay, build_day, name_zone
from survey.records.field_join import DayJoined, FieldKnown, choose_crs, join_day
from survey.records.field_matches import Comparison, build_matches
from survey.records.field_stocks import add_stocks
from survey.records.field_trees import BuiltTree, FieldFrame, build_alone, build_joined
from survey.records.resurvey import MATCH_DOI

_LUOMA: Final = "10.3390/f8020038"
"""Luoma et al. 2017: what repeated measurements by crews scatter."""
_MOST_INPUTS: Final = 4_000
"""As many as a survey record names."""
_MOST_WARNINGS: Final = 100
_MOST_CHARACTERS: Final = 1_000
"""Of one warning."""
_MOST_RINGS: Final = 100
_LOOK_M: Final = 2.0
"""Ground around a stem that a crew surely looked at."""
_LOOK_ERRORS: Final = 2.0
_MOST_LOOK_M: Final = 6.0
"""The ground lies within so many errors of the place that is told, but no further than this."""
_MM: Final = 1_000.0
_MANY: Final = 4
"""Trees of which the same is said once for all."""
_BEYOND: Final = 1_000_000
"""Added to a reading's place: no observation has as many."""
_SHOWN: Final = 20
"""Codes or names that one warning lists."""


@dataclass(frozen=True, slots=True)
class FieldContext:
    """What a day's records say beside its figures.

    Attributes
    ----------
    org, campaign
        For whom.
    secret
        The organisation's secret for tree codes, 32 bytes.
    at_ms, taken_ms
        When the survey is made, and when the crew measured last, UTC.
    unsigned
        Stands for the link to the survey until that is signed.
    region
        Whose equations of volume and biomass; see `survey.allometry.choose_models`.
    """

    org: str
    campaign: str
    secret: bytes
    at_ms: int
    taken_ms: int
    unsigned: Cid
    region: str | None = None


@dataclass(frozen=True, slots=True)
class CrewSurvey:
    """A day that was told.

    Attributes
    ----------
    survey, trees, closing, matches
        Bodies; links to the survey are set when that is signed.
    evidence
        The readings of each tree, by its code: what `FieldDay.codes` holds for the day's next survey.
    visited, unplaced
        Trees of the day, those that say nothing new included, and those of them that no record can be made of.
    """

    survey: bodies.Survey
    trees: tuple[bodies.Tree, ...]
    closing: bodies.Result
    matches: tuple[matching.Match, ...]
    evidence: tuple[tuple[str, tuple[Evidence, ...]], ...]
    visited: int
    unplaced: int


@dataclass(frozen=True, slots=True)
class NothingTold:
    """A day that gives no record.

    Attributes
    ----------
    visited
        Trees of the day; with those that say nothing new.
    unplaced
        Trees without place or known label, which no record can be made of.
    """

    visited: int
    unplaced: int


def survey_day(day: FieldDay, known: FieldKnown, context: FieldContext) -> CrewSurvey | NothingTold:
    """Return a crew's day as records.

    Trees that an earlier survey of the day has told alike are left out: nothing is told twice.

    Parameters
    ----------
    day
        Readings.
    known
        What was known around, and of the codes of `survey.records.field_day.outline_day`.
    context
        For whom, and when.

    Raises
    ------
    DoubledEvidence
        When an observation is given twice.
    LinkingError
        When trees cannot be linked as they are.
    """
    crs = choose_crs(known, name_zone(day))
    found = build_day(day, crs)
    names = {cid for cid, _ in day.observations}
    joined = join_day(found.trees, known, crs=crs, taken_ms=context.taken_ms, readings=names)
    frame = FieldFrame(context.org, context.campaign, parse_crs(crs), joined.fit, context.unsigned)
    told_joined = [one for one in joined.joined if one.crew.key not in found.told]
    built = _build(told_joined, joined, found, frame, context)
    if not built:
        return NothingTold(len(found.trees), len(joined.unplaced))
    trees, notes = add_stocks(built, context.region)
    # Where only labels told which trees these are, all may stand in a frame of their own.
    stated = [tree.position.crs for tree in trees]
    crs = crs if crs in stated else stated[0]
    lone = sum(tree.key not in found.told for tree in joined.alone)
    matches = build_matches(
        Comparison(told_joined, joined, built, lone, known.forest),
        org=context.org,
        campaign=context.campaign,
        taken_ms=context.taken_ms,
        unsigned=context.unsigned,
    )
    return CrewSurvey(
        survey=_build_survey(found, joined, built, notes, crs, context),
        trees=tuple(trees),
        closing=_build_result(trees, crs, context),
        matches=matches,
        evidence=tuple((one.tree.code, one.evidence) for one in built),
        visited=len(found.trees),
        unplaced=len(joined.unplaced),
    )


def _build(
    told: Sequence[JoinedTree], joined: DayJoined, found: DayTrees, frame: FieldFrame, context: FieldContext
) -> list[BuiltTree]:
    trees = [build_joined(one, joined.known[one.cloud.key], frame) for one in told]
    lone = [tree for tree in (*joined.kept, *joined.alone) if tree.key not in found.told and tree.place is not None]
    taken = {one.cloud.key for one in joined.joined}
    taken |= {tree.label for tree in (*joined.kept, *joined.alone) if tree.label is not None}
    return trees + build_alone(lone, [_code_alone(tree, joined, taken, context) for tree in lone], frame)


def _code_alone(
    tree: FieldTree, joined: DayJoined, taken: Collection[str], context: FieldContext
) -> tuple[str, Cid | None]:
    """Return the code of a tree that only the crew knows, and its last record: the same evidence is the same tree.

    Where another tree's label says the first reading's code, a later reading gives it; where there is no later one, a
    place in the record that no reading has.
    """
    record, last = tree.evidence[-1]
    minted = (mint_reading_code(context.secret, *one) for one in (*tree.evidence, (record, last + _BEYOND)))
    code = tree.label or next(one for one in minted if one not in taken)
    known = joined.known.get(code)
    return code, None if known is None else known.record


def _warn_trees(built: Sequence[BuiltTree]) -> list[str]:
    """Return what is to be said of single trees, each by its code; what holds for many is said once."""
    trees: defaultdict[str, list[str]] = defaultdict(list)
    for one in built:
        for words in dict.fromkeys(one.warnings):
            trees[words].append(format_code(one.tree.code))
    many = [f"{len(codes)} trees: {words}" for words, codes in trees.items() if len(codes) >= _MANY]
    few = [f"{code}: {words}" for words, codes in trees.items() if len(codes) < _MANY for code in codes]
    return many + few


def _build_survey(  # all that is known at the end
    found: DayTrees,
    joined: DayJoined,
    built: Sequence[BuiltTree],
    notes: Sequence[str],
    crs: str,
    context: FieldContext,
) -> bodies.Survey:
    inputs = sorted({record for one in built for record, _ in one.evidence}, key=bytes)
    warnings = [*_warn_unplaced(joined.unplaced), *joined.warnings, *_warn_open(joined), *notes, *found.warnings]
    if len(inputs) > _MOST_INPUTS:
        warnings.append(f"inputs are the first {_MOST_INPUTS:,} of {len(inputs):,}; each tree names its own readings")
    warnings += _warn_trees(built)
    if len(warnings) > _MOST_WARNINGS:
        left = len(warnings) - _MOST_WARNINGS + 1
        warnings = [*warnings[: _MOST_WARNINGS - 1], f"and {left:,} more of this kind"]
    return bodies.Survey(
        org=context.org,
        campaign=context.campaign,
        inputs=tuple(inputs[:_MOST_INPUTS]),
        steps=_describe_steps(found, joined, context),
        software=SOFTWARE,
        crs=crs,
        crs_source="assumed",
        at_ms=context.at_ms,
        warnings=tuple(one[:_MOST_CHARACTERS] for one in warnings) or None,
        taken_ms=context.taken_ms,
    )


def _describe_steps(found: DayTrees, joined: DayJoined, context: FieldContext) -> tuple[bodies.Step, ...]:
    breast = (bodies.Parameter("breast_height_mm", str(found.breast_height_mm)),)
    pause = (bodies.Parameter("pause_s", str(PAUSE_MS // 1_000)),)
    steps = [
        bodies.Step("group_readings", "crew visits", None, pause),
        bodies.Step("locate_stems", "stop beside the stem, or vector from a station"),
        bodies.Step("measure_height", "hypsometer-mean", _LUOMA),
        bodies.Step("measure_stems", "caliper-mean", _LUOMA, breast),
    ]
    if joined.known:
        parameters = (
            bodies.Parameter("max_shift_m", f"{joined.settings.search.max_shift_m:g}"),
            bodies.Parameter("least_odds", f"{joined.settings.least_odds:g}"),
            bodies.Parameter("shift_told_by", joined.told_by),
        )
        steps.append(bodies.Step("match_trees", "labels, then expectation-maximization", MATCH_DOI, parameters))
    region = None if context.region is None else (bodies.Parameter("region", context.region),)
    return (*steps, bodies.Step("estimate_stocks", "measured diameter and named species", None, region))


def _warn_unplaced(unplaced: Sequence[FieldTree]) -> list[str]:
    if not unplaced:
        return []
    names = ", ".join(_name(tree) for tree in unplaced[:_SHOWN]) + ("…" if len(unplaced) > _SHOWN else "")
    remedy = "read their label or let the receiver stop beside them"
    return [f"{len(unplaced)} trees have no record, since nothing tells where they stand: {names}; {remedy}"]


def _name(tree: FieldTree) -> str:
    """Return words by which a crew finds an unlabelled tree in its notes."""
    stems = "".join(f" {one.diameter_cm.value:.1f} cm" for one in tree.stems[:1])
    height = "" if tree.height is None else f" {tree.height.height_m.value:.1f} m"
    return f"{tree.species or 'a tree'}{stems}{height}"


def _warn_open(joined: DayJoined) -> list[str]:
    if not joined.doubtful:
        return []
    words = "of the trees may be known ones, but it cannot be told which: they have codes of their own"
    return [f"{len(joined.doubtful)} {words}"]


def _build_result(trees: Sequence[bodies.Tree], crs: str, context: FieldContext) -> bodies.Result:
    rings, area_m2 = _cover([tree.position for tree in trees if tree.position.crs == crs])
    return bodies.Result(
        org=context.org,
        campaign=context.campaign,
        survey=context.unsigned,
        count=0,
        area_cm2=round(area_m2 * 10_000),
        covered=tuple(encode_ring(ring) for ring in rings),
    )


def _cover(positions: Sequence[bodies.Position]) -> tuple[tuple[Ring, ...], float]:
    """Return the ground that a crew looked at around its trees, as closed rings, and its area."""
    discs = [
        shapely.Point((one.x_mm or 0) / _MM, (one.y_mm or 0) / _MM).buffer(
            min(max(_LOOK_M, _LOOK_ERRORS * one.error_mm / _MM), _MOST_LOOK_M), quad_segs=4
        )
        for one in positions
    ]
    ground = shapely.union_all(discs)
    outline, reach = ground, 4.0
    # A record holds so many rings: where trees stand wider apart, what lies between neighbours is drawn in; the area
    # stays that of the ground itself.
    while _count_rings(outline) > _MOST_RINGS:
        outline = ground.buffer(reach, quad_segs=2).buffer(-0.9 * reach, quad_segs=2)
        reach *= 2.0
    return tuple(_list_rings(outline)), float(ground.area)


def _list_rings(ground: shapely.Geometry) -> list[Ring]:
    return [
        tuple((float(x), float(y)) for x, y in ring.coords)
        for part in shapely.get_parts(ground)
        if isinstance(part, shapely.Polygon) and not part.is_empty
        for ring in (part.exterior, *part.interiors)
    ]


def _count_rings(ground: shapely.Geometry) -> int:
    return len(_list_rings(ground))
