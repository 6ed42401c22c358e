"""What every part of the screen is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from edge.views import Desk


@dataclass(frozen=True, slots=True)
class Crew:
    """What every part of the screen is given.

    Attributes
    ----------
    desk
        What is shown, and where entries go.
    folder
        Where receipts are saved.
    zone
        In which times are shown; absent: the device's own.
    mono_ms
        Monotonic clock of the device, in milliseconds.
    draft
        What stands in the entry form, by the names of `edge.crew.entry.FIELDS`; kept while the screen runs.
    """

    desk: Desk
    folder: Path
    zone: tzinfo | None
    mono_ms: Callable[[], int]
    draft: dict[str, str]
