"""From an uploaded file to anchored trees, each once, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import pytest

from domain.cid import Cid
from domain.codec import encode
from domain.envelope import open_envelope
from domain.merkle import build_sorted_tree
from domain.records.result import Result, Survey, Tree
from ingest.entries import Job
from ingest.journal import Journal
from ingest.pipeline import anchoring
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.errors import InvalidManifest
from ingest.pipeline.follower import Follower
from ingest.pipeline.manifest import read_manifest
from ingest.pipeline.ports import Anchored, Draft, SurveyRequest
from ingest.pipeline.surveying import SurveyWorker
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import build_file
from register.sqlite import SqliteRegister
from tests.domain.samples import BODIES
from tests.ingest.devices import INGEST_KEY, ORG_KEY, POLICY, Device

CODES = ("00000000000000000", "0000000000000001Z", "0000000000000002Y")


class LineSurveyor:
    """A surveyor of text files: one tree a line, as tall in metres as the line says."""

    def __init__(self) -> None:
        self.calls = 0

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
            replace(tree, code=CODES[index], height_mm=replace(tree.height_mm, value=1000 * int(line)))
            for index, line in enumerate(lines)
        )
        return Draft(replace(survey, inputs=(request.blob,), clouds=(request.root,)), trees, result, points=len(lines))


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
            journal, self.blocks, self.surveyor, INGEST_KEY, folder, lambda *tally: self.told.append(tally)
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
        for step in (self.worker.step, self.follower.step, self.anchorer.step):
            while await step():
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


async def test_an_idle_line_rings_no_bell(line: Line) -> None:
    await line.upload(b"21")
    await line.run()
    rings = line.journal.bell.rings
    for _ in range(3):
        await line.run()
    assert line.journal.bell.rings == rings
