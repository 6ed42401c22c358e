"""How a device shows a broker who it is: its enrolment and a signature over this connection.

The embedded broker checks it; other brokers have their own ways. A login tells the broker whom to let in; it proves
nothing about records, which carry their own signatures, so a replayed login can only send what was signed before.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from domain.codec import decode_map, encode
from domain.envelope import Record, open_envelope
from domain.errors import InvalidField, InvalidSignature
from domain.keys import PublicKey, SigningKey, is_signature
from domain.records.membership import Enrol

MAX_LOGIN: Final = 4096
"""Characters of a login; an enrolment and a signature need about 900."""
_DOMAIN: Final = b"cec/v1/login\0"


@dataclass(frozen=True, slots=True)
class Login:
    """A checked login.

    Attributes
    ----------
    enrol
        The enrolment record; whether its signer speaks for the organisation is the caller's question.
    body
        What it says.
    at_ms
        The device's clock when it connected.
    """

    enrol: Record
    body: Enrol
    at_ms: int


def encode_login(enrol: Record, key: SigningKey, *, client_id: str, at_ms: int) -> str:
    """Return the password of a connection."""
    signature = key.sign(_signed_bytes(client_id, at_ms))
    raw = encode({"enrol": enrol.raw, "at_ms": at_ms, "sig": signature})
    return base64.urlsafe_b64encode(raw).decode("ascii")


def parse_login(text: str, *, client_id: str) -> Login:
    """Return what a password says, its signature checked under the enrolled key.

    Raises
    ------
    InvalidField, InvalidEncoding, InvalidRecord
        When it is no login.
    InvalidSignature
        When the device does not hold the enrolled key.
    """
    if len(text) > MAX_LOGIN:
        raise InvalidField("login", len(text), f"at most {MAX_LOGIN} characters")
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidField("login", text[:16], "expected base64url") from error
    fields = decode_map(raw)
    envelope, at_ms, signature = fields.get("enrol"), fields.get("at_ms"), fields.get("sig")
    if not isinstance(envelope, bytes) or not isinstance(signature, bytes) or type(at_ms) is not int:
        raise InvalidField("login", sorted(fields), "must hold enrol, at_ms and sig")
    enrol = open_envelope(envelope)
    body = enrol.expect(Enrol)
    if not is_signature(PublicKey(body.key), _signed_bytes(client_id, at_ms), signature):
        raise InvalidSignature("login", str(PublicKey(body.key)))
    return Login(enrol, body, at_ms)


def _signed_bytes(client_id: str, at_ms: int) -> bytes:
    return _DOMAIN + encode([client_id, at_ms])
