"""Record keys and signatures: Ed25519 by default, P-256 for secure elements.

A public key is its multicodec prefix and its raw bytes, so that it says its own type. Signatures are 64 raw
bytes; P-256's ``s`` must be the low one, because the high one would be a second signature of the same body.
Sources: RFC 8032 (Ed25519), FIPS 186-5 (ECDSA), multicodec table. ``cryptography`` does the mathematics; this
module alone imports it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature as _LibraryInvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from domain.errors import InvalidKey

ED25519_PREFIX: Final = bytes.fromhex("ed01")
P256_PREFIX: Final = bytes.fromhex("8024")
_ED25519_LENGTH: Final = 32
_P256_LENGTH: Final = 33
SIGNATURE_LENGTH: Final = 64
SEED_LENGTH: Final = 32
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """A record key: multicodec prefix and raw bytes (Ed25519 32, P-256 compressed 33).

    Attributes
    ----------
    raw
        34 or 35 bytes, checked to be a key of its type.
    """

    raw: bytes

    def __post_init__(self) -> None:
        _load_public(self.raw)

    @property
    def algorithm(self) -> str:
        """``"ed25519"`` or ``"p256"``."""
        return "ed25519" if self.raw.startswith(ED25519_PREFIX) else "p256"

    @property
    def fingerprint(self) -> str:
        """First 8 bytes of the key's SHA-256 in hexadecimal, for people to compare."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private record key; `repr` shows no secret.

    Attributes
    ----------
    public
        The key that verifies what this one signs.
    """

    public: PublicKey
    _private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the Ed25519 key of a 32-byte seed (RFC 8032 section 5.1.5).

        Raises
        ------
        InvalidKey
            When the seed does not have 32 bytes.
        """
        if len(seed) != SEED_LENGTH:
            raise InvalidKey(f"a seed has {SEED_LENGTH} bytes, not {len(seed)}")
        private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        return cls(PublicKey(ED25519_PREFIX + private.public_key().public_bytes_raw()), private)

    @classmethod
    def p256_from_secret(cls, secret: bytes) -> "SigningKey":
        """Return the P-256 key of a 32-byte big-endian scalar.

        Raises
        ------
        InvalidKey
            When the scalar is not between 1 and the order of the curve.
        """
        scalar = int.from_bytes(secret, "big")
        if len(secret) != SEED_LENGTH or not 0 < scalar < P256_ORDER:
            raise InvalidKey("a P-256 secret is 32 bytes between 1 and the order of the curve")
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        return cls(PublicKey(P256_PREFIX + _compress(private.public_key())), private)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(message)
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"


def is_signature(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) is one of `message` by `key`; a high ``s`` is none."""
    if len(signature) != SIGNATURE_LENGTH:
        return False
    public = _load_public(key.raw)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, message)
            return True
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < P256_ORDER and 0 < s <= P256_ORDER // 2):
            return False
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except _LibraryInvalidSignature:
        return False
    return True


def _load_public(raw: bytes) -> _Public:
    prefix, key = raw[:2], raw[2:]
    try:
        if prefix == ED25519_PREFIX and len(key) == _ED25519_LENGTH:
            return ed25519.Ed25519PublicKey.from_public_bytes(key)
        if prefix == P256_PREFIX and len(key) == _P256_LENGTH:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    except ValueError as error:
        raise InvalidKey("not a point of its curve") from error
    raise InvalidKey("expected ed01 and 32 bytes (Ed25519) or 8024 and 33 bytes (P-256, compressed)")


def _compress(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
