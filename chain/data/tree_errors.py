"""Failures of the state tree.

::

    CecError
    +-- StoreError
        +-- TreeError
            +-- InvalidModuleName   a name that no module of the state can have
            +-- InvalidTreeKey      a key or a value that no proof could tell
            +-- InvalidHistory      a number of kept heights that pruning cannot keep to
            +-- InvalidTreeHeight   a block that does not follow the last one
            +-- StaleState          a block that was prepared on another state than the last one
            +-- HeightNotKept       a height whose state is not there, or no longer
            +-- UnknownModule       a module that the state does not have
            +-- BrokenTree          a record of the tree is missing or damaged
"""

from chain.data.errors import StoreError


class TreeError(StoreError):
    """Root of the state tree's failures."""


class InvalidModuleName(TreeError):
    """A name that no module of the state can have."""

    def __init__(self, name: str, most_bytes: int) -> None:
        super().__init__(f"Invalid module name {name[:64]!r}: it must have 1 to {most_bytes} bytes and no '/'")
        self.name = name
        self.most_bytes = most_bytes


class InvalidTreeKey(TreeError):
    """A key or a value that no proof could tell."""

    def __init__(self, key: bytes, reason: str) -> None:
        super().__init__(f"Invalid state key {key[:64].hex() or '(empty)'}: {reason}")
        self.key = key
        self.reason = reason


class InvalidHistory(TreeError):
    """A number of kept heights that pruning cannot keep to."""

    def __init__(self, keep: int, least: int) -> None:
        super().__init__(f"Invalid history of {keep} heights: at least {least} must be kept for proofs")
        self.keep = keep
        self.least = least


class InvalidTreeHeight(TreeError):
    """A block that does not follow the last one."""

    def __init__(self, height: int, last: int) -> None:
        super().__init__(f"Invalid state height {height}: it must follow {last}, the last one committed")
        self.height = height
        self.last = last


class StaleState(TreeError):
    """A block that was prepared on another state than the last one."""

    def __init__(self, height: int, base: int, last: int) -> None:
        super().__init__(
            f"Invalid state of height {height}: it was prepared on height {base}, and {last} is the last one "
            "committed; prepare it again"
        )
        self.height = height
        self.base = base
        self.last = last


class HeightNotKept(TreeError):
    """A height whose state is not there, or no longer."""

    def __init__(self, height: int, oldest: int, last: int) -> None:
        super().__init__(
            f"Invalid state height {height}: proofs can be made from {oldest} to {last}; ask for one of them"
        )
        self.height = height
        self.oldest = oldest
        self.last = last


class UnknownModule(TreeError):
    """A module that the state does not have."""

    def __init__(self, module: str) -> None:
        super().__init__(f"Invalid module {module[:64]!r}: the state at that height has none of this name")
        self.module = module


class BrokenTree(TreeError):
    """A record of the tree is missing or damaged."""

    def __init__(self, name: bytes, reason: str) -> None:
        super().__init__(f"State tree record {name.hex()} cannot be read ({reason}): restore a backup or a snapshot")
        self.name = name
        self.reason = reason
