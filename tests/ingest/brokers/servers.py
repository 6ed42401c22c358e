"""Brokers of the suite: each with TLS, client certificates, nothing kept, and a way to be killed and started again."""

import asyncio
import getpass
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cec.certificates import Authority, Issued, issue_client, issue_server, open_authority, utc_now
from ingest.broker.doors import DeviceDoor, EmbeddedDoor
from ingest.broker.embedded import SERVER, EmbeddedBroker
from ingest.broker.mosquitto import MosquittoDoor, MosquittoPlan, write_mosquitto
from ingest.broker.nats import NatsDoor, NatsPlan, write_nats
from ingest.journal import Journal
from ingest.link import BrokerLink, Link
from ingest.settings import BrokerAddress, ServerTls, TlsFiles
from tests.conftest import engine

HOST = "127.0.0.1"
START_S = 15.0
EMBEDDED, IN_PROCESS, MOSQUITTO, NATS = "embedded", "embedded in process", "mosquitto", "nats"
BROKERS = (EMBEDDED, IN_PROCESS, MOSQUITTO, NATS)


@dataclass(frozen=True)
class Certificates:
    """An organisation's certificates: its authority, its broker's, and a stranger's authority."""

    authority: Authority
    broker: Issued

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        authority = open_authority(folder, "north-forest", now=utc_now())
        return cls(authority, issue_server(authority, [HOST], now=utc_now()))

    @property
    def server_tls(self) -> ServerTls:
        return ServerTls(self.broker.certificate, self.broker.key, self.authority.certificate)

    def client(self, name: str) -> TlsFiles:
        issued = issue_client(self.authority, name, now=utc_now())
        return TlsFiles(self.authority.certificate, issued.certificate, issued.key)


@dataclass(frozen=True)
class Site:
    """A broker that runs.

    `address` is for a server of the given name (of those that the broker was told of), `link` what it hears devices by.
    """

    name: str
    port: int
    certificates: Certificates
    door: DeviceDoor
    link: Link
    address: Callable[[str], BrokerAddress]
    restart: Callable[[], Awaitable[None]]

    @property
    def takes_login(self) -> bool:
        """Whether a device may show its enrolment beside its certificate."""
        return self.name != NATS


@contextmanager
def free_port() -> Iterator[int]:
    """Yield a port that nobody had; it is held until the block ends, so take several before letting go of any."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield int(held.getsockname()[1])


def free_ports(count: int) -> tuple[int, ...]:
    if not count:
        return ()
    with free_port() as port:
        return (port, *free_ports(count - 1))


class Engine:
    """A server program: started, waited for, killed without a goodbye."""

    def __init__(self, command: list[str], port: int, wipe: Callable[[], None] = lambda: None) -> None:
        self._command = command
        self._port = port
        self._wipe = wipe
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(START_S):
            while True:
                assert self._process.returncode is None, f"{self._command[0]} ended at once"
                try:
                    _, writer = await asyncio.open_connection(HOST, self._port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def restart(self) -> None:
        """Kill, forget and start again."""
        await self.kill()
        self._wipe()
        await self.start()


@asynccontextmanager
async def open_site(name: str, folder: Path, journal: Journal) -> AsyncIterator[Site]:
    """Run a broker of a name."""
    certificates = Certificates.make(folder / "certificates")
    openers = {MOSQUITTO: open_mosquitto, NATS: open_nats}
    if name in openers:
        async with openers[name](folder / "broker", certificates) as site:
            yield site
        return
    async with EmbeddedBroker.open(journal, tls=certificates.server_tls) as broker:
        tls = certificates.client(SERVER)

        def address(_: str) -> BrokerAddress:
            return BrokerAddress(broker.host, broker.port, SERVER, broker.password, tls)

        async def restart() -> None:
            raise AssertionError("it lives in this process")

        link: Link = broker.link if name == IN_PROCESS else BrokerLink(address(SERVER))
        yield Site(name, broker.port, certificates, EmbeddedDoor(broker.gate), link, address, restart)


def address_for(certificates: Certificates, port: int) -> Callable[[str], BrokerAddress]:
    return lambda name: BrokerAddress(HOST, port, tls=certificates.client(name))


@asynccontextmanager
async def open_mosquitto(
    folder: Path, certificates: Certificates, servers: tuple[str, ...] = (SERVER,)
) -> AsyncIterator[Site]:
    """Run mosquitto."""
    (port,) = free_ports(1)
    plan = MosquittoPlan(folder, port, certificates.server_tls, servers, user=getpass.getuser())
    program = await asyncio.to_thread(engine, "mosquitto")
    server = Engine([str(program), "-c", str(write_mosquitto(plan))], port)
    address = address_for(certificates, port)
    try:
        await server.start()
        link = BrokerLink(address(servers[0]))
        yield Site(MOSQUITTO, port, certificates, MosquittoDoor(address(plan.door)), link, address, server.restart)
    finally:
        await server.kill()


@asynccontextmanager
async def open_nats(
    folder: Path, certificates: Certificates, servers: tuple[str, ...] = (SERVER,)
) -> AsyncIterator[Site]:
    """Run nats-server."""
    port, own_port = free_ports(2)
    plan = NatsPlan(folder, port, own_port, certificates.server_tls, servers)
    program = await asyncio.to_thread(engine, "nats")
    stored = folder / "jetstream"
    server = Engine([str(program), "-c", str(write_nats(plan))], port, lambda: shutil.rmtree(stored))
    address = address_for(certificates, port)
    try:
        await server.start()
        yield Site(NATS, port, certificates, NatsDoor(plan), BrokerLink(address(servers[0])), address, server.restart)
    finally:
        await server.kill()


def embedded_process(folder: Path, port: int) -> Engine:
    """Return a whole server with its embedded broker, in a process of its own."""
    return Engine([sys.executable, "-m", "tests.ingest.brokers.whole_server", str(folder), str(port)], port)
