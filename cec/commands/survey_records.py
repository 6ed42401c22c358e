"""The records of clouds surveyed without a server: signed by a key, and with codes by a secret, beside their folder.

Of a folder of airborne clouds each tree is its cloud's that has the apex return; a cloud from within the forest is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from cec.surveyor import UNSIGNED
from cec.vault import load_secret
from domain.cid import Cid
from domain.envelope import Record
from domain.keys import SigningKey
from domain.records.result import Tree
from ingest.pipeline.ports import Draft
from ingest.pipeline.surveying import sign_draft
from ipfs.car import write_car
from ipfs.unixfs import plan_file
from survey.airborne.result import PlotResult
from survey.catalogue.estimates import NumberedTree, read_trees
from survey.catalogue.exports import name_files
from survey.catalogue.fallen import read_fallen
from survey.catalogue.inventory import check_unchanged
from survey.catalogue.plot import gather_plot
from survey.catalogue.result import CatalogueResult, FileReport
from survey.files.whole_file import whole_file
from survey.records.bodies import RecordContext, build_result, build_survey, build_trees
from survey.records.stems import build_stem_trees
from survey.records.stems_cloud import StemSurvey

ORG, CAMPAIGN = "local", "local"


@dataclass(frozen=True, slots=True, repr=False)
class FolderKeys:
    """What signs a folder's records, and what its tree codes come from; both are made when they are absent.

    Attributes
    ----------
    key
        Signs.
    secret
        Of tree codes.
    """

    key: SigningKey
    secret: bytes


def load_keys(folder: Path) -> FolderKeys:
    """Return the key and secret of a folder of outputs; they lie beside it, for the folder is made to be handed on."""
    keys = folder.resolve()
    keys = keys.with_name(f"{keys.name}.keys")
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FolderKeys(SigningKey.from_seed(load_secret(keys / "survey.key")), load_secret(keys / "codes.key"))


def write_archive(folder: Path, records: Sequence[Record]) -> Path:
    """Write records as a CAR named after their folder, the result as its root; return where."""
    archive = folder / f"{folder.resolve().name.removesuffix('-cec')}.car"
    with whole_file(archive) as part, part.open("wb") as stream:
        write_car(stream, [records[-1].cid], ((record.cid, record.raw) for record in records))
    return archive


@dataclass(frozen=True, slots=True)
class SurveyedFolder:
    """What `survey_catalogue` wrote, and what it returned."""

    folder: Path
    result: CatalogueResult

    def read_plot(self) -> PlotResult:
        """Return everything as one plot, trees by their numbers."""
        return gather_plot(self.result, tuple(one.tree for one in read_trees(self.folder)), read_fallen(self.folder))


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


def sign_stems(surveyed: StemSurvey, root: Cid, keys: FolderKeys, *, at_ms: int) -> list[Record]:
    """Return the signed records of a cloud from within the forest: survey, trees, result.

    Parameters
    ----------
    surveyed
        Its stems.
    root
        UnixFS root of its file.
    keys
        Of the folder.
    at_ms
        UTC.
    """
    context = _context(root, keys.secret, at_ms)
    trees = build_stem_trees(surveyed, context, UNSIGNED)
    closing = build_result(surveyed, context, UNSIGNED)
    return sign_draft(Draft(build_survey(surveyed, context), trees, closing, surveyed.plot.points), keys.key)


def _hash(file: FileReport) -> Cid:
    """Return the UnixFS root of a file that was surveyed: what is signed as evidence must be what was read."""
    root = plan_file(file.path).root
    check_unchanged(file.path, file.key)
    return root


def _by_file(one: NumberedTree) -> tuple[str, int]:
    return one.file, one.number


def _context(root: Cid, secret: bytes, at_ms: int) -> RecordContext:
    return RecordContext(ORG, CAMPAIGN, root, root, secret, at_ms)
