"""Taking a member's export in: everything is checked first, then admitted in batches, and again changes nothing.

A crash on the way leaves whole batches behind; the same call goes on from there, since what is known is passed over.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.upload import compute_shape, encode_bitmap
from ingest.exchange.archive import ExportBlock, Manifest, check_archive, check_sums, open_archive
from ingest.exchange.catalogue import bring_up
from ingest.exchange.exporting import RECORDS, list_cloud
from ingest.exchange.store import Store
from ingest.exchange.taking import Outcome, open_records, take
from ipfs.errors import BlockMissing
from ipfs.store import BlockStore

BATCH: Final = 500
"""Records admitted in one transaction: some 0.2 s, so that devices are not kept waiting."""
BLOCKS: Final = 64
"""Cloud blocks stored at once: at most 128 MiB, mostly 64."""
TOLD: Final = 50
"""Refusals told one by one; all are counted."""


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    org
        Whose data.
    taken, known
        Records that are new here, and that were here.
    refused
        Records refused, by rule.
    examples
        The first of them.
    blocks, clouds
        Cloud blocks stored, and clouds that are whole by them.
    """

    org: str
    taken: int = 0
    known: int = 0
    blocks: int = 0
    clouds: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[Outcome] = field(default_factory=list)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes."""
        for outcome in outcomes:
            self.taken += outcome.verdict == "taken"
            self.known += outcome.verdict == "known"
            if outcome.verdict == "refused":
                self.refused[outcome.rule] += 1
                if len(self.examples) < TOLD:
                    self.examples.append(outcome)


async def import_folder(
    store: Store,
    folder: Path,
    *,
    clock: Callable[[], int],
    blocks: BlockStore | None = None,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> ImportReport:
    """Take an export's records in, in their order, and its clouds where there is a block store for them.

    Parameters
    ----------
    store
        The journal.
    folder
        The export.
    clock
        Gives UTC in milliseconds.
    blocks
        Takes the clouds; without it they are passed over.
    told
        Is told how many of how many records were looked at.

    Raises
    ------
    InvalidExport
        Before anything is taken in.
    """
    await asyncio.to_thread(check_sums, folder)
    manifest = await asyncio.to_thread(check_archive, folder / RECORDS)
    report = ImportReport(manifest.org)
    with open_archive(folder / RECORDS) as (_, passing):
        while batch := await asyncio.to_thread(_next_batch, passing):
            await _take_batch(store, batch, report, clock)
            await _store_blocks(blocks, batch, report)
            told(report.taken + report.known + report.refused.total(), manifest.count)
    await bring_up(store)
    if blocks is not None and report.blocks:
        report.clouds = await _note_clouds(store, manifest, blocks)
    return report


def _next_batch(passing: Iterator[ExportBlock]) -> list[ExportBlock]:
    batch: list[ExportBlock] = []
    for item in passing:
        batch.append(item)
        if len(batch) >= (BATCH if item.is_record else BLOCKS):
            break
    return batch


async def _take_batch(
    store: Store, batch: Sequence[ExportBlock], report: ImportReport, clock: Callable[[], int]
) -> None:
    raws = [item.block for item in batch if item.is_record]
    if raws:
        opened = await asyncio.to_thread(open_records, raws)
        report.add(await store.write(lambda db: take(db, opened, clock(), org=report.org)))


async def _store_blocks(blocks: BlockStore | None, batch: Sequence[ExportBlock], report: ImportReport) -> None:
    clouds = [(item.cid, item.block) for item in batch if not item.is_record]
    if blocks is not None and clouds:
        await asyncio.to_thread(blocks.put_many, clouds)
        report.blocks += len(clouds)


async def _note_clouds(store: Store, manifest: Manifest, blocks: BlockStore) -> int:
    """Note which clouds are whole now; their surveys came as records, so no job follows."""
    statement = "SELECT root, size FROM upload WHERE org = ? AND NOT whole"
    rows = await store.read(lambda db: db.execute(statement, (manifest.org,)).fetchall())
    whole = await asyncio.to_thread(lambda: [row for row in rows if _is_whole(Cid.from_bytes(row[0]), blocks)])
    await store.write(lambda db: _mark_whole(db, manifest.org, whole))
    return len(whole)


def _is_whole(root: Cid, blocks: BlockStore) -> bool:
    try:
        return all(block is not None for _, block in list_cloud(root, blocks))
    except BlockMissing:
        return False


def _mark_whole(db: sqlite3.Connection, org: str, rows: Sequence[tuple[bytes, int]]) -> None:
    for root, size in rows:
        frames = compute_shape(size).frames
        held = encode_bitmap(range(frames), frames)
        db.execute("UPDATE upload SET held = ?, whole = 1 WHERE org = ? AND root = ?", (held, org, root))
