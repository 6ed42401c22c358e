"""A log as it is recorded: every delivery a whole line, on the disk within seconds, readable wherever it ends."""

import errno
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from firmware_bridge.errors import InvalidLog
from firmware_bridge.replay import MAX_DATA, MAX_MS, encode_header

SYNC_S: Final = 5.0
"""Longest time that a delivery waits for the disk: what a power cut costs, against the wear of a card."""


class LogWriter:
    """Appends deliveries to a new log; a context manager that closes it.

    Parameters
    ----------
    path
        The file, which must not exist: a log that is recorded on would mix two times.
    drivers
        Driver of each port.
    sync_s
        Seconds between two syncs to the disk.
    clock
        Seconds that never fall.

    Raises
    ------
    FileExistsError
        When the file is there.
    """

    def __init__(
        self,
        path: Path,
        drivers: Mapping[str, str],
        *,
        sync_s: float = SYNC_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        header = encode_header(drivers)
        self.path = path
        self.bytes_written = 0
        """Length of the file."""
        self._ports = frozenset(drivers)
        self._clock = clock
        self._sync_s = sync_s
        self._stream = path.open("xb", buffering=0)
        self._last_ms = 0
        self._lines = 0
        self._synced = clock()
        self._write(header)
        self.sync()
        self._sync_folder()

    def __enter__(self) -> Self:
        """Return the open log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()

    def append(self, at_ms: int, port: str, data: bytes) -> None:
        """Write a delivery; one that claims an earlier time than the last gets the last one's.

        Raises
        ------
        InvalidLog
            When the log is as long as one may be.
        OSError
            When the disk is full; the log then ends with the delivery before.
        """
        at_ms = max(at_ms, self._last_ms)
        if port not in self._ports:
            raise AssertionError(port)
        if at_ms > MAX_MS:
            raise InvalidLog(self._lines + 1, f"{MAX_MS // 86_400_000} days are over: begin a new log")
        for at in range(0, len(data), MAX_DATA):
            self._write(f"{at_ms}\t{port}\t{data[at : at + MAX_DATA].hex()}\n".encode())
        self._last_ms = at_ms
        self.sync_when_due()

    def sync_when_due(self) -> None:
        """Sync to the disk when the last time is long enough ago."""
        if self._clock() - self._synced >= self._sync_s:
            self.sync()

    def sync(self) -> None:
        """Sync to the disk."""
        os.fsync(self._stream.fileno())
        self._synced = self._clock()

    def close(self) -> None:
        """Sync and close; a second time does nothing."""
        if not self._stream.closed:
            self.sync()
            self._stream.close()

    def _write(self, line: bytes) -> None:
        """Write a line whole or not at all."""
        try:
            written = self._stream.write(line)
        except OSError:
            self._take_back()
            raise
        if written != len(line):
            self._take_back()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.bytes_written += len(line)
        self._lines += 1

    def _take_back(self) -> None:
        self._stream.truncate(self.bytes_written)
        self._stream.seek(self.bytes_written)

    def _sync_folder(self) -> None:
        """Make the file's name last through a power cut."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
