"""Satellite time to UTC milliseconds: leap seconds are read, and the GPS week's roll-over is resolved by a rule."""

from datetime import UTC, datetime, timedelta
from typing import Final

from firmware_bridge.errors import UnreadableField

RELEASED_MS: Final = 1_793_491_200_000
"""1 November 2026, when this software was released: no receiver that it reads live can be in an earlier time."""
ROLLOVER_MS: Final = 1_024 * 7 * 86_400_000
"""GPS counts weeks in 10 bits (IS-GPS-200, 20.3.3.3.1.1): old firmware falls back by 1,024 weeks."""
MOST_ROLLOVERS: Final = 2
"""Weeks were 0 in 1980, 1999 and 2019: a receiver may have slept through two."""
PLAUSIBLE_MS: Final = 5 * 365 * 86_400_000
"""How long after its release software is in use. A date that roll-overs bring beyond is taken as it stands: it is
an older log, played again."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP: Final = 60
_CLOCK_DIGITS: Final = 6


def resolve_rollover(gnss_at_ms: int, not_before_ms: int) -> int:
    """Return a receiver's UTC with the GPS week's roll-overs undone, where that is plausible.

    A time at or after `not_before_ms` stands. An earlier one gets 1,024 or 2,048 weeks if that brings it within
    `PLAUSIBLE_MS` from `not_before_ms` on; else it stands as told.

    Parameters
    ----------
    gnss_at_ms
        UTC in milliseconds since 1970, as the receiver says it.
    not_before_ms
        Earliest time that it can be.

    Examples
    --------
    Firmware that fell back by 1,024 weeks on 24 November 2026 says 10 April 2007:

    >>> resolve_rollover(1_176_163_200_000, RELEASED_MS) - 1_176_163_200_000 == ROLLOVER_MS
    True

    A log of January 2020 keeps its time:

    >>> resolve_rollover(1_579_031_999_000, RELEASED_MS)
    1579031999000
    """
    for rollovers in range(1, MOST_ROLLOVERS + 1):
        resolved = gnss_at_ms + rollovers * ROLLOVER_MS
        if gnss_at_ms < not_before_ms <= resolved < not_before_ms + PLAUSIBLE_MS:
            return resolved
    return gnss_at_ms


def compute_utc_ms(date: tuple[int, int, int], clock: tuple[int, int, int], milliseconds: int) -> int:
    """Return UTC in milliseconds since 1970; the leap second 23:59:60 is the next day's first.

    Parameters
    ----------
    date
        Year with its century, month, day.
    clock
        Hour, minute, second.
    milliseconds
        Added; may be negative.

    Examples
    --------
    >>> compute_utc_ms((2016, 12, 31), (23, 59, 60), 0) == compute_utc_ms((2017, 1, 1), (0, 0, 0), 0)
    True
    """
    hour, minute, second = clock
    is_leap = clock == (23, 59, _LEAP)
    try:
        day = datetime(*date, hour, minute, 59 if is_leap else second, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableField("time", f"{date} {clock}") from error
    return (day - _EPOCH) // timedelta(milliseconds=1) + 1_000 * is_leap + milliseconds


def parse_clock(text: str) -> tuple[tuple[int, int, int], int]:
    """Return hour, minute and second of NMEA's ``hhmmss.sss``, and the milliseconds.

    Examples
    --------
    >>> parse_clock("195959.25")
    ((19, 59, 59), 250)
    """
    whole, _, fraction = text.partition(".")
    is_digits = whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))
    if len(whole) != _CLOCK_DIGITS or not is_digits:
        raise UnreadableField("time", text)
    return (int(whole[:2]), int(whole[2:4]), int(whole[4:])), int(fraction.ljust(3, "0")[:3])
