"""Each way a transaction fails, with the code that stands in its result.

::

    CecError
    +-- TxRefused                   root; CODE is unique within CODESPACE, and final
        +-- MalformedTx         1   bytes are not a transaction
        +-- WrongSignature      2   the signature is not the signer's under this chain and account
        +-- WrongSequence       3   the sequence number is not the account's next
        +-- UnknownAccount      4   the signer has no account
        +-- FeeTooLow           5   the fee is below the floor
        +-- FundsTooLow         6   the account cannot pay
        +-- OutOfGas            7   the gas limit is below what the messages cost
        +-- TxExpired           8   the timeout height has passed
        +-- UnknownMessage      9   no module handles the type
        +-- WrongSigner        10   the message must be signed by another account
        +-- InvalidAddress     11   text is not an address of this chain
        +-- InvalidAmount      12   text is not an amount of a coin of this chain
        +-- InvalidGenesis     13   the starting state cannot be read

Modules add their own beside their rules.
"""

from typing import ClassVar

from domain.errors import CecError


class TxRefused(CecError):
    """Root of what makes a transaction fail."""

    CODESPACE: ClassVar[str] = "core"
    CODE: ClassVar[int] = 0


class MalformedTx(TxRefused):
    """Bytes are not a transaction."""

    CODE = 1

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid transaction: {reason}")
        self.reason = reason


class WrongSignature(TxRefused):
    """The signature is not the signer's under this chain and account."""

    CODE = 2

    def __init__(self, address: str, chain_id: str, number: int) -> None:
        super().__init__(
            f"Invalid signature of {address}: it must sign chain {chain_id!r}, account number {number} and the "
            "transaction's own sequence"
        )
        self.address = address


class WrongSequence(TxRefused):
    """The sequence number is not the account's next."""

    CODE = 3

    def __init__(self, address: str, given: int, expected: int) -> None:
        super().__init__(f"Invalid sequence {given} of {address}: expected {expected}; sign again with it")
        self.address = address
        self.given = given
        self.expected = expected


class UnknownAccount(TxRefused):
    """The signer has no account."""

    CODE = 4

    def __init__(self, address: str) -> None:
        super().__init__(f"No account {address}: it begins with the first coins sent to it")
        self.address = address


class FeeTooLow(TxRefused):
    """The fee is below the floor."""

    CODE = 5

    def __init__(self, given: int, needed: int) -> None:
        super().__init__(f"Invalid fee {given} ucec: at least {needed} ucec for the gas limit")
        self.given = given
        self.needed = needed


class FundsTooLow(TxRefused):
    """The account cannot pay."""

    CODE = 6

    def __init__(self, address: str, held: int, needed: int) -> None:
        super().__init__(f"Funds of {address} too low: {held} ucec held, {needed} needed")
        self.address = address
        self.held = held
        self.needed = needed


class OutOfGas(TxRefused):
    """The gas limit is below what the messages cost."""

    CODE = 7

    def __init__(self, limit: int, needed: int) -> None:
        super().__init__(f"Invalid gas limit {limit}: the messages cost {needed}")
        self.limit = limit
        self.needed = needed


class TxExpired(TxRefused):
    """The timeout height has passed."""

    CODE = 8

    def __init__(self, timeout: int, height: int) -> None:
        super().__init__(f"Transaction expired at height {timeout}, this is {height}: sign it again")
        self.timeout = timeout
        self.height = height


class UnknownMessage(TxRefused):
    """No module handles the type."""

    CODE = 9

    def __init__(self, url: str) -> None:
        super().__init__(f"Unknown message type {url[:100]!r} on this chain")
        self.url = url


class WrongSigner(TxRefused):
    """The message must be signed by another account."""

    CODE = 10

    def __init__(self, signer: str, needed: str) -> None:
        super().__init__(f"Signed by {signer}: this message must be signed by {needed[:90]!r}")
        self.signer = signer
        self.needed = needed


class InvalidAddress(TxRefused):
    """Text is not an address of this chain."""

    CODE = 11

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"Invalid address {text[:90]!r}: {reason}")
        self.text = text
        self.reason = reason


class InvalidAmount(TxRefused):
    """Text is not an amount of a coin of this chain."""

    CODE = 12

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid amount {text[:60]!r}: expected a positive whole number of ucec, and nothing else")
        self.text = text


class InvalidGenesis(TxRefused):
    """The starting state cannot be read."""

    CODE = 13

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid genesis state: {reason}")
        self.reason = reason
