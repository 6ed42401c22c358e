"""Mosquitto: its configuration, and its door by way of its dynamic-security plugin.

Written for 2.0.11 and later. Devices show a certificate whose common name is their id; mosquitto takes it as user name
and as client id, so that no device can take another's session. Since a certificate replaces the password, the plugin
is not asked whether a user is enabled: a device is put out by deleting it, which ends its connection and leaves
whoever connects under its name without any right.
"""

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt

from domain.errors import InvalidField
from domain.topics import DOWNLINK, UPLINK, Topic, format_uplink_filter
from ingest.broker.certificates import open_client_context
from ingest.broker.client import ServerClient
from ingest.broker.errors import DeviceNameTaken, DoorRefused
from ingest.broker.files import replace_file
from ingest.settings import BrokerAddress, ServerTls

PLUGIN: Final = "mosquitto_dynamic_security.so"
PLUGIN_FOLDERS: Final = (Path("/usr/lib"), Path("/usr/local/lib"))
"""Where distributions have plugins: there, or in a folder of the machine's architecture."""
CONTROL: Final = "$CONTROL/dynamic-security/v1"
RESPONSE: Final = f"{CONTROL}/response"
MAX_MESSAGE: Final = 256 << 10
"""Bytes of a message, as the protocol has it."""
INFLIGHT: Final = 256
"""Messages on their way to one client: enough for 5,000 a second over 50 ms."""
QUEUED: Final = 1_024
"""Messages that wait for one client in memory; what is dropped beyond it was not receipted and comes again."""
MAX_KEEP_ALIVE_S: Final = 1_800
MAX_CONNECTIONS: Final = 4_096
ANSWER_S: Final = 10.0
SERVER_ROLE: Final = "server"
DOOR_ROLE: Final = "door"
_EXISTS: Final = "already exists"
_NOT_THERE: Final = "not found"


@dataclass(frozen=True, slots=True)
class MosquittoPlan:
    """What a mosquitto is to be.

    Attributes
    ----------
    folder
        Where its configuration goes; the plugin keeps the devices there too.
    port
        Where it listens, with TLS.
    tls
        Its certificate, and what devices' certificates must come from.
    servers
        Common names of the ingest servers' certificates, one for each.
    door
        Common name of the certificate that lets devices in and puts them out.
    host
        Address to listen on.
    plugin
        The dynamic-security plugin; looked for where it is not named.
    user
        User that mosquitto becomes when root starts it; folder and certificates must be readable, the folder writable
        for that user.
    """

    folder: Path
    port: int
    tls: ServerTls
    servers: tuple[str, ...] = ("cec-ingest",)
    door: str = "cec-door"
    host: str = "127.0.0.1"
    plugin: Path | None = None
    user: str = "mosquitto"


def write_mosquitto(plan: MosquittoPlan) -> Path:
    """Return the configuration file, for ``mosquitto -c``, after writing it.

    The plugin's own file is begun where it is not there and left alone where it is: devices stand in it.

    Raises
    ------
    InvalidField
        When a setting cannot stand in a line, no certificates are asked for, or there is no plugin.
    """
    rights = plan.folder / "dynamic-security.json"
    lines = [f"{name} {value}" for name, value in _list_settings(plan, rights)]
    for line in lines:
        if not line.isprintable():
            raise InvalidField("mosquitto setting", line, "must be printable and on one line")
    plan.folder.mkdir(parents=True, exist_ok=True)
    if not rights.exists():
        replace_file(rights, json.dumps(_begin_rights(plan), indent=1))
    configuration = plan.folder / "mosquitto.conf"
    replace_file(configuration, "\n".join(lines) + "\n")
    return configuration


def _list_settings(plan: MosquittoPlan, rights: Path) -> Iterable[tuple[str, object]]:
    tls = plan.tls
    if tls.client_ca is None or not tls.must_show:
        raise InvalidField("client_ca", tls.client_ca, "mosquitto knows devices by their certificates")
    yield "user", plan.user
    yield "persistence", "false"
    yield "retain_available", "false"
    yield "allow_anonymous", "false"
    yield "plugin", plan.plugin or _find_plugin()
    yield "plugin_opt_config_file", rights
    yield "message_size_limit", MAX_MESSAGE
    yield "max_inflight_messages", INFLIGHT
    yield "max_queued_messages", QUEUED
    yield "max_keepalive", MAX_KEEP_ALIVE_S
    yield "set_tcp_nodelay", "true"
    yield "listener", f"{plan.port} {plan.host}"
    yield "max_connections", MAX_CONNECTIONS
    yield "cafile", tls.client_ca
    yield "certfile", tls.certificate
    yield "keyfile", tls.key
    if tls.crl is not None:
        yield "crlfile", tls.crl
    yield "require_certificate", "true"
    yield "use_identity_as_username", "true"
    yield "use_username_as_clientid", "true"


def _find_plugin() -> Path:
    found = [path for folder in PLUGIN_FOLDERS for path in (folder / PLUGIN, *sorted(folder.glob(f"*/{PLUGIN}")))]
    for path in found:
        if path.exists():
            return path
    raise InvalidField("plugin", PLUGIN, "not found: install mosquitto with its dynamic-security plugin, or name it")


def _begin_rights(plan: MosquittoPlan) -> Mapping[str, Any]:
    denied = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe"), False)
    up = [format_uplink_filter(channel) for channel in UPLINK]
    down = [format_uplink_filter(channel) for channel in DOWNLINK]
    server = [*_allow("subscribePattern", up), *_allow("publishClientReceive", up), *_allow("publishClientSend", down)]
    door = [
        *_allow("publishClientSend", [CONTROL]),
        *_allow("subscribeLiteral", [RESPONSE]),
        *_allow("publishClientReceive", [RESPONSE]),
    ]
    clients = [(name, SERVER_ROLE) for name in plan.servers] + [(plan.door, DOOR_ROLE)]
    return {
        "defaultACLAccess": denied | {"unsubscribe": True},
        "clients": [{"username": name, "roles": [{"rolename": role}]} for name, role in clients],
        "roles": [{"rolename": SERVER_ROLE, "acls": server}, {"rolename": DOOR_ROLE, "acls": door}],
        "groups": [],
    }


def _allow(kind: str, topics: Iterable[str]) -> list[dict[str, Any]]:
    return [{"acltype": kind, "topic": topic, "allow": True} for topic in topics]


def _list_rights(org: str, device: str) -> list[dict[str, Any]]:
    up = [str(Topic(org, device, channel)) for channel in UPLINK]
    down = [str(Topic(org, device, channel)) for channel in DOWNLINK]
    return [
        *_allow("publishClientSend", up),
        *_allow("subscribeLiteral", down),
        *_allow("publishClientReceive", down),
    ]


class MosquittoDoor:
    """A `DeviceDoor` of a running mosquitto.

    Parameters
    ----------
    address
        Where it listens, with the door's certificate. Each process needs a certificate of its own: the broker lets one
        connection bear a name.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._turn = asyncio.Lock()

    async def admit(self, org: str, device: str) -> None:
        """Give a device a role of its own."""
        role, rights = _role(org, device), _list_rights(org, device)
        roles = [{"rolename": role}]
        made, let_in, known = await self._ask(
            device,
            {"command": "createRole", "rolename": role, "acls": rights},
            {"command": "createClient", "username": device, "textname": org, "roles": roles},
            {"command": "getClient", "username": device},
        )
        _check(device, made, but=_EXISTS)
        _check(device, let_in, but=_EXISTS)
        _check(device, known)
        owner = str(known["data"]["client"].get("textname", ""))
        if owner != org:
            await self._ask(device, {"command": "deleteRole", "rolename": role})
            raise DeviceNameTaken(device, owner)

    async def cut(self, org: str, device: str) -> None:
        """Delete a device and its role, which ends its connection."""
        (known,) = await self._ask(device, {"command": "getClient", "username": device})
        if _NOT_THERE in known.get("error", ""):
            return
        _check(device, known)
        if known["data"]["client"].get("textname", "") != org:
            return
        answers = await self._ask(
            device,
            {"command": "deleteClient", "username": device},
            {"command": "deleteRole", "rolename": _role(org, device)},
        )
        for answer in answers:
            _check(device, answer, but=_NOT_THERE)

    async def _ask(self, device: str, *commands: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the plugin's answers to commands, in order."""
        mark = secrets.token_hex(8)
        marked = [{**command, "correlationData": mark} for command in commands]
        try:
            async with self._turn, asyncio.timeout(ANSWER_S), self._open() as client:
                await client.subscribe(RESPONSE, qos=1)
                await client.publish(CONTROL, json.dumps({"commands": marked}), qos=1)
                return await _await_answers(client, mark, len(commands))
        except (aiomqtt.MqttError, TimeoutError, ValueError, KeyError) as error:
            raise DoorRefused(device, str(error) or "no answer") from error

    def _open(self) -> aiomqtt.Client:
        tls = self._address.tls
        return ServerClient(
            self._address.host,
            self._address.port,
            username=self._address.username or None,
            password=self._address.password or None,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=ANSWER_S,
            tls_context=None if tls is None else open_client_context(tls),
        )


async def _await_answers(client: aiomqtt.Client, mark: str, count: int) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    async for message in client.messages:
        told = json.loads(bytes(message.payload))["responses"]
        answers += [answer for answer in told if answer.get("correlationData") == mark]
        if len(answers) >= count:
            break
    return answers


def _role(org: str, device: str) -> str:
    return f"{org}/{device}"


def _check(device: str, answer: Mapping[str, Any], *, but: str | None = None) -> None:
    """Raise what an answer complains of, but for one thing."""
    complaint = str(answer.get("error", ""))
    if complaint and (but is None or but not in complaint):
        raise DoorRefused(device, complaint)
