"""``cec edge …`` as a crew and systemd start it: real processes, real sockets."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import httpx
import pytest

from cec.commands.edge import list_instruments, read_tls
from cec.vault import open_vault
from domain.envelope import open_envelope, seal, unpack_message
from domain.records.field import Close
from domain.records.membership import Enrol, Rotate
from edge.errors import InvalidPort, InvalidSetting
from edge.identity import import_enrolment, load_identity, open_key
from edge.spool import join_spool, open_spool
from tests.edge.server import small_server, until
from tests.edge.test_capture import SHOTS, distances, expected, sentence, write_log
from tests.edge.test_spool import AT_MS, enrol

MOST_BYTES = 80 << 20
"""Resident memory of one agent on a small board."""


def cec(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``cec edge run`` until the block ends."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "cec", "edge", "run", *map(str, arguments))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_an_agent_with_port_and_page_is_seen_by_status_while_it_runs(tmp_path: Path) -> None:
    enrol(tmp_path / "d")
    write_log(tmp_path / "log", piece=37)
    page = free_port()
    async with small_server(tmp_path) as server:
        port = f"laser=trupulse@log:{tmp_path / 'log'}@0"
        options = (
            "--folder",
            tmp_path / "d",
            "--port",
            server.broker.port,
            "--instrument",
            port,
            "--campaign",
            "ridge",
        )
        async with running(*options, "--page", f"127.0.0.1:{page}") as process:
            identity = load_identity(tmp_path / "d")

            def received() -> int:
                if not (tmp_path / "d" / "spool.sqlite").exists():
                    return 0
                with join_spool(tmp_path / "d", identity) as spool:
                    status = spool.status()
                return status.readings if not status.queued else 0

            await until(lambda: received() == SHOTS, seconds=30)
            told = await asyncio.to_thread(cec, "edge", "status", "--folder", tmp_path / "d", "--json")
            status = json.loads(told.stdout)
            assert (status["readings"], status["queued"], status["refused"]) == (SHOTS, 0, 0)
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{page}/")
            assert answer.status_code == 200
            assert "rover-1" in answer.text
            assert process.returncode is None


@asynccontextmanager
async def instrument(shots: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """Give the port of an instrument that sends so many shots and then stays silent, and when it has sent them."""
    has_sent, is_over = asyncio.Event(), asyncio.Event()

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(map(sentence, range(shots))))
        await writer.drain()
        has_sent.set()
        with suppress(OSError):
            await reader.read()
            writer.close()
            await writer.wait_closed()
        is_over.set()

    async with await asyncio.start_server(send, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1], has_sent
        async with asyncio.timeout(10):
            await is_over.wait()


@pytest.mark.parametrize(
    ("word", "options"), [(signal.SIGTERM, ()), (signal.SIGINT, ()), (signal.SIGTERM, ("--wait", "60"))]
)
async def test_an_agent_that_is_told_to_stop_records_what_it_holds(
    tmp_path: Path, word: signal.Signals, options: tuple[str, ...]
) -> None:
    identity = enrol(tmp_path)
    async with instrument(7) as (port, has_sent):
        setting = f"laser=trupulse@tcp:127.0.0.1:{port}"
        async with running("--folder", tmp_path, "--port", 1, "--instrument", setting, *options) as process:
            async with asyncio.timeout(30):
                await has_sent.wait()
            # Sooner than readings are recorded by themselves, so that they are held when the word comes.
            await asyncio.sleep(0.5)
            process.send_signal(word)
            async with asyncio.timeout(15):
                # What `--wait` waited for is not received: that is told, whoever ends the waiting.
                assert await process.wait() == (1 if options else 0)
    with open_spool(tmp_path, identity) as spool:
        assert spool.status().readings == 7
        assert distances(spool) == expected(7)


def test_a_day_is_closed_and_the_close_waits_for_the_link(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    done = cec("edge", "close", "--folder", tmp_path, "--campaign", "ridge", "--json")
    assert json.loads(done.stdout)["campaign"] == "ridge"
    with join_spool(tmp_path, identity) as spool:
        bodies = [open_envelope(item.raw).body for item in spool.pending(limit_bytes=1 << 20, skip=set())]
    assert isinstance(bodies[-1], Close)
    assert (bodies[-1].last_seq, bodies[-1].campaign) == (0, "ridge")


def test_a_key_is_rotated_between_the_device_and_its_organisation(tmp_path: Path) -> None:
    device, data = tmp_path / "device", tmp_path / "data"
    vault = open_vault(data / "keys")
    key = open_key(device)
    body = Enrol("north-forest", "rover-1", key.public.raw, vault.ingest.public.raw, AT_MS)
    import_enrolment(device, seal(body, vault.org).raw)
    new = cec("edge", "rotate", "--folder", device).stdout.strip()
    assert cec("edge", "rotate", "--folder", device).stdout.strip() == new != key.public.raw.hex()
    paper = tmp_path / "rotation.cbor"
    named = ("--data", data, "--org", "north-forest")
    signed = cec("rotate", "rover-1", key.public.raw.hex(), new, "--out", paper, *named)
    assert signed.returncode == 0, signed.stderr
    assert [type(open_envelope(raw).body) for raw in unpack_message(paper.read_bytes())] == [Rotate, Enrol]
    done = cec("edge", "enrol", paper, "--folder", device)
    assert "its new key signs from now on" in done.stdout
    assert cec("edge", "key", "--folder", device).stdout.strip() == new


def test_the_doctor_ends_with_code_1_when_something_fails(tmp_path: Path) -> None:
    done = cec("edge", "doctor", "--folder", tmp_path, "--port", "1", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["level"]) == (1, "fail")
    assert {"key", "enrolment", "disk", "sync", "broker"} <= {check["name"] for check in told["checks"]}
    enrol(tmp_path)
    with join_spool(tmp_path, load_identity(tmp_path)):
        pass
    done = cec("edge", "doctor", "--folder", tmp_path, "--port", "1")
    assert done.returncode == 0
    assert "WARN broker: 127.0.0.1:1 is not reached" in done.stdout


def test_an_instrument_has_a_name_a_driver_and_an_address() -> None:
    (one,) = list_instruments(["laser=trupulse@tcp:localhost:9000"])
    assert one.name == "laser"
    with pytest.raises(InvalidPort):
        list_instruments(["laser"])


def test_half_of_a_certificate_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="give both or neither"):
        read_tls(tmp_path, tmp_path, None)
    with pytest.raises(InvalidSetting, match="--tls-ca"):
        read_tls(None, tmp_path, tmp_path)


FILLER = """
import sys
from pathlib import Path
from edge.identity import load_identity
from edge.spool import join_spool, open_spool
from tests.edge.test_spool import observe

folder = Path(sys.argv[1])
with join_spool(folder, load_identity(folder)) as spool:
    for _ in range(int(sys.argv[2])):
        spool.append(observe, readings=1)
"""


def read_memory(process: int) -> tuple[int, int]:
    """Return resident memory of a process now and at most, in bytes."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines())
    return tuple(int(lines[name].split()[0]) * 1_024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


async def measure_memory(folder: Path, records: int) -> tuple[int, int]:
    """Return the agent's memory, page included, after so many records were made without a link and then sent."""
    enrol(folder / "d")
    page = free_port()
    async with small_server(folder) as server:
        server.progress = lambda _: None
        identity = load_identity(folder / "d")
        filler = await asyncio.create_subprocess_exec(sys.executable, "-c", FILLER, str(folder / "d"), str(records))
        assert await filler.wait() == 0
        options = ("--folder", folder / "d", "--port", server.broker.port, "--page", f"127.0.0.1:{page}")
        async with running(*options) as process:

            def left() -> int:
                server.said.clear()
                with join_spool(folder / "d", identity) as spool:
                    return spool.status().queued

            await until(lambda: left() == 0, seconds=600)
            async with httpx.AsyncClient() as client:
                for _ in range(20):
                    assert (await client.get(f"http://127.0.0.1:{page}/")).status_code == 200
            return read_memory(process.pid)


async def test_the_agent_with_its_page_stays_small(tmp_path: Path) -> None:
    now, most = await measure_memory(tmp_path, 300)
    assert now <= most <= MOST_BYTES


@pytest.mark.slow
async def test_the_agent_with_its_page_stays_small_after_a_hundred_thousand_records(tmp_path: Path) -> None:
    now, most = await measure_memory(tmp_path, 100_000)
    print(f"resident {now / 1e6:.1f} MB, at most {most / 1e6:.1f} MB")  # noqa: T201  # the figure
    assert now <= most <= MOST_BYTES
