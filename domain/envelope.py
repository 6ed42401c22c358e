"""Signed envelopes: the bytes that MQTT carries, IPFS stores and the chain anchors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol, TypeAlias, TypeVar

from domain.cid import DAG_CBOR, Cid
from domain.codec import Value, decode_list, decode_map, encode
from domain.errors import InvalidEncoding, InvalidField, InvalidRecord, InvalidSignature, UnknownKind
from domain.keys import PublicKey, is_signature
from domain.records.field import Birth, Blob, Close, Observation
from domain.records.frame import Area, Campaign, SpeciesList
from domain.records.match import Match
from domain.records.membership import Enrol, Revoke, Rotate
from domain.records.receipt import Receipt
from domain.records.result import Result, Survey, Tree
from domain.schema import from_map, to_map

VERSION: Final = 1
MAX_ENVELOPE: Final = 256 * 1024
"""Bytes of one envelope; also of one MQTT message, the smallest default limit among common brokers."""
MAX_MESSAGE: Final = MAX_ENVELOPE
MAX_ENVELOPES: Final = 400
"""Envelopes in one message; each must be answered, and a receipt has room for so many."""

Body: TypeAlias = (
    Observation
    | Blob
    | Birth
    | Close
    | Enrol
    | Rotate
    | Revoke
    | Campaign
    | Area
    | SpeciesList
    | Survey
    | Tree
    | Result
    | Match
    | Receipt
)
KINDS: Final[Mapping[str, type[Body]]] = {
    cls.KIND: cls
    for cls in (
        Observation,
        Blob,
        Birth,
        Close,
        Enrol,
        Rotate,
        Revoke,
        Campaign,
        Area,
        SpeciesList,
        Survey,
        Tree,
        Result,
        Match,
        Receipt,
    )
}
FIELD_KINDS: Final = (Observation.KIND, Blob.KIND, Birth.KIND, Close.KIND)
"""Kinds that a device signs and that stand in its sequence."""
FRAME_KINDS: Final = (Campaign.KIND, Area.KIND, SpeciesList.KIND)
"""Kinds that an organisation signs and that come down to its devices."""
FieldBody: TypeAlias = Observation | Blob | Birth | Close

_BODY_OFFSET: Final = len(b"\xa3" + b"\x63key\x58\x22" + b"\x63sig\x58\x40" + b"\x64body")
"""Bytes before an envelope's body beside key and signature: a map of three, keys by length and alphabet (DAG-CBOR), and
byte strings of 24 to 255 with a head of two."""

B = TypeVar("B", bound=Body)


class _Signer(Protocol):
    @property
    def public(self) -> PublicKey: ...
    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True)
class Record:
    """An envelope that was checked: canonical, of a known kind, signed by its key.

    Attributes
    ----------
    raw
        The envelope's bytes.
    body
        What it says.
    key
        Who signed it.
    """

    raw: bytes
    body: Body
    key: PublicKey

    @cached_property
    def cid(self) -> Cid:
        """The record's name."""
        return Cid.of(DAG_CBOR, self.raw)

    @property
    def kind(self) -> str:
        """Its kind, such as ``tree``."""
        return self.body.KIND

    def expect(self, cls: type[B]) -> B:
        """Return the body when it is a `cls`; else raise `InvalidRecord`."""
        if not isinstance(self.body, cls):
            raise InvalidRecord(f"Invalid record {self.cid}: expected a {cls.KIND!r}, it is a {self.kind!r}")
        return self.body


def seal(body: Body, key: _Signer) -> Record:
    """Return the record of `body` signed by `key`.

    Raises
    ------
    InvalidField
        When a field breaks its bound.
    InvalidEncoding
        When the envelope would be larger than `MAX_ENVELOPE`.
    """
    fields = encode_body(body)
    signature = key.sign(_domain_of(body.KIND) + encode(fields))
    raw = encode({"body": fields, "key": key.public.raw, "sig": signature})
    if len(raw) > MAX_ENVELOPE:
        raise InvalidEncoding(f"an envelope of {len(raw)} bytes, at most {MAX_ENVELOPE}; split it")
    return Record(raw, body, key.public)


def open_envelope(raw: bytes) -> Record:
    """Return the record whose envelope is `raw`, checked.

    Raises
    ------
    InvalidEncoding
        When the bytes are too many or not canonical.
    InvalidRecord
        When kind, version or a field is wrong.
    InvalidKey
        When the key is none.
    InvalidSignature
        When the signature is not the key's.
    """
    if len(raw) > MAX_ENVELOPE:
        raise InvalidEncoding(f"an envelope of {len(raw)} bytes, at most {MAX_ENVELOPE}")
    envelope = decode_map(raw)
    fields, key, signature = _split(envelope)
    body = parse_body(fields)
    public = PublicKey(key)
    # The envelope is canonical: its body stands last, in the bytes that were signed.
    start = _BODY_OFFSET + len(key) + len(signature)
    if not is_signature(public, _domain_of(body.KIND) + raw[start:], signature):
        raise InvalidSignature(body.KIND, str(public))
    return Record(raw, body, public)


def encode_body(body: Body) -> dict[str, Value]:
    """Return the map of a body, its version and kind included."""
    return {"v": VERSION, "kind": body.KIND, **to_map(body)}


def parse_body(fields: Mapping[str, Value]) -> Body:
    """Return the body of a map; `UnknownKind` or `InvalidField` when it is none."""
    kind, version = fields.get("kind"), fields.get("v")
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None or version != VERSION or isinstance(version, bool):
        raise UnknownKind(kind, version)
    return from_map(cls, {name: value for name, value in fields.items() if name not in ("v", "kind")})


def pack_message(envelopes: Iterable[bytes]) -> bytes:
    """Return one MQTT message that carries `envelopes`; `InvalidEncoding` when they are too many or too large."""
    message = encode(list(envelopes))
    if len(message) > MAX_MESSAGE:
        raise InvalidEncoding(f"a message of {len(message)} bytes, at most {MAX_MESSAGE}; send fewer at once")
    return message


def unpack_message(message: bytes) -> tuple[bytes, ...]:
    """Return the envelopes of a message, unchecked; `InvalidEncoding` when it is none."""
    if len(message) > MAX_MESSAGE:
        raise InvalidEncoding(f"a message of {len(message)} bytes, at most {MAX_MESSAGE}")
    items = decode_list(message)
    if not 0 < len(items) <= MAX_ENVELOPES:
        raise InvalidEncoding(f"a message of {len(items)} envelopes, 1 to {MAX_ENVELOPES} are read")
    if not all(isinstance(item, bytes) for item in items):
        raise InvalidEncoding("a message is a list of envelopes as byte strings")
    return tuple(item for item in items if isinstance(item, bytes))


def _domain_of(kind: str) -> bytes:
    return b"cec/v1/" + kind.encode() + b"\0"


def _split(envelope: Mapping[str, Value]) -> tuple[Mapping[str, Value], bytes, bytes]:
    if set(envelope) != {"body", "key", "sig"}:
        raise InvalidField("envelope", sorted(envelope), "must hold body, key and sig, no more")
    body, key, signature = envelope["body"], envelope["key"], envelope["sig"]
    if not isinstance(body, Mapping):
        raise InvalidField("body", body, "expected a map")
    if not isinstance(key, bytes) or not isinstance(signature, bytes):
        raise InvalidField("key and sig", "", "expected bytes")
    return body, key, signature
