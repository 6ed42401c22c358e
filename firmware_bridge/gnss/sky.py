"""What GSA and GSV sentences of an epoch, one or more a satellite system, say together."""

from collections.abc import Sequence
from typing import Final

from firmware_bridge.driver import SkyView
from firmware_bridge.gnss.sentences import Dilution, InView, Position

STRONGEST: Final = 4
"""Satellites whose carrier to noise is averaged: a fix needs four."""
MAX_DOP_C: Final = 10_000
"""Receivers say 99.99 and above when they do not know."""


def merge_dilutions(dilutions: Sequence[Dilution]) -> Dilution:
    """Return the GSA of all systems as one: each repeats the DOP of the whole fix; the first that says it counts.

    Examples
    --------
    >>> merge_dilutions([Dilution(("01",), 150, 90, None), Dilution(("65",), 150, 90, 120)])
    Dilution(satellites=('01', '65'), pdop_c=150, hdop_c=90, vdop_c=120)
    """
    return Dilution(
        tuple(one for dilution in dilutions for one in dilution.satellites),
        _first([dilution.pdop_c for dilution in dilutions]),
        _first([dilution.hdop_c for dilution in dilutions]),
        _first([dilution.vdop_c for dilution in dilutions]),
    )


def view_sky(mono_ms: int, dilution: Dilution, in_view: Sequence[InView], position: Position | None) -> SkyView:
    """Return an epoch's view of the sky.

    Satellites used are the more of GSA's and of the position's own count: either may be capped at twelve.
    """
    seen: dict[str, int] = {}
    strength: dict[tuple[str, str], int] = {}
    for group in in_view:
        seen[group.talker] = max(seen.get(group.talker, 0), group.seen)
        for satellite, snr_db in group.snr_db:
            key = (group.talker, satellite)
            strength[key] = max(strength.get(key, 0), snr_db)
    used = max(len(dilution.satellites), (position.satellites or 0) if position else 0)
    own_hdop_c = position.hdop_c if position else None
    return SkyView(
        mono_ms,
        used,
        max(sum(seen.values()), used),
        position.quality if position else 0,
        dilution.hdop_c if own_hdop_c is None else own_hdop_c,
        average_strongest(tuple(strength.values())),
    )


def average_strongest(snr_db: Sequence[int]) -> int | None:
    """Return the mean carrier to noise of the strongest four, whole decibels; nothing when none is received.

    Examples
    --------
    >>> average_strongest([40, 20, 44, 42, 46])
    43
    """
    best = sorted(snr_db)[-STRONGEST:]
    return round(sum(best) / len(best)) if best else None


def _first(dops: Sequence[int | None]) -> int | None:
    return next((dop for dop in dops if dop is not None and dop <= MAX_DOP_C), None)
