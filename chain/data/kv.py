"""What the chain asks of a key-value store: ordered keys, and batches that are all or nothing."""

from collections.abc import Iterator, Mapping
from typing import Protocol


class KeyValueStore(Protocol):
    """Bytes by bytes; `tests/chain/data/kv_suite.py` holds every implementation to it."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        ...

    def iterate(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys that begin with `prefix` and their values, by ascending key."""
        ...

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Set keys, delete those whose value is None; all or nothing, on the disk when it returns."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
