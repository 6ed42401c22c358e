"""The spool keeps what was recorded until the trusted server has signed for it."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Timer

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.cid import RAW, Cid
from domain.envelope import open_envelope, seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Blob, Observation, Place
from domain.records.membership import Enrol
from domain.records.receipt import Answer, Progress, Receipt, UploadState
from edge import schema
from edge.errors import FolderUnusable, NotEnrolled, SpoolBusy, UntrustedReceipt, WrongEnrolment
from edge.identity import Identity, import_enrolment, load_identity, open_key
from edge.spool import Spool, open_spool
from ipfs.unixfs import plan_file

ORG_KEY = SigningKey.from_seed(b"o" * 32)
INGEST_KEY = SigningKey.from_seed(b"i" * 32)
AT_MS = 1_790_000_000_000


def enrol(folder: Path) -> Identity:
    key = open_key(folder)
    record = seal(Enrol("north-forest", "rover-1", key.public.raw, INGEST_KEY.public.raw, AT_MS), ORG_KEY)
    return import_enrolment(folder, record.raw)


def observe(place: Place) -> Observation:
    return Observation("north-forest", "rover-1", "ridge", place, (Note(1, "a note"),))


def receipt(*answers: Answer, key: SigningKey = INGEST_KEY, device: str = "rover-1") -> bytes:
    return seal(Receipt("north-forest", device, AT_MS, answers), key).raw


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


@pytest.fixture
def spool(tmp_path: Path, identity: Identity) -> Iterator[Spool]:
    with open_spool(tmp_path, identity) as spool:
        yield spool


def waiting(spool: Spool) -> list[Cid]:
    return [item.cid for item in spool.pending(limit_bytes=1 << 30, skip=set())]


def test_records_follow_each_other_from_the_birth_on(spool: Spool) -> None:
    first, second = spool.append(observe), spool.append(observe)
    places = [open_envelope(item.raw).body.place for item in spool.pending(limit_bytes=1 << 30, skip=set())]  # type: ignore[union-attr]
    assert [place.seq for place in places] == [0, 1, 2]
    assert [place.prev for place in places] == [None, open_envelope(spool.birth).cid, first.cid]
    assert waiting(spool)[-1] == second.cid


def test_a_spool_opened_again_counts_on(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        last = spool.append(observe)
    with open_spool(tmp_path, identity) as spool:
        place = spool.append(observe).expect(Observation).place
        assert (place.seq, place.prev) == (2, last.cid)


def test_only_a_receipt_deletes_and_it_deletes_once(spool: Spool) -> None:
    record = spool.append(observe)
    assert record.cid in waiting(spool)
    for _ in range(2):
        spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    assert record.cid not in waiting(spool)
    assert spool.status().received == 1


@pytest.mark.parametrize("forge", ["key", "device"])
def test_a_receipt_of_another_server_or_device_deletes_nothing(spool: Spool, forge: str) -> None:
    record = spool.append(observe)
    answer = Answer(record.cid, "stored")
    forged = receipt(answer, key=ORG_KEY) if forge == "key" else receipt(answer, device="rover-2")
    with pytest.raises(UntrustedReceipt):
        spool.apply_receipt(forged)
    assert record.cid in waiting(spool)


def test_a_refused_record_is_kept_with_its_reason_and_not_sent_again(spool: Spool) -> None:
    record = spool.append(observe)
    spool.apply_receipt(receipt(Answer(record.cid, "refused", reason="KeyRevoked", remedy="Ask the organisation.")))
    assert spool.refusals() == [(record.cid, "KeyRevoked", "Ask the organisation.")]
    assert record.cid not in waiting(spool)
    assert spool.status().refused == 1


def test_sendings_are_counted_apart_from_first_ones(spool: Spool) -> None:
    for _ in range(3):
        spool.mark_sent(spool.pending(limit_bytes=1 << 30, skip=set()))
    assert (spool.status().sent, spool.status().resent) == (1, 2)


def test_a_batch_stays_within_its_limit_but_is_never_empty(spool: Spool) -> None:
    for _ in range(20):
        spool.append(observe)
    assert 1 < len(spool.pending(limit_bytes=2_000, skip=set())) < 20
    assert len(spool.pending(limit_bytes=1, skip=set())) == 1


def test_an_upload_is_over_only_when_the_server_has_it_whole(tmp_path: Path, spool: Spool) -> None:
    path = tmp_path / "cloud.laz"
    path.write_bytes(bytes(3 << 20))
    dag = plan_file(path)
    record = spool.offer(
        path,
        dag,
        lambda place: Blob("north-forest", "rover-1", "ridge", place, dag.root, dag.size, "application/vnd.laszip"),
    )
    spool.apply_receipt(receipt(Answer(record.cid, "stored"), Answer(open_envelope(spool.birth).cid, "stored")))
    assert not spool.is_drained()
    half = UploadState(dag.root, 49, is_whole=False, held=b"\xff" + bytes(6))
    spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(half,)), INGEST_KEY).raw)
    assert spool.status().frames_held == 8
    whole = UploadState(dag.root, 49, is_whole=True)
    spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(whole,)), INGEST_KEY).raw)
    assert spool.is_drained()


def test_a_damaged_spool_is_kept_and_a_new_epoch_begins(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        epoch = open_envelope(spool.birth).body.place.epoch  # type: ignore[union-attr]
    (tmp_path / "spool.sqlite").write_bytes(b"damage" * 1000)
    with open_spool(tmp_path, identity) as spool:
        assert open_envelope(spool.birth).body.place.epoch != epoch  # type: ignore[union-attr]
    (kept,) = tmp_path.glob("spool-damaged-*.sqlite")
    assert kept.read_bytes() == b"damage" * 1000


def test_two_agents_cannot_share_a_spool(tmp_path: Path, identity: Identity, spool: Spool) -> None:
    spool.append(observe)
    with pytest.raises(SpoolBusy), open_spool(tmp_path, identity):
        pass


def test_who_asks_whether_an_agent_works_makes_nothing(tmp_path: Path) -> None:
    assert not schema.is_held(tmp_path)
    assert not schema.is_held(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_who_asks_whether_an_agent_works_keeps_none_from_starting(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity):
        assert schema.is_held(tmp_path)
    # One who asks, and is kept from going on in that moment.
    look = os.open(tmp_path / "spool.lock", os.O_RDONLY)
    fcntl.flock(look, fcntl.LOCK_SH | fcntl.LOCK_NB)
    assert not schema.is_held(tmp_path)
    going = Timer(0.2, os.close, (look,))
    going.start()
    with open_spool(tmp_path, identity):
        assert schema.is_held(tmp_path)
    going.join()


def test_a_spool_that_cannot_be_opened_is_not_put_aside_as_damaged(tmp_path: Path, identity: Identity) -> None:
    (tmp_path / "spool.sqlite").mkdir()
    with pytest.raises(FolderUnusable, match=r"spool\.sqlite"), open_spool(tmp_path, identity):
        pass
    assert (tmp_path / "spool.sqlite").is_dir()


def test_a_device_without_enrolment_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="organisation"):
        load_identity(tmp_path)


def test_an_enrolment_of_another_key_is_refused(tmp_path: Path) -> None:
    open_key(tmp_path)
    record = seal(Enrol("north-forest", "rover-1", ORG_KEY.public.raw, INGEST_KEY.public.raw, AT_MS), ORG_KEY)
    with pytest.raises(WrongEnrolment):
        import_enrolment(tmp_path, record.raw)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    assert open_key(tmp_path).public == open_key(tmp_path).public
    assert (tmp_path / "device.key").stat().st_mode & 0o777 == 0o600


_RECORDER = """
import sys
from pathlib import Path
from edge.identity import load_identity
from edge.spool import open_spool
from tests.edge.test_spool import observe

with open_spool(Path(sys.argv[1]), load_identity(Path(sys.argv[1]))) as spool:
    while True:
        print(spool.append(observe).cid, flush=True)
"""


@pytest.mark.parametrize("told", [1, 20, 90])
def test_what_was_recorded_outlives_a_kill(tmp_path: Path, identity: Identity, told: int) -> None:
    with subprocess.Popen([sys.executable, "-c", _RECORDER, str(tmp_path)], stdout=subprocess.PIPE) as recorder:
        assert recorder.stdout is not None
        recorded = [Cid.parse(recorder.stdout.readline().decode().strip()) for _ in range(told)]
        recorder.kill()
    with open_spool(tmp_path, identity) as spool:
        assert set(recorded) <= set(waiting(spool))


class SpoolMachine(RuleBasedStateMachine):
    """Any order of recording, sending, answering and restarting loses nothing that was not signed for."""

    def __init__(self) -> None:
        super().__init__()
        self.db = schema.connect(Path(":memory:"))
        key = SigningKey.from_seed(b"d" * 32)
        record = seal(Enrol("north-forest", "rover-1", key.public.raw, INGEST_KEY.public.raw, AT_MS), ORG_KEY)
        self.identity = Identity(key, record, record.expect(Enrol))
        self.spool = Spool(self.db, self.identity)
        self.owed = {open_envelope(self.spool.birth).cid}
        self.signed: set[Cid] = set()

    @rule()
    def record(self) -> None:
        self.owed.add(self.spool.append(observe).cid)

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.owed | self.signed | {Cid.of(RAW, b"?")})))
        self.spool.apply_receipt(receipt(Answer(chosen, "stored")))
        if chosen in self.owed:
            self.owed.discard(chosen)
            self.signed.add(chosen)

    @rule()
    def send(self) -> None:
        self.spool.mark_sent(self.spool.pending(limit_bytes=700, skip=set()))

    @rule(data=st.data())
    def tell_progress(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.owed | self.signed)))
        stage = data.draw(st.sampled_from(["processed", "anchored"]))
        body = Receipt("north-forest", "rover-1", AT_MS, progress=(Progress(chosen, stage),))
        self.spool.apply_receipt(seal(body, INGEST_KEY).raw)

    @rule()
    def close_campaign(self) -> None:
        if self.owed | self.signed:
            self.owed.add(self.spool.close_campaign("ridge").cid)

    @rule()
    def restart(self) -> None:
        self.spool = Spool(self.db, self.identity)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert set(waiting(self.spool)) == self.owed
        rows = self.db.execute("SELECT cid, stage FROM history").fetchall()
        known = {Cid.from_bytes(cid): stage for cid, stage in rows}
        assert set(known) == self.owed | self.signed
        assert {cid for cid, stage in known.items() if stage in ("queued", "sent")} == self.owed
        assert self.spool.status().received == len(self.signed)

    def teardown(self) -> None:
        self.db.close()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


def test_a_plan_of_a_stream_and_the_offered_file_agree(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert plan_file(tmp_path / "f").root == plan_file(BytesIO(b"x" * 100)).root
