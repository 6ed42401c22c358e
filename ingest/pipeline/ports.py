"""What the pipeline asks of the tree science and of the chain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from domain.cid import Cid
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from register.entries import Box

FROM_WITHIN: Final = ("terrestrial", "mobile")
"""Ways of scanning that see stems; a drone sees the forest from above, as an aircraft does."""


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
    taken_ms
        When the cloud was taken, as its device's clock says; absent where that cannot be.
    scanned
        How the crew said that it was taken, as `domain.records.field.Blob` has it; absent: from the air.
    """

    cloud: Path
    root: Cid
    blob: Cid
    org: str
    campaign: str
    crs: str | None
    at_ms: int
    taken_ms: int | None = None
    scanned: str | None = None

    @property
    def is_from_within(self) -> bool:
        """Whether the cloud was taken from within the forest: its trees are stems, not tops."""
        return self.scanned in FROM_WITHIN


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
        How complete it is; links, root and count are set when the trees are signed.
    points
        Points of the cloud.
    ground
        Where trees may be known already: around the ground covered; absent in a local frame.
    gone
        Known trees that are found to be gone, each with its evidence; links as of `trees`.
    matches
        The comparison with what was known, part by part; links as of `trees`.
    """

    survey: Survey
    trees: tuple[Tree, ...]
    result: Result
    points: int
    ground: Box | None = None
    gone: tuple[Tree, ...] = ()
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownSurvey:
    """An earlier survey of the same organisation, as it was signed.

    Attributes
    ----------
    survey, result
        Envelopes; the result is absent where it has not come.
    """

    survey: bytes
    result: bytes | None


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a survey's ground before it.

    Attributes
    ----------
    trees
        Envelopes of the last record of each tree, which a new one goes on from.
    surveys
        Those that these records, and those of `newest`, come from.
    newest
        Envelopes of the newest evidence, of those trees whose last record is of older evidence: what they are.
    """

    trees: tuple[bytes, ...]
    surveys: tuple[KnownSurvey, ...]
    newest: tuple[bytes, ...] = ()


class Surveyor(Protocol):
    """Finds trees in clouds, and finds them again."""

    async def survey(self, request: SurveyRequest) -> Draft:
        """Return what a cloud holds; a `CecError` that says what to do when it cannot be read."""
        ...

    async def compare(self, draft: Draft, known: Known) -> Draft:
        """Return a draft in which known trees have their codes, with what became of the others."""
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
