"""The near end of a decoding process: starts it, reads what it sends, and kills it when it takes too long."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from survey.errors import DecodeFailed, DecodeTimedOut, ShortRead
from survey.files.column_frames import list_columns
from survey.files.decode_job import (
    END,
    FAILURE,
    FRAME,
    MAX_REASON_BYTES,
    POINTS,
    DecodeJob,
    encode_job,
)
from survey.files.point_layout import Columns

_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
"""All that the process gets: it decodes what strangers sent. Threads would be lost at its forks."""
_END_S: Final = 5.0
"""For a process to end that was killed or has no more jobs."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The slowest that decoding may be.

    Attributes
    ----------
    start_s
        Seconds beside the points: starting an interpreter and its libraries, on a slow and busy machine.
    points_per_s
        The default is a fiftieth of what one core decodes (5 million points/s): slower is no longer decoding.
    """

    start_s: float = 8.0
    points_per_s: float = 100_000.0

    def limit_s(self, points: int) -> float:
        """Return the seconds within which that many points must be decoded.

        Examples
        --------
        >>> Pace().limit_s(200_000)
        10.0
        """
        return self.start_s + points / self.points_per_s


class Decoder:
    """A decoding process that is started when first needed, and again after a file broke it.

    Use it as a context manager where many files follow each other: a start costs a fifth of a second. One job at a
    time: a stream is read to its end, or closed, before the next one begins.

    Parameters
    ----------
    pace
        The slowest that it may be.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_busy = False
        self._is_read_up = True
        self.peak_bytes = 0
        """Most memory that a job held, of those that came to their end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, job: DecodeJob) -> Iterator[Columns]:
        """Yield the columns of a file, chunk by chunk; chunks without points are left out.

        Raises
        ------
        DecodeTimedOut
            When one chunk took too long; the process was killed.
        DecodeFailed
            When the decoder refused the points or crashed.
        ShortRead
            When there were fewer points than promised.
        """
        assert not self._is_busy, "one job at a time"  # noqa: S101
        decoded = 0
        self._is_busy, self._is_read_up = True, False
        try:
            self._send(job)
            for count, columns in self._receive(job):
                decoded += count
                if next(iter(columns.values())).shape[0]:
                    yield columns
        finally:
            # What was not read to its end would stand before the next answer.
            if not self._is_read_up:
                self.close(at_once=True)
            self._is_busy = False
        if decoded != job.point_count:
            raise ShortRead(Path(job.path), job.point_count, decoded)

    def close(self, *, at_once: bool = False) -> None:
        """End the process, by a signal if `at_once` or if it does not end by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if not at_once:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
        # A number whose end was taken note of may belong to another process by now.
        if process.returncode is None:
            # Its fork has the same group and would outlive it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_END_S)
        if process.stdout is not None:
            process.stdout.close()

    def _send(self, job: DecodeJob) -> None:
        if self._process is None or self._process.poll() is not None:
            self.close(at_once=True)
            self._process = _start()
        stdin = self._process.stdin
        assert stdin is not None, "started with a pipe"  # noqa: S101
        line = memoryview(encode_job(job))
        deadline = time.monotonic() + self._pace.start_s
        try:
            while line:
                if not _wait(stdin, select.POLLOUT, deadline):
                    raise DecodeTimedOut(Path(job.path), self._pace.start_s)
                line = line[os.write(stdin.fileno(), line) :]
        except OSError as error:
            raise DecodeFailed(Path(job.path), "the decoder does not take jobs") from error

    def _receive(self, job: DecodeJob) -> Iterator[tuple[int, Columns]]:
        limit_s = self._pace.limit_s(min(job.chunk_points, job.point_count))
        columns = list_columns(job)
        while True:
            deadline = time.monotonic() + limit_s
            kind, sent, decoded = FRAME.unpack(self._read(job, FRAME.size, deadline, limit_s).tobytes())
            if kind == END:
                self._is_read_up = True
                self.peak_bytes = max(self.peak_bytes, sent << 10)
                return
            if kind == FAILURE:
                reason = self._read(job, min(sent, MAX_REASON_BYTES), deadline, limit_s)
                self._is_read_up = True
                raise DecodeFailed(Path(job.path), reason.tobytes().decode("utf-8", "replace"))
            if kind != POINTS or sent > job.chunk_points:
                raise DecodeFailed(Path(job.path), "the decoder's answer makes no sense")
            found: Columns = {}
            for name, dtype in columns:
                raw = self._read(job, sent * dtype.itemsize, deadline, limit_s)
                found[name] = raw.view(dtype.base).reshape(sent, *dtype.shape)
            yield decoded, found

    def _read(self, job: DecodeJob, length: int, deadline: float, limit_s: float) -> NDArray[np.uint8]:
        """Return exactly so many bytes."""
        assert self._process is not None, "a job was sent"  # noqa: S101
        stdout = self._process.stdout
        assert stdout is not None, "started with a pipe"  # noqa: S101
        buffer = np.empty(length, np.uint8)
        at = 0
        while at < length:
            if not _wait(stdout, select.POLLIN, deadline):
                raise DecodeTimedOut(Path(job.path), limit_s)
            got = os.readv(stdout.fileno(), [buffer[at:].data])
            if got == 0:
                raise DecodeFailed(Path(job.path), _tell_end(self._process))
            at += got
        return buffer


def _wait(pipe: IO[bytes], event: int, deadline: float) -> bool:
    """Wait until a pipe can be read or written, and tell whether it can before the deadline."""
    left_s = deadline - time.monotonic()
    ready = select.poll()
    ready.register(pipe, event)
    return left_s > 0.0 and bool(ready.poll(left_s * 1000.0))


def _tell_end(process: subprocess.Popen[Any]) -> str:
    try:
        code = process.wait(_END_S)
    except subprocess.TimeoutExpired:
        return "the decoder closed its end and went on"
    return f"the decoder was ended by signal {-code}" if code < 0 else "the decoder ended"


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "survey.files.decode_worker"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=Path(__file__).parents[2],
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    assert process.stdin is not None, "started with a pipe"  # noqa: S101
    # A write that waits for a process that does not read could not be given up.
    os.set_blocking(process.stdin.fileno(), False)
    return process
