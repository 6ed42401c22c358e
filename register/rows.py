"""Records into rows: plain values in, plain tuples out, the same for every database."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from domain.cid import Cid
from domain.envelope import Record
from domain.records.frame import Area, Campaign
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from register.feature import encode_feature
from register.hilbert import compute_hilbert
from register.settling import Link, settle

PUBLIC_KINDS: Final = (Survey.KIND, Tree.KIND, Result.KIND, Match.KIND, Campaign.KIND, Area.KIND)
"""Kinds whose bytes a register shows; observations and manifests are private by design.md section 2."""
GONE: Final = frozenset({"gone", "stump"})
"""What a tree is that is no longer there."""

RECORD_COLUMNS: Final = ("cid", "kind", "envelope")
STANDING_COLUMNS: Final = ("seen_ms", "is_latest", "is_last", "aside")
TREE_COLUMNS: Final = (
    *("code", "cid", "prev", "survey", *STANDING_COLUMNS),
    *("is_gone", "hilbert", "lon_nd", "lat_nd", "feature"),
)
SURVEY_COLUMNS: Final = ("cid", "org", "campaign", "at_ms", "seen_ms")

RecordRow: TypeAlias = tuple[bytes, str, bytes | None]
TreeRow: TypeAlias = tuple[object, ...]
"""Thirteen fields, as `TREE_COLUMNS` names them."""
SurveyRow: TypeAlias = tuple[bytes, str, str, int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tree record stands among those of its code.

    Attributes
    ----------
    seen_ms
        When its evidence was taken; absent while its survey is not known.
    is_latest
        1 for the record of the newest evidence, else 0.
    is_last
        1 for the end of the links, else 0.
    aside
        The rule that set it aside; absent for those that stand.
    """

    seen_ms: int | None
    is_latest: int
    is_last: int
    aside: str | None


def record_rows(records: Iterable[Record]) -> Iterator[RecordRow]:
    """Yield a row of `RECORD_COLUMNS` for each record; private kinds without their bytes."""
    for record in records:
        yield bytes(record.cid), record.kind, record.raw if record.kind in PUBLIC_KINDS else None


def survey_rows(records: Iterable[Record]) -> list[SurveyRow]:
    """Return a row of `SURVEY_COLUMNS` for each survey among the records."""
    return [
        (bytes(record.cid), body.org, body.campaign, body.at_ms, body.at_ms if body.taken_ms is None else body.taken_ms)
        for record in records
        if isinstance(body := record.body, Survey)
    ]


def find_closings(records: Iterable[Record]) -> dict[bytes, bytes]:
    """Return the last result of each survey that a result among the records closes, both by CID."""
    return {bytes(body.survey): bytes(record.cid) for record in records if isinstance(body := record.body, Result)}


def select_trees(records: Iterable[Record]) -> list[tuple[Cid, Tree]]:
    """Return the tree records among `records` with their CIDs, in order."""
    return [(record.cid, body) for record in records if isinstance(body := record.body, Tree)]


def link_trees(
    trees: Sequence[tuple[Cid, Tree]], seen_ms: Mapping[bytes, int], indexed: Mapping[str, Sequence[Link]]
) -> dict[bytes, Standing]:
    """Return how new and indexed records of the same codes stand, by CID.

    Parameters
    ----------
    trees
        New records, in any order.
    seen_ms
        When the evidence of each known survey was taken.
    indexed
        All indexed records of those codes that are known, and of others whose dates have changed.
    """
    codes = Counter(tree.code for _, tree in trees)
    links = {code: list(known) for code, known in indexed.items()}
    alone = {date: Standing(date, 1, 1, None) for date in (None, *seen_ms.values())}
    standings: dict[bytes, Standing] = {}
    for cid, tree in trees:
        name, date = bytes(cid), seen_ms.get(bytes(tree.survey))
        if codes[tree.code] == 1 and tree.code not in indexed:  # nearly always
            standings[name] = alone[date]
        else:
            links.setdefault(tree.code, []).append(Link(name, bytes(tree.prev) if tree.prev else None, date))
    return standings | {cid: standing for history in links.values() for cid, standing in _stand(history)}


def _stand(history: Sequence[Link]) -> Iterator[tuple[bytes, Standing]]:
    settled = settle(history)
    for link in history:
        is_latest, is_last = int(link.cid == settled.latest), int(link.cid == settled.last)
        yield link.cid, Standing(link.seen_ms, is_latest, is_last, settled.aside.get(link.cid))


def tree_rows(trees: Iterable[tuple[Cid, Tree]], standings: Mapping[bytes, Standing]) -> Iterator[TreeRow]:
    """Yield a row of `TREE_COLUMNS` for each tree record; those in a local frame have no place and no feature."""
    for cid, tree in trees:
        lon_nd, lat_nd = tree.position.lon_nd, tree.position.lat_nd
        hilbert, feature = None, None
        if lon_nd is not None and lat_nd is not None:
            hilbert, feature = compute_hilbert(lon_nd, lat_nd), encode_feature(tree, cid)
        name = bytes(cid)
        prev = bytes(tree.prev) if tree.prev else None
        how = standings[name]
        yield (
            *(tree.code, name, prev, bytes(tree.survey)),
            *(how.seen_ms, how.is_latest, how.is_last, how.aside),
            *(int(tree.status in GONE), hilbert, lon_nd, lat_nd, feature),
        )
