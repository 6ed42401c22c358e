"""Pins as people write them: CHAIN-ID:GENESIS-HASH."""

from cec.errors import UnreadablePin
from chain.proof import Pin


def parse_pin(text: str) -> Pin:
    """Return the pin that a text says; `UnreadablePin` when it says none.

    Examples
    --------
    >>> parse_pin("cec-x:" + "00" * 32).chain_id
    'cec-x'
    """
    chain_id, _, digits = text.rpartition(":")
    try:
        genesis_hash = bytes.fromhex(digits)
    except ValueError as error:
        raise UnreadablePin(text) from error
    if not chain_id or len(genesis_hash) != 32:  # noqa: PLR2004  # SHA-256
        raise UnreadablePin(text)
    return Pin(chain_id, genesis_hash)


def format_pin(pin: Pin) -> str:
    """Return the text of a pin."""
    return f"{pin.chain_id}:{pin.genesis_hash.hex()}"
