"""Content identifiers: CIDv1 over sha2-256, for raw leaves, dag-pb nodes and dag-cbor records.

Source: https://github.com/multiformats/cid (CIDv1), multicodec table, multibase ``b`` (RFC 4648 base32, lower
case, no padding). CEC names nothing by another hash, so a CID here is always 36 bytes.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final, Self

from domain.errors import InvalidCid

RAW: Final = 0x55
DAG_PB: Final = 0x70
DAG_CBOR: Final = 0x71

CODECS: Final = {RAW: "raw", DAG_PB: "dag-pb", DAG_CBOR: "dag-cbor"}

_VERSION: Final = 1
_SHA2_256: Final = 0x12
_DIGEST_LENGTH: Final = 32
CID_LENGTH: Final = 4 + _DIGEST_LENGTH
"""Bytes of a CID: version, codec, hash function and digest length (one byte each), digest."""
_TEXT_LENGTH: Final = 1 + (CID_LENGTH * 8 + 4) // 5


@dataclass(frozen=True, slots=True, order=True)
class Cid:
    """Name of a block: which codec reads it and the SHA-256 of its bytes.

    Attributes
    ----------
    codec
        Multicodec number: ``RAW``, ``DAG_PB`` or ``DAG_CBOR``.
    digest
        SHA-256 of the block, 32 bytes.
    """

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise InvalidCid(hex(self.codec), "the codec must be raw, dag-pb or dag-cbor")
        if len(self.digest) != _DIGEST_LENGTH:
            raise InvalidCid(self.digest.hex(), "the digest must have 32 bytes")

    @classmethod
    def of(cls, codec: int, block: bytes) -> Self:
        """Return the CID of `block` read by `codec`.

        Examples
        --------
        >>> str(Cid.of(RAW, b"hello world"))
        'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
        """
        return cls(codec, hashlib.sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the CID that `text` names (base32, lower case).

        Raises
        ------
        InvalidCid
            When the text is not a base32 CIDv1 with SHA-256.
        """
        if len(text) != _TEXT_LENGTH or not text.startswith("b"):
            raise InvalidCid(text[:80], f"expected 'b' and {_TEXT_LENGTH - 1} base32 symbols (CIDv1, sha2-256)")
        try:
            raw = base64.b32decode(text[1:].upper() + "=" * (-(_TEXT_LENGTH - 1) % 8))
        except ValueError as error:
            raise InvalidCid(text, "not base32") from error
        cid = cls.from_bytes(raw)
        if str(cid) != text:
            raise InvalidCid(text, "not the canonical spelling (lower case, no stray bits)")
        return cid

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return the CID whose binary form is `raw` (36 bytes).

        Raises
        ------
        InvalidCid
            When the bytes are not CIDv1 with SHA-256 and a codec that CEC uses.
        """
        if len(raw) != CID_LENGTH or raw[0] != _VERSION or raw[2:4] != bytes((_SHA2_256, _DIGEST_LENGTH)):
            raise InvalidCid(raw[:40].hex(), "expected 36 bytes: CIDv1, codec, sha2-256, 32-byte digest")
        return cls(raw[1], raw[4:])

    def __bytes__(self) -> bytes:
        return bytes((_VERSION, self.codec, _SHA2_256, _DIGEST_LENGTH)) + self.digest

    def __str__(self) -> str:
        return "b" + base64.b32encode(bytes(self)).decode("ascii").rstrip("=").lower()
