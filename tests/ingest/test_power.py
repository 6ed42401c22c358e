"""A power cut at any instant: whatever part of the unsynced writes reached the disk, every receipted record is there.

The model: SQLite has synced the write-ahead log when a commit returns (synchronous FULL). What it writes afterwards may
reach the disk in part: any prefix of the log's new bytes, in sectors, the last one torn; while it checkpoints, any
prefix of the database's pages, the log being whole.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from domain.cid import Cid
from ingest.errors import JournalUnwritable
from ingest.journal import Journal
from tests.ingest.devices import ORG_KEY, POLICY, Device, enrolled

SECTOR = 512
COMMITS = 12


def snapshot(path: Path) -> tuple[bytes, bytes]:
    """Return database and log as they are on the disk now."""
    log = path.with_name(path.name + "-wal")
    return path.read_bytes(), log.read_bytes() if log.exists() else b""


async def record_states(path: Path, *, checkpoint_pages: int) -> list[tuple[bytes, bytes, set[Cid]]]:
    """Run a server's day; return the files after each receipt, and what was receipted by then."""
    states: list[tuple[bytes, bytes, set[Cid]]] = []
    receipted: set[Cid] = set()
    async with Journal.open(path) as journal:
        await journal.write(lambda db: db.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}").fetchall())
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        device = await enrolled(journal, Device())
        for number in range(COMMITS):
            records = [device.observe(f"{number}-{each}") for each in range(5)]
            answers = await journal.admit(device.send(*records), POLICY)
            receipted |= {answer.record for answer in answers if answer is not None and answer.verdict == "stored"}
            states.append((*snapshot(path), set(receipted)))
    return states


def list_cuts(before: tuple[bytes, bytes], after: tuple[bytes, bytes], rng: Random) -> Iterator[tuple[bytes, bytes]]:
    """Yield what the disk may hold when the power fails between two commits."""
    (old_base, old_log), (new_base, new_log) = before, after
    # A log grows, or, once it was checkpointed whole, is written over from its beginning; what was synced stays: SQLite
    # relies on a torn write harming no byte beside it ("powersafe overwrite", its documentation of atomic commit).
    differing = (place for place, (one, other) in enumerate(zip(old_log, new_log, strict=False)) if one != other)
    first = next(differing, min(len(old_log), len(new_log)))
    for end in sorted({*range(first, len(new_log), SECTOR), len(new_log)}):
        yield old_base, new_log[:end] + old_log[end:]
        torn = new_log[end : end + SECTOR][: rng.randrange(SECTOR)]
        yield old_base, new_log[:end] + torn + rng.randbytes(16) + old_log[end + len(torn) + 16 :]
    if new_base != old_base:
        for end in range(0, len(new_base) + 1, 4_096):
            yield new_base[:end] + old_base[end:], new_log


async def read_cids(folder: Path, base: bytes, log: bytes) -> set[Cid]:
    """Return the records of a journal that is opened on these files, after a power cut."""
    path = folder / "journal.sqlite"
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    path.write_bytes(base)
    path.with_name(path.name + "-wal").write_bytes(log)
    async with Journal.open(path) as journal:
        return {entry.cid for entry in await journal.records_after(0, limit=10_000)}


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint_pages", [1_000, 8])
async def test_every_receipted_record_outlives_every_power_cut(tmp_path: Path, checkpoint_pages: int) -> None:
    states = await record_states(tmp_path / "journal.sqlite", checkpoint_pages=checkpoint_pages)
    folder, rng, cuts = tmp_path / "after", Random(5), 0
    folder.mkdir()
    for before, after in pairwise(states):
        for base, log in list_cuts(before[:2], after[:2], rng):
            cuts += 1
            assert before[2] <= await read_cids(folder, base, log)
    assert cuts > 100


async def test_when_the_disk_fills_no_receipt_is_false_and_space_brings_the_server_back(tmp_path: Path) -> None:
    path, promised = tmp_path / "journal.sqlite", set[Cid]()
    async with Journal.open(path) as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        device = await enrolled(journal, Device())
        pages = await journal.write(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
        await journal.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 8}").fetchall())
        refusals = 0
        for number in range(200):
            try:
                answers = await journal.admit(device.send(device.observe(f"{number} " + "x" * 500)), POLICY)
            except JournalUnwritable:
                refusals += 1
            else:
                promised |= {answer.record for answer in answers if answer is not None}
        assert refusals > 100
        await journal.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchall())
        (answer,) = await journal.admit(device.send(device.observe("after")), POLICY)
        assert answer is not None
        assert answer.verdict == "stored"
    async with Journal.open(path) as journal:
        assert promised <= {entry.cid for entry in await journal.records_after(0, limit=10_000)}
