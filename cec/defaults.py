"""What holds where nobody says otherwise, and more than one place needs to know."""

from typing import Final

ORG: Final = "north-forest"
"""Id of the organisation that a new data folder is begun for."""
