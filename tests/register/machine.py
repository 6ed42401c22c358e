"""Random operations on a register beside a model of dictionaries; a subclass says where the register is."""

import asyncio
import json
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.cid import Cid
from domain.envelope import Record
from domain.records.result import Survey, Tree
from register.entries import Anchor, Box
from register.errors import NotAnchored
from register.opening import open_register
from register.ports import Register
from tests.register.samples import LAT_ND, LON_ND, code_of, make_anchor, make_survey, make_tree

_T = TypeVar("_T")

NUMBERS = st.integers(0, 5)
STEPS = st.integers(-3, 3)
"""Few codes and few places, so that random operations meet."""
BOXES = st.builds(
    lambda west, south, width, height: Box(
        LON_ND + west, LAT_ND + south, LON_ND + west + width, LAT_ND + south + height
    ),
    *(STEPS, STEPS, st.integers(0, 6), st.integers(0, 6)),
)

SURVEYS = [make_survey(number, taken_ms=1_700_000_000_000 - number % 3) for number in range(5)]
TAKEN_MS = {survey.cid: survey.expect(Survey).taken_ms or 0 for survey in SURVEYS}
"""When each survey's evidence was taken; some at one time, some later ones earlier."""


@dataclass(frozen=True, slots=True)
class Life:
    """What the records of a code come to, as the model tells it: it tries every line of links there is.

    Attributes
    ----------
    history
        Newest evidence first.
    last
        End of the line.
    aside
        The others.
    """

    history: list[Cid]
    last: Cid
    aside: set[Cid]


def live(records: list[Record], known: Collection[Cid]) -> Life:
    """Return what the records of a code come to where these surveys are known."""
    names = {record.cid for record in records}
    lines = [[record] for record in records if record.expect(Tree).prev not in names]
    for line in lines:
        lines += [[*line, record] for record in records if record.expect(Tree).prev == line[-1].cid]
    longest = max(len(line) for line in lines)
    best = min((line for line in lines if len(line) == longest), key=lambda line: [bytes(each.cid) for each in line])
    times: list[int] = []
    for record in best:
        survey = record.expect(Tree).survey
        times.append(TAKEN_MS[survey] if survey in known else max(times, default=0))
    dated = sorted(zip(times, range(len(best)), best, strict=True), key=lambda one: one[:2], reverse=True)
    history = [record.cid for _, _, record in dated]
    return Life(history, best[-1].cid, names - set(history))


class RegisterMachine(RuleBasedStateMachine):
    """A register and what it should answer."""

    address: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.records: dict[Cid, Record] = {}
        self.trees: dict[str, list[Record]] = {}
        self.anchors: dict[Cid, tuple[Anchor, tuple[Cid, ...]]] = {}
        self.roots: set[bytes] = set()
        self.register: Register = self.run(self.stack.enter_async_context(open_register(self.make_address())))
        self.run(self.register.clear())
        self.add(SURVEYS[:1])

    def make_address(self) -> str:
        """Return the address of a register that this run may clear."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    def add(self, records: list[Record]) -> None:
        """Add records to both."""
        self.run(self.register.add_records(records))
        for record in records:
            if record.cid not in self.records and isinstance(record.body, Tree):
                self.trees.setdefault(code_of(record), []).append(record)
            self.records[record.cid] = record

    def lives(self) -> dict[str, Life]:
        return {code: live(records, self.records.keys()) for code, records in self.trees.items()}

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4), east=STEPS, north=STEPS, survey=st.sampled_from(SURVEYS))
    def begin(self, *, numbers: list[int], east: int, north: int, survey: Record) -> None:
        lon_nd, lat_nd = LON_ND + east, LAT_ND + north
        self.add([make_tree(number, lon_nd=lon_nd, lat_nd=lat_nd, survey=survey) for number in numbers])

    @rule(survey=st.sampled_from(SURVEYS))
    def survey_comes(self, survey: Record) -> None:
        self.add([survey])

    @rule(data=st.data(), number=NUMBERS, east=STEPS, length=st.integers(1, 3), is_turned=st.booleans())
    def succeed(self, data: st.DataObject, *, number: int, east: int, length: int, is_turned: bool) -> None:
        """Go on from any record of a tree, in one line, which may come end first."""
        history = self.trees.get(code_of(make_tree(number)), [])
        prev = data.draw(st.sampled_from(history)) if history else make_tree(number)
        batch = [] if history else [prev]
        for step in range(length):
            survey = data.draw(st.sampled_from(SURVEYS))
            status = data.draw(st.sampled_from(["alive", "gone"]))
            place = {"lon_nd": LON_ND + east + step, "lat_nd": LAT_ND - step}
            prev = make_tree(number, **place, prev=prev.cid, survey=survey, status=status)
            batch.append(prev)
        for record in reversed(batch) if is_turned else ():
            self.add([record])
        self.add(batch)

    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        self.add(data.draw(st.lists(st.sampled_from(list(self.records.values())), max_size=5)))

    @rule(data=st.data(), root=st.binary(min_size=32, max_size=32))
    def anchor(self, data: st.DataObject, root: bytes) -> None:
        chosen = data.draw(st.lists(st.sampled_from(list(self.records.values())), unique_by=lambda each: each.cid))
        anchor, cids = make_anchor(chosen, root=root)
        self.run(self.register.add_anchor(anchor, cids))
        if root not in self.roots:
            self.roots.add(root)
            fresh = tuple(cid for cid in cids if cid not in self.anchors)
            self.anchors |= dict.fromkeys(fresh, (anchor, fresh))

    @rule(box=BOXES, limit=st.integers(1, 4))
    def look_into_a_box(self, box: Box, limit: int) -> None:
        found: list[str] = []
        cursor = None
        while not found or cursor is not None:
            page = self.run(self.register.features(box, cursor=cursor, limit=limit))
            found += [json.loads(feature)["properties"]["record"] for feature in page.features]
            cursor = page.cursor
            if not page.features:
                break
        latest = [self.records[life.history[0]] for life in self.lives().values()]
        assert sorted(found) == sorted(str(record.cid) for record in latest if _is_inside(record, box))

    @precondition(lambda self: self.anchors)
    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        cid = data.draw(st.sampled_from(sorted(self.anchors)))
        assert self.run(self.register.anchor_of(cid)) == self.anchors[cid]

    @precondition(lambda self: len(self.records) > len(self.anchors))
    @rule(data=st.data())
    def prove_too_early(self, data: st.DataObject) -> None:
        cid = data.draw(st.sampled_from(sorted(self.records.keys() - self.anchors.keys())))
        with pytest.raises(NotAnchored):
            self.run(self.register.anchor_of(cid))

    @invariant()
    def counts_agree(self) -> None:
        counts = self.run(self.register.counts())
        lives = self.lives().values()
        gone = sum(self.records[life.history[0]].expect(Tree).status == "gone" for life in lives)
        aside = sum(len(life.aside) for life in lives)
        assert (counts.trees, counts.gone, counts.aside) == (len(lives) - gone, gone, aside)
        assert (counts.records, counts.anchored) == (len(self.records), len(self.anchors))

    @invariant()
    def histories_agree(self) -> None:
        for code, life in self.lives().items():
            entry = self.run(self.register.tree(code))
            assert list(entry.history) == life.history
            assert (entry.last, {each.record for each in entry.aside}) == (life.last, life.aside)
            assert entry.anchor == self.anchors.get(entry.record, (None,))[0]
            assert self.run(self.register.last_of([code])) == {code: life.last}

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()


def _is_inside(record: Record, box: Box) -> bool:
    position = record.expect(Tree).position
    assert position.lon_nd is not None
    assert position.lat_nd is not None
    return box.west_nd <= position.lon_nd <= box.east_nd and box.south_nd <= position.lat_nd <= box.north_nd
