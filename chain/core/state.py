"""State as modules see it: bytes by module and key, in layers that are kept or dropped whole."""

from collections.abc import Iterator
from typing import Protocol


class StateReader(Protocol):
    """Where a layer finds what it does not hold itself."""

    def get(self, module: str, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        ...


class CommittedState(Protocol):
    """State that can also be walked: what invariants read."""

    def get(self, module: str, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        ...

    def iterate(self, module: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield a module's keys that begin with `prefix` and their values, by ascending key."""
        ...


class Layer:
    """Changes over a reader; a transaction that fails drops its layer.

    Parameters
    ----------
    below
        What is read where this layer has nothing.
    """

    def __init__(self, below: StateReader) -> None:
        self._below = below
        self._changes: dict[tuple[str, bytes], bytes | None] = {}

    def get(self, module: str, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        if (module, key) in self._changes:
            return self._changes[module, key]
        return self._below.get(module, key)

    def set(self, module: str, key: bytes, value: bytes | None) -> None:
        """Set a key, or delete it by None."""
        self._changes[module, key] = value

    def changes(self) -> Iterator[tuple[str, bytes, bytes | None]]:
        """Yield what this layer changes, by module and key."""
        for (module, key), value in sorted(self._changes.items(), key=lambda item: item[0]):
            yield module, key, value

    def merge_into(self, other: "Layer") -> None:
        """Give this layer's changes to the layer below it."""
        for (module, key), value in self._changes.items():
            other.set(module, key, value)
