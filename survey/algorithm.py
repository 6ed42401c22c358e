"""An algorithm is a value: a frozen dataclass that carries its paper and its settings."""

from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Protocol


class Algorithm(Protocol):
    """A frozen dataclass with the name of its paper; its fields are its settings, units in their names."""

    NAME: ClassVar[str]
    DOI: ClassVar[str | None]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True, slots=True)
class StepDone:
    """One task and how it was done.

    Attributes
    ----------
    task
        In lidR's words: ``locate_trees``.
    algorithm
        Named by its paper.
    doi
        Of that paper, if it has one.
    settings
        Name and decimal text of each setting.
    """

    task: str
    algorithm: str
    doi: str | None
    settings: tuple[tuple[str, str], ...]


def describe_step(task: str, algorithm: Algorithm) -> StepDone:
    """Return what a record says of a task done with an algorithm."""
    settings = tuple((field.name, f"{getattr(algorithm, field.name)}") for field in fields(algorithm))
    return StepDone(task, algorithm.NAME, algorithm.DOI, settings)
