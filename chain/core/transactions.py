"""Transactions: decoded strictly, signed by one key under SIGN_MODE_DIRECT.

Source: cosmos-sdk ADR 020 (TxRaw, SignDoc) and ADR 027 (one encoding). Signatures are 64 bytes, low s.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact

from chain.core.bank import parse_amount
from chain.core.bech32 import format_address
from chain.core.errors import MalformedTx, UnknownMessage, WrongSigner
from chain.core.messages import Handler
from chain.core.ripemd import hash_ripemd160
from chain.wire.codec import decode_message, encode_message
from chain.wire.cosmos import AuthInfo, Secp256k1Key, SignDoc, TxBody, TxRaw
from chain.wire.errors import InvalidWire

MAX_TX_BYTES: Final = 64 << 10
"""Largest transaction: an anchor has 300 bytes; the rest is room for messages to come."""
MAX_MESSAGES: Final = 32
MAX_MEMO: Final = 256
MAX_GAS: Final = (1 << 63) - 1
"""Largest gas limit: results carry it as int64."""
SIGN_MODE_DIRECT: Final = 1
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1: a signature's s must not be larger (BIP 62), or anyone could make a second one."""


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction that is well-formed; its signature is checked against its account.

    Attributes
    ----------
    raw
        As it came.
    signer
        Address of the key, 20 bytes.
    key
        Compressed public key, 33 bytes.
    sequence
        Which of the account's transactions it is.
    fee, gas_limit
        What it pays, in ucec, for how much gas.
    messages
        Each with the handler that takes it.
    timeout_height
        Last height at which it may take effect; 0 is any.
    size
        Bytes that it came in.
    """

    raw: TxRaw
    signer: bytes
    key: bytes
    sequence: int
    fee: int
    gas_limit: int
    messages: tuple[tuple[Handler, Any], ...]
    timeout_height: int
    size: int


def decode_tx(raw: bytes, handlers: dict[str, Handler]) -> Tx:
    """Return the transaction that bytes are.

    Raises
    ------
    MalformedTx, UnknownMessage, WrongSigner, InvalidAmount
        By what is wrong.
    """
    if len(raw) > MAX_TX_BYTES:
        raise MalformedTx(f"{len(raw)} bytes, at most {MAX_TX_BYTES}")
    try:
        tx = decode_message(TxRaw, raw)
        body, auth = decode_message(TxBody, tx.body_bytes), decode_message(AuthInfo, tx.auth_info_bytes)
        key, sequence = _read_signer(tx, auth)
        signer = compute_address(key)
        messages = _read_messages(body, signer, handlers)
    except InvalidWire as error:
        raise MalformedTx(str(error)) from error
    fee = auth.fee
    if fee is None or fee.payer or fee.granter:
        raise MalformedTx("a fee is needed, paid by the signer itself")
    if fee.gas_limit > MAX_GAS:
        raise MalformedTx(f"a gas limit of {fee.gas_limit}, at most {MAX_GAS}")
    return Tx(
        raw=tx,
        signer=signer,
        key=key,
        sequence=sequence,
        fee=parse_amount(fee.amount),
        gas_limit=fee.gas_limit,
        messages=messages,
        timeout_height=body.timeout_height,
        size=len(raw),
    )


def is_signed(tx: Tx, chain_id: str, account_number: int) -> bool:
    """Tell whether the signer signed this transaction for this chain and account."""
    (signature,) = tx.raw.signatures
    document = encode_message(SignDoc(tx.raw.body_bytes, tx.raw.auth_info_bytes, chain_id, account_number))
    if not 0 < int.from_bytes(signature[32:], "big") <= HALF_ORDER:
        return False
    try:
        der = cdata_to_der(deserialize_compact(signature))
        return PublicKey(tx.key).verify(der, document)
    except ValueError:
        return False


def compute_address(key: bytes) -> bytes:
    """Return the address of a compressed secp256k1 key: RIPEMD-160 of its SHA-256."""
    return hash_ripemd160(hashlib.sha256(key).digest())


def _read_signer(tx: TxRaw, auth: AuthInfo) -> tuple[bytes, int]:
    if len(auth.signer_infos) != 1 or len(tx.signatures) != 1 or len(tx.signatures[0]) != 64:  # noqa: PLR2004
        raise MalformedTx("exactly one signer with a signature of 64 bytes is taken")
    info = auth.signer_infos[0]
    mode = info.mode_info.single if info.mode_info is not None else None
    if mode is None or mode.mode != SIGN_MODE_DIRECT:
        raise MalformedTx("only SIGN_MODE_DIRECT is taken")
    if info.public_key is None or info.public_key.type_url != Secp256k1Key.URL:
        raise MalformedTx("the signer's secp256k1 key must be given")
    key = decode_message(Secp256k1Key, info.public_key.value).key
    if len(key) != 33:  # noqa: PLR2004  # a compressed point
        raise MalformedTx("a secp256k1 key has 33 bytes")
    return key, info.sequence


def _read_messages(body: TxBody, signer: bytes, handlers: dict[str, Handler]) -> tuple[tuple[Handler, Any], ...]:
    if not 0 < len(body.messages) <= MAX_MESSAGES:
        raise MalformedTx(f"{len(body.messages)} messages, 1 to {MAX_MESSAGES} are taken")
    if len(body.memo) > MAX_MEMO:
        raise MalformedTx(f"a memo of {len(body.memo)} characters, at most {MAX_MEMO}")
    read: list[tuple[Handler, Any]] = []
    for one in body.messages:
        handler = handlers.get(one.type_url)
        if handler is None:
            raise UnknownMessage(one.type_url)
        message = decode_message(handler.message, one.value)
        needed = getattr(message, handler.signer)
        if needed != format_address(signer):
            raise WrongSigner(format_address(signer), needed)
        read.append((handler, message))
    return tuple(read)
