"""A scanner on the network to a capture on disk: what comes is written first, and decoded from the disk later.

So nothing that a decoder, a track or a full cloud disk does can cost a packet. A VLP-16 sends 1,508 data packets a
second at most (dual returns), 1.9 MB/s.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from firmware_bridge.scan.errors import CannotListen, CannotWrite
from firmware_bridge.scan.link import Datagram
from firmware_bridge.scan.recording import encode_capture_header, encode_captured

QUEUE: Final = 16_384
"""Datagrams waiting for the disk: ten seconds, 20 MB, which a slow card's pauses stay within."""
BATCH: Final = 1_024
"""Datagrams written at once."""
SYNC_S: Final = 1.0
"""How often what is written is synced: a power cut costs no more than this."""
_LOOK_S: Final = 0.25
"""How often an idle recording looks whether it is to stop."""
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Asked of the kernel, for the time in which this process is not scheduled."""


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """Where to listen and when to end.

    Attributes
    ----------
    address
        IPv4 address of this computer's card at the scanner.
    ports
        UDP ports that the scanner sends to; 0 takes any, for tests.
    max_bytes
        Ends the recording before the capture grows past this.
    """

    address: str = "0.0.0.0"  # noqa: S104  # the scanner broadcasts, and its card often has no address yet
    ports: tuple[int, ...] = (2_368, 8_308)
    max_bytes: int = 64 * 1024**3


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """What a recording holds.

    Attributes
    ----------
    path
        The capture.
    datagrams, size
        How many, and the capture's bytes.
    dropped
        Datagrams that the disk was too slow for; 0 unless it paused longer than the queue holds.
    """

    path: Path
    datagrams: int
    size: int
    dropped: int


class Recording:
    """A recording under way; made by `open_recording`.

    Attributes
    ----------
    ports
        That it listens on, as the system gave them.
    datagrams, size, dropped
        As in `RecordSummary`, so far.
    """

    def __init__(self, path: Path, options: RecordOptions) -> None:
        self.path = path
        self.ports: tuple[int, ...] = ()
        self.datagrams = 0
        self.size = 0
        self.dropped = 0
        self._options = options
        self._queue: asyncio.Queue[Datagram] = asyncio.Queue(QUEUE)

    def offer(self, datagram: Datagram) -> None:
        """Take a datagram in, or count it as dropped when the queue is full."""
        try:
            self._queue.put_nowait(datagram)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self, stop: asyncio.Event) -> RecordSummary:
        """Write what comes until told to stop or the capture is as long as allowed; then sync and return its figures.

        Raises
        ------
        CannotWrite
            The disk is full or fails; the capture holds what was written before.
        """
        try:
            with self.path.open("xb") as stream:
                await asyncio.to_thread(self._write, stream, encode_capture_header())
                await self._write_until(stream, stop)
                await asyncio.to_thread(_sync, stream)
        except OSError as error:
            raise CannotWrite(self.path, error.strerror or str(error)) from error
        return RecordSummary(self.path, self.datagrams, self.size, self.dropped)

    async def _write_until(self, stream: BinaryIO, stop: asyncio.Event) -> None:
        synced = time.monotonic()
        is_last = False
        while not is_last:
            # Looked up first: what waits when the word comes is still written, what comes after it is not waited for.
            is_last = stop.is_set()
            batch = await self._next_batch(limit=QUEUE if is_last else BATCH)
            raw, taken = self._encode(batch)
            await asyncio.to_thread(self._write, stream, raw)
            self.datagrams += taken
            if taken < len(batch):
                return
            if time.monotonic() - synced >= SYNC_S:
                await asyncio.to_thread(_sync, stream)
                synced = time.monotonic()

    def _encode(self, batch: list[Datagram]) -> tuple[bytes, int]:
        """Return the records that the capture has room for, and how many they are."""
        held: list[bytes] = []
        room = self._options.max_bytes - self.size
        for datagram in batch:
            record = encode_captured(datagram, destination=self._options.address)
            room -= len(record)
            if room < 0:
                break
            held.append(record)
        return b"".join(held), len(held)

    async def _next_batch(self, *, limit: int) -> list[Datagram]:
        """Return what waits, or nothing when nothing came for a while."""
        batch: list[Datagram] = []
        try:
            async with asyncio.timeout(_LOOK_S):
                batch.append(await self._queue.get())
        except TimeoutError:
            return batch
        while len(batch) < limit and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    def _write(self, stream: BinaryIO, raw: bytes) -> None:
        stream.write(raw)
        self.size += len(raw)


class _Receiver(asyncio.DatagramProtocol):
    """Hands datagrams of one port to a recording, with the time at which they came."""

    def __init__(self, recording: Recording, port: int) -> None:
        self._recording, self._port = recording, port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._recording.offer(Datagram(time.time(), addr[0], addr[1], self._port, data))


@asynccontextmanager
async def open_recording(path: Path, options: RecordOptions | None = None) -> AsyncIterator[Recording]:
    """Listen on the scanner's ports and give a recording, whose `run` writes what comes to a new capture.

    Raises
    ------
    CannotListen
        A port is taken, or the address is not this computer's.
    CannotWrite
        From `run`: a file of this name exists, or the disk fails.
    """
    chosen = options or RecordOptions()
    recording = Recording(path, chosen)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for port in chosen.ports:
            sock = _bind(chosen.address, port)
            given: int = sock.getsockname()[1]
            transport, _ = await loop.create_datagram_endpoint(partial(_Receiver, recording, given), sock=sock)
            stack.callback(transport.close)
            recording.ports += (given,)
        yield recording


def _bind(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        # The kernel may give less; net.core.rmem_max says how much.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise CannotListen(address, port, error.strerror or str(error)) from error
    return sock


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
