"""What the register answers: plain values, each traced to the record that says it."""

from dataclasses import dataclass

from domain.cid import Cid


@dataclass(frozen=True, slots=True)
class Anchor:
    """A root that stands on the chain.

    Attributes
    ----------
    root
        Merkle root over the batch, 32 bytes.
    count
        Records in the batch.
    height
        Block in which the anchor took effect.
    time_ms
        That block's UTC time.
    tx_hash
        SHA-256 of the transaction, 32 bytes.
    manifest
        Root of the DAG that lists the batch.
    """

    root: bytes
    count: int
    height: int
    time_ms: int
    tx_hash: bytes
    manifest: Cid


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What is known of one tree.

    Attributes
    ----------
    code
        Its code, 17 symbols.
    record
        CID of its latest record: that of the newest evidence.
    history
        CIDs of all its records that stand, newest evidence first.
    last
        CID of the record that the next one goes on from: the latest, unless older evidence was surveyed after it.
    survey
        CID of the survey that made the latest.
    anchor
        The anchor of the latest record, when there is one.
    aside
        Records of its code that are set aside.
    """

    code: str
    record: Cid
    history: tuple[Cid, ...]
    last: Cid
    survey: Cid
    anchor: Anchor | None
    aside: "tuple[SetAside, ...]"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A tree record that is kept and counts for nothing, because another one has its place.

    Attributes
    ----------
    record, code
        Its name, and the code that it carries.
    rule
        Which of `register.settling`'s.
    reason
        The rule for a person.
    """

    record: Cid
    code: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAsidePage:
    """A page of records that are set aside.

    Attributes
    ----------
    entries
        In the order in which they came.
    cursor
        What to ask the next page by; absent on the last.
    """

    entries: tuple[SetAside, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class SurveyEntry:
    """One survey in a list.

    Attributes
    ----------
    record
        CID of the survey record.
    result
        CID of the result that closes it, when there is one.
    org, campaign
        For whom.
    at_ms, seen_ms
        When it was made, and when its evidence was taken as far as it says.
    trees
        Trees that it saw.
    gone
        Trees that it told to be gone, or saw the stump of.
    """

    record: Cid
    result: Cid | None
    org: str
    campaign: str
    at_ms: int
    seen_ms: int
    trees: int
    gone: int


@dataclass(frozen=True, slots=True)
class FeaturePage:
    """A page of trees as ready GeoJSON.

    Attributes
    ----------
    features
        Each a GeoJSON feature, UTF-8 bytes, in Hilbert order.
    cursor
        What to ask the next page by; absent on the last.
    """

    features: tuple[bytes, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class TreePage:
    """A page of trees as they were signed.

    Attributes
    ----------
    envelopes
        The last record of each, from which the next one goes on, in Hilbert order.
    cursor
        What to ask the next page by; absent on the last.
    """

    envelopes: tuple[bytes, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is indexed.

    Attributes
    ----------
    trees, gone
        Codes of trees that are there by their newest evidence, and of those that are gone or stumps.
    surveys, records, anchors, anchored
        Surveys; records of all kinds; anchors, and records that have one.
    aside
        Tree records that are set aside.
    """

    trees: int
    gone: int
    surveys: int
    records: int
    anchors: int
    anchored: int
    aside: int


@dataclass(frozen=True, slots=True)
class Box:
    """A geographic box in WGS 84, 10^-9 degree, ends inclusive; west lies west of east."""

    west_nd: int
    south_nd: int
    east_nd: int
    north_nd: int
