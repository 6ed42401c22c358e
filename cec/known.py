"""What was known, out of its envelopes, as the tree science takes it, which only the worker of a survey pays for."""

from collections.abc import Iterable

from domain.cid import Cid
from domain.envelope import open_envelope
from domain.records.result import Result, Survey, Tree
from ingest.pipeline.ports import Known
from survey.records.campaigns import KnownForest, KnownSurvey


def open_known(known: Known) -> KnownForest:
    """Return what was known, each tree by its newest evidence under the name of its last record."""
    surveys = {
        record.cid: KnownSurvey(
            record.expect(Survey), None if one.result is None else open_envelope(one.result).expect(Result)
        )
        for one in known.surveys
        for record in [open_envelope(one.survey)]
    }
    # A cloud of an earlier year may have been surveyed last: links go on from that, but it is not what the tree is.
    newest = {tree.code: tree for tree in open_trees(known.newest).values()}
    last = open_trees(known.trees)
    return KnownForest({cid: newest.get(tree.code, tree) for cid, tree in last.items()}, surveys)


def open_trees(envelopes: Iterable[bytes]) -> dict[Cid, Tree]:
    """Return trees' bodies by the names of their records."""
    return {record.cid: record.expect(Tree) for record in map(open_envelope, envelopes)}
