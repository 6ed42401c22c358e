"""Balances in ucec: who holds how much, and that nothing appears or vanishes."""

import hashlib
from typing import Final

from chain.core.accounts import open_account
from chain.core.bech32 import ADDRESS_BYTES, format_address, parse_address
from chain.core.errors import FundsTooLow, InvalidAmount, InvalidGenesis
from chain.core.messages import Context, Handler
from chain.core.state import Layer, StateReader
from chain.wire.cosmos import Coin, MsgSend

MODULE: Final = "bank"
DENOM: Final = "ucec"
MAX_AMOUNT: Final = (1 << 63) - 1
"""Largest amount: 9.2 million million CEC; production reaches 10^8 in 13 years."""
SEND_GAS: Final = 20_000
_BALANCE: Final = b"b/"
_SUPPLY: Final = b"s/ucec"
_MAX_DIGITS: Final = 19


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


def process_genesis(state: Layer, balances: dict[str, str]) -> None:
    """Give the starting balances, address to amount in ucec, as decimal text."""
    supply = 0
    for text, amount_text in sorted(balances.items()):
        if not amount_text.isdigit():
            raise InvalidGenesis(f"balance of {text} is {amount_text!r}")
        address, amount = parse_address(text), int(amount_text)
        open_account(state, address)
        _put(state, address, amount)
        supply += amount
    if supply > MAX_AMOUNT:
        raise InvalidGenesis("supply beyond 2^63 - 1 ucec")
    state.set(MODULE, _SUPPLY, supply.to_bytes(8, "big"))


def process_send(state: Layer, message: MsgSend, _context: Context) -> None:
    """Move coins as a MsgSend says."""
    amount = parse_amount(message.amount)
    process_transfer(state, parse_address(message.from_address), parse_address(message.to_address), amount)


HANDLERS: Final = (Handler(MsgSend, "from_address", SEND_GAS, process_send),)


def _put(state: Layer, address: bytes, amount: int) -> None:
    key = _BALANCE + address
    state.set(MODULE, key, amount.to_bytes(8, "big") if amount else None)
