"""What a crew's day says of trees known before: which were measured again, and which may have been."""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.cid import Cid
from domain.records import match as bodies
from survey.field.join import JoinedTree
from survey.records.bodies import MILLION
from survey.records.campaigns import KnownForest, tell_time_ms
from survey.records.field_join import DayJoined
from survey.records.field_trees import BuiltTree
from survey.records.resurvey import MatchItem, fill_parts

_MOST_EARLIER: Final = 1_000
"""Surveys that a comparison names."""
_MOST_CHOICES: Final = 20
_DAY_MS: Final = 86_400_000
_MM: Final = 1_000.0
_LARGEST_SHIFT_M: Final = 100.0
"""As much as a comparison holds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A day and what was known.

    Attributes
    ----------
    told
        Trees that were known and say something new.
    joined
        What became of each tree of the day.
    built
        All trees that are told.
    new
        How many of them were not known, those in doubt included.
    forest
        What was known.
    """

    told: Sequence[JoinedTree]
    joined: DayJoined
    built: Sequence[BuiltTree]
    new: int
    forest: KnownForest


def build_matches(
    day: Comparison, *, org: str, campaign: str, taken_ms: int, unsigned: Cid
) -> tuple[bodies.Match, ...]:
    """Return the comparison's records; none where no tree was known but those that the day itself has told.

    A crew looks at the trees that it chooses: of others it says neither that they were not seen, nor that they are
    gone.
    """
    sources = [one for one in day.joined.known.values() if one.source is not None]
    named = {one.tree.survey for one in sources if one.tree.survey in day.forest.surveys}
    if not named:
        return ()
    made_ms = {cid: tell_time_ms(day.forest.surveys[cid].survey) for cid in named}
    earlier = sorted(named, key=lambda cid: (-made_ms[cid], bytes(cid)))
    codes = {one.evidence[0]: one.tree.code for one in day.built}
    open_trees = [one for one in day.joined.doubtful if one.crew.evidence[0] in codes]
    linked = {one.cloud.key for one in day.joined.joined}
    doubts = _turn_doubts([(codes[one.crew.evidence[0]], one.choices) for one in open_trees], linked)
    parts = fill_parts([*_list_same(day), *(("doubtful", one) for one in doubts)])
    empty = bodies.Match(
        org=org,
        campaign=campaign,
        survey=unsigned,
        earlier=tuple(earlier[:_MOST_EARLIER]),
        part=0,
        parts=len(parts),
        days=round((taken_ms - made_ms[earlier[0]]) / _DAY_MS),
    )
    counts = bodies.MatchCounts(
        len(day.told), day.new - len(open_trees), len(open_trees), len(doubts), not_seen=0, outside=0, gone=0
    )
    whole = replace(empty, counts=counts, shift=_tell_shift(day.joined), warnings=day.joined.warnings or None)
    return tuple(replace(empty if number else whole, part=number, **part) for number, part in enumerate(parts))


def _list_same(day: Comparison) -> list[MatchItem]:
    known = day.joined.known
    return [
        ("same", bodies.SameTree(one.cloud.key, known[one.cloud.key].record, _ppm(one.probability)))
        for one in sorted(day.told, key=lambda one: one.cloud.key)
    ]


def _turn_doubts(
    open_trees: Sequence[tuple[str, tuple[tuple[str, float], ...]]], linked: Collection[str]
) -> list[bodies.DoubtfulTree]:
    """Return the known trees in doubt: each with the crew's trees that it may be; one that is linked is in none."""
    choices: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for code, options in open_trees:
        for known, probability in options:
            if known not in linked:
                choices[known].append((code, probability))
    return [
        bodies.DoubtfulTree(
            known,
            _ppm(1.0 - math.fsum(probability for _, probability in choices[known])),
            tuple(
                bodies.Choice(code, _ppm(probability))
                for code, probability in sorted(choices[known], key=lambda one: -one[1])[:_MOST_CHOICES]
            ),
        )
        for known in sorted(choices)
    ]


def _tell_shift(joined: DayJoined) -> bodies.CommonShift | None:
    if joined.fit is None:
        return None
    shift = joined.fit.shift
    # The other way round: where the crew puts what the records before put elsewhere.
    values = (-shift.east_m, -shift.north_m, shift.east_error_m, shift.north_error_m)
    if max(abs(one) for one in values[:2]) > _LARGEST_SHIFT_M:
        return None
    east, north, east_error, north_error = (round(one * _MM) for one in values)
    return bodies.CommonShift(east, north, east_error, north_error)


def _ppm(share: float) -> int:
    return round(MILLION * min(max(share, 0.0), 1.0))
