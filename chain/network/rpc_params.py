"""Parameters of the RPC's methods, as a URI or JSON-RPC carries them.

Source: cometbft v0.38 rpc/jsonrpc/server/{http_uri_handler,http_json_handler}.go. In a URI, bytes are ``0x`` and
hexadecimal or quoted text; in JSON they are base64, but hexadecimal for ``abci_query``.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from chain.network.errors import BadRequest

INVALID_PARAMS: Final = -32602
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")

Values: TypeAlias = Mapping[str, Any]


class Kind(Enum):
    """What a parameter is."""

    INTEGER = "a whole number"
    BYTES = "bytes"
    HEX = "bytes in hexadecimal"
    TEXT = "text"
    FLAG = "true or false"


Signature: TypeAlias = Mapping[str, Kind]
"""Parameters of a method, in order."""


def parse_uri_params(signature: Signature, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that a URI's query gives; unknown names are ignored, as CometBFT does.

    Raises
    ------
    BadRequest
        When one is not what it must be.
    """
    return {name: _parse_uri(name, kind, query[name]) for name, kind in signature.items() if query.get(name)}


def parse_json_params(signature: Signature, params: object) -> dict[str, Any]:
    """Return the parameters that a JSON-RPC request gives, by name or in order; `BadRequest` as for a URI."""
    given: Values
    if params is None:
        given = {}
    elif isinstance(params, Mapping):
        given = params
    elif isinstance(params, Sequence) and not isinstance(params, str) and len(params) <= len(signature):
        given = dict(zip(signature, params, strict=False))
    else:
        raise BadRequest(INVALID_PARAMS, f"parameters are {', '.join(signature) or 'none'}")
    return {
        name: _parse_json(name, kind, given[name]) for name, kind in signature.items() if given.get(name) is not None
    }


def _parse_uri(name: str, kind: Kind, text: str) -> object:
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if kind in (Kind.BYTES, Kind.HEX):
        return _from_hex(name, kind, text[2:]) if text[:2].lower() == "0x" else bare.encode()
    if kind is Kind.FLAG and bare in ("true", "false"):
        return bare == "true"
    if kind is Kind.INTEGER:
        return _parse_integer(name, bare)
    if kind is Kind.TEXT:
        return bare
    raise _refuse(name, kind)


def _parse_json(name: str, kind: Kind, value: object) -> object:
    if kind is Kind.INTEGER and not isinstance(value, bool) and isinstance(value, int | str):
        return _parse_integer(name, str(value))
    if kind is Kind.FLAG and isinstance(value, bool):
        return value
    if not isinstance(value, str) or kind in (Kind.INTEGER, Kind.FLAG):
        raise _refuse(name, kind)
    if kind is Kind.HEX:
        return _from_hex(name, kind, value)
    return _from_base64(name, kind, value) if kind is Kind.BYTES else value


def _parse_integer(name: str, text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise _refuse(name, Kind.INTEGER)
    return int(text)


def _from_hex(name: str, kind: Kind, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise _refuse(name, kind) from error


def _from_base64(name: str, kind: Kind, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refuse(name, kind) from error


def _refuse(name: str, kind: Kind) -> BadRequest:
    return BadRequest(INVALID_PARAMS, f"{name} must be {kind.value}")
