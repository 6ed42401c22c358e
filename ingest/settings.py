"""Where an ingest server finds its broker, and what it takes."""

from dataclasses import dataclass, field
from typing import Final

GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An MQTT broker.

    Attributes
    ----------
    host, port
        Where it listens.
    username, password
        Of the server's login; empty where the broker asks for none.
    """

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How the server works.

    Attributes
    ----------
    max_upload_bytes
        Largest file taken.
    batch_messages
        Messages admitted in one commit at most.
    answer_frames
        Frames of an upload taken before it is answered.
    answer_after_s
        Or after this time, whichever comes first.
    """

    max_upload_bytes: int = 16 * GIB
    batch_messages: int = 64
    answer_frames: int = 4
    answer_after_s: float = 0.1
