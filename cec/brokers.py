"""The broker of a house: its own, one that it prepared for mosquitto or NATS, or any other by its address.

What is prepared lies in the data folder under ``broker``: configuration, certificates, and a plan by which the house
finds it again.
"""

import getpass
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cec.certificates import Authority, issue_client, issue_server, open_authority, utc_now
from cec.errors import BrokerNotPrepared
from cec.settings import EMBEDDED, FOREIGN, MOSQUITTO, NATS, HouseSettings
from ingest.broker.doors import DeviceDoor, EmbeddedDoor, NoDoor
from ingest.broker.embedded import EmbeddedBroker
from ingest.broker.files import replace_file
from ingest.broker.mosquitto import MosquittoDoor, MosquittoPlan, write_mosquitto
from ingest.broker.nats import NatsDoor, NatsPlan, write_nats
from ingest.journal import Journal
from ingest.link import CLIENT_ID, BrokerLink, Link
from ingest.settings import BrokerAddress, ServerTls, TlsFiles

_DOOR: Final = "cec-door"


@dataclass(frozen=True, slots=True)
class OpenBroker:
    """A broker that a house works with.

    Attributes
    ----------
    host, port
        Where devices find it.
    is_tls
        Whether devices must speak TLS.
    link, door
        How the house hears devices, and lets them in.
    """

    host: str
    port: int
    is_tls: bool
    link: Link
    door: DeviceDoor

    @property
    def url(self) -> str:
        """Its address for people."""
        return f"mqtt{'s' * self.is_tls}://{self.host}:{self.port}"


def open_certificates(data: Path, org: str) -> Authority:
    """Return the certificate authority of a data folder, made at the first call."""
    return open_authority(data / "certificates", org, now=utc_now())


@asynccontextmanager
async def open_broker(settings: HouseSettings, journal: Journal) -> AsyncIterator[OpenBroker]:
    """Open the broker that a house's settings choose.

    Raises
    ------
    BrokerNotPrepared
        When one is chosen that was not prepared in this folder.
    BrokerPortTaken
        When the house's own cannot have its port.
    """
    choice = settings.broker
    if choice.kind == EMBEDDED:
        async with _open_embedded(settings, journal) as broker:
            yield broker
    elif choice.kind == FOREIGN:
        address = BrokerAddress(choice.host, choice.port, choice.username, choice.password, choice.tls)
        yield OpenBroker(choice.host, choice.port, choice.tls is not None, BrokerLink(address, choice.shards), NoDoor())
    else:
        yield _open_prepared(settings, choice.kind)


@asynccontextmanager
async def _open_embedded(settings: HouseSettings, journal: Journal) -> AsyncIterator[OpenBroker]:
    tls = None
    if settings.broker.is_tls:
        authority = open_certificates(settings.folder, settings.org)
        issued = issue_server(authority, [settings.host], now=utc_now())
        tls = ServerTls(issued.certificate, issued.key, authority.certificate, must_show=False)
    async with EmbeddedBroker.open(journal, host=settings.host, port=settings.mqtt_port, tls=tls) as broker:
        yield OpenBroker(broker.host, broker.port, tls is not None, broker.link, EmbeddedDoor(broker.gate))


def _open_prepared(settings: HouseSettings, kind: str) -> OpenBroker:
    folder = settings.folder / "broker"
    try:
        plan = json.loads((folder / "plan.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BrokerNotPrepared(settings.folder, kind) from error
    if plan["kind"] != kind:
        raise BrokerNotPrepared(settings.folder, kind)
    authority = open_certificates(settings.folder, settings.org)

    def address(name: str) -> BrokerAddress:
        issued = issue_client(authority, name, now=utc_now())
        return BrokerAddress(
            plan["host"], plan["port"], tls=TlsFiles(authority.certificate, issued.certificate, issued.key)
        )

    # The broker's own certificate is issued when it is prepared, never under a broker that runs.
    tls = ServerTls(authority.folder / "server.pem", authority.folder / "server.key", authority.certificate)
    door = MosquittoDoor(address(_DOOR)) if kind == MOSQUITTO else NatsDoor(_plan_nats(folder, plan, tls))
    link = BrokerLink(address(plan["servers"][0]), settings.broker.shards)
    return OpenBroker(plan["host"], plan["port"], is_tls=True, link=link, door=door)


def prepare_broker(
    data: Path, kind: str, *, org: str, host: str, ports: tuple[int, int], servers: int = 1
) -> list[str]:
    """Return the command that starts a broker, after writing its configuration and certificates.

    Parameters
    ----------
    data
        Data folder of the house.
    kind
        `MOSQUITTO` or `NATS`.
    org
        Whose certificates it trusts.
    host, ports
        Where it listens; the second port is NATS's own.
    servers
        How many servers divide the devices; each but the first needs a certificate of its own (``cec certificate
        cec-ingest-2``).
    """
    folder, authority = data / "broker", open_certificates(data, org)
    folder.mkdir(parents=True, exist_ok=True)
    plan = {"kind": kind, "host": host, "port": ports[0], "own_port": ports[1], "servers": _name_servers(servers)}
    replace_file(folder / "plan.json", json.dumps(plan))
    issued = issue_server(authority, [host], now=utc_now())
    tls = ServerTls(issued.certificate, issued.key, authority.certificate)
    if kind == NATS:
        return ["nats-server", "-c", str(write_nats(_plan_nats(folder, plan, tls)))]
    names = tuple(_name_servers(servers))
    mosquitto = MosquittoPlan(folder, ports[0], tls, names, door=_DOOR, host=host, user=getpass.getuser())
    return ["mosquitto", "-c", str(write_mosquitto(mosquitto))]


def _plan_nats(folder: Path, plan: Mapping[str, Any], tls: ServerTls) -> NatsPlan:
    return NatsPlan(folder, plan["port"], plan["own_port"], tls, tuple(plan["servers"]), host=plan["host"])


def _name_servers(count: int) -> list[str]:
    """Return the names under which servers show themselves: a broker lets each name connect once."""
    return [CLIENT_ID, *(f"{CLIENT_ID}-{number}" for number in range(2, count + 1))]
