"""Records into rows: plain values in, plain tuples out, the same for every database."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from domain.cid import Cid
from domain.envelope import Record
from domain.records.frame import Area, Campaign
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from register.errors import CodeCollision
from register.feature import encode_feature
from register.hilbert import compute_hilbert

PUBLIC_KINDS: Final = (Survey.KIND, Tree.KIND, Result.KIND, Match.KIND, Campaign.KIND, Area.KIND)
"""Kinds whose bytes a register shows; observations and manifests are private by design.md section 2."""

RECORD_COLUMNS: Final = ("cid", "kind", "envelope")
TREE_COLUMNS: Final = ("code", "cid", "prev", "survey", "is_latest", "hilbert", "lon_nd", "lat_nd", "feature")
SURVEY_COLUMNS: Final = ("cid", "org", "campaign", "at_ms")

RecordRow: TypeAlias = tuple[bytes, str, bytes | None]
TreeRow: TypeAlias = tuple[str, bytes, bytes | None, bytes, int, int | None, int | None, int | None, bytes | None]
SurveyRow: TypeAlias = tuple[bytes, str, str, int]


@dataclass(frozen=True, slots=True)
class TreeLinks:
    """How new tree records join those that are indexed.

    Attributes
    ----------
    superseded
        By code, the indexed records that are no longer the latest of their trees.
    latest
        Those among the new records that are the latest of their trees.
    """

    superseded: Mapping[str, Cid]
    latest: frozenset[Cid]


def record_rows(records: Iterable[Record]) -> Iterator[RecordRow]:
    """Yield a row of `RECORD_COLUMNS` for each record; private kinds without their bytes."""
    for record in records:
        yield bytes(record.cid), record.kind, record.raw if record.kind in PUBLIC_KINDS else None


def survey_rows(records: Iterable[Record]) -> list[SurveyRow]:
    """Return a row of `SURVEY_COLUMNS` for each survey among the records."""
    return [
        (bytes(record.cid), body.org, body.campaign, body.at_ms)
        for record in records
        if isinstance(body := record.body, Survey)
    ]


def find_closings(records: Iterable[Record]) -> dict[bytes, bytes]:
    """Return the last result of each survey that a result among the records closes, both by CID."""
    return {bytes(body.survey): bytes(record.cid) for record in records if isinstance(body := record.body, Result)}


def select_trees(records: Iterable[Record]) -> list[tuple[Cid, Tree]]:
    """Return the tree records among `records` with their CIDs, in order."""
    return [(record.cid, body) for record in records if isinstance(body := record.body, Tree)]


def link_trees(trees: Sequence[tuple[Cid, Tree]], indexed: Mapping[str, Cid]) -> TreeLinks:
    """Return how new records join the trees' histories.

    Parameters
    ----------
    trees
        New records, a predecessor before its successor.
    indexed
        The latest indexed record of each code that is known.

    Raises
    ------
    CodeCollision
        When a code begins twice or a successor skips its predecessor.
    """
    latest = dict(indexed)
    changed = set()
    for cid, tree in trees:
        before = latest.get(tree.code)
        if before is not None and before != tree.prev:
            raise CodeCollision(tree.code, str(cid))
        latest[tree.code] = cid
        changed.add(tree.code)
    superseded = {code: indexed[code] for code in changed if code in indexed}
    return TreeLinks(superseded, frozenset(latest[code] for code in changed))


def tree_rows(trees: Iterable[tuple[Cid, Tree]], latest: Collection[Cid]) -> Iterator[TreeRow]:
    """Yield a row of `TREE_COLUMNS` for each tree record; those in a local frame have no place and no feature."""
    for cid, tree in trees:
        lon_nd, lat_nd = tree.position.lon_nd, tree.position.lat_nd
        hilbert, feature = None, None
        if lon_nd is not None and lat_nd is not None:
            hilbert, feature = compute_hilbert(lon_nd, lat_nd), encode_feature(tree, cid)
        prev = bytes(tree.prev) if tree.prev else None
        is_latest = int(cid in latest)
        yield tree.code, bytes(cid), prev, bytes(tree.survey), is_latest, hilbert, lon_nd, lat_nd, feature
