"""A small NTRIP caster of both revisions (RTCM 10410.0 and 10410.1), and ways in which casters fail."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

STREAM: Final = "FIELD1"
USER: Final = "crew"
PASSWORD: Final = "s3cret pass"  # noqa: S105  # of this caster alone
TABLE: Final = (
    b"CAS;caster.example.org;2101;Demo;Club;0;DEU;50.12;8.69;0.0.0.0;0;http://example.org\r\n"
    b"NET;DEMO;Club;B;N;http://example.org;none;crew@example.org;none\r\n"
    b'STR;FIELD1;"Fulda; north";RTCM 3.2;1004(1),1006(10);2;GPS+GLO;DEMO;DEU;50.60;9.70;1;1;Demo 1;none;B;N;4800;\r\n'
    b"STR;FIELD2;Anchorage;RTCM 3.2;1077(1);2;GPS;DEMO;USA;61.20;210.10;0;0;Demo 1;none;N;Y;;\r\n"
    b"STR;BROKEN;too short\r\n"
    b"ENDSOURCETABLE\r\n"
)


@dataclass
class SmallCaster:
    """What it sends, how it fails, and what it was asked."""

    frames: list[bytes]
    revision: int = 2
    failure: str = ""
    fails: int = 1_000_000
    pause_s: float = 0.0
    requests: list[bytes] = field(default_factory=list)
    positions: list[bytes] = field(default_factory=list)
    port: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client."""
        try:
            async with asyncio.timeout(60):
                request = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(request)
                is_failing = self.failure and len(self.requests) <= self.fails
                await (self._fail(writer) if is_failing else self._answer(request, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *headers = request.decode().split("\r\n")
        name = first.split(" ")[1].removeprefix("/")
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        is_two = self.revision > 1 and "Ntrip-Version: Ntrip/2.0" in headers
        if not name or (name != STREAM and not is_two):
            await self._send_table(writer, is_two=is_two)
        elif name != STREAM:
            writer.write(b"HTTP/1.1 404 Not Found\r\nNtrip-Version: Ntrip/2.0\r\n\r\n")
        elif f"Authorization: Basic {token}" not in headers:
            version = b"HTTP/1.1" if is_two else b"HTTP/1.0"
            writer.write(version + b' 401 Unauthorized\r\nWWW-Authenticate: Basic realm="/FIELD1"\r\n\r\n')
        else:
            self._tasks.append(asyncio.create_task(self._take_positions(reader), name="positions"))
            await self._send_frames(writer, is_two=is_two)

    async def _send_table(self, writer: asyncio.StreamWriter, *, is_two: bool) -> None:
        length = b"Content-Length: %d\r\n\r\n" % len(TABLE)
        if is_two:
            writer.write(b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nContent-Type: gnss/sourcetable\r\n" + length)
        else:
            writer.write(b"SOURCETABLE 200 OK\r\nServer: small/1\r\nContent-Type: text/plain\r\n" + length)
        writer.write(TABLE)
        await writer.drain()

    async def _send_frames(self, writer: asyncio.StreamWriter, *, is_two: bool) -> None:
        if is_two:
            writer.write(b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nContent-Type: gnss/data\r\n")
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        else:
            writer.write(b"ICY 200 OK\r\n\r\n")
        for frame in self.frames:
            # Chunks end where they like, not where frames do.
            pieces = [frame[:5], frame[5:]] if is_two else [frame]
            for piece in pieces:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_two else piece)
            await writer.drain()
            await asyncio.sleep(self.pause_s)
        if is_two:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _take_positions(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self.positions.append(line)

    async def _fail(self, writer: asyncio.StreamWriter) -> None:
        answers = {
            "full": b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "full of old": b"ERROR - Maximum number of clients reached\r\n",
            "password of old": b"ERROR - Bad Password\r\n",
            "forbidden": b"HTTP/1.1 403 Forbidden\r\n\r\n",
            "web": b"220 mail.example.org ESMTP\r\n\r\n",
            "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4_000,
            "ends early": b"HTTP/1.1 200",
            "no frames": b"ICY 200 OK\r\n\r\n" + b"nothing " * 100,
        }
        writer.write(answers.get(self.failure, b""))
        await writer.drain()
        if self.failure in ("half open", "no frames"):
            await asyncio.sleep(5)
        heads = {"dribbles head": b"", "dribbles body": b"ICY 200 OK\r\n\r\n"}
        if self.failure in heads:
            writer.write(heads[self.failure])
            for _ in range(250):
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End what still listens to clients."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def started(caster: SmallCaster) -> AsyncIterator[SmallCaster]:
    """Listen on a free port of the loopback."""
    clients: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(caster.serve(reader, writer), name="client")
        clients.add(task)
        task.add_done_callback(clients.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    caster.port = server.sockets[0].getsockname()[1]
    try:
        yield caster
    finally:
        server.close()
        for task in list(clients):
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await caster.stop()
