"""What workers are given of what was known."""

from dataclasses import replace

from cec.known import open_known, open_trees
from domain.envelope import Record, seal
from domain.records.result import Result, Survey, Tree
from ingest.pipeline.ports import Known, KnownSurvey
from tests.domain.samples import BODIES, KEY


def make_tree(code: str, *, prev: Record | None, survey: Record, status: str) -> Record:
    body = BODIES["tree"]
    assert isinstance(body, Tree)
    return seal(
        replace(body, code=code, prev=None if prev is None else prev.cid, survey=survey.cid, status=status), KEY
    )


def test_a_tree_is_what_its_newest_evidence_says_under_the_name_of_its_last_record() -> None:
    survey, result = BODIES["survey"], BODIES["result"]
    assert isinstance(survey, Survey)
    assert isinstance(result, Result)
    tree = BODIES["tree"]
    assert isinstance(tree, Tree)
    now, then = (seal(replace(survey, at_ms=survey.at_ms + number), KEY) for number in range(2))
    newest = make_tree(tree.code, prev=None, survey=now, status="gone")
    last = make_tree(tree.code, prev=newest, survey=then, status="alive")
    closing = seal(replace(result, survey=now.cid), KEY)
    surveys = (KnownSurvey(now.raw, closing.raw), KnownSurvey(then.raw, None))
    forest = open_known(Known((last.raw,), surveys, (newest.raw,)))
    assert forest.trees == {last.cid: newest.body}
    assert {cid: one.closing for cid, one in forest.surveys.items()} == {now.cid: closing.body, then.cid: None}
    assert open_known(Known((last.raw,), surveys)).trees == open_trees([last.raw]) == {last.cid: last.body}
