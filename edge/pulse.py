"""How the agent is doing now: the link and the sky, for the crew's views in this process and in others."""

import time
from dataclasses import dataclass, replace
from typing import Annotated, Final

from domain.codec import decode_map, encode
from domain.errors import CecError
from domain.quantities import Count, DurationMs
from domain.schema import Length, Range, from_map, to_map
from edge.clock import read_mono_ms
from firmware_bridge.driver import SkyView

NOTE: Final = "pulse"
"""Name under which the spool keeps it for other processes."""
MAX_SKY_AGE_S: Final = 30.0
"""A sky that was seen longer ago is not shown: the receiver is gone."""
_Alarm = Annotated[str, Length(1, 1_000)]


@dataclass(frozen=True, slots=True)
class PulseNote:
    """What the spool keeps of a pulse.

    Attributes
    ----------
    broker
        Where the broker should be.
    is_connected, connections
        Whether it is reached, and how often it was.
    at_ms, heard_ms
        Monotonic clock at this note, and when the server last answered.
    refusal
        Why the server or broker does not take this device.
    sent_bytes, budget_bytes
        Of a metered link.
    memory_bytes
        Resident memory of the agent.
    satellites_used, satellites_seen, quality, hdop_c
        Of the receiver.
    alarms
        What somebody should do now.
    """

    broker: Annotated[str, Length(1, 300)]
    is_connected: bool
    connections: Count
    at_ms: DurationMs
    heard_ms: DurationMs | None = None
    refusal: Annotated[str, Length(1, 4_000)] | None = None
    sent_bytes: Count | None = None
    budget_bytes: Count | None = None
    memory_bytes: Count = 0
    satellites_used: Count | None = None
    satellites_seen: Count | None = None
    quality: Annotated[int, Range(0, 9)] | None = None
    hdop_c: Count | None = None
    alarms: Annotated[tuple[_Alarm, ...], Length(1, 20)] | None = None


@dataclass(slots=True)
class Pulse:
    """The agent's state, changed as it works.

    Attributes
    ----------
    is_connected
        Whether the broker is reached now.
    connections
        How often it was reached.
    refusal
        Why the server or the broker does not take this device, in words with the remedy; absent while they do.
    heard
        Monotonic time of the server's last answer.
    sky, sky_at
        What the receiver sees, and when it said so.
    is_full
        Whether the disk refused what was to be recorded last.
    dropped
        Readings lost meanwhile, not yet counted in the spool.
    """

    is_connected: bool = False
    connections: int = 0
    refusal: str | None = None
    heard: float | None = None
    sky: SkyView | None = None
    sky_at: float = 0.0
    is_full: bool = False
    dropped: int = 0

    def note_sky(self, sky: SkyView) -> None:
        """Take what the receiver sees."""
        self.sky, self.sky_at = sky, time.monotonic()

    def take_note(self, broker: str) -> PulseNote:
        """Return what others may see of it."""
        now = time.monotonic()
        heard = None if self.heard is None else int(self.heard * 1_000)
        note = PulseNote(broker, self.is_connected, self.connections, read_mono_ms(), heard, refusal=_cut(self.refusal))
        if self.sky is None or now - self.sky_at > MAX_SKY_AGE_S:
            return note
        sky = self.sky
        return replace(note, satellites_used=sky.used, satellites_seen=sky.seen, quality=sky.quality, hdop_c=sky.hdop_c)


def encode_note(note: PulseNote) -> bytes:
    """Return the bytes that the spool keeps."""
    return encode(to_map(note))


def parse_note(raw: bytes | None) -> PulseNote | None:
    """Return the note of another process; absent where there is none that this version can read."""
    if raw is None:
        return None
    try:
        return from_map(PulseNote, decode_map(raw))
    except CecError:
        return None


def _cut(text: str | None) -> str | None:
    return None if not text else text[:4_000]
