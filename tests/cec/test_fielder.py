"""What the worker for crews' days makes of what was known."""

from dataclasses import replace

from cec.fielder import tell_request
from domain.envelope import Record, seal
from domain.records.result import Result, Survey, Tree
from ingest.pipeline.field_ports import FieldKnown, FieldRequest
from ingest.pipeline.ports import Known, KnownSurvey
from tests.domain.samples import BODIES, KEY
from tests.survey.records.crew_days import CRS, TAKEN_MS, YEAR_MS, know_tree
from tests.survey.records.test_field import visit


def make_survey(*, years: float) -> tuple[Record, KnownSurvey]:
    """Return a cloud's survey, taken some years before the crew came."""
    survey, closing = BODIES["survey"], BODIES["result"]
    assert isinstance(survey, Survey)
    assert isinstance(closing, Result)
    record = seal(replace(survey, crs=CRS, taken_ms=TAKEN_MS - round(years * YEAR_MS), at_ms=TAKEN_MS), KEY)
    return record, KnownSurvey(record.raw, seal(replace(closing, survey=record.cid), KEY).raw)


def tell(known: Known) -> Tree:
    """Return what a crew's visit to one tree says, beside what was known of it."""
    envelope = seal(visit(0)[1], KEY).raw
    request = FieldRequest("north-forest", "ridge", (envelope,), frozenset(), {}, TAKEN_MS + 5, TAKEN_MS)
    told = tell_request(request, FieldKnown(known), bytes(32), None)
    assert told.draft is not None
    (tree,) = told.draft.trees
    return tree


def test_a_crews_tree_is_compared_with_the_newest_evidence_and_goes_on_from_the_last_record() -> None:
    """A cloud of long ago, in which the tree was half as high, was surveyed after the one of this year."""
    (now, of_now), (then, of_then) = make_survey(years=0.0), make_survey(years=9.0)
    newest = seal(know_tree(0, east_m=0.0, height_m=20.6, survey=now.cid), KEY)
    last = seal(know_tree(0, east_m=0.0, height_m=10.0, survey=then.cid, prev=newest.cid), KEY)
    tree = tell(Known((last.raw,), (of_now, of_then), (newest.raw,)))
    plain = tell(Known((newest.raw,), (of_now,)))
    assert (plain.prev, tree.prev) == (newest.cid, last.cid)
    assert replace(tree, prev=newest.cid) == plain
    assert tell(Known((last.raw,), (of_then,))).height_mm != plain.height_mm
