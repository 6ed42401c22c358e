"""The signing side: a key, its address, and transactions signed by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any as AnyMessage

from coincurve import PrivateKey

from chain.core.bank import DENOM
from chain.core.bech32 import format_address
from chain.core.fees import BYTE_GAS, SIGNATURE_GAS, compute_fee
from chain.core.transactions import SIGN_MODE_DIRECT, compute_address
from chain.wire.codec import encode_message
from chain.wire.cosmos import (
    Any,
    AuthInfo,
    Coin,
    Fee,
    ModeInfo,
    ModeInfoSingle,
    Secp256k1Key,
    SignDoc,
    SignerInfo,
    TxBody,
    TxRaw,
)


@dataclass(frozen=True, slots=True)
class Signing:
    """What a signature is for.

    Attributes
    ----------
    chain_id
        Which chain.
    account_number, sequence
        Of the account.
    message_gas
        What the messages cost.
    """

    chain_id: str
    account_number: int
    sequence: int
    message_gas: int


class Wallet:
    """A secp256k1 key.

    Parameters
    ----------
    secret
        32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.public = self._key.public_key.format(compressed=True)
        self.address = format_address(compute_address(self.public))

    def sign(self, messages: Sequence[AnyMessage], signing: Signing, *, memo: str = "") -> bytes:
        """Return the bytes of a transaction that carries `messages`, with the least fee that is taken."""
        body = encode_message(TxBody(tuple(Any(one.URL, encode_message(one)) for one in messages), memo))
        # Sizes of fee and gas within the transaction vary by a few bytes; 64 cover them.
        gas = BYTE_GAS * (len(body) + 320) + SIGNATURE_GAS + signing.message_gas
        auth = encode_message(self._authorise(signing.sequence, gas))
        document = encode_message(SignDoc(body, auth, signing.chain_id, signing.account_number))
        signature = self._key.sign_recoverable(document)[:64]
        return encode_message(TxRaw(body, auth, (signature,)))

    def _authorise(self, sequence: int, gas: int) -> AuthInfo:
        key = Any(Secp256k1Key.URL, encode_message(Secp256k1Key(self.public)))
        signer = SignerInfo(key, ModeInfo(ModeInfoSingle(SIGN_MODE_DIRECT)), sequence)
        return AuthInfo((signer,), Fee((Coin(DENOM, str(compute_fee(gas))),), gas))
