"""The embedded broker: signed envelopes a second, a large upload, and a thousand strangers at the gate.

Run: ``python -m benchmarks.broker [--json]``. Server and sender are processes, each on one core. Envelopes are signed
beforehand and counted when the server's receipt for them was read: broker, signature, admission and the disk are all in
the figure. The peer is the bare signature check of the same envelopes on one core, which nothing could be faster than.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.broker_parts import AT_MS, DEVICE, ORG, allow_files, seal_enrolment, take_core
from benchmarks.report import Figure, parse_options, print_figures
from domain.cid import Cid
from domain.envelope import open_envelope, pack_message, seal, unpack_message
from domain.keys import SigningKey
from domain.login import encode_login
from domain.readings import Note
from domain.records.field import Observation, Place
from domain.records.receipt import Receipt
from domain.topics import Topic
from ingest.broker.packets import CONTINUES, PUBLISH, TYPE_MASK

ENVELOPES: Final = 20_000
EACH: Final = 100
"""Envelopes in a message: an agent with a backlog sends up to 200."""
ALONE: Final = 4_000
"""Envelopes sent one to a message."""
WINDOW: Final = 16
"""Messages without an acknowledgement at once."""
FILE_BYTES: Final = 256 << 20
STRANGERS: Final = 1_000
PATIENCE_S: Final = 120.0
OPENINGS: Final = (
    b"",
    b"\x10",
    b"\x10\xff\xff\xff\x7f",
    b"\x10\x80\x08\x00\x04MQTT\x04\xc2\x00\x3c",
)
"""How strangers begin: silent, half a CONNECT, 256 MB announced, and a CONNECT that comes a byte at a time."""
MB: Final = 1_000_000.0
PUBACK: Final = 0x40


@dataclass(frozen=True, slots=True)
class Running:
    """A server in another process."""

    port: int
    process: asyncio.subprocess.Process

    @property
    def peak_mb(self) -> float:
        """Most memory that it had so far, in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / MB
        raise AssertionError("no VmHWM")

    @property
    def cpu_s(self) -> float:
        """Processor time that it used so far, in seconds; neighbours on the machine do not add to it."""
        told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def open_server(folder: Path) -> AsyncIterator[Running]:
    """Run a server on the first core."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.broker_parts", "server", str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdout is None or process.stdin is None:
        raise AssertionError("both were asked for")
    try:
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield Running(port, process)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class Sender:
    """A device that speaks MQTT by hand: what it costs must not be the figure."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._free = asyncio.Semaphore(WINDOW)
        self._sent = 0
        self.stored = 0

    @classmethod
    async def connect(cls, port: int, key: SigningKey, device: str = DEVICE) -> "Sender":
        """Connect as the benchmark's device."""
        sender = cls(*await asyncio.open_connection("127.0.0.1", port))
        login = encode_login(seal_enrolment(key), key, client_id=device, at_ms=AT_MS)
        body = _text("MQTT") + b"\x04\xc2\x00\x3c" + _text(device) + _text(device) + _text(login)
        sender._writer.write(_packet(0x10, body))
        answer = await sender._reader.readexactly(4)
        if answer != b"\x20\x02\x00\x00":
            raise ConnectionRefusedError(answer.hex())
        return sender

    async def listen(self) -> None:
        """Read acknowledgements and receipts until the end."""
        self._writer.write(_packet(0x82, b"\x00\x01" + _text(str(Topic(ORG, DEVICE, "rcpt"))) + b"\x01"))
        while True:
            kind, body = await _read_packet(self._reader)
            if kind & TYPE_MASK == PUBACK:
                self._free.release()
            elif kind & TYPE_MASK == PUBLISH:
                start = 2 + int.from_bytes(body[:2])
                self._writer.write(_packet(0x40, body[start : start + 2]))
                self._count(body[start + 2 :])

    def _count(self, message: bytes) -> None:
        for raw in unpack_message(message):
            answers = open_envelope(raw).expect(Receipt).answers or ()
            self.stored += sum(answer.verdict == "stored" for answer in answers)

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish at least once, within the window."""
        await self._free.acquire()
        self._sent += 1
        number = (self._sent % 65_535 + 1).to_bytes(2)
        self._writer.write(_packet(0x32, _text(str(Topic(ORG, DEVICE, channel))) + number + message))
        await self._writer.drain()

    async def until_stored(self, count: int) -> None:
        """Wait for receipts."""
        async with asyncio.timeout(PATIENCE_S):
            while self.stored < count:  # noqa: ASYNC110  # a benchmark polls: an event would cost the sender
                await asyncio.sleep(0.002)

    def close(self) -> None:
        """End the connection."""
        self._writer.transport.abort()


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2) + raw


def _packet(kind: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, low = left >> 7, left & 0x7F
        length.append(low | (0x80 if left else 0))
        if not left:
            return bytes([kind]) + bytes(length) + body


async def _read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    (kind,) = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < CONTINUES:
            return kind, await reader.readexactly(length)


def sign_observations(key: SigningKey, count: int) -> list[bytes]:
    """Return a device's envelopes in sequence, one reading each."""
    envelopes: list[bytes] = []
    prev: Cid | None = None
    for seq in range(count):
        place = Place(bytes(16), seq, AT_MS + seq, b"b" * 16, seq, prev)
        note = Note(seq, f"reading {seq} of a crew's day")
        record = seal(Observation(ORG, DEVICE, "ridge", place, (note,)), key)
        envelopes.append(record.raw)
        prev = record.cid
    return envelopes


async def measure_envelopes(folder: Path, key: SigningKey, messages: list[bytes], count: int) -> tuple[float, float]:
    """Return envelopes a second from the first publication to the last receipt, and a second of the server's core."""
    async with open_server(folder) as server:
        sender = await Sender.connect(server.port, key)
        async with asyncio.TaskGroup() as group:
            ear = group.create_task(sender.listen(), name="receipts")
            await sender.publish("birth", pack_message([seal_enrolment(key).raw]))
            await sender.until_stored(1)
            began, used = time.perf_counter(), server.cpu_s
            for message in messages:
                await sender.publish("rec", message)
            await sender.until_stored(1 + count)
            spent, used = time.perf_counter() - began, server.cpu_s - used
            ear.cancel()
        sender.close()
    return count / spent, count / used


def measure_checks(envelopes: list[bytes]) -> float:
    """Return signature checks a second on one core, parsing included."""
    began = time.perf_counter()
    for raw in envelopes:
        open_envelope(raw)
    return len(envelopes) / (time.perf_counter() - began)


async def measure_upload(folder: Path) -> float:
    """Return MB/s of a large file by the real agent in its own process, from its plan to the server's last word."""
    file = folder / "cloud.laz"
    with file.open("wb") as target:
        for _ in range(FILE_BYTES >> 20):
            target.write(os.urandom(1 << 20))
    async with open_server(folder / "server") as server:
        command = (sys.executable, "-m", "benchmarks.broker_parts", "agent", str(folder / "device"), str(server.port))
        agent = await asyncio.create_subprocess_exec(*command, str(file), stdout=subprocess.PIPE)
        told, _ = await agent.communicate()
    _, sent_s = map(float, told.split())
    return FILE_BYTES / MB / sent_s


async def measure_strangers(folder: Path, key: SigningKey) -> tuple[float, float, float]:
    """Return seconds until the last stranger was dropped, until a good client was in, and the server's peak in MB."""
    async with open_server(folder) as server:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            strangers = [group.create_task(_bother(server.port, number)) for number in range(STRANGERS)]
            await asyncio.sleep(1)
            came = time.perf_counter()
            sender = await Sender.connect(server.port, key)
            connected_s = time.perf_counter() - came
        dropped_s = max(task.result() for task in strangers) - began
        sender.close()
        return dropped_s, connected_s, server.peak_mb


async def _bother(port: int, number: int) -> float:
    """Hold a connection as a stranger would, and return when it ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(OPENINGS[number % len(OPENINGS)])
    slow = number % len(OPENINGS) == len(OPENINGS) - 1
    try:
        while True:
            try:
                async with asyncio.timeout(0.5 if slow else PATIENCE_S):
                    if not await reader.read(1):
                        return time.perf_counter()
            except TimeoutError:
                writer.write(b"x")
    except OSError:
        return time.perf_counter()
    finally:
        writer.transport.abort()


async def measure(folder: Path) -> list[Figure]:
    """Return all figures."""
    key = SigningKey.from_seed(b"d" * 32)
    envelopes = sign_observations(key, ENVELOPES)
    checks = measure_checks(envelopes[:ALONE])
    together = [pack_message(envelopes[first : first + EACH]) for first in range(0, ENVELOPES, EACH)]
    several, several_cpu = await measure_envelopes(folder / "several", key, together, ENVELOPES)
    alone = [pack_message([raw]) for raw in envelopes[:ALONE]]
    single, single_cpu = await measure_envelopes(folder / "single", key, alone, ALONE)
    rate = await measure_upload(folder)
    dropped_s, connected_s, peak_mb = await measure_strangers(folder / "strangers", key)
    return [
        Figure(f"envelopes received, {EACH} to a message", several, "1/s", ">= 5000", "signature check alone", checks),
        Figure("the same, a second of the server's processor time", several_cpu, "1/s"),
        Figure("envelopes received, one to a message", single, "1/s"),
        Figure("the same, a second of the server's processor time", single_cpu, "1/s"),
        Figure(f"upload of {FILE_BYTES >> 20} MiB", rate, "MB/s", ">= 35"),
        Figure(f"{STRANGERS} strangers: the last one dropped", dropped_s, "s", "<= 10"),
        Figure(f"{STRANGERS} strangers: a good client connected", connected_s, "s", "<= 1"),
        Figure(f"{STRANGERS} strangers: server's peak memory", peak_mb, "MB", "<= 256"),
    ]


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    allow_files()
    take_core(1)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures(asyncio.run(measure(Path(folder))), as_json=options.json))


if __name__ == "__main__":
    main()
