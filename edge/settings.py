"""How an agent works: where its server's broker is, how it is reached, and what it measures for."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.errors import TlsUnusable


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a connection is secured with.

    Attributes
    ----------
    ca
        Certificates that may have signed the broker's (PEM).
    certificate, key
        What the device shows the broker; both or neither.
    """

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Settings of one agent.

    Attributes
    ----------
    folder
        Key, enrolment and spool.
    host, port
        The broker.
    campaign
        For which campaign it measures.
    retry_s
        First wait for a receipt before a record is sent again; doubles up to `retry_most_s`.
    tls
        How the link is secured; absent for plain TCP.
    is_silent
        Whether the certificate alone says who the device is: no login is sent beside it, since NATS refuses one. Other
        brokers take both; the embedded one asks for the login.
    is_metered
        Whether each byte costs.
    budget_bytes
        How much may be sent in a calendar month over a metered link before files wait; records always go. Absent: no
        bound.
    """

    folder: Path
    host: str
    port: int
    campaign: str
    retry_s: float = 3.0
    retry_most_s: float = 60.0
    tls: TlsFiles | None = None
    is_silent: bool = False
    is_metered: bool = False
    budget_bytes: int | None = None


def open_tls(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a link: TLS 1.2 at least, the broker's certificate and name checked.

    Raises
    ------
    TlsUnusable
        When a file cannot be read or key and certificate do not belong together.
    """
    try:
        context = ssl.create_default_context(cafile=str(files.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise TlsUnusable(str(error)) from error
    return context
