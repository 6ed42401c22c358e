"""Ports bring the bytes of real lines and sockets, and come back when the cable does.

Serial lines are pseudo-terminals; TCP and UDP run over the loopback. Bluetooth has no radio here: its address and its
errors are tested, its bytes are not.
"""

import asyncio
import os
import pty
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firmware_bridge.errors import InvalidLog
from firmware_bridge.ports.address import (
    BluetoothAddress,
    LogAddress,
    SerialAddress,
    TcpAddress,
    TcpListenAddress,
    UdpAddress,
)
from firmware_bridge.ports.errors import BluetoothMissing, LogUnclear
from firmware_bridge.ports.opening import Phase, PortState, Waits, open_port
from firmware_bridge.ports.reading import KEEPALIVE_S, MAX_DELIVERY, keep_alive

WAITS = Waits(first_s=0.02, longest_s=0.1)
LIMIT_S = 10.0
LINE = b"$PLTIT,HT,5.50,M*36\r\n"


@dataclass(slots=True)
class Told:
    """States that a port told, and a way to wait for one."""

    states: list[PortState] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, state: PortState) -> None:
        self.states.append(state)
        self.changed.set()

    async def wait(self, phase: Phase, words: str = "") -> PortState:
        """Return the first state of this phase since the last wait."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                while self.states:
                    state = self.states.pop(0)
                    if state.phase is phase and words in state.words:
                        return state
                self.changed.clear()
                await self.changed.wait()


async def take(deliveries: AsyncIterator[bytes], count: int) -> bytes:
    """Return so many bytes, in however many deliveries they come."""
    taken = b""
    async with asyncio.timeout(LIMIT_S):
        while len(taken) < count:
            data = await anext(deliveries)
            assert 0 < len(data) <= MAX_DELIVERY
            taken += data
    return taken


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def told() -> Told:
    return Told()


@dataclass(slots=True)
class Cable:
    """A pseudo-terminal behind a name that stays, as a device's link below /dev/serial/by-id does."""

    name: Path
    master: int = -1
    slave: int = -1

    def plug(self) -> None:
        self.master, self.slave = pty.openpty()
        self.name.symlink_to(os.ttyname(self.slave))

    def pull(self) -> None:
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1
        self.name.unlink(missing_ok=True)

    def send(self, data: bytes) -> None:
        os.write(self.master, data)


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path / "instrument")
    made.plug()
    yield made
    made.pull()


async def test_a_serial_line_brings_its_bytes_unchanged(cable: Cable, told: Told) -> None:
    every = bytes(range(256))
    async with open_port(SerialAddress(str(cable.name), 38_400), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, len(LINE) + 256))
        await told.wait(Phase.OPEN)
        cable.send(LINE)
        cable.send(every)
        assert await reading == LINE + every


async def test_a_cable_that_is_pulled_is_told_and_opened_again_when_it_is_back(cable: Cable, told: Told) -> None:
    async with open_port(SerialAddress(str(cable.name), 9_600), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, 2 * len(LINE)))
        await told.wait(Phase.OPEN)
        cable.send(LINE)
        await asyncio.sleep(0.05)
        cable.pull()
        assert (await told.wait(Phase.LOST)).retry_s > 0
        assert "No such file" in (await told.wait(Phase.LOST, "No such file")).words
        cable.plug()
        await told.wait(Phase.OPEN)
        cable.send(LINE)
        assert await reading == LINE + LINE


async def test_a_line_that_another_program_holds_is_told(cable: Cable, told: Told) -> None:
    address = SerialAddress(str(cable.name), 9_600)
    async with open_port(address, waits=WAITS) as first, open_port(address, tell=told, waits=WAITS) as second:
        holding = asyncio.create_task(take(first, 1))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(take(second, 1))
        assert "exclusively lock" in (await told.wait(Phase.LOST)).words
        cable.send(b"x")
        assert await holding == b"x"
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting


async def test_a_tcp_server_that_goes_and_comes_back_is_read_on(told: Told) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(LINE)
        await writer.drain()
        writer.close()

    port = free_port()
    async with open_port(TcpAddress("localhost", port), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, 2 * len(LINE)))
        await told.wait(Phase.LOST)  # nobody listens yet
        async with await asyncio.start_server(serve, "127.0.0.1", port):
            await told.wait(Phase.OPEN)
            assert "closed by the other side" in (await told.wait(Phase.LOST)).words
            assert await reading == LINE + LINE


async def test_a_large_stream_comes_whole_in_deliveries_of_bounded_size() -> None:
    data = os.urandom(300_000)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = int(server.sockets[0].getsockname()[1])
        async with open_port(TcpAddress("127.0.0.1", port), waits=WAITS) as deliveries:
            assert await take(deliveries, len(data)) == data


def test_a_connection_is_probed_so_that_a_vanished_peer_is_noticed() -> None:
    """Cutting a link needs rights that tests have not; that the kernel was asked to probe is what can be seen."""
    with socket.socket() as stream:
        keep_alive(stream)
        assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert tuple(stream.getsockopt(socket.IPPROTO_TCP, option) for option in options) == KEEPALIVE_S


async def test_an_instrument_that_connects_is_read_and_may_come_again(told: Told) -> None:
    port = free_port()
    async with open_port(TcpListenAddress("127.0.0.1", port), tell=told, waits=WAITS) as deliveries:
        for _ in range(2):
            reading = asyncio.create_task(take(deliveries, len(LINE)))
            await told.wait(Phase.OPEN, "listening")
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await told.wait(Phase.OPEN, "127.0.0.1")
            writer.write(LINE)
            assert await reading == LINE
            assert told.states == []
            writer.close()
            await writer.wait_closed()
        reading = asyncio.create_task(take(deliveries, 1))
        await told.wait(Phase.OPEN, "listening")
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def test_the_newest_connection_counts_and_the_dead_one_is_let_go(told: Told) -> None:
    port = free_port()
    async with open_port(TcpListenAddress("127.0.0.1", port), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, 2 * len(LINE)))
        await told.wait(Phase.OPEN)
        reader, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(LINE)
        await told.wait(Phase.OPEN, "127.0.0.1")
        await asyncio.sleep(0.05)
        _, second = await asyncio.open_connection("127.0.0.1", port)
        await told.wait(Phase.OPEN, "127.0.0.1")
        second.write(LINE)
        assert await reading == LINE + LINE
        async with asyncio.timeout(LIMIT_S):
            assert await reader.read() == b""  # the bridge closed it
        first.close()
        second.close()


async def test_a_port_that_is_taken_is_told_and_listened_on_when_it_is_free(told: Told) -> None:
    holder = socket.create_server(("127.0.0.1", 0))
    port = int(holder.getsockname()[1])
    async with open_port(TcpListenAddress("127.0.0.1", port), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, len(LINE)))
        assert "in use" in (await told.wait(Phase.LOST)).words
        holder.close()
        await told.wait(Phase.OPEN, "listening")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LINE)
        assert await reading == LINE
        writer.close()


async def test_datagrams_are_read_empty_and_large_ones_too(told: Told) -> None:
    port = free_port(socket.SOCK_DGRAM)
    large = os.urandom(3 * MAX_DELIVERY + 1)
    async with open_port(UdpAddress("127.0.0.1", port), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, len(LINE) + len(large)))
        await told.wait(Phase.OPEN)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            for data in (b"", LINE, large):
                sender.sendto(data, ("127.0.0.1", port))
        assert await reading == LINE + large


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_ipv6_is_read_as_well(told: Told) -> None:
    port = free_port()
    async with open_port(TcpListenAddress("::1", port), tell=told, waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, len(LINE)))
        await told.wait(Phase.OPEN)
        _, writer = await asyncio.open_connection("::1", port)
        writer.write(LINE)
        assert await reading == LINE
        writer.close()


@pytest.mark.skipif(hasattr(socket, "AF_BLUETOOTH"), reason="this Python has Bluetooth")
async def test_a_python_without_bluetooth_says_what_to_do() -> None:
    async with open_port(BluetoothAddress("AA:BB:CC:DD:EE:FF", 1), waits=WAITS) as deliveries:
        with pytest.raises(BluetoothMissing, match="rfcomm bind"):
            await anext(deliveries)


LOG = b"0\tgnss\t24\n5\tcaliper\t0a\n9\tgnss\t25\n"


@pytest.mark.parametrize(("port", "data"), [("gnss", [b"$", b"%"]), ("caliper", [b"\n"])])
async def test_a_log_brings_one_of_its_ports_and_ends(recorded: Path, port: str, data: list[bytes]) -> None:
    async with open_port(LogAddress(recorded, 0.0, port)) as deliveries:
        assert [delivery async for delivery in deliveries] == data


async def test_a_log_of_one_port_needs_no_name_for_it(single: Path) -> None:
    async with open_port(LogAddress(single, 0.0)) as deliveries:
        assert [delivery async for delivery in deliveries] == [b"$", b"%"]


@pytest.mark.parametrize("port", [None, "sonar"])
async def test_a_log_of_several_ports_asks_which(recorded: Path, port: str | None) -> None:
    async with open_port(LogAddress(recorded, 0.0, port)) as deliveries:
        with pytest.raises(LogUnclear, match="#gnss"):
            assert [delivery async for delivery in deliveries]


async def test_a_log_that_is_none_or_not_there_is_told_and_not_opened_again(tmp_path: Path, broken: Path) -> None:
    async with open_port(LogAddress(broken, 0.0)) as deliveries:
        with pytest.raises(InvalidLog):
            await anext(deliveries)
    async with open_port(LogAddress(tmp_path / "missing", 0.0)) as deliveries:
        with pytest.raises(FileNotFoundError):
            await anext(deliveries)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    (tmp_path / "log").write_bytes(LOG)
    return tmp_path / "log"


@pytest.fixture
def single(tmp_path: Path) -> Path:
    (tmp_path / "single").write_bytes(LOG.replace(b"5\tcaliper\t0a\n", b""))
    return tmp_path / "single"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "broken").write_bytes(b"nonsense\n")
    return tmp_path / "broken"


def count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_quiet_port_lets_time_pass_and_loses_nothing(cable: Cable, told: Told) -> None:
    address = SerialAddress(str(cable.name), 9_600)
    async with open_port(address, tell=told, waits=WAITS, idle_s=0.02) as deliveries, asyncio.timeout(LIMIT_S):
        taken = [await anext(deliveries) for _ in range(3)]
        assert taken == [b""] * 3
        await told.wait(Phase.OPEN)
        cable.send(LINE)
        cable.pull()  # time passes while it is lost, too
        taken = [await anext(deliveries) for _ in range(6)]
        assert b"".join(taken) in (LINE, b"")  # a terminal that is closed may drop what was not read
        assert b"" in taken
        cable.plug()
        await told.wait(Phase.LOST)
        while not any(state.phase is Phase.OPEN for state in told.states):
            await anext(deliveries)
        cable.send(LINE)
        taken = [await anext(deliveries) for _ in range(6)]
        assert b"".join(taken) == LINE


async def test_a_log_ends_for_those_who_let_time_pass_as_well(recorded: Path) -> None:
    async with open_port(LogAddress(recorded, 0.0, "gnss"), idle_s=5.0) as deliveries:
        assert [delivery async for delivery in deliveries] == [b"$", b"%"]


async def test_leaving_a_port_frees_it(cable: Cable) -> None:
    async with open_port(SerialAddress(str(cable.name), 9_600), waits=WAITS) as deliveries:
        reading = asyncio.create_task(take(deliveries, 1))
        await asyncio.sleep(0.05)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    before = count_descriptors()
    for _ in range(5):
        async with open_port(UdpAddress("127.0.0.1", free_port(socket.SOCK_DGRAM)), waits=WAITS) as deliveries:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await anext(deliveries)
    assert count_descriptors() == before


def test_waits_double_to_a_limit_and_differ() -> None:
    waits = Waits(first_s=0.5, longest_s=15.0)
    for failures in range(1, 2_000):
        whole = min(15.0, 0.5 * 2.0 ** min(failures - 1, 30))
        assert whole / 2 <= waits.after(failures) <= whole
    assert len({waits.after(9) for _ in range(20)}) > 1
