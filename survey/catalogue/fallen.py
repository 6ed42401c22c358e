"""Stems on the ground of the whole area: a layer of lines, and these read again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from survey.airborne.forms import FallenStem
from survey.catalogue.exports import LAYERS_DONE
from survey.catalogue.geoparquet import NOWHERE, GeoFile, join_bounds, open_rows
from survey.catalogue.store import read_arrays
from survey.catalogue.trees import FALLEN
from survey.cloud import Floats
from survey.files.crs import CloudCrs

FALLEN_LAYER: Final = "fallen"
LINE: Final = "LineString"


def gather_fallen(outcomes: Sequence[Path]) -> Floats:
    """Return the stems of all tiles, columns as `FallenStem` has them, from west to east; shape (n, 7)."""
    found: Floats = np.concatenate(
        [np.empty((0, FALLEN)), *(read_arrays(path, "fallen")["fallen"] for path in outcomes)]
    )
    # Each stands in one tile alone, that of its middle; in this order nothing tells which.
    return found[np.lexsort(found.T[::-1])]


def write_fallen(stems: Floats, path: Path, crs: CloudCrs) -> None:
    """Write stems as lines from foot to top, where that is known, in the unit of the CRS."""
    lines = shapely.linestrings(stems[:, :4].reshape(-1, 2, 2) / crs.unit_m)
    table = pa.table(
        {
            "number": np.arange(1, len(stems) + 1),
            "length_m": stems[:, 5],
            "is_foot_known": stems[:, 4] > 0.0,
            "confidence_probability": stems[:, 6],
        }
    )
    bounds = join_bounds(NOWHERE, lines) if lines.size else NOWHERE
    with open_rows(path, GeoFile(LINE, crs, bounds)) as rows:
        rows.write(table, lines)


def read_fallen(out_folder: Path) -> tuple[FallenStem, ...]:
    """Return the stems on the ground that a survey wrote to a folder, in the order of their numbers."""
    totals = json.loads((out_folder / LAYERS_DONE).read_text(encoding="utf-8"))
    names = ["geometry", "is_foot_known", "length_m", "confidence_probability"]
    columns = pq.read_table(out_folder / f"{FALLEN_LAYER}.parquet", columns=names).to_pydict()
    return tuple(
        FallenStem(*(shapely.get_coordinates(shapely.from_wkb(line)) * totals["unit_m"]).reshape(4).tolist(), *others)
        for line, *others in zip(*(columns[name] for name in names), strict=True)
    )
