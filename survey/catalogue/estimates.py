"""The trees of a survey of many files, read again from its layers: what records are made of."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import shapely

from survey.airborne.forms import TreeForm, tell_form
from survey.airborne.forms_lean import Duda1972
from survey.airborne.heights import ApexReturn
from survey.airborne.result import TreeEstimate
from survey.catalogue.exports import LAYERS_DONE
from survey.catalogue.measures import HEIGHT_MODEL
from survey.coverage import Ring
from survey.estimate import Estimate

_BATCH: Final = 2_048
"""Trees that are held at once."""
_QUANTITIES: Final = (
    ("height", "m"),
    ("crown_diameter", "m"),
    ("dbh", "cm"),
    ("volume", "m3"),
    ("biomass", "kg"),
    ("carbon", "kg"),
)


@dataclass(frozen=True, slots=True)
class NumberedTree:
    """One tree of a catalogue.

    Attributes
    ----------
    number
        As its points carry it, from 1.
    file
        Name of the file that has its apex return, whose integers `TreeEstimate.apex_xyz_units` are.
    tree
        All that is known of it.
    """

    number: int
    file: str
    tree: TreeEstimate


def read_trees(out_folder: Path) -> Iterator[NumberedTree]:
    """Yield the trees that `survey.catalogue.entry.survey_catalogue` wrote to a folder, in the order of their numbers.

    Parameters
    ----------
    out_folder
        With ``trees.parquet``, ``crowns.parquet`` and ``totals.json``.
    """
    totals = json.loads((out_folder / LAYERS_DONE).read_text(encoding="utf-8"))
    outlines = _read_outlines(out_folder / "crowns.parquet", totals["unit_m"])
    number, outline = next(outlines, (0, None))
    for row in _read_rows(out_folder / "trees.parquet", None):
        own: Ring | None = None
        if row["number"] == number:
            own = outline
            number, outline = next(outlines, (0, None))
        yield NumberedTree(row["number"], row["file"], _build_tree(row, own))


def _read_rows(path: Path, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    # Read ahead, the whole file would stand in memory.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
            yield from batch.to_pylist()


def _read_outlines(path: Path, unit_m: float) -> Iterator[tuple[int, Ring | None]]:
    """Yield numbers and outer rings in millimetres, the resolution of records."""
    for row in _read_rows(path, ["number", "geometry"]):
        (polygon,) = shapely.get_parts(shapely.from_wkb(row["geometry"]))
        coordinates = (shapely.get_coordinates(polygon.exterior) * unit_m).tolist()
        yield row["number"], tuple((round(x, 3), round(y, 3)) for x, y in coordinates)


def _build_tree(row: dict[str, Any], outline: Ring | None) -> TreeEstimate:
    is_hidden = bool(row["is_hidden"])
    heights = ApexReturn()
    known = {name: _read_estimate(row, name, unit) for name, unit in _QUANTITIES}
    height = known["height"]
    assert height is not None, "every tree has a height"  # noqa: S101
    return TreeEstimate(
        x_m=row["easting_m"],
        y_m=row["northing_m"],
        position_error_m=heights.hidden_position_error_m if is_hidden else heights.position_error_m,
        longitude_deg=row["longitude_deg"],
        latitude_deg=row["latitude_deg"],
        apex_z_m=row["apex_elevation_m"],
        ground_m=row["ground_elevation_m"],
        apex_xyz_units=(row["apex_x_units"], row["apex_y_units"], row["apex_z_units"]),
        is_hidden=is_hidden,
        confidence=row["confidence_probability"],
        height_m=height,
        crown_diameter_m=known["crown_diameter"],
        crown_outline=outline,
        dbh_cm=known["dbh"],
        volume_m3=known["volume"],
        biomass_kg=known["biomass"],
        carbon_kg=known["carbon"],
        form=None if is_hidden else _read_form(row),
    )


def _read_form(row: dict[str, Any]) -> TreeForm:
    dead, lean, error = (
        math.nan if row[name] is None else row[name] for name in ("dead_probability", "lean_deg", "lean_error_deg")
    )
    return tell_form(dead, lean, error, Duda1972())


def _read_estimate(row: dict[str, Any], name: str, unit: str) -> Estimate | None:
    value = row[f"{name}_{unit}"]
    if value is None:
        return None
    model = row.get(f"{name}_model", HEIGHT_MODEL)
    return Estimate(value, row[f"{name}_own_error_{unit}"], row[f"{name}_shared_error_{unit}"], model)
