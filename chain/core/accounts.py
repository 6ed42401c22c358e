"""Accounts: a number for life, and a sequence that makes each transaction once."""

from dataclasses import dataclass
from typing import Final

from chain.core.bech32 import format_address
from chain.core.errors import UnknownAccount
from chain.core.state import CommittedState, Layer, StateReader
from domain.codec import decode_map, encode

MODULE: Final = "auth"
_NEXT: Final = b"n"


@dataclass(frozen=True, slots=True)
class Account:
    """What signs.

    Attributes
    ----------
    number
        Given once, in the order of first receipt.
    sequence
        Of its next transaction.
    """

    number: int
    sequence: int


def get_account(state: StateReader, address: bytes) -> Account:
    """Return the account of an address; `UnknownAccount` before its first coins."""
    raw = state.get(MODULE, _key(address))
    if raw is None:
        raise UnknownAccount(format_address(address))
    fields = decode_map(raw)
    return Account(_number(fields["number"]), _number(fields["sequence"]))


def open_account(state: Layer, address: bytes) -> None:
    """Make the account of an address, if it has none."""
    if state.get(MODULE, _key(address)) is not None:
        return
    raw = state.get(MODULE, _NEXT)
    number = 0 if raw is None else int.from_bytes(raw, "big")
    state.set(MODULE, _NEXT, (number + 1).to_bytes(8, "big"))
    _put(state, address, Account(number, 0))


def advance_sequence(state: Layer, address: bytes) -> None:
    """Count a transaction of an account."""
    account = get_account(state, address)
    _put(state, address, Account(account.number, account.sequence + 1))


def find_broken_invariant(state: CommittedState) -> str | None:
    """Return what is wrong with the accounts, in words: their numbers must be 0, 1, 2 … without gap or double."""
    numbers = sorted(_number(decode_map(raw)["number"]) for _, raw in state.iterate(MODULE, b"a/"))
    next_number = int.from_bytes(state.get(MODULE, _NEXT) or b"", "big")
    return None if numbers == list(range(next_number)) else f"account numbers are not those from 0 to {next_number - 1}"


def _put(state: Layer, address: bytes, account: Account) -> None:
    state.set(MODULE, _key(address), encode({"number": account.number, "sequence": account.sequence}))


def _key(address: bytes) -> bytes:
    return b"a/" + address


def _number(value: object) -> int:
    assert isinstance(value, int), value  # noqa: S101  # we wrote it
    return value
