"""Admission over any sequence of records: nothing crashes, nothing is lost, the first under a number stays."""

import sqlite3
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from domain.cid import Cid
from domain.envelope import Record, seal
from domain.keys import SigningKey
from domain.records.field import Observation
from domain.records.membership import Revoke
from ingest import ledger
from ingest.admission import read_arrival
from ingest.tables import prepare
from tests.ingest.devices import AT_MS, ORG_KEY, POLICY, Device, renumber


def open_ledger(*, enrol: bool = True) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    prepare(db, ":memory:")
    db.execute("INSERT INTO organisation VALUES ('north-forest', ?)", (ORG_KEY.public.raw,))
    if enrol:
        assert send(db, Device().enrol.raw) == "stored"
    return db


def send(db: sqlite3.Connection, raw: bytes) -> str:
    """Return ``stored``, the rule that was broken, or ``unanswered``."""
    (answer,) = ledger.admit(db, [read_arrival(Device().topic(), raw)], POLICY, AT_MS)
    return "unanswered" if answer is None else answer.reason or answer.verdict


def quarantined(db: sqlite3.Connection) -> set[bytes]:
    return {row[0] for row in db.execute("SELECT raw FROM quarantine")}


def stored(db: sqlite3.Connection) -> set[bytes]:
    return {row[0] for row in db.execute("SELECT raw FROM record WHERE kind = 'observation'")}


VALID: Final = Device().observe().raw


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return the valid envelope with a piece of it replaced by other bytes."""
    start = draw(st.integers(0, len(VALID)))
    end = draw(st.integers(start, min(len(VALID), start + 40)))
    return VALID[:start] + draw(st.binary(max_size=40)) + VALID[end:]


@given(mutated())
@settings(max_examples=150)
def test_a_changed_envelope_is_refused_and_its_bytes_are_kept(raw: bytes) -> None:
    db = open_ledger()
    outcome = send(db, raw)
    if raw == VALID:
        assert outcome == "stored"
    else:
        assert outcome == "NotARecord"
        assert (stored(db), quarantined(db)) == (set(), {raw})


@pytest.mark.parametrize("place", range(0, len(VALID), 7))
def test_one_flipped_bit_is_noticed_wherever_it_is(place: int) -> None:
    changed = bytearray(VALID)
    changed[place] ^= 1
    assert send(open_ledger(), bytes(changed)) == "NotARecord"


def test_a_record_taken_before_the_revocation_is_answered_as_stored_after_it() -> None:
    db, device = open_ledger(), Device()
    record = device.observe()
    assert send(db, record.raw) == "stored"
    revoke = seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    assert send(db, revoke.raw) == "stored"
    assert send(db, record.raw) == "stored"
    assert quarantined(db) == set()


def test_many_invented_devices_cannot_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    # The bound itself, made small: a GiB of refusals would only make the test slow.
    monkeypatch.setattr(ledger, "QUARANTINE_TOTAL_BYTES", 2_000)
    db, device = open_ledger(), Device()
    arrivals = [read_arrival(Device(name=f"ghost-{number}").topic(), bytes([number]) * 300) for number in range(20)]
    answers = ledger.admit(db, arrivals, POLICY, AT_MS)
    assert [answer is not None for answer in answers] == [True] * 6 + [False] * 14
    assert send(db, device.observe().raw) == "stored"


class Sequence(RuleBasedStateMachine):
    """Records of one device, in any order, doubled, forked and revoked, against a plain model."""

    records: Bundle[Record] = Bundle("records")

    def __init__(self) -> None:
        super().__init__()
        self.db = open_ledger()
        self.key = Device().key
        self.first: dict[int, Cid] = {}
        self.taken: set[bytes] = set()
        self.refused: set[bytes] = set()
        self.is_revoked = False

    @rule(target=records, seq=st.integers(0, 5), text=st.sampled_from("ab"), is_strange=st.booleans())
    def write(self, seq: int, text: str, is_strange: bool) -> Record:  # noqa: FBT001
        device = Device(key=SigningKey.from_seed(b"s" * 32) if is_strange else self.key)
        return seal(renumber(device.observe(text).expect(Observation), seq), device.key)

    @rule(record=records)
    def send(self, record: Record) -> None:
        outcome = send(self.db, record.raw)
        assert outcome == self.expect(record)
        if outcome == "stored":
            self.taken.add(record.raw)
            self.refused.discard(record.raw)
        else:
            self.refused.add(record.raw)

    def expect(self, record: Record) -> str:
        if record.raw in self.taken:
            return "stored"
        if record.key != self.key.public:
            return "UnknownKey"
        if self.is_revoked:
            return "KeyRevoked"
        first = self.first.setdefault(record.expect(Observation).place.seq, record.cid)
        return "stored" if first == record.cid else "SequenceConflict"

    @rule()
    def revoke(self) -> None:
        device = Device()
        body = Revoke(device.org, device.name, self.key.public.raw, "lost", AT_MS)
        assert send(self.db, seal(body, ORG_KEY).raw) == "stored"
        self.is_revoked = True

    @invariant()
    def what_came_is_kept(self) -> None:
        assert stored(self.db) == self.taken
        assert quarantined(self.db) == self.refused

    @invariant()
    def quarantine_is_counted(self) -> None:
        row = self.db.execute("SELECT coalesce(sum(bytes), 0) FROM quarantine_use WHERE org = ''").fetchone()
        assert row[0] == sum(map(len, self.refused))

    def teardown(self) -> None:
        self.db.close()


Sequence.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestSequence = Sequence.TestCase
