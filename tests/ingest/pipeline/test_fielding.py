"""Readings become a day's records once, whenever they come and whatever dies on the way."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from domain.cid import Cid
from domain.codes import compute_check_symbol
from domain.envelope import Record, open_envelope, seal
from domain.readings import GnssFix, Note, Reading, StemDiameter
from domain.records.field import Observation
from domain.records.result import Result, Survey, Tree
from ingest.journal import Journal
from ingest.pipeline import field_days, fielding
from ingest.pipeline.errors import InvalidManifest
from ingest.pipeline.field_days import DAY_MS
from ingest.pipeline.field_ports import FieldDraft, FieldKnown, FieldOutline, FieldRequest
from ingest.pipeline.fielding import FieldWorker
from ingest.pipeline.follower import Follower
from ingest.pipeline.ports import Draft
from ingest.pipeline.surveying import sign_draft
from ipfs.memory import MemoryBlockStore
from register.sqlite import SqliteRegister
from tests.domain.samples import BODIES
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, POLICY, Device

T = TypeVar("T")


class Killed(BaseException):
    """The process ends here."""


class DiameterFielder:
    """A fielder that takes each caliper reading for a tree, whose code is the reading's own number.

    A diameter of 13 mm is a contradiction, one of 12 mm has no place, unless fixes are taken to tell it.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.known: list[FieldKnown] = []
        self.places_by_fixes = False

    async def outline(self, request: FieldRequest) -> FieldOutline:
        return FieldOutline((), tuple(code for code, _ in self._read(request)))

    async def tell(self, request: FieldRequest, known: FieldKnown) -> FieldDraft:
        self.calls += 1
        self.known.append(known)
        survey, tree, result = BODIES["survey"], BODIES["tree"], BODIES["result"]
        assert isinstance(survey, Survey)
        assert isinstance(tree, Tree)
        assert isinstance(result, Result)
        last = {record.expect(Tree).code: record.cid for record in map(open_envelope, known.known.trees)}
        found = [(code, name) for code, name in self._read(request) if name not in request.told]
        trees = tuple(
            replace(tree, code=code, org=request.org, prev=last.get(code), readings=(name,)) for code, name in found
        )
        made = replace(
            survey, org=request.org, campaign=request.campaign, clouds=None, at_ms=request.at_ms,
            taken_ms=request.taken_ms, inputs=tuple(name for _, name in found) or survey.inputs,
        )  # fmt: skip
        lost = sum(diameter == 12 for diameter in self._list(request)) if not self._is_placed(request) else 0
        draft = Draft(made, trees, result, 0) if trees else None
        return FieldDraft(draft, tuple((code, ((name, 0),)) for code, name in found), len(found) + lost, lost)

    def _read(self, request: FieldRequest) -> list[tuple[str, Cid]]:
        records = [open_envelope(raw) for raw in request.observations]
        if 13 in self._list(request):
            raise InvalidManifest("day", "it contradicts itself")
        return [
            (name_code(one.diameter_mm), record.cid)
            for record in records
            for one in record.expect(Observation).readings
            if isinstance(one, StemDiameter) and (one.diameter_mm != 12 or self._is_placed(request))
        ]

    def _is_placed(self, request: FieldRequest) -> bool:
        bodies = [open_envelope(raw).expect(Observation) for raw in request.observations]
        return self.places_by_fixes and any(isinstance(one, GnssFix) for body in bodies for one in body.readings)

    def _list(self, request: FieldRequest) -> list[int]:
        bodies = [open_envelope(raw).expect(Observation) for raw in request.observations]
        return [one.diameter_mm for body in bodies for one in body.readings if isinstance(one, StemDiameter)]


def name_code(number: int) -> str:
    return (symbols := f"{number:016d}") + compute_check_symbol(symbols)


class Crew:
    """Journal, register and a worker for crews' days; may be killed and opened again."""

    def __init__(self, journal: Journal, register: SqliteRegister, *, quiet_s: float) -> None:
        self.journal, self.register = journal, register
        self.fielder = DiameterFielder()
        self.told: list[int] = []
        self.worker = FieldWorker(
            journal, register, self.fielder, INGEST_KEY, lambda: self.told.append(self.fielder.calls), quiet_s=quiet_s
        )
        self.follower = Follower(journal, MemoryBlockStore(), register)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, *, quiet_s: float = 0.0) -> "AsyncIterator[Crew]":
        async with Journal.open(folder / "j") as journal, SqliteRegister.open(folder / "r") as register:
            await journal.add_organisation("north-forest", ORG_KEY.public.raw)
            await journal.write(field_days.prepare)
            yield cls(journal, register, quiet_s=quiet_s)

    async def send(self, *readings: Reading, days: int = 0, campaign: str = "ridge", name: str = "crew-1") -> Record:
        """Admit one observation, measured so many days after the first."""
        device = Device(name=name, seq=await self.journal.last_row())
        place = replace(device.place(), at_ms=AT_MS + days * DAY_MS)
        record = device.sign(Observation(device.org, device.name, campaign, place, readings))
        answers = await self.journal.admit(device.send(device.enrol, record), POLICY)
        assert [answer and answer.verdict for answer in answers] == ["stored", "stored"]
        return record

    async def run(self) -> None:
        """Take steps until there is nothing to do."""
        while sum([await self.worker.step(), await self.follower.step()]):
            pass

    async def read(self) -> list[Record]:
        """Return all records of surveys."""
        entries = await self.journal.records_after(0, limit=10_000)
        return [open_envelope(entry.raw) for entry in entries if entry.kind in ("survey", "tree", "result")]


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    async with Crew.open(tmp_path) as opened:
        yield opened


def measure(diameter_mm: int) -> StemDiameter:
    return StemDiameter(1, diameter_mm, 1_300)


def kinds(records: list[Record]) -> Counter[str]:
    return Counter(record.kind for record in records)


async def test_a_quiet_day_becomes_one_survey_with_its_trees(crew: Crew) -> None:
    sent = [await crew.send(measure(200 + number)) for number in range(3)]
    await crew.run()
    records = await crew.read()
    assert kinds(records) == {"survey": 1, "tree": 3, "result": 1}
    survey = records[0].expect(Survey)
    assert set(survey.inputs) == {record.cid for record in sent}
    assert survey.taken_ms == AT_MS
    assert records[-1].expect(Result).count == 3
    assert (await crew.register.counts()).trees == 3
    assert crew.told == [1]
    await crew.run()
    assert len(await crew.read()) == len(records)


async def test_a_day_waits_until_nothing_more_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [AT_MS]
    for module in ("ingest.journal", "ingest.pipeline.fielding"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: now[0])
    async with Crew.open(tmp_path, quiet_s=600.0) as crew:
        for minute in (0, 5, 12):
            now[0] = AT_MS + minute * 60_000
            await crew.send(measure(200 + minute))
            await crew.run()
        now[0] = AT_MS + 21 * 60_000
        await crew.run()
        assert await crew.read() == []
        now[0] = AT_MS + 22 * 60_000
        await crew.run()
        assert kinds(await crew.read()) == {"survey": 1, "tree": 3, "result": 1}


async def test_days_and_campaigns_are_told_apart(crew: Crew) -> None:
    await crew.send(measure(200))
    await crew.send(measure(201), days=1)
    await crew.send(measure(202), campaign="valley")
    await crew.run()
    surveys = [record.expect(Survey) for record in await crew.read() if record.kind == "survey"]
    assert sorted((one.campaign, ((one.taken_ms or 0) - AT_MS) // DAY_MS) for one in surveys) == [
        ("ridge", 0),
        ("ridge", 1),
        ("valley", 0),
    ]


async def test_a_clock_that_was_never_set_gives_way_to_the_time_of_receipt(crew: Crew) -> None:
    device = Device(name="crew-1", seq=await crew.journal.last_row())
    place = replace(device.place(), at_ms=5_000)
    record = device.sign(Observation(device.org, device.name, "ridge", place, (measure(200),)))
    await crew.journal.admit(device.send(device.enrol, record), POLICY)
    await crew.run()
    taken_ms = (await crew.read())[0].expect(Survey).taken_ms
    assert taken_ms is not None
    assert taken_ms > AT_MS


async def test_a_stream_of_positions_and_words_alone_makes_no_survey(crew: Crew) -> None:
    await crew.send(GnssFix(1, 0, 0, 1), Note(2, "a windy day"))
    await crew.run()
    assert await crew.read() == []
    assert (await crew.journal.counts()).jobs_waiting == 0


async def test_late_readings_make_a_further_survey_of_what_is_new(crew: Crew) -> None:
    await crew.send(measure(200))
    await crew.run()
    await crew.send(measure(200))
    await crew.send(measure(201))
    await crew.run()
    records = await crew.read()
    assert kinds(records) == {"survey": 2, "tree": 3, "result": 2}
    first, again = (record for record in records if record.kind == "tree" and _code(record) == name_code(200))
    assert again.expect(Tree).prev == first.cid
    assert crew.told == [1, 2]
    # The day's own earlier record was given with what it follows.
    assert [open_envelope(raw).cid for raw in crew.fielder.known[-1].known.trees] == [first.cid]


def _code(record: Record) -> str:
    return record.expect(Tree).code


async def test_a_day_without_any_place_is_given_up_with_words_and_taken_again_with_later_readings(crew: Crew) -> None:
    await crew.send(measure(12))
    await crew.run()
    (words,) = await crew.journal.failures(limit=9)
    assert "no position and no known label" in words
    await crew.send(measure(201))
    await crew.run()
    assert kinds(await crew.read()) == {"survey": 1, "tree": 1, "result": 1}
    # What was refused is told: nothing is open any more.
    assert await crew.journal.failures(limit=9) == ()


async def test_a_day_that_was_given_up_is_taken_again_with_positions_alone(crew: Crew) -> None:
    """A receiver's fixes come after the caliper's readings: only with them can the trees be placed."""
    await crew.send(measure(12))
    await crew.send(measure(12), days=1)
    await crew.run()
    assert len(await crew.journal.failures(limit=9)) == 2
    crew.fielder.places_by_fixes = True
    await crew.send(GnssFix(1, 0, 0, 1))
    await crew.run()
    assert kinds(await crew.read()) == {"survey": 1, "tree": 1, "result": 1}
    # The other day waits for its own.
    assert len(await crew.journal.failures(limit=9)) == 1
    await crew.send(GnssFix(1, 0, 0, 1))
    await crew.run()
    assert crew.fielder.calls == 3


async def test_a_day_told_by_another_server_after_it_was_given_up_here_is_open_no_more(crew: Crew) -> None:
    sent = await crew.send(measure(12))
    await crew.run()
    assert len(await crew.journal.failures(limit=9)) == 1
    survey = BODIES["survey"]
    assert isinstance(survey, Survey)
    await crew.journal.append([seal(replace(survey, clouds=None, inputs=(sent.cid,), campaign="ridge"), INGEST_KEY)])
    late = await crew.send(GnssFix(1, 0, 0, 1))
    named = replace(survey, clouds=None, inputs=(late.cid,), campaign="ridge")
    await crew.journal.append([seal(named, INGEST_KEY)])
    await crew.run()
    assert crew.fielder.calls == 1
    assert await crew.journal.failures(limit=9) == ()


async def test_a_day_is_compared_with_the_newest_evidence_and_goes_on_from_the_last_record(crew: Crew) -> None:
    """An older cloud was surveyed after a newer one: what it says of a tree is not what the tree is now."""
    now, then = (
        await _admit(crew, name_code(200), None, taken_ms=AT_MS - 40 * DAY_MS),
        await _admit(crew, name_code(201), None, taken_ms=AT_MS - 40 * DAY_MS),
    )
    late = await _admit(crew, name_code(200), now.cid, taken_ms=AT_MS - 900 * DAY_MS)
    await crew.send(measure(200))
    await crew.send(measure(201))
    await crew.run()
    known = crew.fielder.known[-1].known
    assert {open_envelope(raw).cid for raw in known.trees} == {late.cid, then.cid}
    assert [open_envelope(raw).cid for raw in known.newest] == [now.cid]
    # The survey of the newest evidence is there too, or nobody could tell how old it is.
    surveys = {open_envelope(one.survey).cid for one in known.surveys}
    assert surveys == {record.expect(Tree).survey for record in (now, then, late)}
    trees = [record.expect(Tree) for record in await crew.read() if record.kind == "tree"]
    assert [tree.prev for tree in trees[-2:]] == [late.cid, then.cid]


async def test_newest_evidence_that_is_the_days_own_is_no_second_measurement(crew: Crew) -> None:
    await crew.send(measure(200))
    await crew.run()
    (own,) = [record for record in await crew.read() if record.kind == "tree"]
    late = await _admit(crew, name_code(200), own.cid, taken_ms=AT_MS - 900 * DAY_MS)
    assert await crew.register.newest_of([name_code(200)]) == {name_code(200): own.cid}
    await crew.send(measure(201))
    await crew.run()
    known = crew.fielder.known[-1].known
    assert [open_envelope(raw).cid for raw in known.trees] == [late.cid]
    assert known.newest == ()


async def _admit(crew: Crew, code: str, prev: Cid | None, *, taken_ms: int) -> Record:
    """Have another survey of the organisation in journal and register; return its tree."""
    survey, tree, result = BODIES["survey"], BODIES["tree"], BODIES["result"]
    assert isinstance(survey, Survey)
    assert isinstance(tree, Tree)
    assert isinstance(result, Result)
    made = replace(survey, org="north-forest", taken_ms=taken_ms, at_ms=AT_MS + await crew.journal.last_row())
    found = replace(tree, org="north-forest", code=code, prev=prev, readings=None)
    records = sign_draft(Draft(made, (found,), replace(result, org="north-forest"), 0), INGEST_KEY)
    await crew.journal.append(records)
    while await crew.follower.step():
        pass
    return records[1]


async def test_readings_that_contradict_each_other_are_refused_with_words(crew: Crew) -> None:
    await crew.send(measure(13))
    await crew.run()
    assert "contradicts itself" in (await crew.journal.failures(limit=9))[0]


async def test_a_day_of_more_bytes_than_a_worker_holds_is_refused(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fielding, "MOST_BYTES", 10)
    await crew.send(measure(200))
    await crew.run()
    assert "MB of readings" in (await crew.journal.failures(limit=9))[0]
    assert crew.fielder.calls == 0


async def test_trees_that_came_meanwhile_are_compared_too(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another survey of the organisation is committed while a day is compared: the day is compared again."""
    await crew.send(measure(200))
    tell = DiameterFielder.tell
    sneaked: list[bool] = []

    async def tell_late(self: DiameterFielder, request: FieldRequest, known: FieldKnown) -> FieldDraft:
        draft = await tell(self, request, known)
        if not sneaked and draft.draft is not None:
            sneaked.append(True)
            other = replace(draft.draft, trees=tuple(replace(one, prev=None) for one in draft.draft.trees))
            await crew.journal.append(sign_draft(other, INGEST_KEY))
            while await crew.follower.step():
                pass
        return draft

    monkeypatch.setattr(DiameterFielder, "tell", tell_late)
    await crew.run()
    assert crew.fielder.calls == 2
    trees = [record for record in await crew.read() if record.kind == "tree"]
    assert [record.expect(Tree).prev for record in trees] == [None, trees[0].cid]


async def test_a_day_that_another_server_has_told_is_not_told_again(tmp_path: Path) -> None:
    """Readings and the survey of them come by exchange; what is measured later is told here."""
    async with Crew.open(tmp_path, quiet_s=600.0) as crew:
        sent = [await crew.send(measure(200 + number)) for number in range(2)]
        survey = BODIES["survey"]
        assert isinstance(survey, Survey)
        theirs = replace(survey, clouds=None, inputs=tuple(record.cid for record in sent), campaign="ridge")
        await crew.journal.append([seal(theirs, INGEST_KEY)])
        await crew.run()
    async with Crew.open(tmp_path) as crew:
        await crew.journal.write(lambda db: db.execute("UPDATE job SET not_before_ms = 0"))
        await crew.run()
        assert kinds(await crew.read()) == {"survey": 1}
        await crew.send(measure(209))
        await crew.run()
        assert [_code(record) for record in await crew.read() if record.kind == "tree"] == [name_code(209)]


class DyingJournal:
    """Ends the process at its n-th commit from now: before it reaches the disk, or just after."""

    def __init__(self, journal: Journal, at: int, *, is_after: bool) -> None:
        self._write = journal.write
        self._left = at
        self._is_after = is_after

    async def write(self, work: Callable[..., T]) -> T:
        self._left -= 1
        if self._left >= 0:
            return await self._write(work)
        if self._is_after:
            await self._write(work)
        raise Killed


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(6))
async def test_a_kill_at_any_commit_loses_and_doubles_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    is_after: bool,  # noqa: FBT001
) -> None:
    async with Crew.open(tmp_path) as crew:
        for number in range(3):
            await crew.send(measure(200 + number))
        # Plan, claim, commit, and the follower's marks: at most of these the process ends.
        monkeypatch.setattr(crew.journal, "write", DyingJournal(crew.journal, at, is_after=is_after).write)
        try:
            await crew.run()
        except Killed:
            pass
        else:
            assert at > 3
    async with Crew.open(tmp_path) as crew:
        await crew.run()
        await crew.send(measure(203))
        await crew.run()
        records = await crew.read()
        assert kinds(records) == {"survey": 2, "tree": 4, "result": 2}
        assert Counter(_code(record) for record in records if record.kind == "tree") == {
            name_code(200 + number): 1 for number in range(4)
        }
        assert (await crew.register.counts()).trees == 4
