"""A state machine in memory with four accounts, and transactions from which tests change one thing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any as AnyMessage

from coincurve import PrivateKey

from chain.core.accounts import get_account
from chain.core.bank import DENOM, get_balance
from chain.core.bech32 import parse_address
from chain.core.machine import StateMachine
from chain.core.transactions import SIGN_MODE_DIRECT
from chain.core.wallet import Wallet
from chain.data.kv import KeyValueStore
from chain.data.memory import MemoryStore
from chain.network.application import BlockInput, BlockResult, Genesis, TxResult, Validator
from chain.network.genesis import canonical_json
from chain.node import MODULES
from chain.wire.codec import encode_message
from chain.wire.cosmos import (
    Any,
    AuthInfo,
    Coin,
    Fee,
    ModeInfo,
    ModeInfoSingle,
    MsgSend,
    Secp256k1Key,
    SignDoc,
    SignerInfo,
    TxBody,
    TxRaw,
)

CHAIN_ID = "cec-bench-1"
SECRETS = tuple(bytes([number] * 32) for number in range(1, 5))
ALICE, BOB, CAROL, DAVE = (Wallet(secret) for secret in SECRETS)
STRANGER = Wallet(bytes([99] * 32))
"""Has no account."""
START = 1_000_000
"""What each of the four holds at genesis, in ucec."""
START_NS = 1_790_000_000_000_000_000
GAS, FEE = 200_000, 2_000
"""More than any one message of this chain costs, and the least fee for it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction before it is signed."""

    secret: bytes
    body: TxBody
    auth: AuthInfo
    number: int
    chain_id: str = CHAIN_ID

    @property
    def document(self) -> bytes:
        return encode_message(SignDoc(encode_message(self.body), encode_message(self.auth), self.chain_id, self.number))

    def seal(self, *signatures: bytes) -> bytes:
        return encode_message(TxRaw(encode_message(self.body), encode_message(self.auth), signatures))

    def sign(self) -> bytes:
        return self.seal(PrivateKey(self.secret).sign_recoverable(self.document)[:64])

    def with_fee(self, **changes: AnyMessage) -> "Draft":  # noqa: ANN401
        assert self.auth.fee is not None
        return replace(self, auth=replace(self.auth, fee=replace(self.auth.fee, **changes)))

    def with_signer(self, **changes: AnyMessage) -> "Draft":  # noqa: ANN401
        return replace(self, auth=replace(self.auth, signer_infos=(replace(self.auth.signer_infos[0], **changes),)))

    def with_body(self, **changes: AnyMessage) -> "Draft":  # noqa: ANN401
        return replace(self, body=replace(self.body, **changes))


class Bench:
    """A state machine that tests drive block by block; its first block is empty."""

    def __init__(self, kv: KeyValueStore | None = None) -> None:
        self.machine = StateMachine(MemoryStore() if kv is None else kv, CHAIN_ID, MODULES)
        self.blocks: list[BlockInput] = []
        if self.machine.info()[0] == 0:
            self.machine.init_chain(make_genesis())
            self.run()

    def propose(self, *txs: bytes) -> BlockInput:
        height = self.machine.info()[0] + 1
        return BlockInput(height, START_NS + height * 1_000_000_000, bytes(20), txs)

    def run(self, *txs: bytes) -> BlockResult:
        """Finalise and commit a block."""
        block = self.propose(*txs)
        result = self.machine.finalize_block(block)
        self.machine.commit()
        self.blocks.append(block)
        return result

    def deliver(self, *txs: bytes) -> TxResult:
        """Finalise and commit a block; return what its last transaction did."""
        return self.run(*txs).tx_results[-1]

    def execute(self, wallet: Wallet, *messages: AnyMessage) -> TxResult:  # noqa: ANN401
        """Sign messages with what the account's state says, and deliver them."""
        return self.deliver(self.draft(wallet, *messages).sign())

    def draft(self, wallet: Wallet, *messages: AnyMessage) -> Draft:  # noqa: ANN401
        account = get_account(self.machine.store, parse_address(wallet.address))
        return make_draft(wallet, messages, number=account.number, sequence=account.sequence)

    def balance(self, wallet: Wallet) -> int:
        return get_balance(self.machine.store, parse_address(wallet.address))

    def sequence(self, wallet: Wallet) -> int:
        return get_account(self.machine.store, parse_address(wallet.address)).sequence


def make_genesis() -> Genesis:
    """Return a genesis in which Alice registers organisations and four accounts hold coins."""
    state = {
        "bank": {"balances": {wallet.address: str(START) for wallet in (ALICE, BOB, CAROL, DAVE)}},
        "registry": {"authority": ALICE.address},
    }
    return Genesis(CHAIN_ID, START_NS, 1, (Validator(bytes(32), 10),), canonical_json(state))


def make_draft(wallet: Wallet, messages: Sequence[AnyMessage], *, number: int, sequence: int) -> Draft:
    """Return a transaction that is valid when number and sequence are."""
    secret = next(one for one in (*SECRETS, bytes([99] * 32)) if Wallet(one).address == wallet.address)
    key = Any(Secp256k1Key.URL, encode_message(Secp256k1Key(wallet.public)))
    signer = SignerInfo(key, ModeInfo(ModeInfoSingle(SIGN_MODE_DIRECT)), sequence)
    body = TxBody(tuple(Any(one.URL, encode_message(one)) for one in messages))
    return Draft(secret, body, AuthInfo((signer,), Fee((Coin(DENOM, str(FEE)),), GAS)), number)


def send(payer: Wallet, payee: Wallet | str, amount: int | str, denom: str = DENOM) -> MsgSend:
    """Return a MsgSend."""
    to = payee if isinstance(payee, str) else payee.address
    return MsgSend(payer.address, to, (Coin(denom, str(amount)),))
