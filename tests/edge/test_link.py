"""What passes over a connection: questions, frame records, pauses, files and records in their order, revocation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from domain.cid import Cid
from domain.envelope import seal
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Observation
from domain.records.membership import Enrol
from domain.records.receipt import Progress
from domain.upload import FRAME_BYTES, WINDOW_FRAMES
from edge import campaigns, session
from edge.agent import Agent
from edge.clock import ClockWatch
from edge.identity import import_enrolment, open_key
from edge.post import LONGEST_PAUSE_S
from edge.settings import EdgeSettings
from sample_data.field.link import LinkFaults, LossyLink
from tests.edge.server import SmallServer, settings, small_server, until
from tests.edge.test_history import CAMPAIGN, PLOT, SPECIES, stage
from tests.edge.test_spool import AT_MS, INGEST_KEY, ORG_KEY, enrol, observe

LAZ = "application/vnd.laszip"
LONG_NOTE = Note(1, "x" * 1_000)


@asynccontextmanager
async def both(folder: Path) -> AsyncIterator[tuple[SmallServer, Agent]]:
    enrol(folder / "d")
    async with small_server(folder) as server, Agent.open(settings(folder / "d", server)) as agent:
        yield server, agent


def anchored(cid: Cid) -> Progress:
    return Progress(cid, "anchored", bytes(32), 7, AT_MS)


async def test_a_device_asks_what_became_of_its_records_and_which_campaigns_there_are(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with small_server(tmp_path) as server:
        server.frames = [seal(body, ORG_KEY) for body in (CAMPAIGN, PLOT)] + [seal(SPECIES, INGEST_KEY)]
        server.progress = anchored
        async with Agent.open(settings(tmp_path / "d", server)) as agent:
            record = agent.spool.append(observe)
            assert await agent.wait_drained(timeout_s=5)
            await until(lambda: len(campaigns.list_held(agent.spool.db)) == 2)
            assert server.said[1].channel == "ask" or any(one.inquiry for one in server.said)
        # The next connection asks for the record at once, and names the frame records held.
        async with Agent.open(settings(tmp_path / "d", server)) as agent:
            await until(lambda: stage(agent.spool, record.cid) == "anchored")
            asked = [one.inquiry for one in server.said if one.inquiry is not None]
            assert set(asked[-1].frames or ()) == {seal(body, ORG_KEY).cid for body in (CAMPAIGN, PLOT)}
            assert record.cid in (asked[-1].progress or ())


async def test_while_nothing_moves_a_device_asks_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "FIRST_ASK_S", 0.1)
    monkeypatch.setattr(session, "LONGEST_ASK_S", 0.9)
    async with both(tmp_path) as (server, agent):
        agent.spool.append(observe)
        assert await agent.wait_drained(timeout_s=5)
        await asyncio.sleep(2.2)
        # At 0, 0.1, 0.3, 0.7, then every 0.9 s; more often would be every 0.1 s.
        assert 3 <= sum(one.inquiry is not None for one in server.said) <= 7


async def test_a_server_that_wants_rest_is_left_alone_for_so_long(tmp_path: Path) -> None:
    async with both(tmp_path) as (server, agent):
        await until(agent.spool.is_drained)
        server.pause_ms = 700
        agent.spool.append(observe)
        agent.notify()
        await until(agent.spool.is_drained)
        server.pause_ms = None
        before = len(server.said)
        agent.spool.append(observe)
        agent.notify()
        await asyncio.sleep(0.4)
        assert len(server.said) == before
        await until(agent.spool.is_drained, seconds=3)


async def test_no_server_can_silence_a_device_for_good(tmp_path: Path) -> None:
    async with both(tmp_path) as (server, agent):
        server.pause_ms = 1 << 50
        agent.spool.append(observe)
        await until(lambda: agent.post.rest_until > 0)
        assert agent.post.rest_until - asyncio.get_running_loop().time() <= LONGEST_PAUSE_S


async def test_a_record_made_during_an_upload_leaves_before_the_next_window(tmp_path: Path) -> None:
    (tmp_path / "cloud.laz").write_bytes(Random(1).randbytes(40 * FRAME_BYTES))
    async with both(tmp_path) as (server, agent):
        made: dict[Cid, int] = {}

        def record_now(_root: Cid, frame: int) -> None:
            if frame % 10 == 3:
                made[agent.spool.append(observe).cid] = len(server.said)

        server.on_frame = record_now
        await agent.offer_file(tmp_path / "cloud.laz", media=LAZ)
        assert await agent.wait_drained(timeout_s=20)
        assert len(made) >= 4
        for cid, at in made.items():
            came = next(
                place for place, one in enumerate(server.said) if any(record.cid == cid for record in one.records)
            )
            frames = sum(one.frame is not None for one in server.said[at:came])
            # What was left of the window under way, no frame of the next.
            assert frames < WINDOW_FRAMES


async def test_of_several_files_the_one_with_least_left_goes_first(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    async with small_server(tmp_path) as server:
        order: list[Cid] = []
        server.on_frame = lambda root, _: order.append(root)
        roots: dict[str, Cid] = {}
        # Nothing leaves before all are declared: the server asks for rest first.
        server.pause_ms = 500
        async with Agent.open(settings(tmp_path / "d", server)) as agent:
            await until(lambda: agent.post.rest_until > 0)
            for name, frames in (("big", 30), ("small", 5), ("middle", 12)):
                (tmp_path / name).write_bytes(Random(frames).randbytes(frames * FRAME_BYTES))
                roots[name] = await agent.offer_file(tmp_path / name, media=LAZ)
            server.pause_ms = None
            assert await agent.wait_drained(timeout_s=20)
    assert list(dict.fromkeys(order)) == [roots["small"], roots["middle"], roots["big"]]


async def test_on_a_metered_link_files_wait_for_their_budget_and_records_do_not(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    (tmp_path / "cloud.laz").write_bytes(Random(1).randbytes(40 * FRAME_BYTES))
    async with small_server(tmp_path) as server:
        metered = replace(settings(tmp_path / "d", server), is_metered=True, budget_bytes=10 * FRAME_BYTES)
        for _ in range(2):
            async with Agent.open(metered) as agent:
                await agent.offer_file(tmp_path / "cloud.laz", media=LAZ)
                await until(agent.post.is_over_budget)
                await asyncio.sleep(0.3)
                record = agent.spool.append(observe)
                agent.notify()
                await until(lambda cid=record.cid: not agent.spool.is_waiting(cid))  # type: ignore[misc]
                seen = agent.read_pulse()
                assert seen.budget_bytes == 10 * FRAME_BYTES
                assert (seen.sent_bytes or 0) >= 10 * FRAME_BYTES
        frames = sum(one.frame is not None for one in server.said)
        # The second agent found the budget used: nothing more left, and at most one window went beyond it.
        assert 8 <= frames <= 10 + WINDOW_FRAMES


async def test_the_budget_is_a_calendar_months_by_the_servers_time(tmp_path: Path) -> None:
    async with both(tmp_path) as (server, agent):
        server.at_ms = 1_798_761_599_000  # 2026-12-31 23:59:59 UTC
        agent.spool.append(observe)
        await until(lambda: agent.spool.is_drained() and agent.post.meter_name == "metered:2026-12")
        await asyncio.sleep(1.1)
        assert agent.post.meter_name == "metered:2027-01"


def test_a_clock_that_is_years_wrong_spends_no_other_months_budget() -> None:
    watch = ClockWatch(lambda: 0, lambda: 1_000)
    watch.note_server(AT_MS)
    assert watch.month() == "2026-09"


async def upload_over_cuts(folder: Path, *, size: int, mean: int, cuts: int, seconds: float) -> tuple[int, int, int]:
    """Return frames of a file sent once and again over a link that is cut, and the cuts that happened."""
    enrol(folder / "d")
    (folder / "cloud.laz").write_bytes(Random(3).randbytes(size))
    faults = LinkFaults(latency_s=0.002, cut_after_bytes=mean, refuse_s=0.02, most_cuts=cuts)
    async with (
        small_server(folder) as server,
        LossyLink("127.0.0.1", server.broker.port, seed=5, faults=faults) as link,
        Agent.open(EdgeSettings(folder / "d", "127.0.0.1", link.port, "ridge", retry_s=0.5)) as agent,
    ):
        root = await agent.offer_file(folder / "cloud.laz", media=LAZ)
        assert await agent.wait_drained(timeout_s=seconds)
        status = agent.spool.status()
        assert len(server.holds[root]) == status.frames
        return status.frames_sent, status.frames_resent, link.cuts


async def test_a_cut_costs_at_most_the_window_that_was_on_its_way(tmp_path: Path) -> None:
    sent, resent, cuts = await upload_over_cuts(tmp_path, size=8 << 20, mean=2 << 20, cuts=3, seconds=40)
    assert (sent, cuts) == (129, 3)
    assert resent <= cuts * WINDOW_FRAMES


@pytest.mark.slow
async def test_twenty_cuts_in_a_hundred_megabytes_cost_at_most_five_percent(tmp_path: Path) -> None:
    sent, resent, cuts = await upload_over_cuts(tmp_path, size=100_000_000, mean=4_500_000, cuts=20, seconds=300)
    print(f"{sent} frames, {resent} sent again over {cuts} cuts: {resent / sent:.1%}")  # noqa: T201  # the figure
    assert cuts == 20
    assert resent <= 0.05 * sent


async def pass_slow_link(folder: Path, *, size: int, notes: int, seconds: float) -> tuple[int, int, int]:
    """Return records and frames sent again over 64 kbit/s with 600 ms there and back, and the connections made."""
    enrol(folder / "d")
    (folder / "cloud.laz").write_bytes(Random(3).randbytes(size))
    async with (
        small_server(folder) as server,
        LossyLink("127.0.0.1", server.broker.port, seed=5, faults=LinkFaults(latency_s=0.3, bytes_per_s=8_000)) as link,
        Agent.open(EdgeSettings(folder / "d", "127.0.0.1", link.port, "ridge")) as agent,
    ):
        for _ in range(notes):
            agent.spool.append(lambda place: Observation("north-forest", "rover-1", "ridge", place, (LONG_NOTE,)))
        await agent.offer_file(folder / "cloud.laz", media=LAZ)
        assert await agent.wait_drained(timeout_s=seconds)
        status = agent.spool.status()
        return status.resent, status.frames_resent, agent.post.pulse.connections


@pytest.mark.slow
async def test_at_64_kbit_per_second_everything_passes_once(tmp_path: Path) -> None:
    # 130 records of 1.3 kB fill two messages; the first alone takes 12 s.
    assert await pass_slow_link(tmp_path, size=400_000, notes=130, seconds=150) == (0, 0, 1)


async def test_a_device_whose_key_is_revoked_is_told_and_goes_on_recording(tmp_path: Path) -> None:
    async with both(tmp_path) as (server, agent):
        await until(agent.spool.is_drained)
        server.judge = lambda record: ("KeyRevoked", "Ask the organisation.") if record.kind == "observation" else None
        refused = agent.spool.append(observe)
        agent.notify()
        await until(lambda: stage(agent.spool, refused.cid) == "refused")
        assert "KeyRevoked: Ask the organisation." in (agent.refusal or "")
        later = agent.spool.append(observe)
        assert later.cid in {Cid.from_bytes(cid) for (cid,) in agent.spool.db.execute("SELECT cid FROM item")}


async def test_a_broker_that_refuses_the_login_is_named_with_a_remedy_and_recording_goes_on(tmp_path: Path) -> None:
    key = open_key(tmp_path / "d")
    body = Enrol("north-forest", "rover-1", key.public.raw, INGEST_KEY.public.raw, AT_MS)
    import_enrolment(tmp_path / "d", seal(body, SigningKey.from_seed(b"another organisation's key here!")).raw)
    async with small_server(tmp_path) as server, Agent.open(settings(tmp_path / "d", server)) as agent:
        await until(lambda: agent.refusal is not None)
        assert "revoked or not enrolled" in (agent.refusal or "")
        assert agent.spool.append(observe).kind == "observation"
        assert not agent.is_connected


async def test_on_a_metered_link_a_reconnection_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    cuts = LinkFaults(cut_after_bytes=3_000, refuse_s=0.01, most_cuts=4)
    async with (
        small_server(tmp_path) as server,
        LossyLink("127.0.0.1", server.broker.port, seed=2, faults=cuts) as link,
        Agent.open(replace(settings(tmp_path / "d", server), port=link.port, is_metered=True)) as agent,
    ):
        for _ in range(20):
            agent.spool.append(observe)
            agent.notify()
            await asyncio.sleep(0.05)
        assert await agent.wait_drained(timeout_s=20)
        assert agent.post.pulse.connections > 1
        assert sum(one.inquiry is not None for one in server.said) <= 1


@pytest.mark.slow
async def test_a_link_that_only_falls_silent_is_left_within_a_minute(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    silence = LinkFaults(cut_after_bytes=20_000, stall_share=1.0, stall_s=600, most_cuts=1)
    async with (
        small_server(tmp_path) as server,
        LossyLink("127.0.0.1", server.broker.port, seed=2, faults=silence) as link,
        Agent.open(replace(settings(tmp_path / "d", server), port=link.port)) as agent,
    ):
        while not link.counts.stalls:
            agent.spool.append(observe)
            agent.notify()
            await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        assert await agent.wait_drained(timeout_s=60)
        assert agent.post.pulse.connections == 2
        print(f"silent for {asyncio.get_running_loop().time() - began:.0f} s")  # noqa: T201  # the figure
