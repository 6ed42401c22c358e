"""What time it is, and whether the device's clock can be believed.

Nothing on the device is decided by its own clock: records are ordered by number, waits run on the monotonic clock, ages
are told by times that the server signed. A wrong clock is told to the crew, since photos and files bear it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LATEST_MS: Final = 7_258_118_400_000
"""Latest time that a record can bear (`domain.quantities.UtcMs`); a clock beyond it must not stop the recording."""
TOLERATED_MS: Final = 5 * 60_000
"""Difference that is told: leap seconds and drift of a cheap clock stay below, a wrong zone or year does not."""
ROLLOVER_MS: Final = 1_024 * 7 * 86_400_000
"""A receiver that counts GPS weeks in ten bits falls back so far at each roll-over (IS-GPS-200, 20.3.3.3.1.1)."""
_DAY_MS: Final = 86_400_000


def read_clock_ms() -> int:
    """Return the device's UTC clock, within what a record can bear; it is a note and never decides."""
    return min(max(0, time.time_ns() // 1_000_000), LATEST_MS)


def read_mono_ms() -> int:
    """Return the monotonic clock, which no setting of the time moves."""
    return time.monotonic_ns() // 1_000_000


def read_steady_ms() -> int:
    """Return a monotonic clock that also counts while the board sleeps, where the system has one (Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return read_mono_ms() if clock is None else time.clock_gettime_ns(clock) // 1_000_000


@dataclass(slots=True)
class ClockWatch:
    """Compares the device's clock with its monotonic one, with the server's and with the satellites'.

    Attributes
    ----------
    wall_ms, mono_ms
        Return the device's UTC clock and a monotonic one that a sleep of the board does not stop.
    """

    wall_ms: Callable[[], int] = read_clock_ms
    mono_ms: Callable[[], int] = read_steady_ms
    _last: int | None = None
    _jump: int = 0
    _server: int | None = None
    _gnss: int | None = None

    def tick(self) -> None:
        """Look whether the clock has jumped since the last look."""
        offset = self.wall_ms() - self.mono_ms()
        if self._last is not None and _differs(offset, self._last):
            # One that jumps there and back is where it was.
            self._jump += offset - self._last
        self._last = offset

    def note_server(self, at_ms: int) -> None:
        """Take a time that the server signed just now."""
        self._server = at_ms - self.mono_ms()

    def note_gnss(self, at_ms: int) -> None:
        """Take a time from the satellites."""
        self._gnss = at_ms - self.mono_ms()

    def best_ms(self) -> int:
        """Return UTC as the server's word of this run has it, else as the device's clock does."""
        return self.wall_ms() if self._server is None else self._server + self.mono_ms()

    def month(self) -> str:
        """Return the calendar month in UTC, such as ``2026-11``."""
        return datetime.fromtimestamp(self.best_ms() / 1_000, UTC).strftime("%Y-%m")

    def alarms(self) -> tuple[str, ...]:
        """Return what is wrong with the time, in words with the remedy."""
        offset = self.wall_ms() - self.mono_ms()
        told: list[str] = []
        if self._server is not None and _differs(offset, self._server):
            told.append(f"The clock is {_words(offset - self._server)} the server's: set it; records stay in order.")
        elif self._gnss is not None and self._server is None and _differs(offset, self._gnss):
            told.append(f"The clock is {_words(offset - self._gnss)} the satellites': set it; records stay in order.")
        elif _differs(self._jump, 0) and self._server is None and self._gnss is None:
            told.append(f"The clock jumped and is {_words(self._jump)} where it was: check it; records stay in order.")
        if self._server is not None and self._gnss is not None and _differs(self._gnss, self._server):
            told.append(_tell_gnss(self._gnss - self._server))
        return tuple(told)


def _differs(one: int, other: int) -> bool:
    return abs(one - other) > TOLERATED_MS


def _tell_gnss(difference_ms: int) -> str:
    weeks = round(difference_ms / ROLLOVER_MS)
    if weeks and abs(difference_ms - weeks * ROLLOVER_MS) < _DAY_MS:
        return "The GNSS receiver's week number has rolled over, its dates are wrong: update its firmware."
    return f"The GNSS receiver's time is {_words(difference_ms)} the server's: restart it under open sky."


def _words(difference_ms: int) -> str:
    """Return a difference in words.

    Examples
    --------
    >>> _words(-3_600_000)
    '1.0 hours behind'
    """
    size, side = abs(difference_ms), "ahead of" if difference_ms > 0 else "behind"
    for unit, name in ((365.25 * _DAY_MS, "years"), (_DAY_MS, "days"), (3_600_000, "hours")):
        if size >= unit:
            return f"{size / unit:.1f} {name} {side}"
    return f"{size / 60_000:.0f} minutes {side}"
