"""What an organisation decides beside its running server takes effect there at once."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cec.house import House, open_house
from cec.settings import HouseSettings
from domain.envelope import Record, open_envelope, unpack_message
from domain.inquiry import Inquiry
from domain.records.frame import Area, SpeciesList
from ingest.admission import Policy, read_arrival
from ingest.answering import Answerer, NoAnchors
from ingest.settings import IngestSettings
from tests.cec.test_commands import ROOT
from tests.ingest.devices import Device


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(HouseSettings(tmp_path / "server")) as opened:
        yield opened


async def cec(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cec",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def office(house: House, command: str, *arguments: str) -> tuple[int, str, str]:
    return await cec(*command.split(), *arguments, "--data", str(house.settings.folder))


async def send(house: House, device: Device, *records: Record) -> list[str]:
    policy = Policy(house.vault.ingest.public, IngestSettings().max_upload_bytes)
    arrivals = [read_arrival(device.topic(), record.raw) for record in records]
    answers = await house.journal.admit(arrivals, policy)
    return [answer.reason or answer.verdict for answer in answers if answer is not None]


async def test_a_device_is_revoked_and_a_late_record_admitted_by_a_person(house: House) -> None:
    device = Device()
    await house.enrol(device.name, device.key.public.raw)
    assert await send(house, device, device.observe()) == ["stored"]
    code, said, _ = await office(house, "revoke", device.name, device.key.public.raw.hex(), "--reason", "lost")
    assert (code, "is revoked" in said) == (0, True)
    late = device.observe("measured before it was lost")
    assert await send(house, device, late) == ["KeyRevoked"]
    _, said, _ = await office(house, "quarantine list", "--json")
    (entry,) = json.loads(said)
    assert (entry["cid"], entry["kind"], entry["may_be_admitted"]) == (str(late.cid), "observation", True)
    code, said, _ = await office(house, "quarantine admit", str(late.cid), "--by", "A. Berg")
    assert (code, "admitted by A. Berg" in said) == (0, True)
    assert await house.journal.record(late.cid) == late.raw
    code, _, complaint = await office(house, "quarantine admit", str(late.cid))
    assert (code, "cec quarantine list" in complaint) == (1, True)


async def test_what_is_dropped_is_written_to_a_folder_first(house: House, tmp_path: Path) -> None:
    device = Device()
    record = device.observe()
    assert await send(house, device, record) == ["UnknownKey"]
    code, _, _ = await office(house, "quarantine drop", str(record.cid), "--out", str(tmp_path / "kept"))
    assert code == 0
    assert (tmp_path / "kept" / f"{record.cid}.cbor").read_bytes() == record.raw
    _, said, _ = await office(house, "quarantine list")
    assert said.strip() == "nothing in quarantine"


async def test_what_was_written_before_is_whole_again_after_a_drop(house: House, tmp_path: Path) -> None:
    """Half a file of an interrupted run, and the part of one beside it, do not stay."""
    device, kept = Device(), tmp_path / "kept"
    record = device.observe()
    assert await send(house, device, record) == ["UnknownKey"]
    kept.mkdir()
    (kept / f"{record.cid}.cbor").write_bytes(record.raw[:7])
    (kept / f".{record.cid}.cbor.part").write_bytes(record.raw[:5])
    assert (await office(house, "quarantine drop", str(record.cid), "--out", str(kept)))[0] == 0
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {f"{record.cid}.cbor": record.raw}


async def test_what_cannot_be_written_is_not_dropped(house: House, tmp_path: Path) -> None:
    device = Device()
    record = device.observe()
    assert await send(house, device, record) == ["UnknownKey"]
    (tmp_path / "kept" / f"{record.cid}.cbor").mkdir(parents=True)
    code, _, _ = await office(house, "quarantine drop", str(record.cid), "--out", str(tmp_path / "kept"))
    assert code == 1
    _, said, _ = await office(house, "quarantine list")
    assert str(record.cid) in said


async def test_plots_and_species_come_down_to_devices(house: House, tmp_path: Path) -> None:
    ring = [[13.30, 48.95], [13.31, 48.95], [13.31, 48.96], [13.30, 48.95]]
    features = [
        {"type": "Feature", "id": "Plot 1", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}},
        {"type": "Feature", "id": "plot-2", "properties": {}, "geometry": {"type": "Point", "coordinates": [13.3, 49]}},
    ]
    (tmp_path / "plots.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (tmp_path / "species.csv").write_text("code,name,common\nPIAB,Picea abies,Fichte\nFASY,Fagus sylvatica,\n")
    code, _, complaint = await office(house, "plots", str(tmp_path / "plots.geojson"))
    assert (code, "--radius" in complaint) == (1, True)
    assert (await office(house, "plots", str(tmp_path / "plots.geojson"), "--radius", "12.62"))[0] == 0
    assert (await office(house, "species", str(tmp_path / "species.csv"), "--id", "common"))[0] == 0
    assert (await office(house, "campaign", "ridge-2026", "--title", "Ridge 2026"))[0] == 0
    answerer = Answerer(house.journal, NoAnchors(), house.vault.ingest)
    answers = await answerer.answer(Device().topic("ask"), Inquiry(frames=()))
    records = [open_envelope(raw) for _, message in answers for raw in unpack_message(message)]
    assert {record.key for record in records} == {house.vault.org.public}
    assert sorted(record.kind for record in records) == ["area", "area", "campaign", "campaign", "species-list"]
    circle = next(body for record in records if isinstance(body := record.body, Area) and body.area == "plot-2")
    lats = circle.rings[0][1::2]
    # 12.62 m north and south of the centre: 500 m2; a degree of latitude has 111.2 km there.
    assert (max(lats) - min(lats)) / 1e9 * 111_209 == pytest.approx(2 * 12.62, abs=0.05)
    (species,) = [record.expect(SpeciesList) for record in records if record.kind == "species-list"]
    assert [one.common for one in species.species] == ["Fichte", None]


async def test_an_audit_says_what_is_there_and_whether_it_is_all(house: House) -> None:
    device = Device()
    await house.enrol(device.name, device.key.public.raw)
    first, second, third = device.observe("1"), device.observe("2"), device.observe("3")
    assert await send(house, device, first, third) == ["stored", "stored"]
    code, said, _ = await office(house, "audit", device.name, "--json")
    found = json.loads(said)
    assert (code, found["verdict"], found["epochs"][0]["missing"]) == (1, "broken", [[1, 1]])
    assert await send(house, device, second) == ["stored"]
    async with asyncio.timeout(20):
        while found["anchored"] < 3:
            _, said, _ = await office(house, "audit", device.name, "--json", "--campaign", "ridge")
            found = json.loads(said)
    # A device of the tests begins without a birth; that is told.
    assert found["epochs"][0]["missing"] == []
    assert found["of_campaign"] == 3
    assert "birth" in found["epochs"][0]["findings"][0]
    code, said, _ = await office(house, "audit", "nobody")
    assert (code, "no record of it is here" in said) == (1, True)


async def test_health_and_metrics_are_there_for_operators(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.url) as client:
        health = (await client.get("/health")).json()
        assert health["status"] == "ok"
        assert {check["name"] for check in health["checks"]} >= {"journal", "broker", "disk", "pipeline"}
        assert b"cec_ingest_records" in (await client.get("/metrics")).content
