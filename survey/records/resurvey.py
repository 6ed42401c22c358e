"""A re-survey as record bodies: known trees keep their codes, those gone are told, and the comparison itself is kept.

What is known comes from records, so what one server compared another one can compare again.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from domain.cid import Cid
from domain.codec import encode
from domain.records import match as bodies
from domain.records.result import Absence, Parameter, Step, Survey, Tree
from domain.schema import to_map
from survey.linking.fit import Shift
from survey.records.campaigns import Found, KnownForest, read_found, read_known, tell_time_ms
from survey.records.verdicts import Doubt, KnownAs, Verdicts, tell_verdicts, tell_verdicts_backwards
from survey.resurvey.compare import ResurveySettings, resurvey_trees
from survey.resurvey.cover import UNKNOWN, covers
from survey.resurvey.growth import Growth
from survey.resurvey.result import Resurvey
from survey.resurvey.seen import GONE, CampaignSeen, TreeSeen
from survey.resurvey.unseen import Evidence, UnseenTree

PART_BYTES: Final = 180_000
"""Items of one part as they are encoded; with what stands around them it stays well below an envelope's 256 KiB."""
_MILLION: Final = 1_000_000
_MILLI: Final = 1_000
_DAY_MS: Final = 86_400_000
_ENDED: Final = (GONE, "stump")
_DAYS_YEAR: Final = 365.2425
_MOST_WARNINGS: Final = 100
_MOST_CHOICES: Final = 20
_REASON: Final = 200
_LARGEST_SHIFT_M: Final = 100.0
"""As much as `domain.records.match.ShiftMm` holds."""
_REACH_M: Final = 8.0
"""How far beyond a survey's ground known trees count: the largest shift, and the errors of their places."""
_LEAST_LABELS: Final = 3
"""Trees of the same evidence from which the shift is read, in place of being estimated from all others."""
_LEAST_SHIFT_ERROR_M: Final = 0.02
_AS_PLACED: Final = Shift(0.0, 0.0, 0.3, 0.3)
"""No shift, as sure as a flight with ground control is."""
_DEVIATION: Final = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""
_MEDIAN: Final = 1.2533
"""Standard error of a median over that of a mean, of a normal distribution."""
MATCH_DOI: Final = "10.1111/j.2517-6161.1977.tb01600.x"
"""Dempster, Laird and Rubin 1977: expectation and maximisation."""

MatchItem: TypeAlias = tuple[str, object]
"""Field of a part, and what stands in its list."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A survey that was compared with what was known; links to it are set when it is signed.

    Attributes
    ----------
    survey
        With the comparison's step and warnings.
    trees
        Those seen again have their code and link their last record; others are as they were.
    gone
        The end of each known tree that is gone.
    matches
        The comparison, part by part.
    """

    survey: Survey
    trees: tuple[Tree, ...]
    gone: tuple[Tree, ...]
    matches: tuple[bodies.Match, ...]


def match_records(found: Found, known: KnownForest, unsigned: Cid) -> Matched:
    """Return a survey in which known trees have their codes.

    Parameters
    ----------
    found
        The survey, all codes new.
    known
        At least one tree, and the survey of each. Where none is near, the survey stays as it is.
    unsigned
        Stands for the link to the survey.

    Raises
    ------
    ResurveyError, LinkingError
        When the records contradict each other.
    InvalidCrs
        When a CRS of either cannot be read.
    """
    codes = {tree.code for tree in found.trees} & {tree.code for tree in known.trees.values()}
    after = read_found(found, codes)
    last = {tree.code: (cid, tree) for cid, tree in known.trees.items()}
    near = _leave_out_far(read_known(known, found.survey.crs, codes), after, codes)
    if not near.trees:
        return Matched(found.survey, tuple(_succeed(tree, None, last) for tree in found.trees), (), ())
    known = _select(known, near)
    # Read again: a neighbour's surveys must not tell when, and how completely, this ground was seen.
    before = _leave_out_far(read_known(known, found.survey.crs, codes), after, codes)
    settings = _choose_settings(before, after)
    if after.at_year >= before.at_year:
        resurvey = _compare(before, after, settings, known)
        verdicts = tell_verdicts(resurvey)
    else:
        settings = _choose_settings(after, before)
        resurvey = _compare(after, before, settings, known)
        verdicts = tell_verdicts_backwards(resurvey)
    if any(set(found.survey.clouds or ()) & set(one.survey.clouds or ()) for one in known.surveys.values()):
        verdicts = _withhold_ends(verdicts)
    return Matched(
        survey=_note(found.survey, resurvey, verdicts, settings, known=_count_known(before)),
        trees=tuple(_succeed(tree, verdicts.links.get(tree.code), last) for tree in found.trees),
        gone=tuple(_end(last[one.code], one, found, unsigned) for one in verdicts.unseen if one.verdict == GONE),
        matches=_build_matches(found, known, resurvey, verdicts, unsigned=unsigned),
    )


def _compare(earlier: CampaignSeen, later: CampaignSeen, settings: ResurveySettings, known: KnownForest) -> Resurvey:
    """Return what became of each tree; where a crew alone knows the trees, their places stand for themselves.

    A crew's few trees may not tell a common shift. Its receiver states the error of each place, so that there need be
    none; a flight's trees all share the error of its georeferencing, which nothing but the trees can tell.
    """
    compared = resurvey_trees(earlier, later, settings)
    is_placed = all(tree.position.of == "stem" and tree.readings for tree in known.trees.values())
    if compared.unclear is None or not is_placed:
        return compared
    placed = resurvey_trees(earlier, later, replace(settings, known_shift=_AS_PLACED))
    warning = f"the common shift of crew and cloud cannot be told ({compared.unclear.reason}): none was taken"
    return replace(placed, warnings=(*placed.warnings, warning))


def _withhold_ends(verdicts: Verdicts) -> Verdicts:
    """Return verdicts in which no tree is gone: a cloud that was surveyed before is no new evidence."""
    unseen = tuple(
        replace(one, verdict="not-seen", reason="this cloud was surveyed before: it says nothing new")
        if one.verdict == GONE
        else one
        for one in verdicts.unseen
    )
    return replace(verdicts, unseen=unseen)


def _leave_out_far(before: CampaignSeen, after: CampaignSeen, codes: Collection[str]) -> CampaignSeen:
    """Return what was known without trees so far beyond the survey's ground that no shift brings them there."""
    x, y = (np.array([getattr(tree, axis) for tree in before.trees], dtype=np.float64) for axis in ("x_m", "y_m"))
    is_near = covers(after.covered, x, y, -_REACH_M)
    near = tuple(tree for tree, is_here in zip(before.trees, is_near, strict=True) if is_here or tree.code in codes)
    return replace(before, trees=near)


def _select(known: KnownForest, before: CampaignSeen) -> KnownForest:
    """Return the trees that are compared, and their surveys."""
    records = {tree.record for tree in before.trees}
    trees = {cid: tree for cid, tree in known.trees.items() if cid in records}
    surveys = {tree.survey for tree in trees.values()}
    return KnownForest(trees, {cid: one for cid, one in known.surveys.items() if cid in surveys})


def _choose_settings(before: CampaignSeen, after: CampaignSeen) -> ResurveySettings:
    """Return how to compare; trees whose evidence is the same tell the shift of all others."""
    places = {tree.code: tree for tree in before.trees}
    pairs = [(places[tree.label], tree) for tree in after.trees if tree.label is not None and tree.label in places]
    if len(pairs) < _LEAST_LABELS:
        return ResurveySettings()
    east, north = _measure_shift(pairs, "x_m"), _measure_shift(pairs, "y_m")
    return ResurveySettings(known_shift=Shift(east[0], north[0], east[1], north[1], pairs=float(len(pairs))))


def _measure_shift(pairs: Sequence[tuple[TreeSeen, TreeSeen]], axis: str) -> tuple[float, float]:
    """Return the median difference along an axis, and its standard error by the median deviation."""
    apart = np.array([getattr(later, axis) - getattr(earlier, axis) for earlier, later in pairs])
    middle = float(np.median(apart))
    spread = _DEVIATION * float(np.median(np.abs(apart - middle)))
    return middle, max(_MEDIAN * spread / math.sqrt(apart.size), _LEAST_SHIFT_ERROR_M)


def _succeed(tree: Tree, link: KnownAs | None, last: dict[str, tuple[Cid, Tree]]) -> Tree:
    """Return a tree that goes on from its last record, where it is known: by its link, or by evidence that is the same.

    The same evidence is the same tree wherever it is said to stand, and a code begins once.
    """
    code = tree.code if link is None else link.code
    if code not in last:
        return tree
    # A species does not change, and who named it stands in its record.
    cid, before = last[code]
    return replace(tree, code=code, prev=cid, species=tree.species or before.species)


def _end(last: tuple[Cid, Tree], unseen: UnseenTree, found: Found, unsigned: Cid) -> Tree:
    """Return the record of a tree that is gone: its last place and height, and nothing that a sum would count."""
    return replace(
        last[1],
        campaign=found.survey.campaign,
        survey=unsigned,
        prev=last[0],
        status=GONE,
        crown=None,
        stems=None,
        volume_dm3=None,
        biomass_g=None,
        carbon_g=None,
        absence=_tell_absence(unseen.evidence),
    )


def _tell_absence(evidence: Evidence) -> Absence:
    seen = None if evidence.seen_probability == UNKNOWN else _ppm(evidence.seen_probability)
    return Absence(evidence.is_covered, _ppm(evidence.gone_probability), seen)


def _note(survey: Survey, resurvey: Resurvey, verdicts: Verdicts, used: ResurveySettings, *, known: str) -> Survey:
    """Return the survey with how it was compared, and what a reader must know of that."""
    how = "" if used.known_shift is None else "by trees of the same evidence"
    parameters = (
        Parameter("shift", how) if how else Parameter("max_shift_m", f"{used.search.max_shift_m:g}"),
        Parameter("least_odds", f"{used.least_odds:g}"),
    )
    warnings = [*(survey.warnings or ()), *resurvey.warnings]
    if resurvey.unclear is not None:
        warnings.append(
            f"{known} were known on this ground, and it could not be told which of those found here they are "
            f"({resurvey.unclear.reason}): trees have new codes, so that one tree may have two"
        )
    elif _is_relocation(resurvey.fit.shift):
        away_km = math.hypot(resurvey.fit.shift.east_m, resurvey.fit.shift.north_m) / 1_000.0
        warnings.append(f"known trees of the same evidence stand {away_km:,.1f} km away: one of the two CRS was wrong")
    if verdicts.is_backwards:
        warnings.append(
            "this cloud was taken before the known trees were last seen: none is told to be gone, and what it says "
            "stands in their histories where its time is"
        )
    step = Step("match_trees", "expectation-maximization", MATCH_DOI, parameters)
    return replace(survey, steps=(*survey.steps, step), warnings=tuple(warnings[-_MOST_WARNINGS:]) or None)


def _count_known(before: CampaignSeen) -> str:
    """Return how many trees were known, those apart that are no longer there."""
    gone = sum(tree.status in _ENDED for tree in before.trees)
    return f"{len(before.trees) - gone} trees{f' and {gone} that are gone' if gone else ''}"


def _build_matches(
    found: Found, known: KnownForest, resurvey: Resurvey, verdicts: Verdicts, *, unsigned: Cid
) -> tuple[bodies.Match, ...]:
    """Return the comparison's records: the first tells it as a whole, each lists as much as it holds."""
    latest_ms = max(tell_time_ms(one.survey) for one in known.surveys.values())
    parts = fill_parts(_list_items(known, verdicts))
    empty = bodies.Match(
        org=found.survey.org,
        campaign=found.survey.campaign,
        survey=unsigned,
        earlier=tuple(sorted(known.surveys, key=lambda cid: (-tell_time_ms(known.surveys[cid].survey), bytes(cid)))),
        part=0,
        parts=len(parts),
        days=round((tell_time_ms(found.survey) - latest_ms) / _DAY_MS),
    )
    whole = replace(
        empty,
        counts=_count(found, verdicts),
        shift=None if resurvey.unclear is not None else _tell_shift(resurvey.fit.shift, verdicts),
        unclear=None if resurvey.unclear is None else resurvey.unclear.reason,
        height=_tell_change(resurvey.mean_height_m) if resurvey.unclear is None and not verdicts.is_backwards else None,
        warnings=resurvey.warnings[:_MOST_WARNINGS] or None,
    )
    return tuple(replace(empty if number else whole, part=number, **part) for number, part in enumerate(parts))


def _count(found: Found, verdicts: Verdicts) -> bodies.MatchCounts:
    lots = [one.verdict for one in verdicts.unseen]
    return bodies.MatchCounts(
        same=len(verdicts.links),
        new=len(found.trees) - len(verdicts.links) - verdicts.undecided,
        undecided=verdicts.undecided,
        doubtful=len(verdicts.doubts),
        not_seen=lots.count("not-seen"),
        outside=lots.count("outside"),
        gone=lots.count("gone"),
    )


def _tell_shift(shift: Shift, verdicts: Verdicts) -> bodies.CommonShift | None:
    if _is_relocation(shift):
        return None
    sign = -_MILLI if verdicts.is_backwards else _MILLI
    return bodies.CommonShift(
        round(sign * shift.east_m),
        round(sign * shift.north_m),
        round(_MILLI * shift.east_error_m),
        round(_MILLI * shift.north_error_m),
    )


def _is_relocation(shift: Shift) -> bool:
    """Tell whether places differ by more than any survey is off: the CRS of one of them was wrong."""
    return max(abs(shift.east_m), abs(shift.north_m)) > _LARGEST_SHIFT_M


def _list_items(known: KnownForest, verdicts: Verdicts) -> list[MatchItem]:
    """Return all that the parts list, by field of a part and by code."""
    last = {tree.code: cid for cid, tree in known.trees.items()}
    links = sorted(verdicts.links.values(), key=lambda one: one.code)
    items: list[MatchItem] = [
        ("same", bodies.SameTree(one.code, last[one.code], _ppm(one.probability), _tell_change(one.height_m)))
        for one in links
    ]
    items += [("doubtful", _tell_doubt(one)) for one in verdicts.doubts]
    items += [
        ("unseen", bodies.UnseenTree(one.code, one.verdict, one.reason[:_REASON], _tell_absence(one.evidence)))
        for one in verdicts.unseen
    ]
    items += [("merges", bodies.JoinedCrowns(*pair)) for pair in verdicts.merges]
    items += [("splits", bodies.JoinedCrowns(*pair)) for pair in verdicts.splits]
    return items


def _tell_doubt(doubt: Doubt) -> bodies.DoubtfulTree:
    choices = tuple(bodies.Choice(code, _ppm(probability)) for code, probability in doubt.choices[:_MOST_CHOICES])
    return bodies.DoubtfulTree(doubt.code, _ppm(doubt.alone), choices or None)


def fill_parts(items: Sequence[MatchItem]) -> list[dict[str, Any]]:
    """Return items put into as few parts as hold them in their order, at least one; by field of the part."""
    parts: list[defaultdict[str, list[object]]] = [defaultdict(list)]
    filled = 0
    for name, item in items:
        size = len(encode(to_map(item)))
        if filled + size > PART_BYTES:
            parts.append(defaultdict(list))
            filled = 0
        parts[-1][name].append(item)
        filled += size
    return [{name: tuple(listed) for name, listed in part.items()} for part in parts]


def _tell_change(growth: Growth | None) -> bodies.Change | None:
    if growth is None:
        return None
    change = round(_MILLI * growth.change.value)
    return bodies.Change(change, round(_MILLI * growth.error), round(_DAYS_YEAR * growth.years))


def _ppm(share: float) -> int:
    return round(_MILLION * min(max(share, 0.0), 1.0))
