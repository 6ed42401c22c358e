"""The journal takes what is right, keeps what is not, and commits each once."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.cid import RAW, Cid
from domain.envelope import Record, open_envelope, seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Observation
from domain.records.membership import Enrol, Revoke
from ingest import ledger
from ingest.admission import read_arrival
from ingest.entries import Job
from ingest.errors import JournalClosed, JournalDamaged, JournalNewer, JournalUnwritable, UnknownJob
from ingest.journal import Journal
from ingest.tables import MIGRATIONS, SCHEMA, prepare
from tests.domain.samples import BODIES
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, POLICY, Device, enrolled, outcome, renumber


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


async def test_a_record_of_an_enrolled_device_is_stored(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record = device.observe()
    (answer,) = await journal.admit(device.send(record), POLICY)
    assert answer is not None
    assert (answer.verdict, answer.seq, answer.epoch) == ("stored", 0, bytes(16))
    entries = await journal.records_after(0, limit=10)
    assert [entry.kind for entry in entries] == ["enrol", "observation"]
    assert await journal.record(record.cid) == record.raw


async def test_the_same_record_again_is_stored_once_and_answered_again(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record = device.observe()
    assert [await outcome(journal, device, record) for _ in range(3)] == ["stored"] * 3
    assert (await journal.counts()).observations == 1


def _strange_key(device: Device) -> Record:
    device.key = SigningKey.from_seed(b"s" * 32)
    return device.observe()


def _foreign_org(device: Device) -> Record:
    body = replace(device.observe().expect(Observation), org="south-forest")
    return seal(body, device.key)


def _result_kind(device: Device) -> Record:
    return seal(BODIES["tree"], device.key)


def _too_large(device: Device) -> Record:
    return device.declare(Cid.of(RAW, b""), POLICY.max_upload_bytes + 1)


def _self_enrolled(device: Device) -> Record:
    other = SigningKey.from_seed(b"n" * 32)
    return seal(Enrol(device.org, device.name, other.public.raw, INGEST_KEY.public.raw, AT_MS), device.key)


def _other_server(device: Device) -> Record:
    return seal(Enrol(device.org, device.name, device.key.public.raw, ORG_KEY.public.raw, AT_MS), ORG_KEY)


BAD = [
    ("UnknownKey", _strange_key),
    ("ForeignTopic", _foreign_org),
    ("KindNotTaken", _result_kind),
    ("UploadTooLarge", _too_large),
    ("UnknownKey", _self_enrolled),
    ("WrongIngestKey", _other_server),
]


@pytest.mark.parametrize(("rule", "make"), BAD, ids=[f"{rule} {make.__name__}" for rule, make in BAD])
async def test_a_record_that_breaks_a_rule_is_kept_and_answered_by_its_name(
    journal: Journal, rule: str, make: Callable[[Device], Record]
) -> None:
    device = await enrolled(journal, Device())
    record = make(device)
    (answer,) = await journal.admit(device.send(record), POLICY)
    assert answer is not None
    assert (answer.verdict, answer.reason) == ("refused", rule)
    assert answer.remedy
    (kept,) = await journal.quarantined(limit=9)
    assert (kept.raw, kept.rule) == (record.raw, rule)


async def test_bytes_that_are_no_record_are_kept_too(journal: Journal) -> None:
    device = Device()
    arrival = read_arrival(device.topic(), b"\xff garbage")
    (answer,) = await journal.admit([arrival], POLICY)
    assert answer is not None
    assert (answer.verdict, answer.reason, answer.record) == ("refused", "NotARecord", Cid.of(RAW, b"\xff garbage"))
    assert (await journal.quarantined(limit=9))[0].raw == b"\xff garbage"


async def test_an_unknown_organisation_is_told_so(journal: Journal) -> None:
    device = Device(org="south-forest")
    assert await outcome(journal, device, device.enrol) == "UnknownOrganisation"


async def test_another_body_under_one_number_is_a_conflict_and_the_first_stays(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    first = device.observe("first")
    second = seal(renumber(device.observe("second").expect(Observation), 0), device.key)
    assert await outcome(journal, device, first) == "stored"
    assert await outcome(journal, device, second) == "SequenceConflict"
    assert await journal.record(first.cid) == first.raw
    assert await journal.record(second.cid) is None


async def test_the_number_of_a_refused_record_counts_as_used(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    assert await outcome(journal, device, _too_large(device)) == "UploadTooLarge"
    device.seq = 0
    assert await outcome(journal, device, device.observe()) == "SequenceConflict"


async def test_a_stranger_cannot_use_up_a_devices_numbers(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    stranger = Device(key=SigningKey.from_seed(b"s" * 32))
    assert await outcome(journal, device, stranger.observe()) == "UnknownKey"
    assert await outcome(journal, device, device.observe()) == "stored"


async def test_two_successors_of_one_record_raise_an_alarm_and_are_both_kept(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    first = device.observe()
    clone = replace(device)
    copies = [device.observe("one"), seal(renumber(clone.observe("two").expect(Observation), 9), device.key)]
    assert [await outcome(journal, device, record) for record in (first, *copies)] == ["stored"] * 3
    (alarm,) = await journal.alarms(limit=9)
    assert "copied" in alarm


async def test_records_of_a_revoked_key_go_to_quarantine_and_the_key_stays_revoked(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    enrol = device.enrol
    revoke = seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    assert await outcome(journal, device, revoke) == "stored"
    assert await outcome(journal, device, device.observe()) == "KeyRevoked"
    assert await outcome(journal, device, enrol) == "stored"
    assert await outcome(journal, device, device.observe()) == "KeyRevoked"


async def test_a_record_refused_before_its_enrolment_leaves_quarantine_when_it_is_admitted(journal: Journal) -> None:
    device = Device()
    record = device.observe()
    assert await outcome(journal, device, record) == "UnknownKey"
    await enrolled(journal, device)
    assert await outcome(journal, device, record) == "stored"
    assert await journal.quarantined(limit=9) == ()


async def test_when_quarantine_is_full_a_record_is_not_answered_so_that_the_device_keeps_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bound itself, made small: 16 MiB of refusals would only make the test slow.
    monkeypatch.setattr(ledger, "QUARANTINE_BYTES", 1_000)
    device = Device()
    answers = await journal.admit(device.send(*(device.observe() for _ in range(9))), POLICY)
    assert answers[0] is not None
    assert answers[-1] is None


async def test_calls_that_wait_together_are_each_answered_truly(journal: Journal) -> None:
    devices = [await enrolled(journal, Device(name=f"rover-{number}")) for number in range(5)]
    records = [(device, device.observe(str(number))) for number in range(20) for device in devices]
    outcomes = await asyncio.gather(*(outcome(journal, device, record) for device, record in records))
    assert outcomes == ["stored"] * 100
    assert (await journal.counts()).observations == 100


async def test_a_job_is_claimed_by_one_and_finished_once(journal: Journal) -> None:
    await journal.queue_job(Job("survey/x", "survey", b"\xa0"))
    await journal.queue_job(Job("survey/x", "survey", b"\xa0"))
    job = await journal.claim_job("survey")
    assert job == Job("survey/x", "survey", b"\xa0", attempts=1)
    assert await journal.claim_job("survey") is None
    tree = seal(BODIES["tree"], ORG_KEY)
    await journal.finish_job("survey/x", [tree], then=[Job("next", "anchor", b"")])
    with pytest.raises(UnknownJob):
        await journal.finish_job("survey/x", [tree])
    await journal.queue_job(Job("survey/x", "survey", b"\xa0"))
    assert await journal.claim_job("survey") is None
    assert await journal.claim_job("anchor") is not None
    assert (await journal.counts()).trees == 1


async def test_a_failed_job_waits_before_it_is_tried_again(journal: Journal) -> None:
    await journal.queue_job(Job("a", "survey", b""))
    await journal.claim_job("survey")
    await journal.fail_job("a", "no", retry_in_s=0.15)
    assert await journal.claim_job("survey") is None
    await asyncio.sleep(0.2)
    again = await journal.claim_job("survey")
    assert again is not None
    assert again.attempts == 2
    await journal.fail_job("a", "never", retry_in_s=None)
    assert await journal.failures(limit=9) == ("a: never",)


async def test_a_job_in_hand_of_a_dead_process_waits_again(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "j") as first:
        await first.queue_job(Job("a", "survey", b""))
        assert await first.claim_job("survey") is not None
    async with Journal.open(tmp_path / "j") as second:
        assert await second.claim_job("survey") is not None


async def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"nothing of the kind" * 300)
    with pytest.raises(JournalDamaged, match="restore"):
        async with Journal.open(tmp_path / "j"):
            pass


async def test_a_full_disk_is_told_and_nothing_is_promised(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record = device.observe("x" * 1_000)
    # SQLite's own bound on the file's pages: what it says beyond it is what a full disk says.
    pages = await journal.write(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
    await journal.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    with pytest.raises(JournalUnwritable, match="disk"):
        await journal.admit(device.send(*(device.observe("y" * 1_000) for _ in range(50))), POLICY)
    await journal.write(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchall())
    assert (await journal.counts()).observations == 0
    assert await outcome(journal, device, record) == "stored"


async def test_after_its_end_a_journal_says_so(tmp_path: Path) -> None:
    async with Journal.open(tmp_path / "j") as journal:
        waiting = [asyncio.create_task(journal.queue_job(Job(str(number), "survey", b""))) for number in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [None] * 50
    with pytest.raises(JournalClosed):
        await journal.queue_job(Job("late", "survey", b""))


_WRITER = """
import asyncio, sys
from pathlib import Path
from ingest.journal import Journal
from tests.ingest.devices import ORG_KEY, POLICY, Device

async def main():
    device = Device()
    async with Journal.open(Path(sys.argv[1])) as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        await journal.admit(device.send(device.enrol), POLICY)
        while True:
            record = device.observe()
            (answer,) = await journal.admit(device.send(record), POLICY)
            print(answer.verdict, record.cid, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("told", [1, 7, 60])
async def test_what_was_answered_outlives_a_kill(tmp_path: Path, told: int) -> None:
    lines = _write_until(tmp_path / "j", told)
    async with Journal.open(tmp_path / "j") as journal:
        for verdict, cid in lines:
            assert verdict == "stored"
            raw = await journal.record(Cid.parse(cid))
            assert raw is not None
            assert str(open_envelope(raw).cid) == cid


def _write_until(path: Path, told: int) -> list[list[str]]:
    """Return what a writing process said before it was killed."""
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline().decode().split() for _ in range(told)]
        writer.kill()
    return lines


async def test_ten_thousand_replays_are_taken_once_and_every_other_body_under_a_number_raises_an_alarm(
    journal: Journal,
) -> None:
    device = await enrolled(journal, Device())
    first = device.observe("first")
    assert await outcome(journal, device, first) == "stored"
    for _ in range(100):
        answers = await journal.admit(device.send(*[first] * 100), POLICY)
        assert {answer.verdict for answer in answers if answer is not None} == {"stored"}
    others = [
        seal(replace(first.expect(Observation), readings=(Note(1, f"other {n}"),)), device.key) for n in range(50)
    ]
    assert [await outcome(journal, device, other) for other in others] == ["SequenceConflict"] * 50
    counts = await journal.counts()
    assert (counts.observations, counts.alarms) == (1, 50)


async def test_a_journal_of_the_first_version_is_brought_up_to_date_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    device = Device()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
        db.execute("INSERT INTO organisation VALUES (?, ?)", (device.org, ORG_KEY.public.raw))
        db.execute("INSERT INTO device_key VALUES (?, ?, ?, NULL)", (device.org, device.name, device.key.public.raw))
        for at_ms in (1, 2):
            db.execute(
                "INSERT INTO alarm (org, device, kind, detail, at_ms) VALUES ('o', 'd', 'fork', 'x', ?)", (at_ms,)
            )
        db.commit()
    async with Journal.open(path) as journal:
        assert await outcome(journal, device, device.observe()) == "stored"
        assert (await journal.counts()).alarms == 1


class Overtaken(sqlite3.Connection):
    """Of two openers, the one that has read the journal's version when the other brings it up to date."""

    others: list[sqlite3.Connection]

    def execute(self, statement: str, /, values: Any = ()) -> sqlite3.Cursor:  # noqa: ANN401  # as SQLite's own
        cursor = super().execute(statement, values)
        if "user_version" in statement and not self.in_transaction:
            while self.others:
                prepare(self.others.pop(), "the other's")
        return cursor


@pytest.mark.parametrize("begun", [SCHEMA, ""], ids=["older", "new"])
def test_two_openers_of_an_older_journal_bring_it_up_to_date_once(tmp_path: Path, begun: str) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.executescript(begun)
        with closing(sqlite3.connect(path, isolation_level=None, factory=Overtaken)) as db:
            db.others = [other]
            prepare(db, str(path))
            assert db.others == []
            assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
            columns = [row[1] for row in db.execute("PRAGMA table_info(device_key)")]
            assert (columns.count("successor"), db.in_transaction) == (1, False)


def test_a_step_that_fails_leaves_an_older_journal_as_it_was(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as db:
        db.executescript(f"{SCHEMA} CREATE TABLE pardon (cid BLOB);")
        before = list(db.execute("SELECT sql FROM sqlite_master ORDER BY name"))
        with pytest.raises(sqlite3.OperationalError, match="pardon"):
            prepare(db, "journal.sqlite")
        assert (list(db.execute("SELECT sql FROM sqlite_master ORDER BY name")), db.in_transaction) == (before, False)
        assert db.execute("PRAGMA user_version").fetchone() == (0,)


async def test_a_journal_of_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(JournalNewer):
        async with Journal.open(path):
            pass


async def test_a_reading_that_nobody_waits_for_any_more_outlives_the_end_of_its_journal(tmp_path: Path) -> None:
    began, ended = threading.Event(), threading.Event()

    def read(db: sqlite3.Connection) -> int:
        began.set()
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n"
        count = sum(1 for _ in db.execute(numbers))
        ended.set()
        return count

    async with Journal.open(tmp_path / "j") as journal:
        task = asyncio.create_task(journal.read(read))
        assert await asyncio.to_thread(began.wait, 10)
        task.cancel()
    assert ended.is_set()
    with pytest.raises(JournalClosed):
        await journal.read(read)
