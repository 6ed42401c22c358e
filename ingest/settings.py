"""Where an ingest server finds its broker, and what it takes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """How this side of a TLS connection knows the broker, and shows itself.

    Attributes
    ----------
    ca
        Certificates that the broker's must come from (PEM).
    certificate, key
        This side's own certificate and its key (PEM), where the broker asks for them; both or none.
    """

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How the embedded broker shows itself, and knows devices.

    Attributes
    ----------
    certificate, key
        The broker's own certificate and its key (PEM).
    client_ca
        Certificates that a device's must come from (PEM); without it none is asked for.
    must_show
        Whether a device without a certificate is turned away; else it may still log in by its enrolment.
    crl
        Certificates that are no longer valid, signed by `client_ca` (PEM).
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    must_show: bool = True
    crl: Path | None = None


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An MQTT broker.

    Attributes
    ----------
    host, port
        Where it listens.
    username, password
        Of the server's login; empty where the broker asks for none.
    tls
        How to speak TLS with it; absent for plain TCP.
    """

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: TlsFiles | None = None


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
