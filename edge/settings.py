"""How an agent works: where its server's broker is, and what it measures for."""

from dataclasses import dataclass
from pathlib import Path


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
    """

    folder: Path
    host: str
    port: int
    campaign: str
    retry_s: float = 3.0
    retry_most_s: float = 60.0
