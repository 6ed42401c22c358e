"""What became of every record: stages, receipts, pruning, frame records, and spools of an older agent."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from domain.cid import Cid
from domain.envelope import Body, Record, open_envelope, seal
from domain.keys import SigningKey
from domain.records.field import Close, Observation
from domain.records.frame import Area, Campaign, SpeciesList, SpeciesName
from domain.records.receipt import Answer, Progress, Receipt, UploadState
from domain.upload import compute_shape, encode_bitmap
from edge import campaigns, history, marks, uploads
from edge.errors import NothingToClose, UntrustedFrame
from edge.history import KEPT_MS
from edge.identity import Identity
from edge.spool import Spool, open_spool
from edge.watch import Declared
from tests.edge.test_hardship import list_roots, offer
from tests.edge.test_spool import AT_MS, INGEST_KEY, ORG_KEY, enrol, observe, receipt

DAY_MS = 86_400_000
HEAD_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    row INTEGER PRIMARY KEY, cid BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    times_sent INTEGER NOT NULL DEFAULT 0, rule TEXT, remedy TEXT);
CREATE TABLE IF NOT EXISTS upload (
    root BLOB PRIMARY KEY, record BLOB NOT NULL, declaration BLOB NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    interior BLOB NOT NULL, held BLOB NOT NULL, is_whole INTEGER NOT NULL DEFAULT 0, problem TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
"""The tables of the first agent (revision ea21247 of edge/spool.py)."""
OLD_TABLES = {
    "meta": "name, value",
    "item": "row, cid, raw, times_sent, rule, remedy",
    "upload": "root, record, declaration, path, size, mtime_ns, interior, held, is_whole, problem",
    "counter": "name, value",
}


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


@pytest.fixture
def spool(tmp_path: Path, identity: Identity) -> Iterator[Spool]:
    with open_spool(tmp_path, identity) as spool:
        yield spool


def stage(spool: Spool, cid: Cid) -> str:
    found: str = spool.db.execute("SELECT stage FROM history WHERE cid = ?", (bytes(cid),)).fetchone()[0]
    return found


def progress(*items: Progress, at_ms: int = AT_MS) -> bytes:
    return seal(Receipt("north-forest", "rover-1", at_ms, progress=items), INGEST_KEY).raw


def anchor(record: Record, *, at_ms: int = AT_MS) -> bytes:
    return progress(Progress(record.cid, "anchored", bytes(32), 12, at_ms), at_ms=at_ms)


def test_a_record_goes_through_its_stages_and_never_back(spool: Spool) -> None:
    record = spool.append(observe)
    assert stage(spool, record.cid) == "queued"
    spool.mark_sent([item for item in spool.pending(limit_bytes=1 << 20, skip=set()) if item.cid == record.cid])
    assert stage(spool, record.cid) == "sent"
    spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    assert stage(spool, record.cid) == "received"
    spool.apply_receipt(progress(Progress(record.cid, "processed")))
    assert stage(spool, record.cid) == "processed"
    spool.apply_receipt(anchor(record))
    assert stage(spool, record.cid) == "anchored"
    for late in (receipt(Answer(record.cid, "stored")), progress(Progress(record.cid, "processed"))):
        spool.apply_receipt(late)
        assert stage(spool, record.cid) == "anchored"


def test_progress_of_a_record_that_was_not_signed_for_means_nothing(spool: Spool) -> None:
    record = spool.append(observe)
    spool.apply_receipt(anchor(record))
    assert stage(spool, record.cid) == "queued"


def test_a_refused_record_that_a_person_admits_later_is_received(spool: Spool) -> None:
    record = spool.append(observe)
    spool.apply_receipt(receipt(Answer(record.cid, "refused", reason="UnknownKey", remedy="Wait.")))
    assert stage(spool, record.cid) == "refused"
    spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    assert stage(spool, record.cid) == "received"
    assert spool.refusals() == []


def test_rows_go_a_season_after_their_anchoring_by_the_servers_time_alone(spool: Spool) -> None:
    old, fresh, never = (spool.append(observe) for _ in range(3))
    for record in (old, fresh, never):
        spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    spool.apply_receipt(anchor(old, at_ms=AT_MS))
    assert spool.prune() == 0
    spool.apply_receipt(anchor(fresh, at_ms=AT_MS + KEPT_MS + 1))
    assert spool.prune() == 1
    kept = {Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM history")}
    assert old.cid not in kept
    assert {fresh.cid, never.cid} <= kept
    assert spool.db.execute("SELECT count(*) FROM receipt").fetchone()[0] == 2


def test_a_file_is_forgotten_with_the_last_of_its_rows_and_stays_counted(tmp_path: Path, spool: Spool) -> None:
    roots = []
    for number, size in enumerate((100, 3 << 20)):
        (tmp_path / f"f{number}").write_bytes(bytes([number]) * size)
        record, root = offer(spool, tmp_path / f"f{number}")
        spool.apply_receipt(receipt(Answer(record, "stored")))
        body = Receipt("north-forest", "rover-1", AT_MS, progress=(Progress(record, "anchored", b"r" * 32, 7, AT_MS),))
        spool.apply_receipt(seal(body, INGEST_KEY).raw)
        roots.append(root)
    whole = UploadState(roots[0], 1, is_whole=True)
    spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(whole,)), INGEST_KEY).raw)
    before = spool.status()
    assert (before.uploads, before.uploads_whole, before.frames_held, before.frames) == (2, 1, 1, 1 + 49)
    spool.apply_receipt(anchor(spool.append(observe), at_ms=AT_MS + KEPT_MS + 1))
    assert spool.prune() == 1
    left = [Cid.from_bytes(root) for (root,) in spool.db.execute("SELECT root FROM upload")]
    # The one that the server does not have whole is still to be sent, and the crew finds it.
    assert left == [roots[1]]
    assert [(root,) for root in map(bytes, left)] == spool.db.execute(
        "SELECT upload FROM history WHERE upload IS NOT NULL"
    ).fetchall()
    after = spool.status()
    assert replace(after, recorded=before.recorded, queued=before.queued) == before


def test_files_are_counted_as_their_bitmaps_say(tmp_path: Path, spool: Spool) -> None:
    chance = Random(5)
    held = frames = 0
    for number in range(12):
        (tmp_path / "f").write_bytes(chance.randbytes(chance.randrange(1, 400_000)))
        _, root = offer(spool, (tmp_path / "f").rename(tmp_path / f"f{number}"))
        count = compute_shape((tmp_path / f"f{number}").stat().st_size).frames
        some = {frame for frame in range(count) if chance.random() < 0.5}
        is_whole = number % 3 == 0
        state = UploadState(root, count, is_whole, None if is_whole else encode_bitmap(some, count))
        for _ in range(2):
            spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(state,)), INGEST_KEY).raw)
        held, frames = held + (count if is_whole else len(some)), frames + count
    status = spool.status()
    assert (status.uploads, status.uploads_whole, status.frames_held, status.frames) == (12, 4, held, frames)
    # As an agent of before would leave it.
    spool.db.execute("UPDATE upload SET frames = NULL, frames_held = NULL")
    assert spool.status() != status
    uploads.fill_counts(spool.db)
    assert spool.status() == status


def test_the_mark_of_a_file_stays_while_it_is_seen_and_goes_long_after(tmp_path: Path, spool: Spool) -> None:
    declared = Declared(spool, tmp_path)
    keys = [(name, 5, 7) for name in ("seen", "gone", "undated")]
    assert not any(key in declared for key in keys)
    for key in keys[:2]:
        spool.keep(declared.name(key), marks.encode_mark(AT_MS))
    spool.keep(declared.name(keys[2]), marks.encode_mark(0))
    spool.keep("log:of something else", bytes(8))
    for day in range(0, 400, 20):
        spool.apply_receipt(anchor(spool.append(observe), at_ms=AT_MS + day * DAY_MS))
        assert keys[0] in declared
        spool.prune()
    assert [spool.noted(declared.name(key)) is not None for key in keys] == [True, True, True]
    spool.apply_receipt(anchor(spool.append(observe), at_ms=AT_MS + 401 * DAY_MS))
    spool.prune()
    # The one of before any time of the server counts from the first one on.
    assert [key in declared for key in keys] == [True, False, False]
    assert spool.noted("log:of something else") is not None


def test_what_is_open_is_listed_oldest_first_in_pages(spool: Spool) -> None:
    records = [spool.append(observe) for _ in range(5)]
    for record in records:
        spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    spool.apply_receipt(progress(Progress(records[1].cid, "processed")))
    spool.apply_receipt(anchor(records[0]))
    first = history.list_open(spool.db, after=0, limit=2)
    assert [cid for _, cid in first] == [records[1].cid, records[2].cid]
    rest = history.list_open(spool.db, after=first[-1][0], limit=10)
    assert [cid for _, cid in rest] == [records[3].cid, records[4].cid]


def test_a_renumbered_record_has_one_row(spool: Spool) -> None:
    record = spool.append(observe)
    spool.apply_receipt(receipt(Answer(record.cid, "refused", reason="SequenceConflict")))
    rows = spool.db.execute("SELECT count(*) FROM history WHERE kind = 'observation'").fetchone()[0]
    assert rows == 1
    assert spool.db.execute("SELECT 1 FROM history WHERE cid = ?", (bytes(record.cid),)).fetchone() is None


def test_closing_a_campaign_signs_how_far_the_sequence_goes(spool: Spool) -> None:
    last = spool.append(observe)
    body = spool.close_campaign("ridge").expect(Close)
    place = last.expect(Observation).place
    assert (body.last, body.last_seq, body.campaign) == (last.cid, place.seq, "ridge")
    assert (body.place.prev, body.place.seq) == (last.cid, place.seq + 1)
    again = spool.close_campaign(None).expect(Close)
    assert (again.last_seq, again.campaign) == (place.seq + 1, None)


def test_a_close_renumbered_vouches_for_its_own_epoch(spool: Spool) -> None:
    spool.append(observe)
    closed = spool.close_campaign("ridge")
    spool.apply_receipt(receipt(Answer(closed.cid, "refused", reason="SequenceConflict")))
    (body,) = (
        one
        for item in spool.pending(limit_bytes=1 << 20, skip=set())
        if isinstance(one := open_envelope(item.raw).body, Close)
    )
    assert body.last_seq == body.place.seq - 1
    assert body.last == body.place.prev


CAMPAIGN = Campaign("north-forest", "ridge", "The ridge", "walk", AT_MS)
SQUARE = (0, 0, 10, 0, 10, 10, 0, 10, 0, 0)
PLOT = Area("north-forest", "plot-7", "plot", "EPSG:25832", (SQUARE,), "survey", AT_MS)
SPECIES = SpeciesList("north-forest", "alps", "Alps", AT_MS, (SpeciesName("PA", "Picea abies"),))


def test_frame_records_of_the_own_organisation_are_kept_the_newest_of_each_id(spool: Spool) -> None:
    for body in (CAMPAIGN, PLOT, SPECIES):
        assert spool.take_frame(seal(body, ORG_KEY).raw)
        assert not spool.take_frame(seal(body, ORG_KEY).raw)
    later = replace(SPECIES, at_ms=AT_MS + 1, title="Alps, new")
    assert spool.take_frame(seal(later, ORG_KEY).raw)
    assert not spool.take_frame(seal(SPECIES, ORG_KEY).raw)
    view = campaigns.read_frames(spool.db)
    assert (view.campaigns, view.areas, view.species) == ((CAMPAIGN,), (PLOT,), (later,))
    assert set(campaigns.list_held(spool.db)) == {seal(body, ORG_KEY).cid for body in (CAMPAIGN, PLOT, later)}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (CAMPAIGN, INGEST_KEY),
        (CAMPAIGN, SigningKey.from_seed(b"x" * 32)),
        (replace(CAMPAIGN, org="south-forest"), ORG_KEY),
        (Receipt("north-forest", "rover-1", AT_MS), ORG_KEY),
    ],
)
def test_what_another_signed_or_is_of_another_kind_is_not_taken(spool: Spool, body: Body, key: SigningKey) -> None:
    with pytest.raises(UntrustedFrame):
        spool.take_frame(seal(body, key).raw)
    assert campaigns.list_held(spool.db) == ()


def take_until_refused(spool: Spool, raws: list[bytes]) -> int:
    """Return how many frame records were taken before there were too many."""
    for taken, raw in enumerate(raws):
        try:
            assert spool.take_frame(raw)
        except UntrustedFrame:
            return taken
    raise AssertionError("all were taken")


def test_frame_records_are_bounded_in_bytes_and_those_held_may_still_be_replaced(spool: Spool) -> None:
    names = tuple(SpeciesName(str(number), "x" * 200) for number in range(1_000))
    big = [replace(SPECIES, list_id=f"list-{number}", species=names) for number in range(30)]
    taken = take_until_refused(spool, [seal(body, ORG_KEY).raw for body in big])
    size = spool.db.execute("SELECT sum(length(raw)) FROM frame").fetchone()[0]
    assert taken > 10
    assert size <= campaigns.MAX_FRAME_RECORD_BYTES
    assert spool.take_frame(seal(replace(big[0], title="Newer"), ORG_KEY).raw)


def test_a_spool_of_the_first_agent_opens_with_everything_in_it(tmp_path: Path, identity: Identity) -> None:
    (tmp_path / "f").write_bytes(b"points" * 20_000)
    with open_spool(tmp_path, identity) as spool:
        records = [spool.append(observe) for _ in range(4)]
        declared, root = offer(spool, tmp_path / "f")
        spool.apply_receipt(receipt(Answer(records[0].cid, "stored")))
        spool.apply_receipt(receipt(Answer(records[1].cid, "refused", reason="UnknownKey", remedy="Wait.")))
        spool.mark_sent([item for item in spool.pending(limit_bytes=1 << 20, skip=set()) if item.cid == records[2].cid])
        before = spool.status()
    make_old(tmp_path / "spool.sqlite")
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is None
        assert spool.status() == before
        assert [stage(spool, record.cid) for record in records[1:]] == ["refused", "sent", "queued"]
        upload = spool.upload(root)
        assert upload is not None
        assert (list_roots(spool), upload.record) == ([root], declared)
        spool.mark_frames(root, [0, 1])
        spool.mark_frames(root, [1])
        assert (spool.status().frames_sent, spool.status().frames_resent) == (2, 1)
        place = spool.append(observe).expect(Observation).place
        assert (place.seq, place.prev) == (6, declared)


def make_old(path: Path) -> None:
    """Leave in a spool's file what the first agent's would hold: its tables and columns alone."""
    with closing(sqlite3.connect(path)) as new:
        rows = {
            table: new.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608
            for table, columns in OLD_TABLES.items()
        }
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(HEAD_SCHEMA)
        for table, found in rows.items():
            old.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})", found)  # noqa: S608
        old.commit()


def test_nothing_can_be_closed_before_anything_was_recorded(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        spool.db.execute("UPDATE meta SET value = ? WHERE name = 'seq'", (bytes(8),))
        with pytest.raises(NothingToClose):
            spool.close_campaign("ridge")


def test_a_whole_file_is_told_whole(tmp_path: Path, spool: Spool) -> None:
    (tmp_path / "f").write_bytes(b"points" * 20_000)
    record, root = offer(spool, tmp_path / "f")
    spool.apply_receipt(receipt(Answer(record, "stored")))
    whole = UploadState(root, 2, is_whole=True)
    spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(whole,)), INGEST_KEY).raw)
    assert spool.status().uploads_whole == 1


def test_a_receipt_that_says_nothing_new_is_not_kept(spool: Spool) -> None:
    record = spool.append(observe)
    for _ in range(3):
        spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    assert spool.db.execute("SELECT count(*) FROM receipt").fetchone()[0] == 1
