"""The register can be made anew from journal and chain, wherever it is."""

import json
from pathlib import Path

import pytest

from cec.house import open_house
from cec.settings import HouseSettings
from ingest.jobs import FOLLOWED
from ingest.journal import Journal
from register.opening import open_register
from tests.cec.test_commands import cec
from tests.cec.test_office import send
from tests.ingest.devices import Device

pytestmark = pytest.mark.slow


async def test_a_register_that_is_gone_is_made_anew_with_its_anchors(tmp_path: Path) -> None:
    data = tmp_path / "server"
    async with open_house(HouseSettings(data)) as house:
        device = Device()
        await house.enrol(device.name, device.key.public.raw)
        records = [device.observe(str(number)) for number in range(5)]
        assert await send(house, device, *records) == ["stored"] * 5
        while (counts := await house.register.counts()).anchored < await house.journal.last_row():
            await house.journal.bell.wait(house.journal.bell.rings, timeout_s=0.1)
        before = await house.register.anchors_of([record.cid for record in records])
    async with Journal.open(data / "journal.sqlite") as journal:
        followed = await journal.mark(FOLLOWED)
        await journal.set_mark(FOLLOWED, 1)
    other = tmp_path / "other.sqlite"
    done = cec("reindex", "--data", str(data), "--register", f"sqlite:{other}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["anchored"] == counts.anchored
    async with Journal.open(data / "journal.sqlite") as journal:
        # What the follower has not yet put into the block store it still must.
        assert await journal.mark(FOLLOWED) == 1 < followed
    async with open_register(other) as register:
        after = await register.anchors_of([record.cid for record in records])
        assert {cid: (one.root, one.height, one.count) for cid, one in after.items()} == {
            cid: (one.root, one.height, one.count) for cid, one in before.items()
        }


@pytest.mark.parametrize("option", [("--register", "mysql://nowhere"), ("--data", "nowhere")])
def test_what_cannot_be_indexed_is_told(tmp_path: Path, option: tuple[str, str]) -> None:
    (tmp_path / "journal.sqlite").touch()
    done = cec("reindex", "--data", str(tmp_path), *option)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
