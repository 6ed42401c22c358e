"""Power cuts, full disks, damaged pages and clocks that jump: what was recorded stays recorded, and is told."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from time import CLOCK_BOOTTIME

import pytest

from domain.cid import Cid
from domain.envelope import open_envelope, seal
from domain.readings import Note
from domain.records.field import Birth, Observation
from domain.records.receipt import Answer
from edge import campaigns, health
from edge.agent import Agent
from edge.capture import BATCH_READINGS, MAX_WAITING, Capture
from edge.clock import ROLLOVER_MS, ClockWatch
from edge.damage import LOST_RULE
from edge.errors import DiskFull, SpoolLocked
from edge.identity import Identity
from edge.spool import Spool, open_spool
from firmware_bridge.driver import Event
from tests.edge.server import settings, small_server, until
from tests.edge.test_hardship import list_roots, offer
from tests.edge.test_history import CAMPAIGN, PLOT, SPECIES, stage
from tests.edge.test_spool import AT_MS, ORG_KEY, enrol, observe, receipt

YEAR_MS = 31_557_600_000
SECTOR = 512
"""Bytes that a disk writes at once, whole or not at all."""


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


def waiting(spool: Spool) -> set[Cid]:
    return {Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM item")}


# Power


def copy_disk(folder: Path) -> dict[str, bytes]:
    """Return what stands in the spool's files."""
    return {
        name: (folder / name).read_bytes() for name in ("spool.sqlite", "spool.sqlite-wal") if (folder / name).exists()
    }


def tear(synced: bytes, written: bytes, sectors: int, draw: Random) -> bytes:
    """Return a file of which, of what was written since the last sync, so many sectors reached the disk, in any order.

    A file grows before its data come: the rest of what is new reads as zeros.
    """
    after = bytearray(synced[: len(written)]) + bytes(max(0, len(written) - len(synced)))
    places = range(0, len(written), SECTOR)
    changed = [at for at in places if written[at : at + SECTOR] != bytes(after[at : at + SECTOR])]
    for at in draw.sample(changed, min(sectors, len(changed))):
        after[at : at + SECTOR] = written[at : at + SECTOR]
    return bytes(after)


def list_prefixes(synced: bytes, written: bytes) -> Iterator[bytes]:
    """Yield the file after each prefix of what was written since the last sync."""
    changed = [at for at in range(0, len(written), SECTOR) if written[at : at + SECTOR] != synced[at : at + SECTOR]]
    for number in range(len(changed) + 1):
        after = bytearray(synced[: len(written)]) + bytes(max(0, len(written) - len(synced)))
        for at in changed[:number]:
            after[at : at + SECTOR] = written[at : at + SECTOR]
        yield bytes(after)


def check_reopened(folder: Path, disk: dict[str, bytes], identity: Identity, recorded: list[Cid]) -> None:
    """Open what a power cut left; every record whose `append` had returned is there, and counting goes on."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, raw in disk.items():
        (folder / name).write_bytes(raw)
    with open_spool(folder, identity) as spool:
        assert spool.damage is None
        found = waiting(spool)
        assert set(recorded) <= found
        assert len(found) <= len(recorded) + 2
        place = spool.append(observe).expect(Observation).place
        assert place.seq == len(found)


def test_after_a_power_cut_at_any_sector_every_record_that_was_told_is_there(
    tmp_path: Path, identity: Identity
) -> None:
    draw = Random(7)
    snapshots: list[tuple[dict[str, bytes], list[Cid]]] = []
    with open_spool(tmp_path, identity) as spool:
        recorded = [open_envelope(spool.birth).cid]
        snapshots.append((copy_disk(tmp_path), list(recorded)))
        for number in range(24):
            recorded.append(spool.append(observe).cid)
            if number % 8 == 5:
                # The log goes into the file, and begins anew.
                spool.db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            snapshots.append((copy_disk(tmp_path), list(recorded)))
    cut = tmp_path / "cut"
    tried = 0
    for (before, told), (after, _) in pairwise(snapshots):
        # A commit writes the log and syncs it; the file itself is written at a checkpoint, after the log was synced.
        for log in list_prefixes(before["spool.sqlite-wal"], after["spool.sqlite-wal"]):
            check_reopened(cut, {"spool.sqlite": before["spool.sqlite"], "spool.sqlite-wal": log}, identity, told)
            tried += 1
        for sectors in (1, 3, 9):
            log = tear(before["spool.sqlite-wal"], after["spool.sqlite-wal"], sectors, draw)
            check_reopened(cut, {"spool.sqlite": before["spool.sqlite"], "spool.sqlite-wal": log}, identity, told)
            tried += 1
    assert tried > 300


def test_after_a_power_cut_within_a_checkpoint_nothing_is_missing(tmp_path: Path, identity: Identity) -> None:
    draw = Random(8)
    with open_spool(tmp_path, identity) as spool:
        told = [open_envelope(spool.birth).cid, *(spool.append(observe).cid for _ in range(30))]
        before = copy_disk(tmp_path)
        spool.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        after = copy_disk(tmp_path)
    assert before["spool.sqlite"] != after["spool.sqlite"]
    for sectors in range(0, 120, 8):
        file = tear(before["spool.sqlite"], after["spool.sqlite"], sectors, draw)
        disk = {"spool.sqlite": file, "spool.sqlite-wal": before["spool.sqlite-wal"]}
        check_reopened(tmp_path / "cut", disk, identity, told)


# Disk


class Source:
    """A driver that yields notes."""

    def __init__(self) -> None:
        self.given = 0

    def give(self, number: int) -> list[Event]:
        self.given += number
        return [Note(1, f"note {at}") for at in range(self.given - number, self.given)]


@contextmanager
def full(spool: Spool) -> Iterator[None]:
    """Let the spool's file grow no more."""
    (pages,) = spool.db.execute("PRAGMA page_count").fetchone()
    spool.db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    spool.db.execute("PRAGMA max_page_count = 1000000")


def fill(spool: Spool) -> None:
    """Use up what is left of the disk."""
    told = record_until_full(spool)
    assert len(told) < 1_000


def record_until_full(spool: Spool) -> set[Cid]:
    """Return what was recorded before the disk was full."""
    told = set()
    for _ in range(20_000):
        try:
            told.add(spool.append(observe).cid)
        except DiskFull:
            return told
    raise AssertionError("the disk was never full")


def test_on_a_full_disk_nothing_is_claimed_and_counting_goes_on_when_there_is_room(
    tmp_path: Path, identity: Identity
) -> None:
    with open_spool(tmp_path, identity) as spool:
        with full(spool):
            fill(spool)
            before, status = waiting(spool), spool.status()
            with pytest.raises(DiskFull):
                spool.append(observe, readings=1)
            assert (waiting(spool), spool.status()) == (before, status)
        record = spool.append(observe)
        assert record.expect(Observation).place.seq == len(before)
    with open_spool(tmp_path, identity) as spool:
        assert waiting(spool) == before | {record.cid}


def test_receipts_make_room_on_a_full_disk(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool, full(spool):
        fill(spool)
        for cid in sorted(waiting(spool)):
            spool.apply_receipt(receipt(Answer(cid, "stored")))
        assert waiting(spool) == set()
        assert spool.append(observe).kind == "observation"


def test_readings_are_kept_in_memory_up_to_a_bound_then_dropped_counted_and_told(
    tmp_path: Path, identity: Identity
) -> None:
    source = Source()
    with open_spool(tmp_path, identity) as spool:
        capture = Capture(spool, "north-forest", "rover-1", "ridge")
        with full(spool):
            fill(spool)
            capture.take(source.give(100))
            capture.record()
            assert capture.pulse.is_full
            capture.take(source.give(MAX_WAITING))
            # Those that are on the disk already leave no gap: the rest stands behind them in memory.
            lost = capture.pulse.dropped
            assert 0 < lost <= 100
            told = health.tell_alarms(tmp_path, dropped=lost, is_full=capture.pulse.is_full)
            assert told[0].startswith("The disk is full")
            assert f"{lost} readings were lost" in told[1]
        capture.record()
        assert not capture.pulse.is_full
        status = spool.status()
        assert (status.dropped, status.readings) == (lost, source.given - lost)
        assert all(
            len(body.readings) <= BATCH_READINGS
            for (raw,) in spool.db.execute("SELECT raw FROM item")
            if isinstance(body := open_envelope(raw).body, Observation)
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_on_a_small_disk_that_fills_up_nothing_told_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this system lets nobody mount")
    try:
        identity = enrol(disk)
        with open_spool(disk, identity) as spool:
            told = record_until_full(spool)
            for _ in range(3):
                # A checkpoint may have made room meanwhile; then what is told must be there too.
                with suppress(DiskFull):
                    told.add(spool.append(observe).cid)
        with open_spool(disk, identity) as spool:
            assert spool.damage is None
            assert told <= waiting(spool)
            assert len(told) > 100
            spool.apply_receipt(receipt(*(Answer(cid, "stored") for cid in sorted(told)[:300])))
            assert spool.append(observe).kind == "observation"
    finally:
        subprocess.run(["/bin/umount", str(disk)], check=True)


async def test_an_agent_with_a_full_disk_still_sends_what_it_has(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with small_server(tmp_path) as server, Agent.open(settings(tmp_path / "d", server)) as agent:
        await until(agent.spool.is_drained)
        with full(agent.spool):
            fill(agent.spool)
            agent.notify()
            assert await agent.wait_drained(timeout_s=10)
        assert agent.spool.append(observe).kind == "observation"


def test_while_another_process_writes_for_too_long_nothing_is_claimed(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool, closing(sqlite3.connect(tmp_path / "spool.sqlite")) as other:
        before = waiting(spool)
        spool.db.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolLocked):
            spool.append(observe)
        other.rollback()
        record = spool.append(observe)
        assert waiting(spool) == before | {record.cid}


# Damage


def damage(path: Path, pages: list[int]) -> None:
    raw = bytearray(path.read_bytes())
    for page in pages:
        raw[4096 * page : 4096 * (page + 1)] = Random(page).randbytes(4096)
    path.write_bytes(raw)


def fill_spool(folder: Path, identity: Identity) -> tuple[dict[str, set[Cid]], Cid]:
    """Return the records by what became of them, and the file, of a spool that holds something of everything."""
    (folder / "f").write_bytes(b"points" * 20_000)
    with open_spool(folder, identity) as spool:
        for body in (CAMPAIGN, PLOT, SPECIES):
            spool.take_frame(seal(body, ORG_KEY).raw)
        _, root = offer(spool, folder / "f")
        received = {spool.append(observe).cid for _ in range(60)}
        for cid in received:
            spool.apply_receipt(receipt(Answer(cid, "stored")))
        queued = {spool.append(observe).cid for _ in range(60)}
    return {"received": received, "queued": queued}, root


def test_everything_whole_in_a_damaged_spool_is_taken_over(tmp_path: Path, identity: Identity) -> None:
    records, root = fill_spool(tmp_path, identity)
    path = tmp_path / "spool.sqlite"
    with closing(sqlite3.connect(path)) as db:
        # A page of the index of names: no table is touched, but SQLite calls the file malformed.
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_history_1'").fetchone()
    damage(path, [page - 1])
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is not None
        assert waiting(spool) >= records["queued"]
        assert {stage(spool, cid) for cid in records["received"]} == {"received"}
        assert len(campaigns.list_held(spool.db)) == 3
        assert list_roots(spool) == [root]
        birth = open_envelope(spool.birth).expect(Birth)
        assert birth.last is not None
        assert spool.db.execute("SELECT count(*) FROM receipt").fetchone()[0] == 60
    assert health.list_damaged(tmp_path)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_page_is_damaged_the_rest_goes_on_and_what_is_lost_is_told(
    tmp_path: Path, identity: Identity, seed: int
) -> None:
    records, _ = fill_spool(tmp_path, identity)
    path = tmp_path / "spool.sqlite"
    pages = path.stat().st_size // 4096
    damage(path, [Random(seed).randrange(1, pages)])
    with open_spool(tmp_path, identity) as spool:
        if spool.damage is None:
            return  # a page that held nothing
        found = waiting(spool)
        # A page of 4 kB holds at most 15 of these records.
        assert len(records["queued"] - found) <= 15
        lost = {
            Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM history WHERE rule = ?", (LOST_RULE,))
        }
        known = {Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM history")}
        assert (records["queued"] - found) & known <= lost
        assert spool.append(observe).cid in waiting(spool)
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is None


# Time


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.wall = AT_MS
        self.mono = 5_000

    def watch(self) -> ClockWatch:
        return ClockWatch(lambda: self.wall, lambda: self.mono)

    def jump(self, ms: int) -> None:
        self.wall += ms
        self.mono += 10


@pytest.mark.parametrize(
    ("jump", "words"), [(-10 * YEAR_MS, "10.0 years behind"), (10 * YEAR_MS, "10.0 years ahead"), (1_000, None)]
)
def test_a_clock_that_jumps_is_told_and_a_leap_second_is_not(jump: int, words: str | None) -> None:
    hand = Hand()
    watch = hand.watch()
    watch.tick()
    hand.jump(jump)
    watch.tick()
    assert [words in alarm for alarm in watch.alarms() if words] == ([True] if words else [])
    assert bool(watch.alarms()) == bool(words)


def test_a_clock_that_jumps_and_comes_back_is_no_longer_told() -> None:
    hand = Hand()
    watch = hand.watch()
    for jump, is_told in ((0, False), (YEAR_MS, True), (60_000, True), (-YEAR_MS, False), (-YEAR_MS, True)):
        hand.jump(jump)
        watch.tick()
        assert bool(watch.alarms()) == is_told


def test_a_board_that_slept_has_no_clock_that_jumped(monkeypatch: pytest.MonkeyPatch) -> None:
    # CLOCK_MONOTONIC stands still while Linux is suspended, CLOCK_BOOTTIME does not (clock_gettime(2)).
    shown = {"wall": AT_MS, "boot": 9_000}
    monkeypatch.setattr(time, "time_ns", lambda: shown["wall"] * 1_000_000)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 5_000_000_000)
    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: shown["boot"] * 1_000_000 * (clock == CLOCK_BOOTTIME))
    watch = ClockWatch()
    watch.tick()
    watch.note_server(AT_MS)
    by_itself = ClockWatch()
    by_itself.tick()
    for name in shown:
        shown[name] += 8 * 3_600_000
    for one in (watch, by_itself):
        one.tick()
        assert one.alarms() == ()


def test_a_jump_that_the_server_confirms_is_no_longer_told() -> None:
    hand = Hand()
    watch = hand.watch()
    watch.tick()
    hand.jump(10 * YEAR_MS)
    watch.tick()
    watch.note_server(hand.wall + 1_000)
    assert watch.alarms() == ()


def test_a_clock_that_disagrees_with_server_or_satellites_is_told() -> None:
    hand = Hand()
    by_server, by_sky = hand.watch(), hand.watch()
    by_server.note_server(hand.wall + 6 * 60_000)
    by_sky.note_gnss(hand.wall - 2 * 86_400_000)
    assert "6 minutes behind the server's" in by_server.alarms()[0]
    assert "2.0 days ahead of the satellites'" in by_sky.alarms()[0]


def test_a_receiver_whose_weeks_rolled_over_is_told_as_that() -> None:
    hand = Hand()
    watch = hand.watch()
    watch.note_server(hand.wall)
    watch.note_gnss(hand.wall - ROLLOVER_MS)
    (alarm,) = watch.alarms()
    assert "week number has rolled over" in alarm


@pytest.mark.parametrize("shown", [-1, 0, 1 << 62])
def test_a_clock_beyond_all_bounds_keeps_nobody_from_recording(
    tmp_path: Path, identity: Identity, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: shown * 1_000_000)
    with open_spool(tmp_path, identity) as spool:
        first, second = (spool.append(observe).expect(Observation).place for _ in range(2))
    assert (second.seq, first.at_ms) == (first.seq + 1, min(max(0, shown), 7_258_118_400_000))


async def test_a_clock_that_jumps_while_records_wait_changes_nothing_of_their_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(tmp_path / "d")
    shown = [AT_MS * 1_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: shown[0])
    async with small_server(tmp_path) as server, Agent.open(settings(tmp_path / "d", server)) as agent:
        for jump in (0, -10 * YEAR_MS, 20 * YEAR_MS, -ROLLOVER_MS):
            shown[0] += jump * 1_000_000
            record = agent.spool.append(observe)
            agent.notify()
            await until(lambda cid=record.cid: not agent.spool.is_waiting(cid), seconds=3)  # type: ignore[misc]
        seqs = [
            record.body.place.seq
            for one in server.said
            for record in one.records
            if isinstance(record.body, Observation)
        ]
        assert seqs == [1, 2, 3, 4]
        assert "behind the server's" in " ".join(agent.read_pulse().alarms or ())
