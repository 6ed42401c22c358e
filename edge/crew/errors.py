"""Failures at the crew's hands.

::

    CecError
    +-- EdgeError
        +-- InvalidEntry       what was typed is no visit; says for each field why and what to do
        +-- DamagedReceipt     what this device keeps as a receipt proves nothing
"""

from collections.abc import Mapping

from domain.errors import CecError
from edge.crew import words
from edge.errors import EdgeError


class InvalidEntry(EdgeError):
    """What was typed is no visit.

    Attributes
    ----------
    faults
        For each field of `edge.crew.entry.FIELDS` that is wrong, why and what to do; under ``""`` what concerns the
        entry as a whole.
    is_unlikely
        Whether a figure is possible but so unlikely that the crew must say that it is right.
    """

    def __init__(self, faults: Mapping[str, str], *, is_unlikely: bool = False) -> None:
        super().__init__(f"Invalid entry: {'; '.join(faults.values())}")
        self.faults = faults
        self.is_unlikely = is_unlikely


class DamagedReceipt(EdgeError):
    """What this device keeps as a receipt proves nothing: it was damaged on the card.

    Attributes
    ----------
    fault
        What keeps it from being read as the server's word about the record.
    """

    def __init__(self, fault: CecError) -> None:
        super().__init__(words.BAD_PROOF.format(reason=fault))
        self.fault = fault
