"""Records that registers index: one survey, its trees and its result."""

import dataclasses

from domain import codes
from domain.cid import RAW, Cid
from domain.envelope import Record, seal
from domain.records.result import Result, Survey, Tree
from register.entries import Anchor
from tests.domain.samples import BODIES, CLOUD, KEY

SECRET = bytes(32)
LON_ND, LAT_ND = 15_000_000_000, 47_000_000_000

_SURVEY = seal(BODIES["survey"], KEY).expect(Survey)
_TREE = seal(BODIES["tree"], KEY).expect(Tree)
_RESULT = seal(BODIES["result"], KEY).expect(Result)

SURVEY = seal(_SURVEY, KEY)
RESULT = seal(dataclasses.replace(_RESULT, survey=SURVEY.cid), KEY)


def make_survey(number: int, *, org: str = _SURVEY.org, taken_ms: int | None = None) -> Record:
    """Return a survey, made later by its number."""
    return seal(dataclasses.replace(_SURVEY, at_ms=_SURVEY.at_ms + number, org=org, taken_ms=taken_ms), KEY)


def make_tree(
    number: int,
    *,
    lon_nd: int = LON_ND,
    lat_nd: int = LAT_ND,
    prev: Cid | None = None,
    survey: Record = SURVEY,
    status: str = "alive",
) -> Record:
    """Return the record of the tree whose code comes from `number`."""
    position = dataclasses.replace(_TREE.position, lon_nd=lon_nd, lat_nd=lat_nd)
    code = codes.mint_cloud_code(SECRET, CLOUD, (number, 0, 0))
    body = dataclasses.replace(_TREE, org=survey.body.org, code=code, survey=survey.cid, position=position, prev=prev)
    return seal(dataclasses.replace(body, status=status), KEY)


def make_local_tree(number: int) -> Record:
    """Return the record of a tree in a local frame: no longitude, no latitude."""
    position = dataclasses.replace(
        _TREE.position, crs="local:cave", lon_nd=None, lat_nd=None, operation=None, operation_error_mm=None
    )
    code = codes.mint_cloud_code(SECRET, CLOUD, (number, 0, 0))
    return seal(dataclasses.replace(_TREE, code=code, survey=SURVEY.cid, position=position), KEY)


def code_of(record: Record) -> str:
    return record.expect(Tree).code


def make_anchor(records: list[Record], *, root: bytes = b"r" * 32) -> tuple[Anchor, list[Cid]]:
    """Return an anchor over the records and their sorted CIDs."""
    cids = sorted((record.cid for record in records), key=bytes)
    return Anchor(root, len(cids), 5, 1_790_000_000_000, b"t" * 32, Cid.of(RAW, b"manifest")), cids
