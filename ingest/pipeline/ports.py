"""What the pipeline asks of the tree science and of the chain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.cid import Cid
from domain.records.result import Result, Survey, Tree


@dataclass(frozen=True, slots=True)
class SurveyRequest:
    """One cloud to be surveyed.

    Attributes
    ----------
    cloud
        The file, whole.
    root, blob
        Its UnixFS root, and the record that declared it.
    org, campaign
        For whom.
    crs
        What the crew said of its CRS.
    at_ms
        UTC.
    """

    cloud: Path
    root: Cid
    blob: Cid
    org: str
    campaign: str
    crs: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What a survey found, before it is signed.

    Attributes
    ----------
    survey
        How it was made.
    trees
        Its trees; the link to the survey is set when that is signed.
    result
        How complete it is; link, root and count are set when the trees are signed.
    points
        Points of the cloud.
    """

    survey: Survey
    trees: tuple[Tree, ...]
    result: Result
    points: int


class Surveyor(Protocol):
    """Finds trees in clouds."""

    async def survey(self, request: SurveyRequest) -> Draft:
        """Return what a cloud holds; a `CecError` that says what to do when it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Anchored:
    """Where a root stands on the chain.

    Attributes
    ----------
    height, time_ms
        Of the block in which the anchor took effect.
    tx_hash
        SHA-256 of the transaction; 32 zero bytes when somebody else had anchored the root before.
    """

    height: int
    time_ms: int
    tx_hash: bytes


class Anchors(Protocol):
    """Puts roots on a chain."""

    async def anchor(self, root: bytes, count: int, manifest: Cid) -> Anchored:
        """Return where a root stands, once that is final; anchoring the same root again returns the same."""
        ...
