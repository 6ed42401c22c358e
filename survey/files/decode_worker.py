"""A process of its own that decodes points, so that a hostile file can hang or crash only this process.

``python -m survey.files.decode_worker`` takes jobs from standard input, one a line, and answers on standard output (see
`survey.files.decode_job`). Each job runs in a fork with limits of its own: it cannot harm the next. A fork that ends by
a signal ends the worker by that signal.
"""

import importlib
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from survey.files.decode_job import END, FAILURE, FRAME, MAX_REASON_BYTES, DecodeJob, parse_job

_RAW: Final = "survey.files.raw_points"
_COLUMNS: Final = "survey.files.column_frames"
"""Modules that send points; only what is needed is loaded."""
_MEMORY_BYTES: Final = 2 << 30
"""Address space of interpreter, libraries and one chunk; most of it is never touched."""
_OUT: Final = 1


def run_job(job: DecodeJob) -> None:
    """Decode a file and write its frames."""
    _load_sender(job).send(job, _write)
    _write(FRAME.pack(END, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0))


def _load_sender(job: DecodeJob) -> Any:
    return importlib.import_module(_RAW if job.kind == "raw" else _COLUMNS)


def _write(data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_OUT, view) :]


def _limit(cpu_s: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run_limited(line: bytes) -> None:
    """Run one job and end this process."""
    try:
        job = parse_job(line)
        _limit(job.limit_s)
        run_job(job)
    except BrokenPipeError:
        os._exit(0)  # nobody listens any more
    except BaseException as error:  # noqa: BLE001 - whatever the decoder raises, a Rust panic too, is the file's fault
        reason = f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:MAX_REASON_BYTES]
        with suppress(OSError):
            _write(FRAME.pack(FAILURE, len(reason), 0) + reason)
    os._exit(0)


def main() -> int:
    """Answer jobs until there are no more, and return the exit code."""
    for line in sys.stdin.buffer:
        # Before the fork, so that the next job finds it loaded.
        _load_sender(parse_job(line))
        child = os.fork()
        if child == 0:
            _run_limited(line)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            died_of = os.WTERMSIG(status)
            if died_of != signal.SIGKILL:
                signal.signal(died_of, signal.SIG_DFL)
            os.kill(os.getpid(), died_of)
    return 0


if __name__ == "__main__":
    sys.exit(main())
