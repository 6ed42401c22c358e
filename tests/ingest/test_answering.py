"""What a device asks is answered truly, and to that device alone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from domain.cid import RAW, Cid
from domain.envelope import Body, Record, open_envelope, seal, unpack_message
from domain.inquiry import Inquiry
from domain.records.frame import Area, Campaign, SpeciesList, SpeciesName
from domain.records.membership import Revoke
from domain.records.receipt import Progress, Receipt
from domain.topics import Topic
from ingest import ledger
from ingest.answering import Answerer
from ingest.entries import Job, Stand
from ingest.jobs import FOLLOWED
from ingest.journal import Journal
from tests.domain.samples import SQUARE
from tests.ingest.devices import AT_MS, INGEST_KEY, ORG_KEY, POLICY, Device, enrolled, outcome

CAMPAIGN = Campaign("north-forest", "ridge", "Ridge", "by hand", AT_MS)
STAND = Stand(b"r" * 32, 7, AT_MS)
CLOUD = Cid.of(RAW, b"cloud")


@dataclass
class Book:
    """Anchors of some records."""

    stands: dict[Cid, Stand] = field(default_factory=dict)

    async def anchors_of(self, cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        return {cid: self.stands[cid] for cid in cids if cid in self.stands}


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.open(tmp_path / "journal.sqlite") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        yield journal


async def ask(journal: Journal, book: Book, inquiry: Inquiry, device: str = "rover-1") -> list[tuple[Topic, Record]]:
    answerer = Answerer(journal, book, INGEST_KEY)
    messages = await answerer.answer(Topic("north-forest", device, "ask"), inquiry)
    return [(topic, open_envelope(raw)) for topic, message in messages for raw in unpack_message(message)]


async def progress_of(journal: Journal, book: Book, record: Record, device: str = "rover-1") -> tuple[Progress, ...]:
    answers = await ask(journal, book, Inquiry(progress=(record.cid,)), device)
    assert {topic.channel for topic, _ in answers} <= {"rcpt"}
    return tuple(one for _, answer in answers for one in answer.expect(Receipt).progress or ())


async def test_a_record_is_processed_once_it_was_followed_and_anchored_once_it_stands(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record, book = device.observe(), Book()
    assert await outcome(journal, device, record) == "stored"
    assert await progress_of(journal, book, record) == ()
    await journal.set_mark(FOLLOWED, await journal.last_row())
    assert await progress_of(journal, book, record) == (Progress(record.cid, "processed"),)
    book.stands[record.cid] = STAND
    expected = Progress(record.cid, "anchored", STAND.root, STAND.height, STAND.time_ms)
    assert await progress_of(journal, book, record) == (expected,)


async def test_of_another_devices_records_nothing_is_said(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record = device.observe()
    assert await outcome(journal, device, record) == "stored"
    await journal.set_mark(FOLLOWED, await journal.last_row())
    assert await progress_of(journal, Book(), record, "rover-2") == ()


async def test_a_file_is_processed_once_it_is_whole_and_its_survey_is_done(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    record = device.declare(CLOUD, 5)
    assert await outcome(journal, device, record) == "stored"
    await journal.set_mark(FOLLOWED, await journal.last_row())
    assert await progress_of(journal, Book(), record) == ()
    job = Job(f"survey/{record.cid}", "survey", b"")
    await journal.save_whole(device.org, CLOUD, b"\x01", then=[job])
    assert await progress_of(journal, Book(), record) == ()
    assert await journal.claim_job("survey") is not None
    await journal.finish_job(job.id)
    assert await progress_of(journal, Book(), record) == (Progress(record.cid, "processed"),)


async def test_a_device_learns_that_a_person_let_its_record_in(journal: Journal) -> None:
    device = await enrolled(journal, Device())
    revoke = seal(Revoke(device.org, device.name, device.key.public.raw, "lost", AT_MS), ORG_KEY)
    assert await outcome(journal, device, revoke) == "stored"
    record = device.observe()
    assert await outcome(journal, device, record) == "KeyRevoked"
    await journal.write(lambda db: ledger.pardon(db, record.cid, person="A. Berg", policy=POLICY, now_ms=AT_MS))
    ((_, answer),) = await ask(journal, Book(), Inquiry(progress=(record.cid,)))
    (told,) = answer.expect(Receipt).answers or ()
    assert (told.record, told.verdict) == (record.cid, "stored")


async def test_frame_records_come_down_signed_by_the_organisation_the_newest_of_each_id(journal: Journal) -> None:
    plot = Area("north-forest", "plot-1", "plot", "EPSG:32633", (SQUARE,), "owner", AT_MS)
    species = SpeciesList("north-forest", "common", "Common", AT_MS, (SpeciesName("PIAB", "Picea abies"),))
    bodies: list[Body] = [CAMPAIGN, plot, species, replace(CAMPAIGN, title="Ridge, second season")]
    records = [seal(body, ORG_KEY) for body in bodies]
    await journal.append(records)
    answers = await ask(journal, Book(), Inquiry(frames=()))
    assert {topic.channel for topic, _ in answers} == {"cmd"}
    assert {record.cid for _, record in answers} == {record.cid for record in records[1:]}
    held = tuple(record.cid for record in records[1:])
    assert await ask(journal, Book(), Inquiry(frames=held)) == []


async def test_many_frame_records_come_in_messages_that_fit(journal: Journal) -> None:
    names = tuple(SpeciesName(f"C{n}", "a scientific name " * 8) for n in range(500))
    lists = [seal(SpeciesList("north-forest", f"list-{n}", "a list", AT_MS, names), ORG_KEY) for n in range(5)]
    await journal.append(lists)
    answers = await ask(journal, Book(), Inquiry(frames=()))
    assert [record.cid for _, record in answers] == [record.cid for record in lists]


async def test_a_frame_record_added_later_is_told_too(journal: Journal) -> None:
    answerer = Answerer(journal, Book(), INGEST_KEY)
    topic = Topic("north-forest", "rover-1", "ask")
    assert await answerer.answer(topic, Inquiry(frames=())) == []
    await journal.append([seal(CAMPAIGN, ORG_KEY)])
    assert len(await answerer.answer(topic, Inquiry(frames=()))) == 1


async def test_of_organisations_that_nobody_knows_nothing_is_kept(journal: Journal) -> None:
    answerer = Answerer(journal, Book(), INGEST_KEY)
    for number in range(50):
        assert await answerer.answer(Topic(f"stranger-{number}", "rover-1", "ask"), Inquiry(frames=())) == []
    assert answerer._frames == {}
