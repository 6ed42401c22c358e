"""What a device meets: a server that comes late or forgets, damaged cards, restored copies, files that rot."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from domain.cid import Cid
from domain.envelope import open_envelope
from domain.readings import Note
from domain.records.field import Birth, Blob, Observation, Place
from domain.records.receipt import Answer
from domain.upload import compute_shape
from edge.agent import Agent
from edge.errors import FileChanged, FileUnreadable
from edge.frames import FrameReader
from edge.identity import Identity, load_identity
from edge.post import AT_RISK, WINDOW_RECORDS
from edge.settings import EdgeSettings
from edge.spool import Spool, open_spool
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.journal import Journal
from ingest.link import BrokerLink
from ingest.service import IngestService, Server
from ingest.settings import BrokerAddress
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import plan_file, read_file
from sample_data.field.link import LinkFaults, LossyLink
from tests.edge.test_spool import INGEST_KEY, ORG_KEY, enrol, observe, receipt

LAZ = "application/vnd.laszip"


def note(text: str, place: Place) -> Observation:
    return Observation("north-forest", "rover-1", "ridge", place, (Note(1, text),))


def offer(spool: Spool, path: Path) -> tuple[Cid, Cid]:
    dag = plan_file(path)
    body = Blob("north-forest", "rover-1", "ridge", Place(bytes(16), 0, 0, bytes(16), 0), dag.root, dag.size, LAZ)
    return spool.offer(path, dag, lambda place: replace(body, place=place)).cid, dag.root


def list_roots(spool: Spool) -> list[Cid]:
    """Return the files that the server does not have whole."""
    return [Cid.from_bytes(root) for (root,) in spool.db.execute("SELECT root FROM upload WHERE NOT is_whole")]


def waiting(spool: Spool) -> list[Cid]:
    return [item.cid for item in spool.pending(limit_bytes=1 << 30, skip=set())]


@asynccontextmanager
async def broker_alone(folder: Path) -> AsyncIterator[tuple[Journal, EmbeddedBroker]]:
    async with Journal.open(folder / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal) as broker:
            yield journal, broker


@asynccontextmanager
async def service(
    folder: Path, journal: Journal, broker: EmbeddedBroker
) -> AsyncIterator[tuple[IngestService, MemoryBlockStore]]:
    address, blocks = BrokerAddress(broker.host, broker.port, SERVER, broker.password), MemoryBlockStore()
    parts = Server(journal, blocks, INGEST_KEY, folder / "u")
    async with IngestService.open(BrokerLink(address), parts) as running:
        await running.link.connected.wait()
        yield running, blocks


def settings(folder: Path, port: int) -> EdgeSettings:
    return EdgeSettings(folder, "127.0.0.1", port, "ridge", retry_s=0.5)


async def test_a_device_that_is_there_before_the_server_has_nothing_refused(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with (
        broker_alone(tmp_path) as (journal, broker),
        Agent.open(settings(tmp_path / "d", broker.port)) as agent,
    ):
        for _ in range(5):
            agent.spool.append(observe)
        agent.notify()
        await asyncio.sleep(0.6)
        assert agent.is_connected
        async with service(tmp_path, journal, broker):
            assert await agent.wait_drained(timeout_s=10)
        assert (agent.spool.status().refused, agent.spool.status().received) == (0, 6)
        assert agent.refusal is None


async def test_an_organisation_that_the_server_does_not_know_is_told_and_no_record_is_spent(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with Journal.open(tmp_path / "j") as journal, EmbeddedBroker.open(journal) as broker:
        # The broker lets the device in; the service that answers it has a journal of its own and knows nobody.
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with (
            Journal.open(tmp_path / "other") as stranger,
            service(tmp_path, stranger, broker),
            Agent.open(settings(tmp_path / "d", broker.port)) as agent,
        ):
            record = agent.spool.append(observe)
            agent.notify()
            assert not await agent.wait_drained(timeout_s=1.0)
            assert "UnknownOrganisation" in (agent.refusal or "")
            # The birth alone: it introduces the device; the record waits.
            assert agent.spool.status().sent == 1
            assert record.cid in waiting(agent.spool)
            await stranger.add_organisation("north-forest", ORG_KEY.public.raw)
            assert await agent.wait_drained(timeout_s=10)
            # The birth that was refused meanwhile is signed for too.
            assert (agent.spool.status().received, agent.spool.status().refused) == (2, 0)


async def test_a_restored_copy_begins_a_new_epoch_and_loses_nothing(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    with open_spool(tmp_path / "d", identity):
        pass
    shutil.copytree(tmp_path / "d", tmp_path / "copy")
    async with broker_alone(tmp_path) as (journal, broker), service(tmp_path, journal, broker):
        async with Agent.open(settings(tmp_path / "d", broker.port)) as agent:
            agent.spool.append(lambda place: note("before", place))
            assert await agent.wait_drained(timeout_s=10)
        async with Agent.open(settings(tmp_path / "copy", broker.port)) as agent:
            for text in ("after 1", "after 2"):
                agent.spool.append(lambda place, text=text: note(text, place))  # type: ignore[misc]
            assert await agent.wait_drained(timeout_s=10)
            assert agent.spool.status().refused == 0
            birth = open_envelope(agent.spool.birth).expect(Birth)
        entries = [open_envelope(entry.raw).body for entry in await journal.records_after(0, limit=100)]
    texts = {
        one.text for body in entries if isinstance(body, Observation) for one in body.readings if isinstance(one, Note)
    }
    assert texts == {"before", "after 1", "after 2"}
    assert {body.place.epoch for body in entries if isinstance(body, Observation)} >= {birth.place.epoch}
    assert birth.last is not None


def test_a_refused_number_that_is_no_longer_the_epochs_begins_no_further_epoch(
    tmp_path: Path, identity: Identity
) -> None:
    with open_spool(tmp_path, identity) as spool:
        first, second = spool.append(observe), spool.append(observe)
        for record in (first, second):
            spool.apply_receipt(receipt(Answer(record.cid, "refused", reason="SequenceConflict")))
        bodies = [open_envelope(item.raw).body for item in spool.pending(limit_bytes=1 << 30, skip=set())]
        epochs = [body.place.epoch for body in bodies if isinstance(body, Observation | Birth)]
        assert len(set(epochs)) == 2  # the first birth, then the new epoch's birth and both observations
        assert [body.place.seq for body in bodies[1:] if isinstance(body, Observation | Birth)] == [0, 1, 2]


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


@pytest.mark.parametrize("page", [3, 10, 20, 31])
def test_of_a_damaged_card_every_whole_record_is_taken_over(tmp_path: Path, identity: Identity, page: int) -> None:
    with open_spool(tmp_path, identity) as spool:
        recorded = {spool.append(observe).cid for _ in range(200)} | {open_envelope(spool.birth).cid}
        epoch = open_envelope(spool.birth).expect(Birth).place.epoch
    raw = bytearray((tmp_path / "spool.sqlite").read_bytes())
    raw[4096 * page : 4096 * (page + 1)] = Random(page).randbytes(4096)
    (tmp_path / "spool.sqlite").write_bytes(raw)
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is not None
        assert spool.damage.kept.exists()
        saved = set(waiting(spool))
        # A page of 4 kB holds at most 15 of these records of 280 bytes.
        assert len(recorded - saved) <= 15
        assert open_envelope(spool.birth).expect(Birth).place.epoch != epoch
        assert spool.append(observe).cid in waiting(spool)


def test_a_forgotten_declaration_is_sent_again(tmp_path: Path, identity: Identity) -> None:
    (tmp_path / "f").write_bytes(b"points")
    with open_spool(tmp_path, identity) as spool:
        record, root = offer(spool, tmp_path / "f")
        spool.apply_receipt(receipt(Answer(record, "stored")))
        assert record not in waiting(spool)
        spool.apply_receipt(receipt(Answer(root, "refused", reason="UndeclaredUpload")))
        assert record in waiting(spool)


async def test_a_file_that_the_server_forgot_arrives_all_the_same(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    (tmp_path / "f").write_bytes(b"points" * 1000)
    with open_spool(tmp_path / "d", identity) as spool:
        record, root = offer(spool, tmp_path / "f")
        spool.apply_receipt(receipt(Answer(record, "stored")))
    async with broker_alone(tmp_path) as (journal, broker), service(tmp_path, journal, broker) as (running, blocks):
        async with Agent.open(settings(tmp_path / "d", broker.port)) as agent:
            assert await agent.wait_drained(timeout_s=20)
        assert b"".join(read_file(root, blocks.get)) == b"points" * 1000
        assert running.counts.frames <= 2


def test_a_byte_that_rotted_is_found_before_it_is_sent(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "f"
    path.write_bytes(Random(1).randbytes((2 << 20) + 9))
    stat = path.stat()
    with open_spool(tmp_path, identity) as spool:
        _, root = offer(spool, path)
        upload = spool.upload(root)
        assert upload is not None
        reader = FrameReader(upload)
        sent = b"".join(reader.read(number).data for number in range(1, compute_shape(upload.size).frames))
        assert sent == path.read_bytes()
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        fresh = FrameReader(upload)
        assert fresh.read(1).root == root
        with pytest.raises(FileChanged):
            fresh.read(compute_shape(upload.size).frames - 1)


def test_a_changed_file_offered_again_replaces_what_is_no_longer_there(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    with open_spool(tmp_path, identity) as spool:
        offer(spool, path)
        path.write_bytes(b"another")
        _, root = offer(spool, path)
        assert list_roots(spool) == [root]


def test_the_same_bytes_offered_again_go_on_under_their_record(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    with open_spool(tmp_path, identity) as spool:
        record, root = offer(spool, path)
        spool.note_problem(root, "touched")
        os.utime(path, ns=(1, 1))
        assert offer(spool, path) == (record, root)
        upload = spool.upload(root)
        assert upload is not None
        assert (upload.problem, upload.mtime_ns) == (None, 1)


def test_a_file_that_is_gone_before_it_is_declared_is_told_and_nothing_recorded(
    tmp_path: Path, identity: Identity
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    dag = plan_file(path)
    body = Blob("north-forest", "rover-1", "ridge", Place(bytes(16), 0, 0, bytes(16), 0), dag.root, dag.size, LAZ)
    with open_spool(tmp_path, identity) as spool:
        for is_known in (False, True):
            if is_known:
                path.write_bytes(b"one")
                offer(spool, path)
            path.unlink()
            before = spool.status()
            with pytest.raises(FileUnreadable, match="offer it again"):
                spool.offer(path, dag, lambda place: replace(body, place=place))
            assert spool.status() == before


async def test_a_slow_link_carries_each_frame_about_once(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    content = Random(4).randbytes(900_000)
    (tmp_path / "f").write_bytes(content)
    slow = LinkFaults(latency_s=0.02, bytes_per_s=350_000)
    async with (
        broker_alone(tmp_path) as (journal, broker),
        service(tmp_path, journal, broker) as (running, blocks),
        LossyLink(broker.host, broker.port, seed=1, faults=slow) as link,
        Agent.open(settings(tmp_path / "d", link.port)) as agent,
    ):
        root = await agent.offer_file(tmp_path / "f", media=LAZ)
        assert await agent.wait_drained(timeout_s=40)
        assert b"".join(read_file(root, blocks.get)) == content
        assert running.counts.frames <= compute_shape(len(content)).frames + 1


async def test_records_without_a_receipt_stay_within_the_window(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    with open_spool(tmp_path / "d", identity) as spool:
        for _ in range(WINDOW_RECORDS + 50):
            spool.append(observe)
    async with broker_alone(tmp_path) as (journal, broker):
        async with Agent.open(replace(settings(tmp_path / "d", broker.port), retry_s=60.0)) as agent:
            # Nobody answers here: what may leave before an answer is bounded all the same.
            agent.post.carried_before = AT_RISK * WINDOW_RECORDS * 2
            left = 0
            while items := agent.post.choose():
                agent.post.note_leaving(items, 1)
                left += len(items)
            assert left == WINDOW_RECORDS
            assert agent.spool.status().sent <= WINDOW_RECORDS + 1
        async with service(tmp_path, journal, broker), Agent.open(settings(tmp_path / "d", broker.port)) as agent:
            assert await agent.wait_drained(timeout_s=20)
            assert agent.post.due == {}


def test_a_start_writes_no_enrolment(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "enrolment.cbor"
    os.utime(path, ns=(1, 1))
    assert load_identity(tmp_path).enrol == identity.enrol
    assert path.stat().st_mtime_ns == 1
