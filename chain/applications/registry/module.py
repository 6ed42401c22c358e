"""The registry module: organisations by the authority, keys by their organisation's admin, revocation for good."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain.applications.registry.errors import (
    InvalidEntry,
    KeyRevoked,
    KeyTaken,
    NotTheAdmin,
    NotTheAuthority,
    OrganisationExists,
    UnknownKey,
    UnknownOrganisation,
)
from chain.core.bech32 import parse_address
from chain.core.errors import InvalidGenesis
from chain.core.machine import Module
from chain.core.messages import Context, Handler
from chain.core.state import CommittedState, Layer, StateReader
from chain.network.application import Event
from chain.wire.cosmos import MsgAccreditKey, MsgRegisterOrganisation, MsgRevokeKey
from domain.codec import Value, decode_map, encode
from domain.errors import InvalidKey
from domain.keys import PublicKey
from domain.quantities import ID_PATTERN

NAME: Final = "registry"
GAS: Final = 30_000
ROLES: Final = ("service", "device", "surveyor")
"""Roles that an admin gives; ``org`` is the organisation's own key."""
MAX_NAME: Final = 200
MAX_REASON: Final = 500
_AUTHORITY: Final = b"authority"
_ID: Final = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A record key as it stands in the registry.

    Attributes
    ----------
    org
        For whom it speaks.
    role
        ``org``, ``service``, ``device`` or ``surveyor``.
    subject
        Id of what holds it.
    from_ms
        Since when.
    revoked_ms
        Until when, if it was revoked.
    """

    org: str
    role: str
    subject: str
    from_ms: int
    revoked_ms: int | None = None


def compute_key_key(key: bytes) -> bytes:
    """Return the state key of a record key."""
    return b"k/" + hashlib.sha256(key).digest()


def get_key(state: StateReader, key: bytes) -> KeyEntry | None:
    """Return what the registry says of a record key, if anything."""
    raw = state.get(NAME, compute_key_key(key))
    return None if raw is None else KeyEntry(**decode_map(raw))  # type: ignore[arg-type]


def process_genesis(state: Layer, genesis: Mapping[str, Any]) -> None:
    """Note who may register organisations."""
    authority = genesis.get("authority", "")
    if not isinstance(authority, str):
        raise InvalidGenesis("the registry's authority is not an address")
    if authority:
        parse_address(authority)
    state.set(NAME, _AUTHORITY, authority.encode() or None)


def process_register(state: Layer, message: MsgRegisterOrganisation, context: Context) -> None:
    """Register an organisation and its own key; see README.md for each way this fails."""
    authority = (state.get(NAME, _AUTHORITY) or b"").decode()
    if message.authority != authority:
        raise NotTheAuthority(message.authority, authority)
    _check_id("org", message.org)
    _check_text("name", message.name, MAX_NAME)
    _check_key(message.key)
    parse_address(message.admin)
    if state.get(NAME, _org_key(message.org)) is not None:
        raise OrganisationExists(message.org)
    fields: dict[str, Value] = {
        "admin": message.admin,
        "height": context.height,
        "key": message.key,
        "name": message.name,
    }
    state.set(NAME, _org_key(message.org), encode(fields))
    _put_new_key(state, message.key, KeyEntry(message.org, "org", message.org, context.time_ms))
    context.emit(Event("register", (("org", message.org),)))


def process_accredit(state: Layer, message: MsgAccreditKey, context: Context) -> None:
    """Accredit a key; see README.md for each way this fails."""
    _check_admin(state, message.org, message.admin)
    if message.role not in ROLES:
        raise InvalidEntry("role", f"one of {', '.join(ROLES)}")
    _check_id("subject", message.subject)
    _check_key(message.key)
    _put_new_key(state, message.key, KeyEntry(message.org, message.role, message.subject, context.time_ms))
    context.emit(Event("accredit", (("org", message.org), ("role", message.role), ("subject", message.subject))))


def process_revoke(state: Layer, message: MsgRevokeKey, context: Context) -> None:
    """Revoke a key; see README.md for each way this fails."""
    _check_admin(state, message.org, message.admin)
    _check_text("reason", message.reason, MAX_REASON)
    _check_key(message.key)
    entry = get_key(state, message.key)
    if entry is None or entry.org != message.org:
        raise UnknownKey(message.org, message.key)
    if entry.revoked_ms is not None:
        raise KeyRevoked(message.key, entry.revoked_ms)
    revoked = KeyEntry(entry.org, entry.role, entry.subject, entry.from_ms, context.time_ms)
    state.set(NAME, compute_key_key(message.key), _encode_entry(revoked))
    context.emit(Event("revoke", (("org", message.org), ("key", message.key.hex()), ("reason", message.reason))))


def find_broken_invariant(state: CommittedState) -> str | None:
    """Return what is wrong with the registry, in words: keys belong to organisations, which have their own key."""
    organisations: set[str] = set()
    for key, raw in state.iterate(NAME, b"o/"):
        org = key[2:].decode()
        own = get_key(state, _key_of(decode_map(raw)))
        if own is None or (own.org, own.role) != (org, "org"):
            return f"organisation {org!r} does not hold its own key"
        organisations.add(org)
    for key, raw in state.iterate(NAME, b"k/"):
        entry = KeyEntry(**decode_map(raw))  # type: ignore[arg-type]
        if entry.org not in organisations or (entry.revoked_ms or entry.from_ms) < entry.from_ms:
            return f"key entry {key[2:].hex()} is of no organisation, or revoked before it began"
    return None


MODULE: Final = Module(
    NAME,
    (
        Handler(MsgRegisterOrganisation, "authority", GAS, process_register),
        Handler(MsgAccreditKey, "admin", GAS, process_accredit),
        Handler(MsgRevokeKey, "admin", GAS, process_revoke),
    ),
    process_genesis,
    find_broken_invariant,
)


def _put_new_key(state: Layer, key: bytes, entry: KeyEntry) -> None:
    if get_key(state, key) is not None:
        raise KeyTaken(key)
    state.set(NAME, compute_key_key(key), _encode_entry(entry))


def _encode_entry(entry: KeyEntry) -> bytes:
    fields: dict[str, Value] = {
        "org": entry.org,
        "role": entry.role,
        "subject": entry.subject,
        "from_ms": entry.from_ms,
    }
    if entry.revoked_ms is not None:
        fields["revoked_ms"] = entry.revoked_ms
    return encode(fields)


def _check_admin(state: Layer, org: str, admin: str) -> None:
    raw = state.get(NAME, _org_key(org))
    if raw is None:
        raise UnknownOrganisation(org)
    if decode_map(raw)["admin"] != admin:
        raise NotTheAdmin(admin, org)


def _check_id(field: str, text: str) -> None:
    if _ID.fullmatch(text) is None:
        raise InvalidEntry(field, "1 to 32 of a-z, 0-9 and -")


def _check_text(field: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        raise InvalidEntry(field, f"1 to {limit} characters")


def _check_key(key: bytes) -> None:
    try:
        PublicKey(key)
    except InvalidKey as error:
        raise InvalidEntry("key", str(error)) from error


def _key_of(fields: Mapping[str, Value]) -> bytes:
    key = fields["key"]
    assert isinstance(key, bytes), key  # noqa: S101  # we wrote it
    return key


def _org_key(org: str) -> bytes:
    return b"o/" + org.encode()
