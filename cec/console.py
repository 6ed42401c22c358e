"""What the program says: progress on the error stream, results on the output stream."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.errors import CecError


@dataclass(slots=True)
class Console:
    """Tells people what happens, and how long each stage took.

    Attributes
    ----------
    is_quiet
        Say nothing on the way.
    seconds
        Time of each stage.
    """

    is_quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Say a line."""
        if not self.is_quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is the program speaking

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        """Tell that a stage begins, and its time when it ends."""
        began = time.monotonic()
        self.say(f"  … {words}")
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)
        self.say(f"  ✓ {words} ({self.seconds[name]:.1f} s)")


def print_json(value: Any) -> None:  # noqa: ANN401  # whatever JSON holds
    """Print a result as one JSON object on one line."""
    print(json.dumps(value), flush=True)  # noqa: T201


def print_text(text: str = "") -> None:
    """Print a line of a result."""
    print(text, flush=True)  # noqa: T201


def print_qr(url: str) -> None:
    """Print a QR code of an address, in half blocks."""
    import segno

    segno.make(url, error="l").terminal(out=sys.stdout, compact=True, border=2)


def report_failure(error: CecError, *, as_json: bool) -> None:
    """Tell an expected failure."""
    if as_json:
        print_json({"error": type(error).__name__, "message": str(error)})
    print(f"cec: {error}", file=sys.stderr)  # noqa: T201
