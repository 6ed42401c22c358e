"""Failures of the hypsometers' and calipers' drivers, and of choosing a driver.

::

    CecError
    +-- BridgeError
        +-- UnknownDriver        no driver has this name
        +-- InvalidMemory        a file is not an instrument's memory
        +-- SentenceError
            +-- BrokenBlock      a block of lines lacks one, or has one out of order
            +-- UnknownShot      a row of a memory is of a kind whose fields are not documented
"""

from firmware_bridge.errors import BridgeError, SentenceError


class UnknownDriver(BridgeError):
    """No driver has this name."""

    def __init__(self, name: str, near: tuple[str, ...]) -> None:
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        super().__init__(f"Invalid driver {name[:40]!r}: {meant}`cec bridge list` names all")
        self.name = name
        self.near = near


class InvalidMemory(BridgeError):
    """A file is not an instrument's memory."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid memory file: {reason}; expected the DATA.CSV of a Vertex Laser Geo")
        self.reason = reason


class BrokenBlock(SentenceError):
    """A block of lines lacks one, or has one out of order."""

    def __init__(self, expected: int, given: str) -> None:
        super().__init__(f"Invalid block at {given[:40]!r}: expected its line {expected}; send the measurement again")
        self.expected = expected
        self.given = given


class UnknownShot(SentenceError):
    """A row of a memory is of a kind whose fields are not documented."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"Unknown shot {kind[:40]!r} in a memory: only height measurements are read; its row is skipped"
        )
        self.kind = kind
