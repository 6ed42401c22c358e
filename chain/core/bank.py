"""Balances in ucec: who holds how much, and that nothing appears or vanishes."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from chain.core.accounts import open_account
from chain.core.bech32 import ADDRESS_BYTES, format_address, parse_address
from chain.core.errors import FundsTooLow, InvalidAmount, InvalidGenesis
from chain.core.messages import Context, Handler
from chain.core.state import CommittedState, Layer, StateReader
from chain.network.application import Event
from chain.wire.cosmos import Coin, MsgSend

MODULE: Final = "bank"
DENOM: Final = "ucec"
MAX_AMOUNT: Final = (1 << 63) - 1
"""Largest amount: 9.2 million million CEC; production reaches 10^8 in 13 years."""
SEND_GAS: Final = 20_000
_BALANCE: Final = b"b/"
_SUPPLY: Final = b"s/ucec"
_MAX_DIGITS: Final = 19
_AMOUNT_BYTES: Final = 8


def compute_module_address(name: str) -> bytes:
    """Return the address of a module's own account: no key leads to it."""
    return hashlib.sha256(b"module/" + name.encode()).digest()[:ADDRESS_BYTES]


def parse_amount(coins: tuple[Coin, ...]) -> int:
    """Return the amount that coins say, in ucec; `InvalidAmount` for anything but one positive amount of it."""
    text = coins[0].amount if len(coins) == 1 and coins[0].denom == DENOM else ""
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS or text.startswith("0"):
        raise InvalidAmount(" ".join(f"{coin.amount}{coin.denom}" for coin in coins[:3]))
    amount = int(text)
    if amount > MAX_AMOUNT:
        raise InvalidAmount(text)
    return amount


def get_balance(state: StateReader, address: bytes) -> int:
    """Return what an address holds, in ucec."""
    return int.from_bytes(state.get(MODULE, _BALANCE + address) or b"", "big")


def get_supply(state: StateReader) -> int:
    """Return all there is, in ucec."""
    return int.from_bytes(state.get(MODULE, _SUPPLY) or b"", "big")


def process_transfer(state: Layer, payer: bytes, payee: bytes, amount: int) -> None:
    """Move coins; `FundsTooLow` when the payer does not hold them."""
    held = get_balance(state, payer)
    if held < amount:
        raise FundsTooLow(format_address(payer), held, amount)
    _put(state, payer, held - amount)
    open_account(state, payee)
    _put(state, payee, get_balance(state, payee) + amount)


def process_genesis(state: Layer, genesis: Mapping[str, Any]) -> None:
    """Give the starting ``balances``: address to amount in ucec, as decimal text."""
    balances = genesis.get("balances", {})
    if not isinstance(balances, dict):
        raise InvalidGenesis("balances are not an object of address to amount")
    supply = 0
    for text, amount_text in sorted(balances.items()):
        address, amount = parse_address(text), _parse_balance(text, amount_text)
        open_account(state, address)
        _put(state, address, amount)
        supply += amount
    if supply > MAX_AMOUNT:
        raise InvalidGenesis("supply beyond 2^63 - 1 ucec")
    state.set(MODULE, _SUPPLY, supply.to_bytes(_AMOUNT_BYTES, "big"))


def process_send(state: Layer, message: MsgSend, context: Context) -> None:
    """Move coins as a MsgSend says."""
    amount = parse_amount(message.amount)
    process_transfer(state, parse_address(message.from_address), parse_address(message.to_address), amount)
    attributes = (("sender", message.from_address), ("recipient", message.to_address), ("amount", f"{amount}{DENOM}"))
    context.emit(Event("transfer", attributes))


def find_broken_invariant(state: CommittedState) -> str | None:
    """Return what is wrong with the balances, in words: they must be positive and sum to the supply."""
    total = 0
    for key, value in state.iterate(MODULE, _BALANCE):
        amount = int.from_bytes(value, "big")
        if amount == 0 or len(value) != _AMOUNT_BYTES:
            return f"balance of {format_address(key[len(_BALANCE) :])} is stored as {value.hex()}"
        total += amount
    supply = get_supply(state)
    return None if total == supply else f"balances sum to {total} ucec, the supply is {supply} ucec"


HANDLERS: Final = (Handler(MsgSend, "from_address", SEND_GAS, process_send),)


def _parse_balance(address: str, text: object) -> int:
    """Return a starting balance; zero is allowed, so that an account can begin empty."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise InvalidGenesis(f"balance of {address} is {str(text)[:40]!r}: expected whole ucec as decimal text")
    return int(text)


def _put(state: Layer, address: bytes, amount: int) -> None:
    key = _BALANCE + address
    state.set(MODULE, key, amount.to_bytes(_AMOUNT_BYTES, "big") if amount else None)
