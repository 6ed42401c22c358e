"""The desk over a real spool keeps every promise of a desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.cid import Cid
from domain.envelope import open_envelope, seal, unpack_message
from domain.readings import HeightShot, Note, Visit
from domain.records.field import Blob, Observation
from domain.records.membership import Enrol
from domain.records.receipt import Receipt
from edge.desk import SpoolDesk
from edge.errors import SpoolUnreadable
from edge.identity import Identity, import_enrolment, open_key
from edge.settings import EdgeSettings
from edge.spool import Spool, open_spool
from edge.views import Desk
from ipfs.unixfs import plan_file
from tests.edge.desk import AT_MS, CAMPAIGN, DEVICE, ORG, ORG_KEY, SERVER_KEY
from tests.edge.desk_suite import DeskSuite, Stage


class SpoolStage:
    """A spool and the desk over it."""

    def __init__(self, folder: Path, spool: Spool, identity: Identity) -> None:
        self._folder = folder
        self._spool = spool
        self.desk: Desk = SpoolDesk(spool, EdgeSettings(folder, "127.0.0.1", 1883, CAMPAIGN), identity)

    def play_readings(self, readings: list[HeightShot | Note]) -> Cid:
        return self._spool.append(
            lambda place: Observation(ORG, DEVICE, CAMPAIGN, place, tuple(readings)), readings=len(readings)
        ).cid

    def play_file(self, name: str, content: bytes) -> Cid:
        path = self._folder / name
        path.write_bytes(content)
        dag = plan_file(path)
        return self._spool.offer(
            path, dag, lambda place: Blob(ORG, DEVICE, CAMPAIGN, place, dag.root, dag.size, "application/vnd.laszip")
        ).cid

    def play_sent(self, cid: Cid) -> None:
        self._spool.mark_sent(
            [item for item in self._spool.pending(limit_bytes=1 << 20, skip=set()) if item.cid == cid]
        )

    def play_message(self, message: bytes) -> None:
        for raw in unpack_message(message):
            if isinstance(open_envelope(raw).body, Receipt):
                self._spool.apply_receipt(raw)
            else:
                self._spool.take_frame(raw)


class TestSpoolDesk(DeskSuite):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        body = Enrol(ORG, DEVICE, open_key(tmp_path).public.raw, SERVER_KEY.public.raw, AT_MS)
        identity = import_enrolment(tmp_path, seal(body, ORG_KEY).raw)
        with open_spool(tmp_path, identity) as spool:
            yield SpoolStage(tmp_path, spool, identity)

    def test_a_spool_that_cannot_be_read_is_told_in_words(self, stage: SpoolStage) -> None:
        cid = stage.play_readings([Note(1, "x")])
        stage._spool.db.execute("DROP TABLE history")
        for ask in (stage.desk.overview, stage.desk.items, stage.desk.files, lambda: stage.desk.receipt(cid)):
            with pytest.raises(SpoolUnreadable, match="no such table"):
                ask()

    def test_a_spool_that_cannot_be_written_is_told_in_words_and_records_nothing(self, stage: SpoolStage) -> None:
        before = stage._spool.status().recorded
        stage._spool.db.execute("ALTER TABLE visit RENAME TO gone")
        with pytest.raises(SpoolUnreadable, match="no such table"):
            stage.desk.enter(Visit(1))
        stage._spool.db.execute("ALTER TABLE gone RENAME TO visit")
        assert stage._spool.status().recorded == before

    def test_what_was_recorded_is_told_as_recorded_though_it_cannot_be_read_again(self, stage: SpoolStage) -> None:
        """Told to try again, the crew would record it twice."""
        stage._spool.db.execute("ALTER TABLE upload RENAME TO gone")  # what a reading joins, and an entry does not
        cid = stage.desk.enter(Visit(1))
        with pytest.raises(SpoolUnreadable):
            stage.desk.item(cid)
        stage._spool.db.execute("ALTER TABLE gone RENAME TO upload")
        assert [item.cid for item in stage.desk.items(stage="queued", limit=1)] == [cid]
