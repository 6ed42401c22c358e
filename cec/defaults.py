"""What holds where nobody says otherwise, and more than one place needs to know."""

from typing import Final

ORG: Final = "north-forest"
"""Id of the organisation that a new data folder is begun for."""
QUIET_S: Final = 600.0
"""Seconds without a reading after which a crew's day is told: a crew that walks on, or a bad link, is not done."""
