"""What every key-value store promises, as one abstract suite: subclass it and give it a store."""

from collections.abc import Iterator
from random import Random

import pytest

from chain.data.kv import KeyValueStore


class KeyValueSuite:
    """Promises of `chain.data.kv.KeyValueStore`."""

    @pytest.fixture
    def store(self) -> Iterator[KeyValueStore] | KeyValueStore:
        """Give an empty store."""
        raise NotImplementedError

    def test_a_key_never_written_has_no_value(self, store: KeyValueStore) -> None:
        assert store.get(b"never") is None
        assert list(store.iterate(b"")) == []

    def test_an_empty_value_is_a_value(self, store: KeyValueStore) -> None:
        store.write({b"k": b""})
        assert store.get(b"k") == b""

    def test_deleting_what_is_not_there_changes_nothing(self, store: KeyValueStore) -> None:
        store.write({b"k": None})
        store.write({})
        assert list(store.iterate(b"")) == []

    def test_large_values_come_back_whole(self, store: KeyValueStore) -> None:
        store.write({b"large": bytes(range(256)) * (16 << 10)})
        assert store.get(b"large") == bytes(range(256)) * (16 << 10)

    def test_a_prefix_of_the_highest_bytes_ends_with_the_store(self, store: KeyValueStore) -> None:
        store.write({b"\xfe": b"1", b"\xff": b"2", b"\xff\xff": b"3"})
        assert list(store.iterate(b"\xff")) == [(b"\xff", b"2"), (b"\xff\xff", b"3")]

    @pytest.mark.parametrize("seed", range(8))
    def test_it_does_as_a_dictionary_does(self, store: KeyValueStore, seed: int) -> None:
        random = Random(seed)
        model: dict[bytes, bytes] = {}
        for _ in range(12):
            batch = {make_key(random): make_value(random) for _ in range(random.randrange(6))}
            store.write(batch)
            model |= {key: value for key, value in batch.items() if value is not None}
            for key in [key for key, value in batch.items() if value is None]:
                model.pop(key, None)
            prefix = make_key(random)
            assert list(store.iterate(b"")) == sorted(model.items())
            assert list(store.iterate(prefix)) == sorted(item for item in model.items() if item[0].startswith(prefix))
            assert all(store.get(key) == value for key, value in model.items())


def make_key(random: Random) -> bytes:
    """Return a short key of few letters, so that prefixes and overwriting happen all the time."""
    return bytes(random.choice((0, 127, 255)) for _ in range(random.randrange(4)))


def make_value(random: Random) -> bytes | None:
    """Return a value, or None to delete."""
    return None if random.random() < 0.3 else random.randbytes(random.randrange(5))
