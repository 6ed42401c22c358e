"""Random operations on a register beside a model of dictionaries; a subclass says where the register is."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.cid import Cid
from domain.envelope import Record
from domain.records.result import Tree
from register.entries import Anchor, Box
from register.errors import CodeCollision, NotAnchored
from register.opening import open_register
from register.ports import Register
from tests.register.samples import LAT_ND, LON_ND, SURVEY, code_of, make_anchor, make_tree

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


class RegisterMachine(RuleBasedStateMachine):
    """A register and what it should answer."""

    address: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.records: dict[Cid, Record] = {}
        self.histories: dict[str, list[Record]] = {}
        self.anchors: dict[Cid, tuple[Anchor, tuple[Cid, ...]]] = {}
        self.roots: set[bytes] = set()
        self.register: Register = self.run(self.stack.enter_async_context(open_register(self.make_address())))
        self.run(self.register.clear())
        self.add([SURVEY])

    def make_address(self) -> str:
        """Return the address of a register that this run may clear."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    def add(self, records: list[Record]) -> None:
        """Add records to both; when the model finds a collision, the register must, and both stay as they were."""
        histories = {code: list(history) for code, history in self.histories.items()}
        for record in records:
            if record.cid in self.records or not isinstance(record.body, Tree):
                continue
            history = histories.setdefault(code_of(record), [])
            if record in history:
                continue
            if history and record.body.prev != history[-1].cid:
                with pytest.raises(CodeCollision):
                    self.run(self.register.add_records(records))
                return
            history.append(record)
        self.run(self.register.add_records(records))
        self.histories = histories
        self.records |= {record.cid: record for record in records}

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4), east=STEPS, north=STEPS)
    def begin(self, numbers: list[int], east: int, north: int) -> None:
        self.add([make_tree(number, lon_nd=LON_ND + east, lat_nd=LAT_ND + north) for number in numbers])

    @rule(number=NUMBERS, east=STEPS, length=st.integers(1, 3), back=st.integers(1, 2))
    def succeed(self, number: int, east: int, length: int, back: int) -> None:
        history = self.histories.get(code_of(make_tree(number)), [])
        prev = history[-min(back, len(history))] if history else make_tree(number)
        batch = [] if history else [prev]
        for step in range(length):
            prev = make_tree(number, lon_nd=LON_ND + east + step, lat_nd=LAT_ND - step, prev=prev.cid)
            batch.append(prev)
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
        latest = [history[-1] for history in self.histories.values()]
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
        trees = sum(bool(history) for history in self.histories.values())
        assert (counts.trees, counts.records, counts.anchored) == (trees, len(self.records), len(self.anchors))

    @invariant()
    def histories_agree(self) -> None:
        for code, history in self.histories.items():
            entry = self.run(self.register.tree(code))
            assert list(entry.history) == [record.cid for record in reversed(history)]
            assert entry.anchor == self.anchors.get(entry.record, (None,))[0]

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()


def _is_inside(record: Record, box: Box) -> bool:
    position = record.expect(Tree).position
    assert position.lon_nd is not None
    assert position.lat_nd is not None
    return box.west_nd <= position.lon_nd <= box.east_nd and box.south_nd <= position.lat_nd <= box.north_nd
