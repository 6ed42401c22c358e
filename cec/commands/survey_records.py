"""The records of a surveyed folder: the trees of all its clouds, each by the cloud that has its apex return."""

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from cec.surveyor import UNSIGNED
from domain.cid import Cid
from domain.envelope import Record
from domain.keys import SigningKey
from domain.records.result import Tree
from ingest.pipeline.ports import Draft
from ingest.pipeline.surveying import sign_draft
from ipfs.unixfs import plan_file
from survey.airborne.result import PlotResult
from survey.catalogue.estimates import NumberedTree, read_trees
from survey.catalogue.exports import name_files
from survey.catalogue.inventory import check_unchanged
from survey.catalogue.plot import gather_plot
from survey.catalogue.result import CatalogueResult, FileReport
from survey.records.bodies import RecordContext, build_result, build_survey, build_trees

ORG, CAMPAIGN = "local", "local"


@dataclass(frozen=True, slots=True)
class SurveyedFolder:
    """What `survey_catalogue` wrote, and what it returned."""

    folder: Path
    result: CatalogueResult

    def read_plot(self) -> PlotResult:
        """Return everything as one plot, trees by their numbers."""
        return gather_plot(self.result, tuple(one.tree for one in read_trees(self.folder)))


def sign_folder(surveyed: SurveyedFolder, *, key: SigningKey, secret: bytes, at_ms: int) -> list[Record]:
    """Return the signed records of a surveyed folder: survey, trees, result.

    Parameters
    ----------
    surveyed
        The folder.
    key
        Signs.
    secret
        For tree codes.
    at_ms
        UTC.
    """
    files = surveyed.result.files
    names = name_files([file.path for file in files])
    roots = {name: _hash(file) for name, file in zip(names, files, strict=True)}
    plot = gather_plot(surveyed.result, ())
    first = _context(next(iter(roots.values())), secret, at_ms)
    clouds = tuple(sorted(roots.values(), key=bytes))
    survey = replace(build_survey(plot, first), inputs=clouds, clouds=clouds)
    trees: dict[str, Tree] = {}
    for name, found in groupby(sorted(read_trees(surveyed.folder), key=_by_file), key=lambda one: one.file):
        of_file = replace(plot, trees=tuple(one.tree for one in found))
        for tree in build_trees(of_file, _context(roots[name], secret, at_ms), UNSIGNED):
            # Two returns of one file may have the same place.
            trees.setdefault(tree.code, tree)
    points = sum(file.points for file in surveyed.result.files)
    draft = Draft(survey, tuple(trees.values()), build_result(plot, first, UNSIGNED), points)
    return sign_draft(draft, key)


def _hash(file: FileReport) -> Cid:
    """Return the UnixFS root of a file that was surveyed: what is signed as evidence must be what was read."""
    root = plan_file(file.path).root
    check_unchanged(file.path, file.key)
    return root


def _by_file(one: NumberedTree) -> tuple[str, int]:
    return one.file, one.number


def _context(root: Cid, secret: bytes, at_ms: int) -> RecordContext:
    return RecordContext(ORG, CAMPAIGN, root, root, secret, at_ms)
