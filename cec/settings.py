"""Settings of a house: a whole server over one data folder."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from cec.defaults import ORG, QUIET_S
from cec.errors import UnreadableAddress, UnreadableShare
from ingest.broker.shards import SHARDS, Shards
from ingest.settings import TlsFiles

EMBEDDED, MOSQUITTO, NATS, FOREIGN = "embedded", "mosquitto", "nats", "foreign"
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """Which broker a house works with.

    Attributes
    ----------
    kind
        `EMBEDDED`, `MOSQUITTO` or `NATS` (prepared by ``cec broker``), or `FOREIGN`: any other, by its address.
    is_tls
        Of the embedded one: whether it speaks TLS.
    host, port, username, password, tls
        Of a foreign one.
    shards
        Which share of the devices this server listens to, where several divide them.
    """

    kind: str = EMBEDDED
    is_tls: bool = False
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: TlsFiles | None = None
    shards: Shards = field(default_factory=Shards)

    @classmethod
    def parse(cls, url: str, tls: TlsFiles | None) -> "BrokerChoice":
        """Return the choice of a broker by its address.

        Raises
        ------
        UnreadableAddress
            When it is not ``mqtt://`` or ``mqtts://`` with a host, or TLS is wanted and no CA is given.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError) as error:
            raise UnreadableAddress("expected mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://…") from error
        if not parts.hostname:
            raise UnreadableAddress("it names no host")
        if parts.scheme == "mqtts" and tls is None:
            raise UnreadableAddress("mqtts needs --tls-ca, the certificates that the broker's must come from")
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        shown = tls if parts.scheme == "mqtts" else None
        return cls(FOREIGN, host=parts.hostname, port=port, username=username, password=password, tls=shown)


@dataclass(frozen=True, slots=True)
class HouseSettings:
    """How one server works.

    Attributes
    ----------
    folder
        Keys, journal, blocks, register and chain.
    org, org_name
        The organisation: its id, and its name for people.
    campaign
        Campaign that uploads without another belong to.
    host
        Address on which broker and portal listen.
    mqtt_port, portal_port
        Their ports; 0 takes any.
    public_url
        Where labels lead; by default the portal's own address.
    anchor_every_s
        Pause between anchors.
    broker
        Which broker devices speak to.
    quiet_s
        How long nothing must come of a crew's day before its trees are told.
    region
        Whose equations hold for trees whose stems were measured, by crews or in scans from within the forest; absent:
        those of the whole Earth.
    register
        Address of the register, ``postgresql://…``; absent: a file in the folder.
    """

    folder: Path
    org: str = ORG
    org_name: str = "North Forest"
    campaign: str = "first"
    host: str = "127.0.0.1"
    mqtt_port: int = 0
    portal_port: int = 0
    public_url: str | None = None
    anchor_every_s: float = 0.3
    broker: BrokerChoice = field(default_factory=BrokerChoice)
    quiet_s: float = QUIET_S
    region: str | None = None
    register: str | None = field(default=None, repr=False)

    @property
    def register_at(self) -> str | Path:
        """Where the register is."""
        return self.register or self.folder / "register.sqlite"


def parse_share(text: str) -> Shards:
    """Return a server's share of the devices, written ``1/4`` for the first of four.

    Raises
    ------
    UnreadableShare
        When it has another form, or there is no such share.
    """
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= SHARDS:
        raise UnreadableShare(text)
    return Shards(int(match[1]) - 1, int(match[2]))
