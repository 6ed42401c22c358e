"""Cosmos transactions: what wallets sign, and CEC's own messages in them.

Source: cosmos-sdk proto/cosmos/{tx,bank,auth,base,crypto}. Field numbers and type URLs are final.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from chain.wire.codec import Field, Kind


@dataclass(frozen=True, slots=True)
class Any:
    """google.protobuf.Any: a message and its type URL."""

    FIELDS: ClassVar = (Field(1, "type_url", Kind.TEXT), Field(2, "value", Kind.BYTES))
    type_url: str
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Coin:
    """An amount, as decimal text, of a denomination."""

    FIELDS: ClassVar = (Field(1, "denom", Kind.TEXT), Field(2, "amount", Kind.TEXT))
    denom: str
    amount: str


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction offers for how much gas; payer and granter must be empty here."""

    FIELDS: ClassVar = (
        Field(1, "amount", Kind.MESSAGE, Coin, many=True),
        Field(2, "gas_limit", Kind.UINT),
        Field(3, "payer", Kind.TEXT),
        Field(4, "granter", Kind.TEXT),
    )
    amount: tuple[Coin, ...]
    gas_limit: int
    payer: str = ""
    granter: str = ""


@dataclass(frozen=True, slots=True)
class ModeInfoSingle:
    """How one key signed: 1 is SIGN_MODE_DIRECT."""

    FIELDS: ClassVar = (Field(1, "mode", Kind.INT),)
    mode: int


@dataclass(frozen=True, slots=True)
class ModeInfo:
    """How a signer signed."""

    FIELDS: ClassVar = (Field(1, "single", Kind.MESSAGE, ModeInfoSingle),)
    single: ModeInfoSingle | None


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """Who signed and under which sequence number."""

    FIELDS: ClassVar = (
        Field(1, "public_key", Kind.MESSAGE, Any),
        Field(2, "mode_info", Kind.MESSAGE, ModeInfo),
        Field(3, "sequence", Kind.UINT),
    )
    public_key: Any | None
    mode_info: ModeInfo | None
    sequence: int


@dataclass(frozen=True, slots=True)
class AuthInfo:
    """Signers and fee."""

    FIELDS: ClassVar = (
        Field(1, "signer_infos", Kind.MESSAGE, SignerInfo, many=True),
        Field(2, "fee", Kind.MESSAGE, Fee),
    )
    signer_infos: tuple[SignerInfo, ...]
    fee: Fee | None


@dataclass(frozen=True, slots=True)
class TxBody:
    """Messages, a memo, and the last height at which they may take effect (0: any)."""

    FIELDS: ClassVar = (
        Field(1, "messages", Kind.MESSAGE, Any, many=True),
        Field(2, "memo", Kind.TEXT),
        Field(3, "timeout_height", Kind.UINT),
    )
    messages: tuple[Any, ...]
    memo: str = ""
    timeout_height: int = 0


@dataclass(frozen=True, slots=True)
class TxRaw:
    """A signed transaction as it travels."""

    FIELDS: ClassVar = (
        Field(1, "body_bytes", Kind.BYTES),
        Field(2, "auth_info_bytes", Kind.BYTES),
        Field(3, "signatures", Kind.BYTES, many=True),
    )
    body_bytes: bytes
    auth_info_bytes: bytes
    signatures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignDoc:
    """What is signed under SIGN_MODE_DIRECT."""

    FIELDS: ClassVar = (
        Field(1, "body_bytes", Kind.BYTES),
        Field(2, "auth_info_bytes", Kind.BYTES),
        Field(3, "chain_id", Kind.TEXT),
        Field(4, "account_number", Kind.UINT),
    )
    body_bytes: bytes
    auth_info_bytes: bytes
    chain_id: str
    account_number: int


@dataclass(frozen=True, slots=True)
class Secp256k1Key:
    """A compressed public key, 33 bytes."""

    URL: ClassVar = "/cosmos.crypto.secp256k1.PubKey"
    FIELDS: ClassVar = (Field(1, "key", Kind.BYTES),)
    key: bytes


@dataclass(frozen=True, slots=True)
class MsgSend:
    """Moves coins from one account to another."""

    URL: ClassVar = "/cosmos.bank.v1beta1.MsgSend"
    FIELDS: ClassVar = (
        Field(1, "from_address", Kind.TEXT),
        Field(2, "to_address", Kind.TEXT),
        Field(3, "amount", Kind.MESSAGE, Coin, many=True),
    )
    from_address: str
    to_address: str
    amount: tuple[Coin, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MsgAnchor:
    """Puts a Merkle root on the chain.

    Attributes
    ----------
    submitter
        Who pays.
    root, count
        Merkle root, 32 bytes, and leaves under it.
    manifest
        CID (text) of the DAG that lists the batch.
    """

    URL: ClassVar = "/cec.anchor.v1.MsgAnchor"
    FIELDS: ClassVar = (
        Field(1, "submitter", Kind.TEXT),
        Field(2, "root", Kind.BYTES),
        Field(3, "count", Kind.UINT),
        Field(4, "manifest", Kind.TEXT),
    )
    submitter: str
    root: bytes
    count: int
    manifest: str


@dataclass(frozen=True, slots=True)
class MsgRegisterOrganisation:
    """Registers an organisation; only the chain's registry authority may.

    Attributes
    ----------
    authority
        Who signs.
    org, name
        Its id, and its name for people.
    admin
        Account that accredits its keys.
    key
        Its own record key (multicodec).
    """

    URL: ClassVar = "/cec.registry.v1.MsgRegisterOrganisation"
    FIELDS: ClassVar = (
        Field(1, "authority", Kind.TEXT),
        Field(2, "org", Kind.TEXT),
        Field(3, "admin", Kind.TEXT),
        Field(4, "key", Kind.BYTES),
        Field(5, "name", Kind.TEXT),
    )
    authority: str
    org: str
    admin: str
    key: bytes
    name: str


@dataclass(frozen=True, slots=True)
class MsgAccreditKey:
    """An organisation's admin says that a record key speaks for it.

    Attributes
    ----------
    admin, org
        Who signs, for whom.
    key
        The record key (multicodec).
    role
        ``service``, ``device`` or ``surveyor``.
    subject
        Id of the device, service or surveyor.
    """

    URL: ClassVar = "/cec.registry.v1.MsgAccreditKey"
    FIELDS: ClassVar = (
        Field(1, "admin", Kind.TEXT),
        Field(2, "org", Kind.TEXT),
        Field(3, "key", Kind.BYTES),
        Field(4, "role", Kind.TEXT),
        Field(5, "subject", Kind.TEXT),
    )
    admin: str
    org: str
    key: bytes
    role: str
    subject: str


@dataclass(frozen=True, slots=True)
class MsgRevokeKey:
    """An organisation's admin says that a record key speaks for it no more."""

    URL: ClassVar = "/cec.registry.v1.MsgRevokeKey"
    FIELDS: ClassVar = (
        Field(1, "admin", Kind.TEXT),
        Field(2, "org", Kind.TEXT),
        Field(3, "key", Kind.BYTES),
        Field(4, "reason", Kind.TEXT),
    )
    admin: str
    org: str
    key: bytes
    reason: str
