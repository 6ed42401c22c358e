"""What a device asks of the server: how far its records have come, and which frame records it should hold.

A question and its answer are both allowed to be lost; whoever asks, asks again. The answer to `progress` is a receipt
on the channel ``rcpt``, that to `frames` a message of frame records on ``cmd``.
"""

from dataclasses import dataclass
from typing import Annotated

from domain.cid import Cid
from domain.codec import decode_map, encode
from domain.errors import InvalidEncoding
from domain.schema import Length, from_map, to_map

MAX_ASKED = 400
"""Records asked about at once; a receipt has room for as many answers."""
MAX_HELD = 2_000
"""Frame records that a device may hold: campaigns, plots and species lists of one organisation."""
MAX_INQUIRY = 128 << 10
"""Bytes of an inquiry: 2,400 CIDs of 39 bytes."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A device's question.

    Attributes
    ----------
    progress
        Records about which it wants to know.
    frames
        Frame records that it holds; the server sends those that it lacks. Absent: it does not ask.
    """

    progress: Annotated[tuple[Cid, ...], Length(1, MAX_ASKED)] | None = None
    frames: Annotated[tuple[Cid, ...], Length(0, MAX_HELD)] | None = None


def encode_inquiry(inquiry: Inquiry) -> bytes:
    """Return the message of an inquiry."""
    return encode(to_map(inquiry))


def parse_inquiry(message: bytes) -> Inquiry:
    """Return the inquiry of a message.

    Raises
    ------
    InvalidEncoding, InvalidField
        When it is none.
    """
    if len(message) > MAX_INQUIRY:
        raise InvalidEncoding(f"an inquiry of {len(message)} bytes, at most {MAX_INQUIRY}")
    return from_map(Inquiry, decode_map(message))
