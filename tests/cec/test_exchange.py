"""Two servers exchange a member's records by commands, and an export comes in again."""

import json
from pathlib import Path

from cec.house import open_house
from cec.settings import HouseSettings
from cec.vault import open_vault
from tests.cec.test_office import cec, send
from tests.ingest.devices import Device

ORG = "north-forest"


async def test_what_one_server_has_comes_to_another_and_both_agree(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    async with open_house(HouseSettings(here)) as house:
        device = Device()
        await house.enrol(device.name, device.key.public.raw)
        records = [device.observe(str(number)) for number in range(5)]
        assert await send(house, device, *records) == ["stored"] * 5
        _, said, _ = await cec(
            "members",
            "add",
            ORG,
            "--scope",
            "feed",
            "--scope",
            "export",
            "--scope",
            "import",
            "--data",
            str(here),
            "--json",
        )
        token = json.loads(said.splitlines()[-1])["token"]
        async with open_house(HouseSettings(there, org="south-forest")) as other:
            vault = open_vault(here / "keys")
            trust = ["--trust", f"{ORG}={vault.org.public.raw.hex()}"]
            command = ["sync", house.url, "--token", token, "--org", ORG, "--data", str(there), *trust, "--json"]
            code, said, complaint = await cec(*command)
            assert code == 0, complaint + said
            assert json.loads(said.splitlines()[-1])["agrees"] is True
            for record in records:
                assert await other.journal.record(record.cid) == record.raw
            code, _, complaint = await cec("sync", house.url, "--token", "wrong", "--org", ORG, "--data", str(there))
            assert code == 1
            assert "Traceback" not in complaint


async def test_an_export_is_taken_in_by_an_empty_server_and_a_changed_one_is_not(tmp_path: Path) -> None:
    here, there, out = tmp_path / "here", tmp_path / "there", tmp_path / "export"
    async with open_house(HouseSettings(here)) as house:
        device = Device()
        await house.enrol(device.name, device.key.public.raw)
        record = device.observe()
        assert await send(house, device, record) == ["stored"]
        code, _, complaint = await cec("export", ORG, "--out", str(out), "--data", str(here))
        assert code == 0, complaint
    trust = ["--trust", f"{ORG}={open_vault(here / 'keys').org.public.raw.hex()}"]
    async with open_house(HouseSettings(there, org="south-forest")) as other:
        code, _, complaint = await cec("import", str(out), "--data", str(there), *trust)
        assert code == 0, complaint
        assert await other.journal.record(record.cid) == record.raw
        archive = out / "records.car"
        archive.write_bytes(archive.read_bytes()[:-1])
        code, _, complaint = await cec("import", str(out), "--data", str(there))
        assert code == 1
        assert "Traceback" not in complaint


async def test_an_export_is_taken_in_by_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    here, there, out = tmp_path / "here", tmp_path / "there", tmp_path / "export"
    async with open_house(HouseSettings(here)) as house:
        device = Device()
        await house.enrol(device.name, device.key.public.raw)
        record = device.observe()
        assert await send(house, device, record) == ["stored"]
        assert (await cec("export", ORG, "--out", str(out), "--data", str(here)))[0] == 0
    trust = ["--trust", f"{ORG}={open_vault(here / 'keys').org.public.raw.hex()}"]
    code, _, complaint = await cec("import", str(out), "--data", str(there), *trust)
    assert code == 0, complaint
    async with open_house(HouseSettings(there, org="south-forest")) as other:
        assert await other.journal.record(record.cid) == record.raw
