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
        CID of its latest record.
    history
        CIDs of all its records, latest first.
    survey
        CID of the survey that made the latest.
    anchor
        The anchor of the latest record, when there is one.
    """

    code: str
    record: Cid
    history: tuple[Cid, ...]
    survey: Cid
    anchor: Anchor | None


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
    at_ms
        When it was made.
    trees
        Trees it found.
    """

    record: Cid
    result: Cid | None
    org: str
    campaign: str
    at_ms: int
    trees: int


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
        The latest record of each, in Hilbert order.
    cursor
        What to ask the next page by; absent on the last.
    """

    envelopes: tuple[bytes, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is indexed."""

    trees: int
    surveys: int
    records: int
    anchors: int
    anchored: int


@dataclass(frozen=True, slots=True)
class Box:
    """A geographic box in WGS 84, 10^-9 degree, ends inclusive; west lies west of east."""

    west_nd: int
    south_nd: int
    east_nd: int
    north_nd: int
