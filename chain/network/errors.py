"""Failures of blocks, headers, engines and the light client.

::

    CecError
    +-- NetworkError
        +-- InvalidHeader      a header breaks a rule of the chain
        +-- InvalidCommit      signatures do not suffice or do not hold
        +-- InvalidGenesisDoc  a genesis document or head cannot be read
        +-- UntrustedHeader    a header does not follow from what is trusted
        |   +-- TooFewKnown    too few of the trusted validators signed it to skip to it
        +-- TrustExpired       what is trusted is too old to follow a live chain from
        +-- EngineStopped      the engine makes no blocks until an operator acts
        +-- PoolFull           too many transactions wait
        +-- TxTooLarge         a transaction has no room in a block
        +-- TxNotTaken         the state machine refuses the transaction
        +-- BadRequest         a request of the RPC cannot be answered
        +-- InvalidAnswer      a peer's RPC answer is not in its form
        +-- InvalidFrame       bytes are not a WebSocket frame that a client may send
        +-- RequestTooLarge    a request of the RPC is larger than is read
"""

from domain.errors import CecError


class NetworkError(CecError):
    """Root of the network layer's failures."""


class InvalidHeader(NetworkError):
    """A header breaks a rule of the chain."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid header: {reason}")
        self.reason = reason


class InvalidCommit(NetworkError):
    """Signatures do not suffice or do not hold."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid commit: {reason}")
        self.reason = reason


class InvalidGenesisDoc(NetworkError):
    """A genesis document or head cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid genesis: {reason}")
        self.reason = reason


class UntrustedHeader(NetworkError):
    """A header does not follow from what is trusted."""

    def __init__(self, height: int, reason: str) -> None:
        super().__init__(f"Header {height} is not to be trusted: {reason}")
        self.height = height
        self.reason = reason


class TooFewKnown(UntrustedHeader):
    """Too few of the trusted validators signed a header to skip to it."""

    def __init__(self, height: int) -> None:
        super().__init__(height, "a third of the trusted validators did not sign it: fetch one between")


class TrustExpired(NetworkError):
    """What is trusted is too old to follow a live chain from."""

    def __init__(self, height: int) -> None:
        super().__init__(f"Trusted header {height} is older than the trust period: get a newer one from who you trust")
        self.height = height


class EngineStopped(NetworkError):
    """The engine makes no blocks until an operator acts."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The chain stands still: {reason}")
        self.reason = reason


class PoolFull(NetworkError):
    """Too many transactions wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} transactions wait already: try again in a moment")
        self.limit = limit


class TxTooLarge(NetworkError):
    """A transaction has no room in a block."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"Invalid transaction of {size} bytes: at most {limit} are taken; send fewer messages in one")
        self.size = size
        self.limit = limit


class TxNotTaken(NetworkError):
    """The state machine refuses the transaction."""

    def __init__(self, codespace: str, code: int, log: str) -> None:
        super().__init__(log)
        self.codespace = codespace
        self.code = code
        self.log = log


class BadRequest(NetworkError):
    """A request of the RPC cannot be answered."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class InvalidAnswer(NetworkError):
    """A peer's RPC answer is not in its form."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid answer of a node: {reason[:200]}")
        self.reason = reason


class InvalidFrame(NetworkError):
    """Bytes are not a WebSocket frame that a client may send."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid WebSocket frame: {reason}")
        self.reason = reason


class RequestTooLarge(NetworkError):
    """A request of the RPC is larger than is read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Invalid request: at most {limit} bytes are read")
        self.limit = limit
