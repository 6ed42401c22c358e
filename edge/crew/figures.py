"""How numbers and times are written for the crew."""

from datetime import UTC, datetime, tzinfo
from typing import Final

from domain.readings import Visit
from edge.crew import words

_GAP: Final = "\N{NO-BREAK SPACE}"
"""Between a number and its unit, which belong on one line."""
_STEP: Final = 1000
_BYTE_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_PPM_PERCENT: Final = 10_000
_JUST_NOW_S: Final = 60
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_THREE_DIGITS: Final = 100


def format_count(count: int) -> str:
    """Return a number of things with its thousands apart.

    Examples
    --------
    >>> format_count(1234567)
    '1,234,567'
    """
    return f"{count:,}"


def format_bytes(size: int) -> str:
    r"""Return an amount of bytes in the decimal unit that leaves at most three digits before the point.

    Examples
    --------
    >>> format_bytes(999), format_bytes(1_500_000), format_bytes(120_000_000), format_bytes(3_000_000_000_000_000)
    ('999\xa0B', '1.5\xa0MB', '120\xa0MB', '3,000\xa0TB')
    """
    amount, unit = float(size), 0
    while round(amount) >= _STEP and unit < len(_BYTE_UNITS) - 1:
        amount /= _STEP
        unit += 1
    digits = 1 if unit and amount < _THREE_DIGITS else 0
    return f"{amount:,.{digits}f}{_GAP}{_BYTE_UNITS[unit]}"


def format_percent(ppm: int) -> str:
    r"""Return a part in whole percent, rounded down, so that 100 % means all.

    Examples
    --------
    >>> format_percent(999_999), format_percent(1_000_000)
    ('99\xa0%', '100\xa0%')
    """
    return f"{ppm // _PPM_PERCENT}{_GAP}%"


def format_local(at_ms: int, zone: tzinfo | None = None) -> str:
    """Return a UTC time of the device in local time; `zone` absent: the device's own.

    Examples
    --------
    >>> format_local(0, UTC)
    '1970-01-01 00:00'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def format_utc(at_ms: int) -> str:
    """Return a time in UTC, to the second.

    Examples
    --------
    >>> format_utc(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def format_ago(seconds: int) -> str:
    """Return how long ago something was, coarsely, so that what is shown rarely changes.

    Examples
    --------
    >>> format_ago(5), format_ago(600), format_ago(7_200), format_ago(200_000)
    ('just now', '10 min ago', '2 h ago', '2 days ago')
    """
    if seconds < _JUST_NOW_S:
        return words.JUST_NOW
    if seconds < _HOUR_S:
        return words.MINUTES_AGO.format(count=seconds // _MINUTE_S)
    if seconds < 2 * _DAY_S:
        return words.HOURS_AGO.format(count=seconds // _HOUR_S)
    return words.DAYS_AGO.format(count=seconds // _DAY_S)


def format_diameter(diameter_mm: int) -> str:
    r"""Return a diameter in centimetres, to the millimetre.

    Examples
    --------
    >>> format_diameter(325), format_diameter(320)
    ('32.5\xa0cm', '32\xa0cm')
    """
    return f"{diameter_mm / 10:.10g}{_GAP}cm"


def format_metres(length_mm: int) -> str:
    r"""Return a length in metres, to the millimetre.

    Examples
    --------
    >>> format_metres(24_100), format_metres(1_300)
    ('24.1\xa0m', '1.3\xa0m')
    """
    return f"{length_mm / 1000:.10g}{_GAP}m"


def describe_visit(visit: Visit) -> str:
    r"""Return in one line what was entered at a tree.

    Examples
    --------
    >>> describe_visit(Visit(1, species="Picea abies", status="alive", diameter_mm=325, height_mm=24_100))
    'Picea abies, Alive, ⌀\xa032.5\xa0cm, 24.1\xa0m high'
    """
    parts = [
        visit.species or visit.species_code,
        words.STATUS_WORDS[visit.status] if visit.status else None,
        f"⌀{_GAP}{format_diameter(visit.diameter_mm)}" if visit.diameter_mm is not None else None,
        f"{format_metres(visit.height_mm)} high" if visit.height_mm is not None else None,
        _describe_damage(visit),
        visit.remark,
    ]
    return ", ".join(part for part in parts if part)


def _describe_damage(visit: Visit) -> str | None:
    if visit.damage_ppm is None:
        return visit.damage_agent
    return f"{visit.damage_agent or words.FIELD_DAMAGE} {format_percent(visit.damage_ppm)}"
