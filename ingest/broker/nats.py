"""NATS: its configuration with MQTT on JetStream, and its door by way of a reload.

Written for 2.15. An MQTT topic's ``/`` is a ``.`` in a NATS subject, which our ids do not hold, so rights are written
as subjects. A certificate names its user (``CN=rover-1``); beside it no password may be sent. NATS has no shared
subscriptions for MQTT 3.1.1: servers divide devices by `ingest.broker.shards`. Its messages lie in JetStream's files;
nothing rests on them, and they may be wiped whenever it is down.

It does not bind a client id to a certificate: an admitted device can end another's connection by connecting under its
id, again and again, though never speak for it or hear what it is told. The embedded broker and mosquitto prevent it.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import InvalidField
from domain.topics import DOWNLINK, UPLINK, Topic, format_uplink_filter
from ingest.broker.errors import DeviceNameTaken, DoorRefused
from ingest.broker.files import replace_file
from ingest.settings import ServerTls

MAX_MESSAGE: Final = 256 << 10
"""Bytes of a message, as the protocol has it."""
UNACKNOWLEDGED: Final = 100
"""Messages on their way to one subscription. A session may have 65,535 in all, of which NATS sets these aside for each
subscription: half of the shards in five channels are 640."""
ACK_WAIT: Final = "10s"
"""After this time an unacknowledged message is sent again."""
HANDSHAKE_S: Final = 10
MAX_CONNECTIONS: Final = 4_096
MAX_FILE_STORE: Final = 1 << 30
"""Bytes of JetStream's files; full, it refuses what comes, and devices keep it."""

MAX_CONSUMERS: Final = 16_384
"""Subscriptions in all: two a device, and 1,280 of servers that divide the shards. NATS's own limit is 1,000."""


@dataclass(frozen=True, slots=True)
class NatsPlan:
    """What a nats-server is to be.

    Attributes
    ----------
    folder
        Where its configuration and JetStream's files go.
    port
        Where MQTT listens, with TLS.
    own_port
        Where NATS's own protocol listens, on loopback; nobody has rights there.
    tls
        Its certificate, and what devices' certificates must come from.
    servers
        Common names of the ingest servers' certificates.
    host
        Address on which MQTT listens.
    """

    folder: Path
    port: int
    own_port: int
    tls: ServerTls
    servers: tuple[str, ...] = ("cec-ingest",)
    host: str = "127.0.0.1"

    @property
    def configuration(self) -> Path:
        """For ``nats-server -c``."""
        return self.folder / "nats.conf"

    @property
    def process(self) -> Path:
        """Where the server writes its process id."""
        return self.folder / "nats.pid"


def write_nats(plan: NatsPlan) -> Path:
    """Return the configuration file, for ``nats-server -c``, after writing it; devices that stood there stay.

    Raises
    ------
    InvalidField
        When no certificates are asked for.
    """
    tls = plan.tls
    if tls.client_ca is None or not tls.must_show or tls.crl is not None:
        raise InvalidField("tls", tls, "NATS knows devices by their certificates, and reads no revocation list")
    plan.folder.mkdir(parents=True, exist_ok=True)
    _write_rights(plan, _read_devices(plan))
    sections = (
        _format({"server_name": "cec", "listen": f"127.0.0.1:{plan.own_port}", "pid_file": str(plan.process)}),
        _format({"max_payload": MAX_MESSAGE, "max_connections": MAX_CONNECTIONS}),
        _section(
            "jetstream",
            {"store_dir": str(plan.folder / "jetstream"), "max_file_store": MAX_FILE_STORE},
            limits={"default_max_consumers": MAX_CONSUMERS},
        ),
        _section("mqtt", _list_mqtt_settings(plan), tls=_list_tls_settings(tls, tls.client_ca)),
        'include "rights.conf"\n',
    )
    replace_file(plan.configuration, "".join(sections))
    return plan.configuration


def _list_mqtt_settings(plan: NatsPlan) -> Mapping[str, object]:
    return {
        "listen": f"{plan.host}:{plan.port}",
        "ack_wait": ACK_WAIT,
        "max_ack_pending": UNACKNOWLEDGED,
        "consumer_memory_storage": True,
        "reject_qos2_publish": True,
    }


def _list_tls_settings(tls: ServerTls, client_ca: Path) -> Mapping[str, object]:
    files = {"cert_file": str(tls.certificate), "key_file": str(tls.key), "ca_file": str(client_ca)}
    return files | {"verify_and_map": True, "timeout": HANDSHAKE_S}


def _section(name: str, settings: Mapping[str, object], **inner: Mapping[str, object]) -> str:
    nested = "".join(_section(word, part) for word, part in inner.items())
    return f"{name} {{\n{_format(settings)}{nested}}}\n"


def _format(settings: Mapping[str, object]) -> str:
    # A JSON text is a text of this format too.
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def _write_rights(plan: NatsPlan, devices: Mapping[str, str]) -> None:
    """Write who may do what; `devices` are ids and their organisations."""
    everything = [format_uplink_filter(channel) for channel in UPLINK]
    answers = [format_uplink_filter(channel) for channel in DOWNLINK]
    users = [_user(name, answers, everything) for name in plan.servers]
    for device, org in sorted(devices.items()):
        up = [str(Topic(org, device, channel)) for channel in UPLINK]
        down = [str(Topic(org, device, channel)) for channel in DOWNLINK]
        users.append(_user(device, up, down))
    replace_file(plan.folder / "devices.json", json.dumps(devices, indent=1, sort_keys=True))
    replace_file(plan.folder / "rights.conf", "authorization {\n users: [\n" + "".join(users) + " ]\n}\n")


def _user(name: str, publish: Iterable[str], subscribe: Iterable[str]) -> str:
    permissions = {"publish": [_subject(one) for one in publish], "subscribe": [_subject(one) for one in subscribe]}
    user = {"user": f"CN={name}", "allowed_connection_types": ["MQTT"], "permissions": permissions}
    return f"  {json.dumps(user)}\n"


def _subject(topic: str) -> str:
    """Return a topic or filter as a NATS subject.

    Examples
    --------
    >>> _subject("cec/v1/3e/+/rover-1/rec")
    'cec.v1.3e.*.rover-1.rec'
    """
    return topic.replace("/", ".").replace("+", "*")


def _read_devices(plan: NatsPlan) -> dict[str, str]:
    path = plan.folder / "devices.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


class NatsDoor:
    """A `DeviceDoor` that rewrites who may do what and has the server read it again.

    The server ends the connections of whoever is no longer there. It does so a moment after: a device that was just
    admitted may be turned away once, and comes again.

    Parameters
    ----------
    plan
        What the server is.
    reload
        Has the server read its configuration again; by default a signal to the process of `plan`.
    """

    def __init__(self, plan: NatsPlan, reload: Callable[[], None] | None = None) -> None:
        self._plan = plan
        self._reload = reload or (lambda: signal_reload(plan))
        self._turn = asyncio.Lock()

    async def admit(self, org: str, device: str) -> None:
        """Give a device its rights."""
        async with self._turn:
            devices = await asyncio.to_thread(_read_devices, self._plan)
            owner = devices.setdefault(device, org)
            if owner != org:
                raise DeviceNameTaken(device, owner)
            await self._change(device, devices)

    async def cut(self, org: str, device: str) -> None:
        """Take a device's rights."""
        async with self._turn:
            devices = await asyncio.to_thread(_read_devices, self._plan)
            if devices.get(device) != org:
                return
            del devices[device]
            await self._change(device, devices)

    async def _change(self, device: str, devices: Mapping[str, str]) -> None:
        try:
            await asyncio.to_thread(_write_rights, self._plan, devices)
            self._reload()
        except (OSError, ValueError) as error:
            raise DoorRefused(device, str(error)) from error


def signal_reload(plan: NatsPlan) -> None:
    """Have the nats-server of a plan on this machine read its configuration again.

    Raises
    ------
    ProcessLookupError, OSError, ValueError
        When it does not run, or its process id is another program's.
    """
    process = int(plan.process.read_text(encoding="ascii"))
    # A process id may be old and given to another by now.
    command = Path(f"/proc/{process}/cmdline").read_bytes()
    if os.fsencode(plan.configuration) not in command:
        raise ProcessLookupError(f"process {process} is no nats-server of {plan.configuration}")
    os.kill(process, signal.SIGHUP)
