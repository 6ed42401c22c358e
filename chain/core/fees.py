"""What a transaction costs: gas by its size and messages, a fee by its gas limit.

Fees go to the witnesses' pool, from which those who sign blocks are paid.
"""

from typing import Final

from chain.core.bank import compute_module_address
from chain.core.errors import FeeTooLow, OutOfGas
from chain.core.transactions import Tx

BYTE_GAS: Final = 10
"""Gas a byte: state and history that every node keeps (cosmos-sdk's own figure)."""
SIGNATURE_GAS: Final = 1_000
"""Gas a secp256k1 signature (cosmos-sdk's own figure)."""
GAS_PER_UCEC: Final = 100
"""One ucec pays for this much gas: an anchor costs about 0.0004 CEC."""
POOL: Final = compute_module_address("witnesses")
"""Account of the witnesses' pool."""


def compute_gas(tx: Tx) -> int:
    """Return what a transaction costs, in gas."""
    return BYTE_GAS * tx.size + SIGNATURE_GAS + sum(handler.gas for handler, _ in tx.messages)


def compute_fee(gas: int) -> int:
    """Return the least fee for a gas limit, in ucec.

    Examples
    --------
    >>> compute_fee(40_001)
    401
    """
    return -(-gas // GAS_PER_UCEC)


def validate_fee(tx: Tx) -> int:
    """Return the gas used; raise `OutOfGas` or `FeeTooLow` when limit or fee is too low."""
    needed = compute_gas(tx)
    if tx.gas_limit < needed:
        raise OutOfGas(tx.gas_limit, needed)
    floor = compute_fee(tx.gas_limit)
    if tx.fee < floor:
        raise FeeTooLow(tx.fee, floor)
    return needed
