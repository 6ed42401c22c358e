"""From an uploaded file to anchored trees, each once, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from domain.cid import Cid
from domain.codec import encode
from domain.envelope import open_envelope, seal
from domain.merkle import build_sorted_tree
from domain.records.field import Place
from domain.records.match import Match
from domain.records.result import Estimate, Result, Survey, Tree
from ingest.entries import Job
from ingest.errors import JournalUnwritable
from ingest.journal import Journal
from ingest.pipeline import anchoring, knowing, surveying
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.errors import InvalidManifest
from ingest.pipeline.follower import Follower
from ingest.pipeline.manifest import read_manifest
from ingest.pipeline.ports import Anchored, Draft, Known, SurveyRequest
from ingest.pipeline.surveying import SurveyWorker, tell_taken
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import build_file
from register.entries import Box
from register.errors import RegisterBusy
from register.sqlite import SqliteRegister
from tests.domain.samples import BODIES
from tests.ingest.devices import INGEST_KEY, ORG_KEY, POLICY, Device

HANG_S = 60.0
"""Only what waits for what does not come takes so long."""
GROUND = Box(15_001_000_000, 47_812_000_000, 15_002_000_000, 47_813_000_000)
"""Around the one place where all trees of these tests stand."""
CODES = ("00000000000000000", "0000000000000001Z", "0000000000000002Y")


class LineSurveyor:
    """A surveyor of text files: one tree a line, as tall in metres as the line says.

    The first tree of two files is one tree, and so on; a known tree that a later file has no line for is gone.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.known: list[Known] = []
        self.meanwhile: list[Callable[[], Awaitable[None]]] = []

    async def survey(self, request: SurveyRequest) -> Draft:
        self.calls += 1
        lines = request.cloud.read_text("utf-8").split()
        if "broken" in lines:
            raise InvalidManifest("cloud", "a broken line")
        survey, tree, result = BODIES["survey"], BODIES["tree"], BODIES["result"]
        assert isinstance(survey, Survey)
        assert isinstance(tree, Tree)
        assert isinstance(result, Result)
        trees = tuple(
            replace(tree, code=CODES[index], height_mm=Estimate(1000 * int(line), 300, 0, "apex-above-terrain"))
            for index, line in enumerate(lines)
        )
        made = replace(survey, inputs=(request.blob,), clouds=(request.root,), at_ms=request.at_ms, org=request.org)
        return Draft(made, trees, result, len(lines), ground=GROUND)

    async def compare(self, draft: Draft, known: Known) -> Draft:
        self.known.append(known)
        if self.meanwhile:
            await self.meanwhile.pop()()
        records = [open_envelope(raw) for raw in known.trees]
        last = {record.expect(Tree).code: record for record in records}
        found = {tree.code for tree in draft.trees}
        trees = tuple(replace(tree, prev=last[tree.code].cid if tree.code in last else None) for tree in draft.trees)
        gone = tuple(
            replace(record.expect(Tree), prev=record.cid, status="gone")
            for code, record in last.items()
            if code not in found
        )
        match = BODIES["match"]
        assert isinstance(match, Match)
        return replace(draft, trees=trees, gone=gone, matches=(replace(match, parts=1),))


@dataclass
class Chain:
    """A chain of the tests: roots in a dictionary, and a switch that makes it silent once."""

    roots: dict[bytes, Anchored] = field(default_factory=dict)
    fails: int = 0
    calls: int = 0

    async def anchor(self, root: bytes, count: int, manifest: Cid) -> Anchored:
        self.calls += 1
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no answer")
        assert count > 0
        assert manifest.codec
        return self.roots.setdefault(root, Anchored(len(self.roots) + 1, 1_790_000_000_000, bytes(32)))


class Line:
    """All parts of a server but its sockets."""

    def __init__(self, journal: Journal, register: SqliteRegister, folder: Path) -> None:
        self.journal, self.register = journal, register
        self.blocks, self.chain, self.surveyor = MemoryBlockStore(), Chain(), LineSurveyor()
        self.told: list[tuple[int, int]] = []
        self.worker = SurveyWorker(
            journal, self.blocks, register, self.surveyor, INGEST_KEY, folder, lambda *tally: self.told.append(tally)
        )
        self.follower = Follower(journal, self.blocks, register)
        self.anchorer = Anchorer(journal, self.blocks, register, self.chain)

    async def upload(self, content: bytes) -> None:
        """Do what ingest does when a file is whole."""
        device = Device(seq=await self.journal.last_row())
        dag = build_file(BytesIO(content), lambda cid, block: self.blocks.put_many([(cid, block)]))
        blob = device.declare(dag.root, dag.size)
        await self.journal.admit(device.send(device.enrol, blob), POLICY)
        await self.journal.queue_job(Job(f"survey/{blob.cid}", "survey", encode({"blob": blob.cid})))

    async def run(self) -> None:
        """Take steps until there is nothing to do."""
        while sum([await step() for step in (self.worker.step, self.follower.step, self.anchorer.step)]):
            pass


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with Journal.open(tmp_path / "j") as journal, SqliteRegister.open(tmp_path / "r") as register:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield Line(journal, register, tmp_path / "clouds")


async def test_an_upload_becomes_trees_in_register_and_chain(line: Line) -> None:
    await line.upload(b"21 17 9")
    await line.run()
    assert line.told == [(3, 3)]
    counts = await line.register.counts()
    assert (counts.trees, counts.surveys, counts.anchors) == (3, 1, 1)
    assert counts.anchored == await line.journal.last_row()
    anchor, cids = await line.register.anchor_of((await line.register.tree(CODES[0])).record)
    assert read_manifest(anchor.manifest, line.blocks.get) == cids
    assert anchor.root in line.chain.roots


async def test_the_result_closes_over_exactly_the_trees_of_its_survey(line: Line) -> None:
    await line.upload(b"21 17")
    await line.run()
    records = [open_envelope(entry.raw) for entry in await line.journal.records_after(0, limit=99)]
    (survey,) = [record for record in records if isinstance(record.body, Survey)]
    trees = [record for record in records if isinstance(record.body, Tree)]
    (result,) = [record.body for record in records if isinstance(record.body, Result)]
    assert {tree.expect(Tree).survey for tree in trees} == {survey.cid} == {result.survey}
    assert result.trees_root == build_sorted_tree(sorted(bytes(tree.cid) for tree in trees)).root
    assert result.count == 2


async def test_a_cloud_that_cannot_be_surveyed_is_told_and_the_line_goes_on(line: Line) -> None:
    await line.upload(b"broken")
    await line.upload(b"12")
    await line.run()
    (failure,) = await line.journal.failures(limit=9)
    assert "broken line" in failure
    assert (await line.register.counts()).trees == 1


async def test_a_survey_done_again_after_a_crash_commits_no_tree_twice(line: Line) -> None:
    await line.upload(b"21 17")
    await line.run()
    await line.journal.queue_job(Job(f"survey/{line.surveyor.calls}", "survey", encode({"blob": Cid.of(0x55, b"?")})))
    await line.run()
    assert (await line.journal.counts()).trees == 2
    assert len(await line.journal.failures(limit=9)) == 1


async def test_a_batch_whose_chain_was_silent_is_anchored_under_the_same_root_later(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.upload(b"21")
    line.chain.fails = 1
    monkeypatch.setattr(anchoring, "RETRY_S", 0.2)
    await line.worker.step()
    await line.follower.step()
    with pytest.raises(ConnectionError):
        await line.anchorer.step()
    async with asyncio.timeout(10):
        while not await line.anchorer.step():  # noqa: ASYNC110  # the job waits for a time, not for an event
            await asyncio.sleep(0.1)
    assert line.chain.calls == 2
    assert len(line.chain.roots) == 1
    assert (await line.register.counts()).anchored == await line.journal.last_row()


async def test_an_anchor_that_crashed_before_it_was_noted_stands_once(line: Line) -> None:
    await line.upload(b"21")
    await line.run()
    rows = (0, await line.journal.last_row())
    await line.journal.queue_job(Job("anchor/again", "anchor", encode(list(rows))))
    await line.run()
    assert line.chain.calls == 2
    assert len(line.chain.roots) == 1
    assert (await line.register.counts()).anchors == 1


async def test_a_tree_surveyed_again_goes_on_from_its_last_record(line: Line) -> None:
    await line.upload(b"21 17")
    await line.run()
    await line.upload(b"22 18 5")
    await line.run()
    counts = await line.register.counts()
    assert (counts.trees, counts.surveys) == (3, 2)
    entries = [await line.register.tree(code) for code in CODES]
    assert [len(entry.history) for entry in entries] == [2, 2, 1]
    (known,) = line.surveyor.known
    assert {open_envelope(raw).cid for raw in known.trees} == {entry.history[1] for entry in entries[:2]}
    assert [open_envelope(one.survey).kind for one in known.surveys] == ["survey"]
    assert line.told == [(2, 2), (3, 3)]


async def test_a_survey_signs_its_comparison_and_the_ends_of_trees_with_it(line: Line) -> None:
    await line.upload(b"21 17")
    await line.run()
    await line.upload(b"22")
    await line.run()
    latest = (await line.register.surveys())[0]
    assert latest.result is not None
    result = open_envelope(await line.register.record(latest.result)).expect(Result)
    assert result.count == 2
    assert result.matches is not None
    match = open_envelope(await line.register.record(result.matches[0])).expect(Match)
    assert match.survey == latest.record
    end = await line.register.tree(CODES[1])
    gone = open_envelope(await line.register.record(end.record)).expect(Tree)
    assert (gone.status, gone.survey, len(end.history)) == ("gone", latest.record, 2)
    entries = [await line.register.tree(code) for code in CODES[:2]]
    assert result.trees_root == build_sorted_tree(sorted(bytes(entry.record) for entry in entries)).root


async def test_a_survey_waits_until_the_register_has_the_trees_before_it(line: Line) -> None:
    await line.upload(b"21 17")
    await line.upload(b"22 18")
    assert await line.worker.step() == 1
    assert await line.worker.step() == 0
    await line.follower.step()
    assert await line.worker.step() == 1
    await line.follower.step()
    assert (await line.register.counts()).trees == 2


async def test_trees_of_another_organisation_are_never_compared(line: Line) -> None:
    survey, tree = BODIES["survey"], BODIES["tree"]
    assert isinstance(survey, Survey)
    assert isinstance(tree, Tree)
    theirs = seal(replace(survey, org="south-forest"), ORG_KEY)
    await line.journal.append([theirs, seal(replace(tree, org="south-forest", survey=theirs.cid), ORG_KEY)])
    await line.follower.step()
    line.surveyor.calls = 0
    await line.upload(b"21")
    assert tree.code == CODES[0]
    await line.worker.step()
    assert line.surveyor.known == []


async def test_a_tree_whose_last_record_is_of_older_evidence_is_known_by_its_newest_too(line: Line) -> None:
    await line.upload(b"21")
    await line.run()
    entry = await line.register.tree(CODES[0])
    newest = open_envelope(await line.register.record(entry.record))
    survey = open_envelope(await line.register.record(entry.survey)).expect(Survey)
    older = seal(replace(survey, campaign="before", taken_ms=1_000_000_000_000), ORG_KEY)
    late = seal(replace(newest.expect(Tree), survey=older.cid, prev=newest.cid), ORG_KEY)
    await line.journal.append([older, late])
    await line.run()
    await line.upload(b"22")
    await line.run()
    known = line.surveyor.known[-1]
    assert (known.trees, known.newest) == ((late.raw,), (newest.raw,))
    assert {open_envelope(one.survey).cid for one in known.surveys} == {entry.survey, older.cid}
    assert (await line.register.counts()).aside == 0


async def admit_twin(line: Line) -> None:
    """Admit what another server knows of the first tree: its next record."""
    entry = await line.register.tree(CODES[0])
    tree = open_envelope(await line.register.record(entry.record)).expect(Tree)
    await line.journal.append([seal(replace(tree, prev=entry.record, confidence_ppm=1), ORG_KEY)])


async def test_trees_that_come_from_elsewhere_meanwhile_are_compared_as_well(line: Line) -> None:
    await line.upload(b"21 17")
    await line.run()
    await line.upload(b"22 18")

    async def come() -> None:
        await admit_twin(line)
        await line.follower.step()

    line.surveyor.meanwhile.append(come)
    await line.run()
    assert len(line.surveyor.known) == 2
    assert line.surveyor.calls == 2
    assert [len((await line.register.tree(code)).history) for code in CODES[:2]] == [3, 2]


async def test_a_survey_that_waits_for_the_register_in_vain_is_taken_again(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowing, "PATIENCE_S", 0.1)
    monkeypatch.setattr(surveying, "RETRY_S", 0.0)
    await line.upload(b"21 17")
    await line.run()
    await line.upload(b"22 18")
    line.surveyor.meanwhile.append(lambda: admit_twin(line))
    for _ in range(surveying.MAX_ATTEMPTS + 1):
        await line.worker.step()
    assert await line.journal.failures(limit=9) == ()
    await line.run()
    assert [len((await line.register.tree(code)).history) for code in CODES[:2]] == [3, 2]


class BusyRegister(SqliteRegister):
    """A register that another process holds for a while."""

    refusals = 5

    async def last_of(self, codes: Sequence[str]) -> dict[str, Cid]:
        if self.refusals:
            self.refusals -= 1
            raise RegisterBusy("the register", "another process has been writing")
        return await super().last_of(codes)


async def test_a_register_that_does_not_answer_costs_no_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "RETRY_S", 0.0)
    async with Journal.open(tmp_path / "j") as journal, BusyRegister.open(tmp_path / "r") as register:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        line = Line(journal, register, tmp_path / "clouds")
        await line.upload(b"21 17")
        await line.run()
        assert await journal.failures(limit=9) == ()
        assert (await register.counts()).trees == 2
        assert line.surveyor.calls == 6


async def test_ground_where_more_is_known_than_one_comparison_takes_is_told(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.upload(b"21 17")
    await line.run()
    monkeypatch.setattr(knowing, "MOST_KNOWN", 0)
    monkeypatch.setattr(knowing, "PAGE_LIMIT", 1)
    await line.upload(b"22 18")
    await line.run()
    (failure,) = await line.journal.failures(limit=9)
    assert "a cloud in smaller parts" in failure


@pytest.mark.parametrize(
    ("at_ms", "gnss_at_ms", "taken_ms"),
    [
        (1_600_000_000_000, None, 1_600_000_000_000),
        (1_600_000_000_000, 1_600_000_005_000, 1_600_000_005_000),
        (86_400_000, None, None),
        (1_700_000_000_000, None, 1_700_000_000_000),
        (1_800_000_000_000, None, None),
    ],
)
def test_a_cloud_was_taken_when_its_device_says_unless_that_cannot_be(
    at_ms: int, gnss_at_ms: int | None, taken_ms: int | None
) -> None:
    place = Place(bytes(16), 1, at_ms, b"b" * 16, 5, gnss_at_ms=gnss_at_ms)
    assert tell_taken(place, 1_700_000_000_000) == taken_ms


async def test_an_idle_line_rings_no_bell(line: Line) -> None:
    await line.upload(b"21")
    await line.run()
    rings = line.journal.bell.rings
    for _ in range(3):
        await line.run()
    assert line.journal.bell.rings == rings


class FillingDisk:
    """A surveyor during whose first cloud the journal's disk fills up, and that then dies with much to say."""

    def __init__(self, line: Line) -> None:
        self._line, self._is_first = line, True

    async def survey(self, request: SurveyRequest) -> Draft:
        if not self._is_first:
            return await self._line.surveyor.survey(request)
        self._is_first = False
        pages = await self._line.journal.write(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
        await self._line.journal.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        raise RuntimeError("y" * 200_000)

    async def compare(self, draft: Draft, known: Known) -> Draft:
        return await self._line.surveyor.compare(draft, known)


async def test_a_job_is_put_back_once_a_full_disk_has_room_again(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pipeline.surveying.RETRY_S", 0.05)
    worker = replace(line.worker, surveyor=FillingDisk(line))
    await line.upload(b"21 17 9")
    await line.follower.step()
    refused = asyncio.Event()
    fail_job = line.journal.fail_job

    async def notice(*args: Any, **options: Any) -> None:  # noqa: ANN401  # passed on as they are
        try:
            await fail_job(*args, **options)
        except JournalUnwritable:
            refused.set()
            raise

    monkeypatch.setattr(line.journal, "fail_job", notice)
    step = asyncio.create_task(worker.step(), name="survey")
    async with asyncio.timeout(HANG_S):
        await refused.wait()
    assert not step.done()
    await line.journal.write(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchall())
    async with asyncio.timeout(HANG_S):
        assert await step == 1
        while not await worker.step():  # noqa: ASYNC110 - the job is due again at a time, not at an event
            await asyncio.sleep(0.05)
    assert line.told == [(3, 3)]
