"""A server's line over a simulated forest: clouds of known trees in, signed records out, scored by the truth."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from cec.surveyor import PoolSurveyor
from domain.codec import encode
from domain.envelope import Record, open_envelope
from domain.records.field import Blob
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from ingest.entries import Job
from ingest.jobs import FOLLOWED
from ingest.journal import Journal
from ingest.pipeline.follower import Follower
from ingest.pipeline.surveying import SurveyWorker
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import build_file
from register.sqlite import SqliteRegister
from sample_data.forest.stand import Stand
from sample_data.scanning.cloud import PointCloud
from sample_data.scoring.trees import score_trees
from survey.files.las import write_cloud
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, POLICY, Device

YEAR_MS = round(365.2425 * 86_400_000)


@dataclass(frozen=True)
class Surveyed:
    """One survey as it was signed, and which true tree each of its trees is."""

    survey: Record
    trees: tuple[Tree, ...]
    gone: tuple[Tree, ...]
    matches: tuple[Match, ...]
    result: Result
    truth: dict[str, int]

    @property
    def codes(self) -> set[str]:
        return {tree.code for tree in self.trees}


class Line:
    """Journal, register and the real surveyor, stepped by hand."""

    def __init__(self, journal: Journal, register: SqliteRegister, surveyor: PoolSurveyor, folder: Path) -> None:
        self.journal, self.register, self.folder = journal, register, folder
        self.blocks = MemoryBlockStore()
        self.worker = SurveyWorker(
            journal, self.blocks, register, surveyor, INGEST_KEY, folder / "clouds", lambda *_: None
        )
        self.follower = Follower(journal, self.blocks, register)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> "AsyncIterator[Line]":
        async with (
            Journal.open(folder / "j") as journal,
            SqliteRegister.open(folder / "register.sqlite") as register,
            PoolSurveyor.open(bytes(32)) as surveyor,
        ):
            await journal.add_organisation("north-forest", ORG_KEY.public.raw)
            yield cls(journal, register, surveyor, folder)

    async def survey(
        self, cloud: PointCloud, stand: Stand, *, years: float = 0.0, name: str = "rover-1", campaign: str = "ridge"
    ) -> Surveyed:
        """Survey a cloud that was taken some years after the first day of these tests."""
        await self.queue(self.write(cloud, stand), years=years, name=name, campaign=campaign)
        return await self.finish(stand)

    def write(self, cloud: PointCloud, stand: Stand) -> bytes:
        """Return a cloud as a LAZ file."""
        path = self.folder / "cloud.laz"
        write_cloud(path, cloud, epsg=stand.epsg)
        return path.read_bytes()

    async def is_behind(self) -> bool:
        """Tell whether the register lacks records of the journal."""
        return await self.journal.mark(FOLLOWED) < await self.journal.last_row()

    async def queue(
        self, content: bytes, *, years: float, name: str, campaign: str, scanned: str | None = None
    ) -> None:
        """Do what ingest does when a file is whole."""
        device = Device(name=name, seq=await self.journal.last_row())
        dag = build_file(BytesIO(content), lambda cid, block: self.blocks.put_many([(cid, block)]))
        place = replace(device.place(), at_ms=AT_MS - 10 * YEAR_MS + round(years * YEAR_MS))
        media = "application/vnd.laszip"
        blob = device.sign(Blob(device.org, device.name, campaign, place, dag.root, dag.size, media, scanned=scanned))
        answers = await self.journal.admit(device.send(device.enrol, blob), POLICY)
        assert [answer and answer.verdict for answer in answers] == ["stored", "stored"]
        await self.journal.queue_job(Job(f"survey/{blob.cid}", "survey", encode({"blob": blob.cid})))

    async def finish(self, stand: Stand) -> Surveyed:
        """Take steps until there is nothing to do; return the survey that came of it."""
        while await self.follower.step():
            pass
        row = await self.journal.last_row()
        assert await self.worker.step() == 1
        while await self.follower.step():
            pass
        assert await self.journal.failures(limit=9) == ()
        entries = await self.journal.records_after(row, limit=100_000)
        return read_survey([open_envelope(entry.raw) for entry in entries], stand)


def read_survey(records: Sequence[Record], stand: Stand) -> Surveyed:
    """Return the one survey among records, its trees named by the truth."""
    (survey,) = [record for record in records if isinstance(record.body, Survey)]
    bodies = [record.body for record in records if isinstance(record.body, Tree)]
    (result,) = [record.body for record in records if isinstance(record.body, Result)]
    trees = tuple(tree for tree in bodies if tree.status != "gone")
    matched = score_trees(place_trees(trees), stand, min_height_m=0.0).matches
    return Surveyed(
        survey,
        trees,
        tuple(tree for tree in bodies if tree.status == "gone"),
        tuple(record.body for record in records if isinstance(record.body, Match)),
        result,
        {trees[one].code: stand.trees[true].number for one, true in matched},
    )


def place_trees(trees: Sequence[Tree]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return easting, northing and height, metres, shape (n, 3)."""
    return np.array(
        [
            (
                (tree.position.x_mm or 0) / 1e3,
                (tree.position.y_mm or 0) / 1e3,
                tree.height_mm.value / 1e3 if tree.height_mm else 0.0,
            )
            for tree in trees
        ]
    ).reshape(-1, 3)
