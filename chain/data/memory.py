"""A key-value store in memory: for tests, and for chains that need not outlive a process."""

from collections.abc import Iterator, Mapping


class MemoryStore:
    """A `chain.data.kv.KeyValueStore` in a dictionary."""

    def __init__(self) -> None:
        self._items: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        return self._items.get(key)

    def iterate(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys that begin with `prefix` and their values, by ascending key."""
        yield from sorted((key, value) for key, value in self._items.items() if key.startswith(prefix))

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Set and delete keys."""
        for key, value in changes.items():
            if value is None:
                self._items.pop(key, None)
            else:
                self._items[key] = value

    def close(self) -> None:
        """Do nothing: the memory goes with the object."""
