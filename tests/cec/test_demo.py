"""The demo itself: the whole line loses nothing, and what it leaves behind can be traced and checked."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cec.errors import OtherOrganisation
from cec.house import open_house
from cec.settings import HouseSettings
from tests.cec.test_commands import ROOT, cec


@pytest.mark.slow
def test_the_line_loses_nothing_and_its_tree_can_be_traced_and_verified(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    done = cec("demo", "--once", "--json", "--data", str(data))
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["lost"]) == (0, [])
    assert summary["readings"] == summary["readings_expected"] == 84
    assert summary["received"] == summary["recorded"] == summary["sent"]
    assert summary["trees"] == summary["trees_registered"] > 100
    assert summary["anchored"] == summary["records"]
    proof = str(tmp_path / "tree.cecproof")
    traced = cec("trace", summary["tree"], "--data", summary["folder"], "--proof", proof)
    assert "this server alone" in traced.stdout
    assert cec("verify", proof, "--pin", summary["pin"]).returncode == 0
    again = cec("demo", "--once", "--data", str(data))
    assert again.returncode == 1
    assert "A demo ran in" in again.stderr


@pytest.mark.slow
def test_a_cloud_that_cannot_be_surveyed_fails_the_run_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.laz").write_bytes(b"LASF" + bytes(400))
    done = cec("demo", "--once", "--json", "--cloud", str(tmp_path / "bad.laz"), "--data", str(tmp_path / "demo"))
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert any("Invalid LAS header" in loss for loss in summary["lost"])
    assert summary["received"] == summary["recorded"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_demo_that_is_ended_takes_its_devices_with_it(tmp_path: Path, sent: signal.Signals) -> None:
    folder = tmp_path / "demo"
    command = (sys.executable, "-m", "cec", "demo", "--data", str(folder))
    async with asyncio.timeout(120):
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
        try:
            while len(list_devices(folder)) < 2:  # noqa: ASYNC110  # no event tells of another program's children
                await asyncio.sleep(0.05)
            process.send_signal(sent)
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert list_devices(folder) == []


def list_devices(folder: Path) -> list[int]:
    """Return the programs that work in a demo's folder beside the demo itself."""
    found = []
    for one in Path("/proc").iterdir():
        with suppress(OSError):  # it may have ended meanwhile
            words = (one / "cmdline").read_bytes().split(b"\0") if one.name.isdigit() else []
            if b"edge" in words and any(word.startswith(f"{folder}/".encode()) for word in words):
                found.append(int(one.name))
    return found


async def test_a_folder_of_one_organisation_is_not_taken_for_anothers(tmp_path: Path) -> None:
    async with open_house(HouseSettings(tmp_path, org="north")):
        pass
    with pytest.RaisesGroup(OtherOrganisation, allow_unwrapped=True, flatten_subgroups=True):
        async with open_house(HouseSettings(tmp_path, org="south")):
            pass
