"""State proofs as ICS 23 writes them, so that verifiers that are not ours can check them.

Source: cosmos/ics23, proto/cosmos/ics23/v1/proofs.proto (fields), go/proof.go (`SmtSpec` of the modules' trees,
`TendermintSpec` of the tree over their roots). ICS 23 has no proof that a key is absent from an empty tree, and none of
an empty key or value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, TypeAlias

from chain.wire.codec import Field, Kind, encode_message
from chain.wire.errors import InvalidWire
from domain.merkle import MerklePath

NO_HASH: Final = 0
SHA256: Final = 1
NO_PREFIX: Final = 0
VAR_PROTO: Final = 1
MAX_LEVELS: Final = 256
"""Longest path: `SmtSpec.max_depth`, the bits of a hashed key."""
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class LeafOp:
    """How a key and a value become a leaf's hash.

    Attributes
    ----------
    hash, prehash_key, prehash_value
        `HashOp`: 0 none, 1 SHA-256.
    length
        `LengthOp`: 0 none, 1 a varint before each part.
    prefix
        Bytes before both.
    """

    FIELDS: ClassVar = (
        Field(1, "hash", Kind.UINT),
        Field(2, "prehash_key", Kind.UINT),
        Field(3, "prehash_value", Kind.UINT),
        Field(4, "length", Kind.UINT),
        Field(5, "prefix", Kind.BYTES),
    )
    hash: int
    prehash_key: int
    prehash_value: int
    length: int
    prefix: bytes


@dataclass(frozen=True, slots=True)
class InnerOp:
    """One step up: the hash of `prefix`, the hash so far, and `suffix`."""

    FIELDS: ClassVar = (
        Field(1, "hash", Kind.UINT),
        Field(2, "prefix", Kind.BYTES),
        Field(3, "suffix", Kind.BYTES),
    )
    hash: int
    prefix: bytes
    suffix: bytes


@dataclass(frozen=True, slots=True)
class ExistenceProof:
    """A key, its value, and the steps from its leaf up to the root."""

    FIELDS: ClassVar = (
        Field(1, "key", Kind.BYTES),
        Field(2, "value", Kind.BYTES),
        Field(3, "leaf", Kind.MESSAGE, LeafOp),
        Field(4, "path", Kind.MESSAGE, InnerOp, many=True),
    )
    key: bytes
    value: bytes
    leaf: LeafOp | None
    path: tuple[InnerOp, ...]


@dataclass(frozen=True, slots=True)
class NonExistenceProof:
    """A key that is absent, and the members on both sides of it by hashed key; one is missing at the tree's edge."""

    FIELDS: ClassVar = (
        Field(1, "key", Kind.BYTES),
        Field(2, "left", Kind.MESSAGE, ExistenceProof),
        Field(3, "right", Kind.MESSAGE, ExistenceProof),
    )
    key: bytes
    left: ExistenceProof | None
    right: ExistenceProof | None


@dataclass(frozen=True, slots=True)
class CommitmentProof:
    """Either of both; batches and exclusion proofs are not made here."""

    FIELDS: ClassVar = (
        Field(1, "exist", Kind.MESSAGE, ExistenceProof),
        Field(2, "nonexist", Kind.MESSAGE, NonExistenceProof),
    )
    exist: ExistenceProof | None
    nonexist: NonExistenceProof | None


SMT_LEAF: Final = LeafOp(SHA256, SHA256, SHA256, NO_PREFIX, b"\x00")
"""Leaf of `SmtSpec`."""
TENDERMINT_LEAF: Final = LeafOp(SHA256, NO_HASH, SHA256, VAR_PROTO, b"\x00")
"""Leaf of `TendermintSpec`."""

Member: TypeAlias = tuple[bytes, bytes, Sequence[bytes]]
"""A key, its value, and the siblings from the top of the tree to its leaf, 32 bytes each, empty ones of zeros."""


def encode_existence(member: Member) -> bytes:
    """Return the bytes of the `CommitmentProof` that a member stands in a sparse Merkle tree.

    Raises
    ------
    InvalidWire
        When ICS 23 has no such proof.
    """
    return encode_message(CommitmentProof(_build_hashed(member), None))


def encode_absence(key: bytes, left: Member | None, right: Member | None) -> bytes:
    """Return the bytes of the `CommitmentProof` that a key is absent from a sparse Merkle tree.

    Parameters
    ----------
    key
        Which is absent.
    left, right
        The members before and after it by hashed key.

    Raises
    ------
    InvalidWire
        When ICS 23 has no such proof: the tree is empty, so that its root, 32 zero bytes, is the only proof.
    """
    if left is None and right is None:
        raise InvalidWire("NonExistenceProof", "an empty tree has no member beside the key")
    if not key:
        raise InvalidWire("NonExistenceProof", "no proof tells of an empty key")
    beside = [None if one is None else _build_hashed(one) for one in (left, right)]
    return encode_message(CommitmentProof(None, NonExistenceProof(key, beside[0], beside[1])))


def build_existence(member: Member, key_hash: bytes) -> ExistenceProof:
    """Return the proof that a member stands in a sparse Merkle tree.

    Parameters
    ----------
    member
        What is proven.
    key_hash
        SHA-256 of its key (32 bytes): the sides on which the siblings stand.

    Raises
    ------
    InvalidWire
        When ICS 23 has no such proof.
    """
    key, value, siblings = member
    _validate(key, value, siblings)
    bits = int.from_bytes(key_hash, "big")
    steps = [
        _step(sibling, is_right=bool(bits >> (MAX_LEVELS - 1 - depth) & 1)) for depth, sibling in enumerate(siblings)
    ]
    return ExistenceProof(key, value, SMT_LEAF, tuple(reversed(steps)))


def encode_module(name: str, root: bytes, path: MerklePath) -> bytes:
    """Return the bytes of the `CommitmentProof` that a module's root stands under the application hash.

    Parameters
    ----------
    name, root
        The module's name and root (32 bytes).
    path
        From its leaf to the application hash.

    Raises
    ------
    InvalidWire
        When ICS 23 has no such proof.
    """
    _validate(name.encode(), root, path.hashes)
    turned = _turn_path(path)
    steps = tuple(_step(sibling, is_right=is_right) for is_right, sibling in turned)
    return encode_message(CommitmentProof(ExistenceProof(name.encode(), root, TENDERMINT_LEAF, steps), None))


def _build_hashed(member: Member) -> ExistenceProof:
    return build_existence(member, sha256(member[0]).digest())


def _turn_path(path: MerklePath) -> list[tuple[bool, bytes]]:
    """Return, for a leaf's path (RFC 9162 section 2.1.3.2), on which side each of its steps stands."""
    turned, index, last = [], path.index, path.count - 1
    for sibling in path.hashes:
        while not index & 1 and index == last and last:
            index, last = index >> 1, last >> 1
        turned.append((bool(index & 1), sibling))
        index, last = index >> 1, last >> 1
    return turned


def _step(sibling: bytes, *, is_right: bool) -> InnerOp:
    return InnerOp(SHA256, b"\x01" + sibling, b"") if is_right else InnerOp(SHA256, b"\x01", sibling)


def _validate(key: bytes, value: bytes, siblings: Sequence[bytes]) -> None:
    if not key or not value:
        raise InvalidWire("ExistenceProof", "no proof tells of an empty key or value")
    if len(siblings) > MAX_LEVELS or any(len(sibling) != _HASH_BYTES for sibling in siblings):
        raise InvalidWire("ExistenceProof", f"a path has at most {MAX_LEVELS} siblings of {_HASH_BYTES} bytes")
