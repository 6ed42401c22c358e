"""What a survey of many files tells of itself: counts of files and tiles, and what a reader must know."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from survey.airborne.detection import tell_detection
from survey.airborne.forms import SURE, warn_of_forms
from survey.airborne.forms_lean import Duda1972, lean_probability
from survey.airborne.settings import TileSettings, tell_form_facts
from survey.catalogue.exports import Found
from survey.catalogue.inventory import Catalogue
from survey.catalogue.result import FileReport, TileReport
from survey.catalogue.store import read_arrays
from survey.catalogue.window import FILE_SHIFT
from survey.parameters import PlotParameters

_SPARSE: Final = 4.0
"""First echoes a square metre below which small trees fall between echoes."""
_SHOWN: Final = 5


def report_files(found: Found) -> tuple[FileReport, ...]:
    """Return the counts of each file."""
    trees: Counter[str] = Counter()
    for path in found.outcomes:
        kept = read_arrays(path, "files", "id")
        names = kept["files"].tolist()
        numbers, counts = np.unique(kept["id"] >> FILE_SHIFT, return_counts=True)
        trees.update({names[number]: count for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)})
    return tuple(
        FileReport(
            path=one.file.path,
            key=one.file.key,
            points=one.file.cloud.point_count,
            used=int(one.index.count.sum()),
            trees=trees[one.path.stem],
        )
        for one in found.spools.files
    )


def report_tiles(found: Found) -> tuple[TileReport, ...]:
    """Return the counts of each tile."""
    reports = []
    for tile, step in found.tiles:
        kept = read_arrays(step.outcome, "counts", "id", "note")
        points, noise, ground = kept["counts"].tolist()
        reports.append(TileReport(tile.name, points, noise, ground, int(kept["id"].size), str(kept["note"])))
    return tuple(reports)


def count_forms(found: Found, lean: Duda1972) -> tuple[int, int, int]:
    """Return how many trees stand dead, how many lean, and how many stems lie on the ground."""
    dead = leaning = fallen = 0
    for path in found.outcomes:
        kept = read_arrays(path, "dead_probability", "lean_deg", "lean_error_deg", "fallen")
        seen = ~np.isnan(kept["lean_deg"])
        rows = zip(kept["lean_deg"][seen].tolist(), kept["lean_error_deg"][seen].tolist(), strict=True)
        dead += int((kept["dead_probability"] >= SURE).sum())
        leaning += sum(lean_probability(*row, lean) >= SURE for row in rows)
        fallen += len(kept["fallen"])
    return dead, leaning, fallen


def tell_warnings(
    catalogue: Catalogue, parameters: PlotParameters, settings: TileSettings, tiles: Sequence[TileReport]
) -> tuple[str, ...]:
    """Return what a reader of the figures must know."""
    noted = [*catalogue.warnings, *warn_of_forms(tell_form_facts(settings), settings.forms)]
    if settings.is_normalized and parameters.is_normalized is None:
        noted.append("elevations look like heights above ground and were taken as such; ground is not recorded")
    if settings.first_density < _SPARSE:
        noted.append(
            f"sparse clouds of {settings.first_density:.1f} first echoes/m2: small trees are missed, crowns coarse"
        )
    if not tell_detection(settings.first_density):
        noted.append("no figure on how likely trees were found holds for clouds of this density")
    if parameters.forest == "unknown" and parameters.species is None:
        noted.append("type of forest not stated: volume, biomass and carbon lie between gymnosperms and angiosperms")
    bare = [tile for tile in tiles if tile.note]
    if bare:
        named = "; ".join(f"{tile.name}: {tile.note}" for tile in bare[:_SHOWN])
        noted.append(f"{len(bare)} of {len(tiles)} tiles could have no trees ({named})")
    return tuple(noted)
