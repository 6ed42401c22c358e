"""``cec edge doctor``: what is well with a device and what is not, each with what to do."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import aiomqtt

from domain.codec import decode_list
from domain.errors import CecError
from domain.records.membership import Enrol
from edge import health, schema
from edge.capture import SKIPPED_LINES
from edge.client import TIMEOUT_S, explain_failure, open_client
from edge.clock import TOLERATED_MS, read_clock_ms
from edge.errors import FolderUnusable, NotEnrolled, TlsUnusable
from edge.files import find_owner, translated
from edge.identity import KEY_FILE, Identity, load_identity
from edge.ports import PortSetting
from edge.pulse import NOTE, parse_note
from edge.settings import EdgeSettings, open_tls
from firmware_bridge.ports.address import SerialAddress

Level = Literal["ok", "warn", "fail"]
MADE_MS: Final = 1_767_225_600_000
"""2026-01-01 UTC: a clock before it was never set, this software being younger."""
SLOW_SYNC_MS: Final = 500
"""A card that needs longer for one sync records at most two observations a second."""
SYNC_BYTES: Final = 64 << 10
MEMORY_MOST_BYTES: Final = 80 << 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    level
        ``ok``, ``warn`` or ``fail``.
    words
        What was found.
    remedy
        What to do; absent when nothing is.
    """

    name: str
    level: Level
    words: str
    remedy: str | None = None


async def examine(settings: EdgeSettings, ports: Sequence[PortSetting]) -> list[Check]:
    """Return all that was looked at, in the order in which one thing rests on another."""
    folder, is_held = settings.folder, _is_held(settings.folder)
    checks = [_check_key(folder), _check_enrolment(folder), _check_disk(folder), check_sync(folder)]
    checks += [*_check_spool(folder, is_held=is_held), await _check_broker(settings, is_held=is_held)]
    checks += [_check_port(port) for port in ports]
    checks.append(check_battery(health.read_battery()))
    return checks


def _is_held(folder: Path) -> bool:
    try:
        return schema.is_held(folder)
    except FolderUnusable:
        # Who may not look there cannot log in as the device either; what keeps them out is told with its files.
        return False


def _check_key(folder: Path) -> Check:
    path = folder / KEY_FILE
    try:
        is_private = health.is_private(path)
    except FileNotFoundError:
        return Check("key", "fail", f"no key in {folder}", "run: cec edge key")
    except OSError as error:
        words = f"cannot look at {path} ({error.strerror})"
        return Check("key", "fail", words, f"run this as the user {find_owner(path)}")
    if not is_private:
        return Check("key", "fail", f"others can read {path}", f"run: chmod 600 {path}; if anybody did, rotate the key")
    return Check("key", "ok", "there, and for its owner alone")


def _check_enrolment(folder: Path) -> Check:
    try:
        identity = load_identity(folder)
    except NotEnrolled as error:
        return Check("enrolment", "fail", str(error), "import it with: cec edge enrol")
    except CecError as error:
        # It names its remedy.
        return Check("enrolment", "fail", str(error))
    body = identity.body
    words = f"{body.device} of {body.org}"
    if identity.rotation is not None:
        former = identity.rotation.former.expect(Enrol)
        return Check("enrolment", "warn", f"{words}; key {former.key.hex()[:12]}… is being rotated", "let it link once")
    return Check("enrolment", "ok", words)


def _check_disk(folder: Path) -> Check:
    try:
        free = health.read_disk_free(folder)
    except OSError as error:
        return Check("disk", "fail", f"cannot look at {folder} ({error.strerror})", "check --folder and the card")
    words = f"{free >> 20} MB free"
    if free < health.DISK_LOW_BYTES:
        return Check("disk", "warn" if free > SYNC_BYTES else "fail", words, "delete files that are no longer needed")
    return Check("disk", "ok", words)


def check_sync(folder: Path, *, now_s: Callable[[], float] = time.monotonic) -> Check:
    """Write as much as a large record and sync once, as the recording of each does.

    Parameters
    ----------
    folder
        On the card that is looked at.
    now_s
        Clock by which the sync is timed, in seconds.
    """
    path = folder / f".doctor-{os.getpid()}"
    try:
        took_ms = _time_sync(path, now_s)
    except PermissionError as error:
        remedy = f"run this as the user {find_owner(folder)}"
        return Check("sync", "fail", f"cannot write: {error.strerror}", remedy)
    except OSError as error:
        return Check("sync", "fail", f"cannot write and sync: {error.strerror}", "check the card; replace it")
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    if took_ms > SLOW_SYNC_MS:
        return Check("sync", "warn", f"{took_ms} ms for 64 kB", "the card is slow or worn: replace it soon")
    return Check("sync", "ok", f"{took_ms} ms for 64 kB")


def _time_sync(path: Path, now_s: Callable[[], float]) -> int:
    """Return how many milliseconds a new file needs to reach the card."""
    with path.open("wb") as stream:
        stream.write(os.urandom(SYNC_BYTES))
        stream.flush()
        began_s = now_s()
        os.fsync(stream.fileno())
        return round((now_s() - began_s) * 1_000)


def _check_spool(folder: Path, *, is_held: bool) -> list[Check]:
    """Check the spool's file, and what the agent left in it."""
    path = folder / schema.SPOOL_FILE
    try:
        with translated(path):
            is_there = path.exists()
        is_sound = is_there and schema.is_sound(path)
    except FolderUnusable as error:
        return [Check("spool", "fail", str(error)), _check_clock(0)]
    if not is_there:
        return [Check("spool", "warn", "none yet", "it is made when the agent runs"), _check_clock(0)]
    if not is_sound:
        words = f"{path} is damaged"
        return [Check("spool", "fail", words, "restart the agent: it takes over what is whole"), _check_clock(0)]
    return [_tell_damaged(folder), *_check_notes(folder, is_held=is_held)]


def _tell_damaged(folder: Path) -> Check:
    damaged = health.list_damaged(folder)
    if not damaged:
        return Check("spool", "ok", "whole")
    names = ", ".join(one.name for one in damaged)
    return Check("spool", "warn", f"whole; it was damaged before: {names}", "save that for the office, then remove it")


def _check_notes(folder: Path, *, is_held: bool) -> list[Check]:
    """Check what the agent left in a sound spool: times, alarms, lines that gave no reading."""
    with closing(schema.connect_to_read(folder / schema.SPOOL_FILE)) as db:
        server_ms = schema.read_server_ms(db)
        lines = schema.get_meta(db, SKIPPED_LINES)
        note = parse_note(schema.get_meta(db, NOTE)) if is_held else None
    checks = [_check_clock(server_ms), _check_lines(lines)]
    if note is None:
        return [*checks, Check("agent", "warn", "not running", "start it: systemctl start cec-edge")]
    checks += [Check("alarm", "warn", alarm) for alarm in note.alarms or ()]
    level: Level = "warn" if note.memory_bytes > MEMORY_MOST_BYTES else "ok"
    return [
        *checks,
        Check("agent", level, f"running in {note.memory_bytes >> 20} MB", None if level == "ok" else "restart it"),
    ]


def _check_clock(server_ms: int) -> Check:
    now = read_clock_ms()
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now / 1_000))
    if now < MADE_MS:
        return Check("clock", "fail", f"{shown}: it was never set", "set it; records stay in order all the same")
    if now < server_ms - TOLERATED_MS:
        return Check("clock", "fail", f"{shown}: behind what the server signed before", "set it")
    return Check("clock", "ok", shown)


def _check_lines(raw: bytes | None) -> Check:
    if raw is None:
        return Check("lines", "ok", "every line gave a reading, or none came")
    last = decode_list(raw)[-1]
    why, line = last if isinstance(last, list) else ("", b"")
    shown = bytes(line)[:60] if isinstance(line, bytes) else b""
    return Check("lines", "warn", f"the last line that gave no reading: {shown!r}", str(why))


def check_battery(battery: health.Battery | None) -> Check:
    """Return what is to be said of a battery, or of none.

    Examples
    --------
    >>> check_battery(health.Battery(80, is_charging=True)).words
    '80 %, charging'
    """
    if battery is None:
        return Check("battery", "ok", "none that can be read")
    words = f"{battery.percent} %{', charging' if battery.is_charging else ''}"
    is_low = battery.percent <= health.BATTERY_LOW_PERCENT and not battery.is_charging
    return Check("battery", "warn" if is_low else "ok", words, "charge it" if is_low else None)


def _check_port(port: PortSetting) -> Check:
    name = f"port {port.name}"
    if not isinstance(port.address, SerialAddress):
        return Check(name, "ok", f"{port.address} is opened when the agent runs")
    path = Path(port.address.path)
    if not path.exists():
        return Check(name, "fail", f"no {path}", "plug the instrument in, or name another port")
    if not os.access(path, os.R_OK | os.W_OK):
        return Check(name, "fail", f"no right to use {path}", "add the agent's user to the group dialout")
    return Check(name, "ok", f"{path} is there")


async def _check_broker(settings: EdgeSettings, *, is_held: bool) -> Check:
    where = f"{settings.host}:{settings.port}"
    try:
        await asyncio.wait_for(asyncio.to_thread(_reach, settings), 2 * TIMEOUT_S)
    except TlsUnusable as error:
        return Check("broker", "fail", str(error), "give files that can be read")
    except ssl.SSLError as error:
        return Check("broker", "fail", f"{where}: TLS: {error.reason or error}", "check --tls-ca and the broker's name")
    except (OSError, TimeoutError) as error:
        words = f"{where} is not reached ({getattr(error, 'strerror', None) or 'no answer'})"
        return Check("broker", "warn", words, "check the link; everything is kept meanwhile")
    if is_held:
        # A second login under the device's name would end the agent's.
        return Check("broker", "ok", f"{where} is reached; the agent holds the device's login")
    return await _check_login(settings, where)


def _reach(settings: EdgeSettings) -> None:
    with socket.create_connection((settings.host, settings.port), timeout=TIMEOUT_S) as plain:
        if settings.tls is not None:
            with open_tls(settings.tls).wrap_socket(plain, server_hostname=settings.host):
                pass


async def _check_login(settings: EdgeSettings, where: str) -> Check:
    try:
        identity: Identity = load_identity(settings.folder)
    except CecError:
        return Check("broker", "ok", f"{where} is reached; without an enrolment nobody can log in")
    client = open_client(settings, identity)
    try:
        async with client:
            return Check("broker", "ok", f"{where} takes this device")
    except (aiomqtt.MqttError, OSError) as error:
        words = explain_failure(error, client)
        if words is None:
            return Check("broker", "warn", f"{where}: {error}", "try again; if it stays, ask the organisation")
        return Check("broker", "fail", f"{where}: {words}")


def describe_level(checks: Sequence[Check]) -> Level:
    """Return the worst level found.

    Examples
    --------
    >>> describe_level([Check("a", "ok", ""), Check("b", "warn", "")])
    'warn'
    """
    found = {check.level for check in checks}
    return "fail" if "fail" in found else "warn" if "warn" in found else "ok"
