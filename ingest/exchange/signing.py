"""Signatures of Standard Webhooks 1.0.0 over ``{id}.{timestamp}.{payload}``: HMAC-SHA256 and Ed25519, both on each.

Source: https://github.com/standard-webhooks/standard-webhooks, section "Signature scheme". A receiver checks the one
it prefers: the shared secret, or the public key, which cannot sign.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from domain.keys import ED25519_PREFIX, PublicKey, SigningKey

PUBLIC_PREFIX: Final = "whpk_"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # how a secret is written, not one
SECRET_BYTES: Final = 32
"""The standard asks for 24 to 64."""


@dataclass(frozen=True, slots=True, repr=False)
class HookKeys:
    """What signs for one endpoint.

    Attributes
    ----------
    secret
        Shared with its receiver.
    key
        Ed25519; its receiver knows the public half alone.
    """

    secret: bytes
    key: SigningKey


def derive_key(server_secret: bytes, hook: str) -> SigningKey:
    """Return the Ed25519 key of an endpoint: the server's own secret makes it, so it is kept nowhere else."""
    said = b"cec webhook key\0" + hook.encode()
    return SigningKey.from_seed(hmac.digest(server_secret, said, hashlib.sha256))


def make_secret() -> bytes:
    """Return a new secret of one endpoint."""
    return secrets.token_bytes(SECRET_BYTES)


def format_secret(secret: bytes) -> str:
    """Return a secret as its receiver is given it.

    Examples
    --------
    >>> format_secret(bytes(6))
    'whsec_AAAAAAAA'
    """
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def format_public_key(key: PublicKey) -> str:
    """Return the public key of an endpoint as its receiver is given it."""
    return PUBLIC_PREFIX + base64.b64encode(key.raw.removeprefix(ED25519_PREFIX)).decode()


def make_headers(keys: HookKeys, message_id: str, timestamp_s: int, payload: bytes) -> dict[str, str]:
    """Return the three headers of one attempt."""
    said = f"{message_id}.{timestamp_s}.".encode() + payload
    shared = base64.b64encode(hmac.digest(keys.secret, said, hashlib.sha256)).decode()
    signed = base64.b64encode(keys.key.sign(said)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{shared} v1a,{signed}",
    }
