"""An operator is told how a server does: in checks with a remedy, and in Prometheus' format."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from domain.envelope import seal
from domain.readings import Note
from domain.records.field import Observation
from ingest.broker.embedded import EmbeddedBroker
from ingest.journal import Journal
from ingest.metrics import render_metrics
from ingest.service import IngestService, Server
from ingest.watch import BEHIND, FAIL, OK, WARN, Reading, Watch, list_checks
from ipfs.memory import MemoryBlockStore
from tests.ingest.devices import INGEST_KEY, ORG_KEY, Device, enrolled, outcome


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Journal, Watch]]:
    async with Journal.open(folder / "journal.sqlite") as journal, EmbeddedBroker.open(journal) as broker:
        await journal.add_organisation("north-forest", ORG_KEY.public.raw)
        server = Server(journal, MemoryBlockStore(), INGEST_KEY, folder / "uploads")
        async with IngestService.open(broker.link, server) as service:
            await service.link.connected.wait()
            yield journal, Watch(journal, service, folder)


def states(reading: Reading) -> dict[str, str]:
    return {check.name: check.state for check in list_checks(reading)}


async def test_a_server_at_rest_is_well_and_its_conflicts_are_counted(tmp_path: Path) -> None:
    async with watched(tmp_path) as (journal, watch):
        assert set(states(await watch.read()).values()) == {OK}
        device = await enrolled(journal, Device())
        first = device.observe("first")
        other = seal(replace(first.expect(Observation), readings=(Note(1, "other"),)), device.key)
        assert await outcome(journal, device, first) == "stored"
        for _ in range(3):
            assert await outcome(journal, device, other) == "SequenceConflict"
        reading = await watch.read()
        assert reading.alarms == {"conflict": 3}
        assert states(reading)["alarms"] == WARN
        assert (reading.last_row, reading.followed) == (2, 0)


async def test_the_metrics_can_be_scraped_and_say_what_the_journal_says(tmp_path: Path) -> None:
    async with watched(tmp_path) as (journal, watch):
        device = await enrolled(journal, Device())
        for _ in range(3):
            await outcome(journal, device, device.observe())
        page = render_metrics(await watch.read()).decode()
    metrics = {family.name: family for family in text_string_to_metric_families(page)}
    assert metrics["cec_ingest_observations"].samples[0].value == 3
    assert metrics["cec_ingest_observations"].type == "gauge"
    assert metrics["cec_ingest_messages"].type == "counter"
    assert all(family.documentation for family in metrics.values())


async def test_what_is_wrong_is_told_with_a_remedy(tmp_path: Path) -> None:
    async with watched(tmp_path) as (_, watch):
        well = await watch.read()
    cases = {
        "journal": (replace(well, is_writable=False), FAIL),
        "broker": (replace(well, is_connected=False), FAIL),
        "disk": (replace(well, disk_free_bytes=1), FAIL),
        "pipeline": (replace(well, last_row=BEHIND + 1), WARN),
        "queues": (replace(well, load_ppm=1_000_000), WARN),
        "jobs": (replace(well, journal=replace(well.journal, jobs_failed=1)), WARN),
    }
    for name, (reading, state) in cases.items():
        found = states(reading)
        assert found.pop(name) == state
        assert set(found.values()) == {OK}


async def test_a_journal_that_takes_no_commit_is_noticed(tmp_path: Path) -> None:
    async with watched(tmp_path) as (journal, watch):
        pages = await journal.write(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
        await journal.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        assert (await watch.read()).is_writable  # a mark needs no page more
        device = Device()
        for _ in range(100):
            try:
                await outcome(journal, device, device.observe("x" * 900))
            except Exception as error:  # noqa: BLE001
                assert "cannot be written" in str(error)  # noqa: PT017
                break
        else:
            raise AssertionError("the disk never filled")
