"""A job: trees and crowns of the whole area as GeoPackage and GeoParquet, batch by batch."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray

from survey.airborne.forms import SURE
from survey.allometry import EstimateColumn, Sizes
from survey.catalogue.exports import LAYERS_DONE, LayerJob
from survey.catalogue.fallen import FALLEN_LAYER, LINE, gather_fallen, write_fallen
from survey.catalogue.geoparquet import BBOX, NOWHERE, Bounds, GeoFile, join_bounds, open_rows
from survey.catalogue.measures import (
    CROWN_MODEL,
    HIDDEN_CROWN_MODEL,
    StandFacts,
    measure_batch,
    measure_stand,
)
from survey.catalogue.numbering import BATCH, Numbering, TreeBatch, iterate_trees, read_numbering
from survey.files.crs import CloudCrs, horizontal_crs, to_world
from survey.files.tree_layer import GEOMETRY, TreeLayer, check_layer, make_crowns, make_points, to_unit
from survey.files.whole_file import whole_file

_KINDS: Final = {"trees": "Point", "crowns": "MultiPolygon"}
"""Layers of trees, written batch by batch."""


def write_layers(job: LayerJob) -> None:
    """Write all layers."""
    # Arrow's own pool keeps what was freed for itself.
    pa.set_memory_pool(pa.system_memory_pool())
    job.folder.mkdir(parents=True, exist_ok=True)
    numbering = read_numbering(job.numbering)
    bounds = dict.fromkeys(_KINDS, NOWHERE)
    stand = measure_stand(_note_bounds(job, numbering, bounds), numbering.crowns, job.area_m2, job.models)
    paths = {of: job.folder / f"{of}.parquet" for of in _KINDS}
    with ExitStack() as stack:
        trees, crowns = (
            stack.enter_context(open_rows(paths[of], GeoFile(kind, job.crs, bounds[of]))) for of, kind in _KINDS.items()
        )
        for batch in _iterate(job, numbering) if numbering.tile.size else (_no_trees(),):
            layer = build_layer(job, batch, stand)
            trees.write(*make_points(layer, job.crs))
            crowns.write(*make_crowns(layer, job.crs))
    fallen = gather_fallen(job.outcomes)
    paths[FALLEN_LAYER] = job.folder / f"{FALLEN_LAYER}.parquet"
    write_fallen(fallen, paths[FALLEN_LAYER], job.crs)
    if job.with_geopackage:
        _write_geopackage(job.folder / "trees.gpkg", paths, job.crs)
    _write_totals(job, numbering, stand, len(fallen))


def build_layer(job: LayerJob, batch: TreeBatch, stand: StandFacts) -> TreeLayer:
    """Return trees with all that is known of them, as columns."""
    columns = batch.columns
    sizes, stocks = measure_batch(batch, stand)
    named: dict[str, NDArray[Any]] = {
        "number": np.arange(batch.first, batch.first + len(batch)),
        "file": np.array([job.files[at][1] for at in batch.file.tolist()], dtype=np.object_),
        **{f"apex_{axis}_units": batch.units[:, at] for at, axis in enumerate("xyz")},
        "easting_m": columns["x_m"],
        "northing_m": columns["y_m"],
        "apex_elevation_m": columns["z_m"],
        "ground_elevation_m": columns["ground_m"],
        "is_hidden": columns["is_hidden"],
        "confidence_probability": columns["confidence"],
        "status": _name_status(columns["dead_probability"]),
        "dead_probability": columns["dead_probability"],
        "lean_deg": columns["lean_deg"],
        "lean_error_deg": columns["lean_error_deg"],
        **_name("height", "m", sizes.height_m),
        **_name("crown_diameter", "m", sizes.crown_m),
        **_name("dbh", "cm", stocks.dbh_cm),
        **_name("volume", "m3", stocks.volume_m3),
        **_name("biomass", "kg", stocks.biomass_kg),
        **_name("carbon", "kg", stocks.carbon_kg),
        "crown_diameter_model": np.where(columns["is_hidden"], HIDDEN_CROWN_MODEL, CROWN_MODEL),
        **{
            f"{name}_model": _name_models(of)
            for name, of in (
                ("dbh", stocks.dbh_cm),
                ("volume", stocks.volume_m3),
                ("biomass", stocks.biomass_kg),
                ("carbon", stocks.carbon_kg),
            )
        },
        **_locate(job.crs, batch),
    }
    layer = TreeLayer(columns["x_m"], columns["y_m"], batch.crowns, named)
    check_layer(layer)
    return layer


def _iterate(job: LayerJob, numbering: Numbering) -> Iterator[TreeBatch]:
    return iterate_trees(numbering, job.outcomes, [key for key, _ in job.files])


def _note_bounds(job: LayerJob, numbering: Numbering, bounds: dict[str, Bounds]) -> Iterator[TreeBatch]:
    """Yield all trees, and note where they and their crowns lie, in the unit of the CRS."""
    for batch in _iterate(job, numbering):
        points = shapely.points(batch.columns["x_m"] / job.crs.unit_m, batch.columns["y_m"] / job.crs.unit_m)
        crowns = to_unit(batch.crowns, job.crs)
        bounds["trees"] = join_bounds(bounds["trees"], points)
        bounds["crowns"] = join_bounds(bounds["crowns"], crowns)
        yield batch


def _write_totals(job: LayerJob, numbering: Numbering, stand: StandFacts, fallen: int) -> None:
    totals = {
        "trees": int(numbering.tile.size),
        "fallen": fallen,
        "area_m2": job.area_m2,
        "unit_m": job.crs.unit_m,
        "biomass_kg_m2": stand.biomass_kg_m2,
    }
    with whole_file(job.folder / LAYERS_DONE) as part:
        part.write_text(json.dumps(totals, indent=1), encoding="utf-8")


def _name(quantity: str, unit: str, of: Sizes | EstimateColumn) -> dict[str, NDArray[np.float64]]:
    """Return a quantity with its own error and the one that all trees share; unknown ones have no errors either."""
    known = ~np.isnan(of.value)
    return {
        f"{quantity}_{unit}": of.value,
        f"{quantity}_own_error_{unit}": np.where(known, of.own_error, np.nan),
        f"{quantity}_shared_error_{unit}": np.where(known, of.shared_error, np.nan),
    }


def _name_models(of: EstimateColumn) -> NDArray[np.object_]:
    """Return the id of the equation of each estimate, None where there is none."""
    # The last element answers for trees without an estimate, whose index is -1.
    names: NDArray[np.object_] = np.array([*of.models, None], dtype=np.object_)
    return names[of.which]


def _name_status(dead: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the status of each tree, None where it was not judged."""
    status: NDArray[np.object_] = np.where(dead >= SURE, "standing-dead", "alive").astype(np.object_)
    status[np.isnan(dead)] = None
    return status


def _locate(crs: CloudCrs, batch: TreeBatch) -> dict[str, NDArray[np.float64]]:
    if crs.is_local or not len(batch):
        nowhere = np.full(len(batch), np.nan)
        return {"longitude_deg": nowhere, "latitude_deg": nowhere}
    world = to_world(crs, batch.columns["x_m"], batch.columns["y_m"])
    return {"longitude_deg": world.longitude_deg, "latitude_deg": world.latitude_deg}


def _no_trees() -> TreeBatch:
    """Return a batch without trees, so that an empty layer still has its columns."""
    nothing = np.empty(0)
    names = ("x_m", "y_m", "z_m", "ground_m", "height_m", "height_error_m", "crown_diameter_m", "crown_error_m")
    forms = ("dead_probability", "lean_deg", "lean_error_deg")
    columns: dict[str, NDArray[Any]] = dict.fromkeys((*names, "confidence", *forms), nothing)
    columns["is_hidden"] = np.empty(0, dtype=np.bool_)
    none, units = np.empty(0, dtype=np.int64), np.empty((0, 3), dtype=np.int32)
    return TreeBatch(1, none, units, columns, np.empty(0, dtype=np.object_))


def _write_geopackage(path: Path, parquets: dict[str, Path], crs: CloudCrs) -> None:
    """Copy GeoParquet layers into one GeoPackage, batch by batch."""
    with whole_file(path) as part:
        for name, kind in {**_KINDS, FALLEN_LAYER: LINE}.items():
            # Read ahead, the whole file would stand in memory.
            with pq.ParquetFile(parquets[name], pre_buffer=False) as file:
                wanted = [column for column in file.schema_arrow.names if column != BBOX]
                schema = pa.schema([file.schema_arrow.field(column) for column in wanted])
                stream = pa.RecordBatchReader.from_batches(
                    schema, file.iter_batches(batch_size=BATCH, columns=wanted, use_threads=False)
                )
                pyogrio.write_arrow(
                    stream,
                    part,
                    layer=name,
                    driver="GPKG",
                    geometry_name=GEOMETRY,
                    geometry_type=kind,
                    crs=horizontal_crs(crs).to_wkt(),
                    append=name != "trees",
                )
