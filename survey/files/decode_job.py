"""What a decoding process is asked, and the frames in which it answers.

A job is one line of JSON. An answer is a row of frames: a head (`FRAME`), then its bytes. A frame of points carries its
columns one after another; a failure carries a reason; the end carries nothing. The head's second number is the points
that were decoded for a frame, its first those of them that are sent. Little is loaded here, as each start pays for it.
"""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

FRAME: Final = struct.Struct("<cII")
POINTS, END, FAILURE = b"P", b"E", b"F"
MAX_REASON_BYTES: Final = 2_000
"""Of a failure's reason."""
RECORD: Final = "record"
"""Column of the points as they stand in a LAS file."""

Kind = Literal["raw", "las", "e57", "ply"]
"""``raw`` is a whole LAS file whose points are sent as they stand."""
Window = tuple[float, float, float, float]
"""West, south, east, north in the file's unit; west and south are inside, east and north are not."""


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One file to decode.

    Attributes
    ----------
    path
        Absolute.
    kind
        Which decoder.
    point_count
        Points to decode, a window or not.
    chunk_points
        Most points of a frame.
    fields
        Columns beyond `survey.files.point_layout.BASE`, in the order of the answer.
    scale, offset
        Coordinates are ``units * scale + offset``.
    window
        Points outside are decoded, not sent; absent for all.
    limit_s
        Processor time of the whole job, seconds.
    details
        What the decoder of this kind needs beside; plain JSON.
    """

    path: str
    kind: Kind
    point_count: int
    chunk_points: int
    fields: tuple[str, ...]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    window: Window | None
    limit_s: float
    details: dict[str, Any]


def encode_job(job: DecodeJob) -> bytes:
    """Return a job as one line."""
    return json.dumps(asdict(job)).encode() + b"\n"


def parse_job(line: bytes) -> DecodeJob:
    """Return the job of a line that `encode_job` made."""
    given = json.loads(line)
    for name in ("fields", "scale", "offset"):
        given[name] = tuple(given[name])
    given["window"] = None if given["window"] is None else tuple(given["window"])
    return DecodeJob(**given)
