"""The crew's desk over the spool, in the agent's process and beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from domain.cid import RAW, Cid
from domain.envelope import open_envelope, seal, unpack_message
from domain.readings import Visit
from domain.records.field import Observation
from domain.records.receipt import Answer, Receipt, UploadState
from edge.desk import SpoolDesk
from edge.errors import NoReceipt, UnknownItem
from edge.identity import Identity
from edge.settings import EdgeSettings
from edge.spool import Spool, join_spool, open_spool
from edge.views import STAGES, Desk
from tests.edge.test_hardship import offer
from tests.edge.test_history import CAMPAIGN, SPECIES
from tests.edge.test_spool import AT_MS, INGEST_KEY, ORG_KEY, enrol, observe, receipt

TREE = "0123456789ABCDEFG"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


@pytest.fixture
def spool(tmp_path: Path, identity: Identity) -> Iterator[Spool]:
    with open_spool(tmp_path, identity) as spool:
        yield spool


@pytest.fixture
def desk(tmp_path: Path, identity: Identity, spool: Spool) -> Desk:
    return SpoolDesk(spool, EdgeSettings(tmp_path, "127.0.0.1", 1883, "ridge"), identity)


def test_items_come_newest_first_in_pages_and_by_stage(desk: Desk, spool: Spool) -> None:
    records = [spool.append(observe) for _ in range(5)]
    spool.apply_receipt(receipt(Answer(records[1].cid, "stored")))
    assert [item.cid for item in desk.items(limit=2)] == [records[4].cid, records[3].cid]
    older = desk.items(before=desk.items(limit=2)[-1].row)
    assert [item.cid for item in older][:3] == [records[2].cid, records[1].cid, records[0].cid]
    assert [item.cid for item in desk.items(stage="received")] == [records[1].cid]
    assert desk.item(records[0].cid).words == "1 note"
    with pytest.raises(UnknownItem):
        desk.item(Cid.of(RAW, b"?"))


def test_the_overview_counts_each_record_at_one_stage(desk: Desk, spool: Spool) -> None:
    records = [spool.append(observe, readings=1) for _ in range(4)]
    spool.apply_receipt(receipt(Answer(records[0].cid, "stored")))
    spool.apply_receipt(receipt(Answer(records[1].cid, "refused", reason="UnknownKey", remedy="Wait.")))
    seen = desk.overview()
    assert tuple(seen.counts) == STAGES
    assert seen.counts == {"queued": 3, "sent": 0, "received": 1, "refused": 1, "processed": 0, "anchored": 0}
    assert (seen.readings, seen.org, seen.device, seen.campaign) == (4, "north-forest", "rover-1", "ridge")
    assert not seen.link.is_connected


def test_a_receipt_is_the_servers_own_and_names_the_record(desk: Desk, spool: Spool) -> None:
    record, other = spool.append(observe), spool.append(observe)
    with pytest.raises(NoReceipt):
        desk.receipt(record.cid)
    spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    spool.apply_receipt(receipt(Answer(other.cid, "stored")))
    (raw,) = unpack_message(desk.receipt(record.cid))
    signed = open_envelope(raw)
    assert signed.key == INGEST_KEY.public
    assert [answer.record for answer in signed.expect(Receipt).answers or ()] == [record.cid]
    with pytest.raises(UnknownItem):
        desk.receipt(Cid.of(RAW, b"?"))


def test_all_receipts_are_a_cbor_sequence_that_another_decoder_reads(tmp_path: Path, desk: Desk, spool: Spool) -> None:
    for record in [spool.append(observe) for _ in range(3)]:
        spool.apply_receipt(receipt(Answer(record.cid, "stored")))
    path = tmp_path / "all.cborseq"
    path.write_bytes(desk.receipts())
    with path.open("rb") as stream:
        messages = [cbor2.load(stream) for _ in range(3)]
        assert stream.read() == b""
    assert all(open_envelope(raw).key == INGEST_KEY.public for message in messages for raw in message)


def test_a_refusal_that_was_read_leaves_the_list_and_keeps_its_bytes(desk: Desk, spool: Spool) -> None:
    record = spool.append(observe)
    spool.apply_receipt(receipt(Answer(record.cid, "refused", reason="KeyRevoked", remedy="Ask.")))
    (item,) = desk.items(stage="refused")
    assert (item.rule, item.remedy) == ("KeyRevoked", "Ask.")
    desk.acknowledge(record.cid)
    assert desk.items(stage="refused") == ()
    assert desk.overview().counts["refused"] == 0
    assert desk.item(record.cid).stage == "refused"
    assert spool.refusals() == [(record.cid, "KeyRevoked", "Ask.")]


def test_what_is_entered_is_on_the_disk_at_once_and_found_by_its_tree(
    tmp_path: Path, identity: Identity, desk: Desk, spool: Spool
) -> None:
    first = desk.enter(Visit(1, tree=TREE, diameter_mm=300))
    second = desk.enter(Visit(2, tree=TREE, height_mm=21_000))
    desk.enter(Visit(3, remark="no tree"))
    assert desk.item(first).words == "1 visit"
    with join_spool(tmp_path, identity) as other:
        found = SpoolDesk(other, EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge"), identity).visits(TREE)
    assert [(item.cid, visit.height_mm) for item, visit in found] == [(second, 21_000), (first, None)]
    raws = {item.cid: item.raw for item in spool.pending(limit_bytes=1 << 20, skip=set())}
    assert open_envelope(raws[first]).expect(Observation).readings == (Visit(1, tree=TREE, diameter_mm=300),)


def test_visits_are_still_known_when_the_server_has_them(desk: Desk, spool: Spool) -> None:
    entered = desk.enter(Visit(1, tree=TREE))
    spool.apply_receipt(receipt(Answer(entered, "stored")))
    ((item, visit),) = desk.visits(TREE)
    assert (item.stage, visit.tree) == ("received", TREE)


def test_a_file_is_told_with_its_share(tmp_path: Path, desk: Desk, spool: Spool) -> None:
    (tmp_path / "cloud.laz").write_bytes(bytes(3 << 20))
    record, root = offer(spool, tmp_path / "cloud.laz")
    half = UploadState(root, 49, is_whole=False, held=b"\xff\xff\xff" + bytes(4))
    spool.apply_receipt(seal(Receipt("north-forest", "rover-1", AT_MS, uploads=(half,)), INGEST_KEY).raw)
    item = desk.item(record)
    assert (item.kind, item.name, item.size, item.held_ppm) == ("blob", "cloud.laz", 3 << 20, 24 * 1_000_000 // 49)


def test_frames_are_those_of_the_organisation_and_follow_changes(desk: Desk, spool: Spool) -> None:
    assert desk.frames().campaigns == ()
    spool.take_frame(seal(CAMPAIGN, ORG_KEY).raw)
    assert desk.frames().campaigns == (CAMPAIGN,)
    spool.take_frame(seal(SPECIES, ORG_KEY).raw)
    assert desk.frames().species == (SPECIES,)


_BESIDE = """
import json, sys
from pathlib import Path
from domain.readings import Visit
from edge.desk import SpoolDesk
from edge.identity import load_identity
from edge.settings import EdgeSettings
from edge.spool import join_spool

folder = Path(sys.argv[1])
identity = load_identity(folder)
with join_spool(folder, identity) as spool:
    desk = SpoolDesk(spool, EdgeSettings(folder, "127.0.0.1", 1, "ridge"), identity)
    entered = desk.item(desk.enter(Visit(7)))
    print(json.dumps({"cid": str(entered.cid), "seq": entered.seq, "queued": desk.overview().counts["queued"]}))
"""


def test_a_screen_in_another_process_sees_and_enters_beside_the_agent(tmp_path: Path, spool: Spool) -> None:
    spool.append(observe)
    done = subprocess.run(
        [sys.executable, "-c", _BESIDE, str(tmp_path)], capture_output=True, check=True, timeout=30, text=True
    )
    told = json.loads(done.stdout)
    assert (told["seq"], told["queued"]) == (2, 3)
    after = spool.append(observe).expect(Observation).place
    assert (after.seq, str(after.prev)) == (3, told["cid"])


async def test_the_crews_screen_stands_over_the_spool(tmp_path: Path, desk: Desk, spool: Spool) -> None:
    from edge.screen.app import CrewScreen  # noqa: PLC0415  # textual is heavy, and only this test needs it

    spool.append(observe)
    async with CrewScreen(desk, folder=tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        shown = "\n".join(str(widget.render()) for widget in pilot.app.screen.query("#head, Static"))
        assert "rover-1" in shown
