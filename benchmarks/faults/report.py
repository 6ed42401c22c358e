"""What a scenario did and what came of it."""

from dataclasses import dataclass

from benchmarks.report import Figure


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's end.

    Attributes
    ----------
    did
        What was done, in a sentence.
    figures
        What was measured.
    """

    did: str
    figures: tuple[Figure, ...]
