"""How a server does: one reading of all its counters, and what an operator should know of it."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.entries import JournalCounts
from ingest.errors import JournalUnwritable
from ingest.jobs import FOLLOWED, get_mark
from ingest.journal import Journal
from ingest.service import IngestService, ServiceCounts
from ingest.uploads import RESERVE_BYTES

LOW_DISK_BYTES: Final = 1 << 30
"""Free disk below which an operator is told: a large cloud's worth."""
BEHIND: Final = 20_000
"""Records that the follower may be behind before an operator is told: some seconds of its work."""
BUSY_PPM: Final = 900_000
"""Fill of the queues beyond which devices are being held back."""
OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True, slots=True)
class Reading:
    """Every counter of a server at one moment.

    Attributes
    ----------
    journal
        What the journal holds.
    service
        What came and was answered since the start.
    alarms
        Alarms by kind, repetitions counted.
    last_row, followed
        Row admitted last, and row up to which the follower has come.
    load_ppm
        How full the service's queues are.
    disk_free_bytes
        Left where the data is.
    is_connected
        Whether the broker is reached.
    is_writable
        Whether the journal took a commit just now.
    """

    journal: JournalCounts
    service: ServiceCounts
    alarms: Mapping[str, int]
    last_row: int
    followed: int
    load_ppm: int
    disk_free_bytes: int
    is_connected: bool
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is as it should be, or not.

    Attributes
    ----------
    name
        What was looked at.
    state
        `OK`, `WARN` or `FAIL`; a server with a `FAIL` should get no traffic.
    words
        What it is and what to do.
    """

    name: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Reads a server's counters.

    Attributes
    ----------
    journal, service
        Of what server.
    folder
        Where its data is.
    """

    journal: Journal
    service: IngestService
    folder: Path

    async def read(self) -> Reading:
        """Return every counter as it is now; a commit is tried on the way."""
        try:
            await self.journal.write(_touch)
            is_writable = True
        except JournalUnwritable:
            is_writable = False
        alarms, last_row, followed = await self.journal.read(_look)
        return Reading(
            await self.journal.counts(),
            self.service.counts,
            alarms,
            last_row,
            followed,
            self.service.load_ppm,
            shutil.disk_usage(self.folder).free,
            self.service.link.connected.is_set(),
            is_writable,
        )


def list_checks(reading: Reading) -> Iterator[Check]:
    """Yield what an operator should know of a reading."""
    if reading.is_writable:
        yield Check("journal", OK, "takes commits")
    else:
        yield Check("journal", FAIL, "takes no commit: free or replace its disk; devices keep what was not answered")
    if reading.is_connected:
        yield Check("broker", OK, "reached")
    else:
        yield Check("broker", FAIL, "not reached: start it or mend its address; devices keep their records")
    yield _check_disk(reading.disk_free_bytes)
    behind = reading.last_row - reading.followed
    state = WARN if behind > BEHIND else OK
    yield Check("pipeline", state, f"{behind} records wait to be stored and indexed")
    held = "; devices are told to rest" if reading.load_ppm > BUSY_PPM else ""
    yield Check("queues", WARN if held else OK, f"{reading.load_ppm / 10_000:.0f} % full{held}")
    failed = reading.journal.jobs_failed
    yield Check("jobs", WARN if failed else OK, f"{failed} given up{': see the portal for why' if failed else ''}")
    alarms = sum(reading.alarms.values())
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(reading.alarms.items())) or "none"
    yield Check("alarms", WARN if alarms else OK, words)


def _check_disk(free: int) -> Check:
    words = f"{free / (1 << 30):.1f} GiB free"
    if free <= RESERVE_BYTES:
        return Check("disk", FAIL, f"{words}: uploads are no longer taken, records still are; free some")
    return Check("disk", OK if free > LOW_DISK_BYTES else WARN, words)


def _touch(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO mark VALUES ('watched', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")


def _look(db: sqlite3.Connection) -> tuple[dict[str, int], int, int]:
    alarms = dict(db.execute("SELECT kind, sum(times) FROM alarm GROUP BY kind").fetchall())
    last_row = int(db.execute("SELECT coalesce(max(row), 0) FROM record").fetchone()[0])
    return alarms, last_row, get_mark(db, FOLLOWED)
