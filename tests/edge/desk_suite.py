"""What every desk promises, as one abstract suite: subclass it and give it a stage."""

from io import BytesIO
from typing import Protocol

import cbor2
import pytest

from domain.cid import DAG_CBOR, Cid
from domain.envelope import open_envelope, unpack_message
from domain.readings import HeightShot, Note, Visit
from domain.records.frame import Campaign, SpeciesList, SpeciesName
from domain.records.receipt import Receipt
from edge.errors import NoReceipt, UnknownItem
from edge.views import STAGES, Desk
from ipfs.unixfs import plan_file
from tests.edge.desk import (
    AT_MS,
    CAMPAIGN,
    DEVICE,
    ORG,
    ORG_KEY,
    OTHER_TREE,
    SERVER_KEY,
    TREE,
    answer,
    frame_message,
    hold,
    progress,
    sign,
)

FILES = (b"\1" * 150_000, b"\2" * 150_000, b"\3" * 5_000)
NOBODYS = Cid.of(DAG_CBOR, b"no record of this device")


def root_of(content: bytes) -> Cid:
    return plan_file(BytesIO(content)).root


class Stage(Protocol):
    """A desk and what happens behind it.

    The device is `DEVICE` of `ORG`, measures for `CAMPAIGN`, and trusts `SERVER_KEY` and `ORG_KEY` of tests.edge.desk.
    """

    @property
    def desk(self) -> Desk:
        """What is tested."""
        ...

    def play_readings(self, readings: list[HeightShot | Note]) -> Cid:
        """Have the instruments give readings that become one record."""
        ...

    def play_file(self, name: str, content: bytes) -> Cid:
        """Offer a file."""
        ...

    def play_sent(self, cid: Cid) -> None:
        """Have a record leave the device."""
        ...

    def play_message(self, message: bytes) -> None:
        """Have a message of receipts or frame records come down."""
        ...


class DeskSuite:
    """Promises of `edge.views.Desk`."""

    @pytest.fixture
    def stage(self) -> Stage:
        """Give a stage on which nothing has happened yet."""
        raise NotImplementedError

    def record(self, stage: Stage, *, shots: int = 1) -> Cid:
        return stage.play_readings([HeightShot(n, height_mm=n) for n in range(1, shots + 1)])

    def test_an_overview_says_who_measures_what(self, stage: Stage) -> None:
        seen = stage.desk.overview()
        assert (seen.org, seen.device, seen.campaign) == (ORG, DEVICE, CAMPAIGN)
        assert set(seen.counts) == set(STAGES)
        assert seen.health.disk_free_bytes > 0
        assert seen.link.broker

    def test_what_is_recorded_is_first_in_the_list_and_counted(self, stage: Stage) -> None:
        before = stage.desk.overview()
        self.record(stage)
        cid = self.record(stage, shots=3)
        newest = stage.desk.items()[0]
        after = stage.desk.overview()
        assert (newest.cid, newest.stage, newest.times_sent) == (cid, "queued", 0)
        assert newest.words
        assert after.readings == before.readings + 4
        assert after.counts["queued"] == before.counts["queued"] + 2

    def test_the_counts_are_what_the_lists_hold(self, stage: Stage) -> None:
        cids = [self.record(stage, shots=n) for n in range(1, 6)]
        stage.play_sent(cids[0])
        stage.play_sent(cids[1])
        stage.play_message(answer(cids[0]))
        counts = stage.desk.overview().counts
        assert {name: len(stage.desk.items(stage=name, limit=200)) for name in STAGES} == counts
        assert len(stage.desk.items(limit=200)) == sum(counts.values())

    def test_pages_of_the_list_follow_each_other_without_gap_or_double(self, stage: Stage) -> None:
        for n in range(1, 8):
            self.record(stage, shots=n)
        whole = stage.desk.items(limit=200)
        pages, before = list(stage.desk.items(limit=3)), stage.desk.items(limit=3)[-1].row
        while page := stage.desk.items(before=before, limit=3):
            pages += page
            before = page[-1].row
        assert tuple(pages) == whole
        assert [item.row for item in whole] == sorted((item.row for item in whole), reverse=True)

    def test_a_record_passes_every_stage_in_order(self, stage: Stage) -> None:
        cid = self.record(stage)
        seen = [stage.desk.item(cid).stage]
        stage.play_sent(cid)
        seen.append(stage.desk.item(cid).stage)
        for message in (answer(cid), progress(cid, "processed"), progress(cid, "anchored", height=1_204)):
            stage.play_message(message)
            seen.append(stage.desk.item(cid).stage)
        assert seen == ["queued", "sent", "received", "processed", "anchored"]
        anchored = stage.desk.item(cid)
        assert (anchored.height, anchored.anchored_ms) == (1_204, AT_MS)

    def test_no_later_message_takes_a_record_back(self, stage: Stage) -> None:
        cid = self.record(stage)
        stage.play_sent(cid)
        messages = (answer(cid), progress(cid, "processed"), progress(cid, "anchored", height=9))
        for message in (*messages, *reversed(messages)):
            stage.play_message(message)
        assert stage.desk.item(cid).stage == "anchored"

    def test_files_are_listed_newest_first_with_what_the_server_holds(self, stage: Stage) -> None:
        assert stage.desk.files() == ()
        cids = [stage.play_file(f"{n}.laz", content) for n, content in enumerate(FILES)]
        self.record(stage)
        stage.play_message(hold(root_of(FILES[0]), len(FILES[0])))
        stage.play_message(hold(root_of(FILES[1]), len(FILES[1]), frames=1))
        files = stage.desk.files()
        assert [(item.cid, item.name) for item in files] == [(cids[n], f"{n}.laz") for n in (2, 1, 0)]
        # Of 150,000 bytes, three frames of 64 KiB, the server has one.
        assert [item.held_ppm for item in files] == [0, 333_333, 1_000_000]
        assert files == tuple(stage.desk.item(cid) for cid in reversed(cids))

    def test_files_are_asked_for_by_whether_the_server_has_them_whole(self, stage: Stage) -> None:
        cids = [stage.play_file(f"{n}.laz", content) for n, content in enumerate(FILES)]
        stage.play_message(hold(root_of(FILES[1]), len(FILES[1])))
        assert [item.cid for item in stage.desk.files(is_whole=True)] == [cids[1]]
        assert [item.cid for item in stage.desk.files(is_whole=False)] == [cids[2], cids[0]]
        seen = stage.desk.overview()
        assert (seen.files, seen.files_whole) == (3, 1)

    def test_pages_of_the_files_hold_each_once_however_many_records_lie_between(self, stage: Stage) -> None:
        cids = []
        for n, content in enumerate(FILES):
            cids.append(stage.play_file(f"{n}.laz", content))
            for shots in range(1, 30):
                self.record(stage, shots=shots)
        seen, before = [], None
        while page := stage.desk.files(before=before, limit=1):
            seen += [item.cid for item in page]
            before = page[-1].row
        assert seen == cids[::-1]
        assert stage.desk.files(limit=0) == ()

    def test_a_record_of_no_one_is_unknown(self, stage: Stage) -> None:
        for ask in (stage.desk.item, stage.desk.receipt, stage.desk.acknowledge):
            with pytest.raises(UnknownItem, match=str(NOBODYS)):
                ask(NOBODYS)

    def test_there_is_no_receipt_before_the_server_signs(self, stage: Stage) -> None:
        cid = self.record(stage)
        stage.play_sent(cid)
        with pytest.raises(NoReceipt, match=str(cid)):
            stage.desk.receipt(cid)

    def test_a_receipt_is_signed_by_the_server_and_names_the_record(self, stage: Stage) -> None:
        cid, other = self.record(stage), self.record(stage, shots=2)
        stage.play_sent(cid)
        stage.play_sent(other)
        stage.play_message(answer(cid, other))
        for one in (cid, other):
            assert (one, "stored") in self.read(stage.desk.receipt(one))

    def test_a_receipt_is_still_there_when_the_record_is_anchored(self, stage: Stage) -> None:
        cid = self.record(stage)
        stage.play_sent(cid)
        for message in (answer(cid), progress(cid, "processed"), progress(cid, "anchored", height=9)):
            stage.play_message(message)
        assert (cid, "stored") in self.read(stage.desk.receipt(cid))

    def test_all_receipts_are_a_sequence_of_messages(self, stage: Stage) -> None:
        cids = [self.record(stage, shots=n) for n in range(1, 4)]
        for cid in cids:
            stage.play_sent(cid)
            stage.play_message(answer(cid))
        signed = {record for message in self.split(stage.desk.receipts()) for record, _ in self.read(message)}
        assert set(cids) <= signed

    def test_without_a_receipt_the_sequence_holds_none_for_it(self, stage: Stage) -> None:
        cid = self.record(stage)
        signed = {record for message in self.split(stage.desk.receipts()) for record, _ in self.read(message)}
        assert cid not in signed

    def test_a_refused_record_says_why_and_what_to_do(self, stage: Stage) -> None:
        cid = self.record(stage)
        stage.play_sent(cid)
        stage.play_message(answer(cid, verdict="refused", reason="UnknownDevice", remedy="Enrol the device."))
        item = stage.desk.item(cid)
        assert (item.stage, item.rule) == ("refused", "UnknownDevice")
        assert item.remedy
        assert [one.cid for one in stage.desk.items(stage="refused")] == [cid]

    def test_a_refused_record_that_was_read_is_no_more_among_the_refused_and_not_lost(self, stage: Stage) -> None:
        cid, other = self.record(stage), self.record(stage, shots=2)
        for one in (cid, other):
            stage.play_sent(one)
        stage.play_message(answer(cid, other, verdict="refused", reason="UnknownDevice", remedy="Enrol the device."))
        for _ in range(2):
            stage.desk.acknowledge(cid)
        assert [one.cid for one in stage.desk.items(stage="refused")] == [other]
        assert cid in {one.cid for one in stage.desk.items(limit=200)}
        assert stage.desk.overview().counts["refused"] == 1
        assert stage.desk.item(cid).cid == cid

    def test_reading_a_record_that_nobody_refused_changes_nothing(self, stage: Stage) -> None:
        cid = self.record(stage)
        before = stage.desk.overview().counts
        stage.desk.acknowledge(cid)
        assert stage.desk.overview().counts == before
        assert stage.desk.item(cid) in stage.desk.items(stage="queued")

    def test_an_entered_visit_is_recorded_as_it_was_entered(self, stage: Stage) -> None:
        visit = Visit(5, TREE, "p-01", "Picea abies", "FI", "alive", 325, 1_300, 24_100, "wind", 20_000, "split top")
        item = stage.desk.item(stage.desk.enter(visit))
        assert item.stage == "queued"
        assert stage.desk.visits(TREE) == ((item, visit),)

    def test_two_equal_visits_are_two_records(self, stage: Stage) -> None:
        first, second = (stage.desk.enter(Visit(5, TREE, status="alive")) for _ in range(2))
        assert first != second

    def test_the_visits_of_a_tree_come_newest_first_and_are_its_own(self, stage: Stage) -> None:
        entered = [
            stage.desk.enter(Visit(n, tree, height_mm=n)) for n, tree in enumerate((TREE, OTHER_TREE, TREE, None, TREE))
        ]
        assert [item.cid for item, _ in stage.desk.visits(TREE)] == [entered[4], entered[2], entered[0]]
        assert [item.cid for item, _ in stage.desk.visits(OTHER_TREE)] == [entered[1]]

    def test_what_comes_down_from_the_organisation_is_shown_newest_of_each(self, stage: Stage) -> None:
        assert stage.desk.frames().campaigns == ()
        stage.play_message(frame_message())
        renamed = Campaign(ORG, CAMPAIGN, "Ridge, second visit", "Fixed plots", AT_MS + 1)
        longer = SpeciesList(ORG, "alps", "Alpine", AT_MS + 1, (SpeciesName("FI", "Picea abies"),))
        stage.play_message(sign(renamed, longer, key=ORG_KEY))
        older = SpeciesList(ORG, "alps", "Old", AT_MS - 1, (SpeciesName("LA", "Larix decidua"),))
        stage.play_message(sign(older, key=ORG_KEY))  # signed before the one that is held
        seen = stage.desk.frames()
        assert seen.campaigns == (renamed,)
        assert seen.species == (longer,)
        assert {area.area for area in seen.areas} == {"p-01", "p-02"}

    def read(self, message: bytes) -> set[tuple[Cid, str]]:
        """Return the records that a message of receipts speaks of, with the verdicts, once its signatures hold."""
        found = set()
        for raw in unpack_message(message):
            record = open_envelope(raw)
            assert record.key == SERVER_KEY.public
            found |= {(one.record, one.verdict) for one in record.expect(Receipt).answers or ()}
        return found

    def split(self, sequence: bytes) -> list[bytes]:
        """Return the messages of a CBOR sequence."""
        stream = BytesIO(sequence)
        messages = []
        while stream.tell() < len(sequence):
            messages.append(cbor2.dumps(cbor2.load(stream), canonical=True))
        return messages
