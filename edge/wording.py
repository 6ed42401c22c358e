"""What is in a record, in a few words for people: ``3 heights, 40 fixes``."""

from collections import Counter
from typing import Final

from domain.envelope import FieldBody
from domain.records.field import Birth, Blob, Close, Observation

_NAMES: Final = {
    "gnss": ("fix", "fixes"),
    "gnss-mean": ("mean position", "mean positions"),
    "height": ("height", "heights"),
    "missing-line": ("missing line", "missing lines"),
    "diameter": ("diameter", "diameters"),
    "photo": ("photo", "photos"),
    "visit": ("visit", "visits"),
    "note": ("note", "notes"),
}
MAX_WORDS: Final = 200
"""Symbols kept of a record's words."""


def describe_body(body: FieldBody) -> str:
    """Return what is in a field record.

    Examples
    --------
    >>> from domain.readings import Note
    >>> from domain.records.field import Place
    >>> place = Place(epoch=bytes(16), seq=0, at_ms=0, boot=bytes(16), mono_ms=0)
    >>> describe_body(Observation("north-forest", "rover-1", "ridge", place, (Note(1, "a"), Note(2, "b"))))
    '2 notes'
    """
    return _describe(body)[:MAX_WORDS]


def _describe(body: FieldBody) -> str:
    match body:
        case Observation():
            found = Counter(reading.TYPE for reading in body.readings)
            return ", ".join(f"{number} {_NAMES[name][number > 1]}" for name, number in found.items())
        case Blob():
            return body.name or body.media
        case Birth():
            return "begins to count"
        case Close():
            return "closes the epoch" if body.campaign is None else f"closes {body.campaign}"
