"""An agent and a real server over real sockets: good link, bad link, and kills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from domain.keys import SigningKey
from edge.agent import Agent
from edge.capture import Capture
from edge.settings import EdgeSettings
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.journal import Journal
from ingest.link import BrokerLink
from ingest.service import IngestService, Server
from ingest.settings import BrokerAddress
from ipfs.memory import MemoryBlockStore
from ipfs.unixfs import read_file
from sample_data.field.crew import walk_plot
from sample_data.field.device_log import encode_log
from sample_data.field.link import LinkFaults, LossyLink
from sample_data.forest.stand import StandParameters, grow_stand
from tests.edge.test_spool import INGEST_KEY, ORG_KEY, enrol, observe

BAD = LinkFaults(latency_s=0.01, jitter_s=0.01, cut_after_bytes=400_000, stall_share=0.0, refuse_s=0.1, most_cuts=6)


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[tuple[Journal, MemoryBlockStore, EmbeddedBroker]]:
    blocks = MemoryBlockStore()
    async with Journal.open(folder / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal) as broker:
            address = BrokerAddress(broker.host, broker.port, SERVER, broker.password)
            parts = Server(journal, blocks, INGEST_KEY, folder / "u")
            async with IngestService.open(BrokerLink(address), parts):
                yield journal, blocks, broker


def settings(folder: Path, port: int) -> EdgeSettings:
    return EdgeSettings(folder, "127.0.0.1", port, "ridge", retry_s=0.5)


async def test_records_and_a_file_arrive_over_a_good_link(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    content = Random(1).randbytes((2 << 20) + 77)
    (tmp_path / "cloud.laz").write_bytes(content)
    async with server(tmp_path / "s") as (journal, blocks, broker):
        async with Agent.open(settings(tmp_path / "d", broker.port)) as agent:
            for _ in range(30):
                agent.spool.append(observe, readings=1)
            root = await agent.offer_file(tmp_path / "cloud.laz", media="application/vnd.laszip")
            assert await agent.wait_drained(timeout_s=30)
            status = agent.spool.status()
        assert (status.readings, status.received, status.refused, status.queued) == (30, 32, 0, 0)
        assert (await journal.counts()).observations == 30
        assert b"".join(read_file(root, blocks.get)) == content
        assert (await journal.claim_job("survey")) is not None


async def test_nothing_is_lost_or_doubled_over_a_bad_link(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    content = Random(2).randbytes((1 << 20) + 5)
    (tmp_path / "cloud.laz").write_bytes(content)
    async with (
        server(tmp_path / "s") as (journal, blocks, broker),
        LossyLink(broker.host, broker.port, seed=3, faults=BAD) as link,
        Agent.open(settings(tmp_path / "d", link.port)) as agent,
    ):
        for _ in range(200):
            agent.spool.append(observe, readings=1)
        root = await agent.offer_file(tmp_path / "cloud.laz", media="application/vnd.laszip")
        assert await agent.wait_drained(timeout_s=60)
        assert link.cuts > 0
        assert agent.post.pulse.connections > 1
        assert (await journal.counts()).observations == 200
        assert (await journal.counts()).quarantined == 0
        assert b"".join(read_file(root, blocks.get)) == content


async def test_a_recorded_day_becomes_observations(tmp_path: Path) -> None:
    identity = enrol(tmp_path / "d")
    stand = grow_stand(3402, parameters=StandParameters(side_m=60.0))
    stops = walk_plot(stand, seed=1, to_geographic=lambda x, y: (x / 1e6, y / 1e6), trees=6)
    (tmp_path / "log").write_bytes(encode_log(stops))
    async with server(tmp_path / "s") as (journal, _, broker):
        async with Agent.open(settings(tmp_path / "d", broker.port)) as agent:
            capture = Capture(agent.spool, identity.body.org, identity.body.device, "ridge")
            assert await capture.run_log(tmp_path / "log", speed=0) == 6 * 7
            agent.notify()
            assert await agent.wait_drained(timeout_s=20)
            assert agent.spool.status().readings == 6 * 7
            assert agent.spool.status().skipped == 0
        assert (await journal.counts()).observations >= 1


async def test_a_file_that_changed_after_it_was_offered_is_told(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    (tmp_path / "cloud.laz").write_bytes(bytes(3 << 20))
    async with server(tmp_path / "s") as (_, _, broker), Agent.open(settings(tmp_path / "d", broker.port)) as agent:
        root = await agent.offer_file(tmp_path / "cloud.laz", media="application/vnd.laszip")
        (tmp_path / "cloud.laz").write_bytes(bytes(5))
        upload = agent.spool.upload(root)
        for _ in range(100):
            upload = agent.spool.upload(root)
            if upload is None or upload.problem is not None:
                break
            await asyncio.sleep(0.05)
        assert upload is not None
        assert "changed" in (upload.problem or "")


async def test_a_server_that_the_device_does_not_trust_deletes_nothing(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    stranger = SigningKey.from_seed(b"x" * 32)
    async with Journal.open(tmp_path / "j") as journal:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        async with EmbeddedBroker.open(journal) as broker:
            address = BrokerAddress(broker.host, broker.port, SERVER, broker.password)
            parts = Server(journal, MemoryBlockStore(), stranger, tmp_path / "u")
            async with (
                IngestService.open(BrokerLink(address), parts),
                Agent.open(settings(tmp_path / "d", broker.port)) as agent,
            ):
                agent.spool.append(observe)
                assert not await agent.wait_drained(timeout_s=1.5)
                assert agent.spool.status().received == 0
                assert agent.spool.status().refused == 0
