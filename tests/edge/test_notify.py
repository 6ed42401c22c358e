"""systemd hears that the agent is ready and alive, over a real socket."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.agent import Agent
from edge.notify import Notifier, find_notifier, keep_telling
from edge.settings import EdgeSettings
from tests.edge.test_spool import enrol, observe

UNIT = Path(__file__).parents[2] / "scripts" / "systemd" / "cec-edge.service"


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.settimeout(0)
        if request.param == "path":
            listening.bind(str(tmp_path / "notify"))
            yield listening, str(tmp_path / "notify")
        else:
            listening.bind("")  # the system draws a name in the abstract namespace
            yield listening, "@" + listening.getsockname()[1:].decode()


async def hear(listening: socket.socket) -> list[str]:
    async with asyncio.timeout(5):
        return (await asyncio.get_running_loop().sock_recv(listening, 4_096)).decode().split("\n")


async def test_systemd_hears_ready_status_and_signs_of_life(
    tmp_path: Path, listener: tuple[socket.socket, str]
) -> None:
    enrol(tmp_path)
    listening, address = listener
    async with Agent.open(EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge")) as agent:
        agent.spool.append(observe)
        task = asyncio.create_task(keep_telling(agent, Notifier(address, watchdog_s=0.3)), name="notify")
        first = await hear(listening)
        assert first[0] == "READY=1"
        assert first[1].startswith("STATUS=no link; 2 waiting")
        for _ in range(2):
            assert "WATCHDOG=1" in await hear(listening)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5):
            while await hear(listening) != ["STOPPING=1"]:
                pass


async def test_an_agent_whose_loop_no_longer_turns_gives_no_sign_of_life(
    tmp_path: Path, listener: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.notify.ROUND_S", 0.1)
    enrol(tmp_path)
    listening, address = listener
    async with Agent.open(EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge")) as agent:
        # The agent's round is five seconds; within this test its count stands still, as it would when it hangs.
        task = asyncio.create_task(keep_telling(agent, Notifier(address, watchdog_s=0.3)), name="notify")
        told = [await hear(listening) for _ in range(9)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert any("WATCHDOG=1" in words for words in told[:3])
    assert not any("WATCHDOG=1" in words for words in told[-2:])


async def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    enrol(tmp_path)
    async with Agent.open(EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge")) as agent:
        await keep_telling(agent, Notifier())
    assert not Notifier(str(tmp_path / "absent")).tell("READY=1")


def test_the_watchdog_of_another_process_is_not_meant() -> None:
    variables = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "41"}
    assert find_notifier(variables, 41) == Notifier("@x", 2.0)
    assert find_notifier(variables, 42) == Notifier("@x", None)
    assert find_notifier({"NOTIFY_SOCKET": "relative"}, 1) == Notifier("", None)
    assert find_notifier({"WATCHDOG_USEC": "soon"}, 1) == Notifier("", None)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this system has no systemd")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    # The program's path is the machine's; all else is checked as it stands.
    unit = tmp_path / "cec-edge.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/cec/bin/cec", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", str(unit)], capture_output=True, check=False, text=True, timeout=60
    )
    assert "cec-edge.service" not in done.stderr
    assert done.returncode == 0
