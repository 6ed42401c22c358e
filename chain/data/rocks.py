"""The key-value store on RocksDB: every batch synced to its write-ahead log."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from rocksdict import AccessType, Options, Rdict, WriteBatch, WriteOptions

from chain.data.errors import StoreBroken, StoreBusy


class RocksStore:
    """A `chain.data.kv.KeyValueStore` in a folder.

    Parameters
    ----------
    folder
        Made when absent; one writing process at a time.
    read_only
        Open beside a writing process, as the store stands now.

    Raises
    ------
    StoreBusy, StoreBroken
        When another process writes there, or the files cannot be read.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(not read_only)
        # Logs of the library itself are of no use to an operator and grow.
        options.set_keep_log_file_num(1)
        access = AccessType.read_only() if read_only else AccessType.read_write()
        try:
            self._db = Rdict(str(folder), options, access_type=access)
        except Exception as error:  # rocksdict raises bare Exception
            if f"{folder}/LOCK" in str(error):
                raise StoreBusy(str(folder)) from error
            raise StoreBroken(str(folder), str(error)) from error
        self._sync = WriteOptions()
        self._sync.sync = True

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, if it has one."""
        value = self._db.get(key)
        return None if value is None else bytes(value)

    def iterate(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys that begin with `prefix` and their values, by ascending key."""
        for key, value in self._db.items(from_key=prefix):
            # In raw mode keys are bytes; the type of rocksdict allows others.
            if not isinstance(key, bytes) or not key.startswith(prefix):
                return
            yield key, bytes(value)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Set and delete keys; all or nothing, on the disk when it returns."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self._db.write(batch, self._sync)

    def close(self) -> None:
        """Let go of the folder."""
        self._db.close()
