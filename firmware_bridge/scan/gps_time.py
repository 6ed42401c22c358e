"""The one time scale of scans and tracks: GPS seconds, which no leap second breaks.

**GPS seconds** are seconds since 1980-01-06 00:00:00 UTC without leap seconds; a float64 holds them to 0.3
microseconds. UTC seconds are POSIX's, since 1970-01-01, where a leap second repeats the second before. LAS stores
*adjusted standard GPS time*, GPS seconds less 10^9.
"""

from bisect import bisect_right
from typing import Final

GPS_EPOCH_UTC_S: Final = 315_964_800
"""1980-01-06 00:00:00 UTC in POSIX seconds."""
ADJUSTED_S: Final = 1_000_000_000
"""What LAS 1.4 (R15, 2.4: GPS time type) subtracts."""
WEEK_S: Final = 604_800

# IERS Bulletin C: POSIX seconds at which GPS became one more second ahead of UTC. None was announced since 2016; a
# new one needs an entry here, or scans that use UTC clocks lie a second's travel apart from the track.
_LEAPS: Final = (
    362_793_600,  # 1981-07-01
    394_329_600,  # 1982-07-01
    425_865_600,  # 1983-07-01
    489_024_000,  # 1985-07-01
    567_993_600,  # 1988-01-01
    631_152_000,  # 1990-01-01
    662_688_000,  # 1991-01-01
    709_948_800,  # 1992-07-01
    741_484_800,  # 1993-07-01
    773_020_800,  # 1994-07-01
    820_454_400,  # 1996-01-01
    867_715_200,  # 1997-07-01
    915_148_800,  # 1999-01-01
    1_136_073_600,  # 2006-01-01
    1_230_768_000,  # 2009-01-01
    1_341_100_800,  # 2012-07-01
    1_435_708_800,  # 2015-07-01
    1_483_228_800,  # 2017-01-01
)


def count_leap_seconds(utc_s: float) -> int:
    """Return how many seconds GPS time is ahead of UTC.

    Examples
    --------
    >>> count_leap_seconds(1_483_228_799), count_leap_seconds(1_483_228_800)
    (17, 18)
    """
    return bisect_right(_LEAPS, utc_s)


def to_gps_s(utc_s: float) -> float:
    """Return GPS seconds of POSIX seconds.

    Examples
    --------
    >>> to_gps_s(315_964_800.0), to_gps_s(1_483_228_800.0)
    (0.0, 1167264018.0)
    """
    return utc_s - GPS_EPOCH_UTC_S + count_leap_seconds(utc_s)


def to_utc_s(gps_s: float) -> float:
    """Return POSIX seconds of GPS seconds; a leap second gives the second after it again.

    Examples
    --------
    >>> to_utc_s(1167264018.0)
    1483228800.0
    """
    # The count before the leap is right up to the leap itself, so two steps settle.
    utc_s = gps_s + GPS_EPOCH_UTC_S - count_leap_seconds(gps_s + GPS_EPOCH_UTC_S)
    return gps_s + GPS_EPOCH_UTC_S - count_leap_seconds(utc_s)


def find_week_start_s(near_gps_s: float, first_s: float) -> float:
    """Return the start of the GPS week that puts a time of week nearest to a known time.

    Parameters
    ----------
    near_gps_s
        GPS seconds that are known to be close, such as a capture's start.
    first_s
        Seconds of the week, 0 to 604,800 or a little more.

    Examples
    --------
    >>> find_week_start_s(1_167_264_018.0, 604_799.0)  # early on a Sunday; the track began on Saturday
    1166659200.0
    """
    return round((near_gps_s - first_s) / WEEK_S) * float(WEEK_S)
