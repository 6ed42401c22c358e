"""A simulated stand scanned from the air and cut into four files, and surveys of it."""

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import laspy
import numpy as np
from numpy.typing import NDArray

from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.scanner import scan_airborne
from survey.catalogue.entry import survey_catalogue
from survey.catalogue.exports import Outputs, RasterJob
from survey.catalogue.rasters import write_area
from survey.catalogue.result import CatalogueResult
from survey.catalogue.run import RunHere
from survey.catalogue.store import write_arrays
from survey.cloud import Floats
from survey.files.crs import CloudCrs
from survey.files.las import write_cloud
from survey.grid import Grid
from survey.parameters import PlotParameters

SEED = 1003
EPSG = 32633


@cache
def scan_stand(side_m: float) -> PointCloud:
    """Return the scan of a stand."""
    return scan_airborne(grow_stand(SEED, parameters=StandParameters(side_m=side_m)), seed=SEED)


def select(cloud: PointCloud, keep: NDArray[np.bool_]) -> PointCloud:
    """Return some points of a cloud."""
    return PointCloud(**{field.name: getattr(cloud, field.name)[keep] for field in fields(cloud)})


def write_quarters(folder: Path, side_m: float = 60.0) -> list[Path]:
    """Write a scanned stand as four files that meet off the grid of any tile, and return them."""
    cloud = scan_stand(side_m)
    east, north = cloud.x_m >= cloud.x_m.mean() + 3.7, cloud.y_m >= cloud.y_m.mean() - 2.2
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, keep in (("sw", ~east & ~north), ("se", east & ~north), ("nw", ~east & north), ("ne", east & north)):
        paths.append(folder / f"{name}.laz")
        write_cloud(paths[-1], select(cloud, keep), epsg=EPSG)
    return paths


def run(paths: list[Path], out: Path, tile_m: float | None = None, **options: object) -> CatalogueResult:
    """Survey files in this process."""
    given: Any = {"executor": RunHere(), "outputs": Outputs(), "tile_m": tile_m} | options
    parameters = given.pop("parameters", PlotParameters())
    return survey_catalogue(paths, parameters, out, **given)


def read_labels(path: Path) -> NDArray[np.uint32]:
    """Return the tree of each point of a labelled cloud, by another reader than ours."""
    labels: NDArray[np.uint32] = np.array(laspy.read(path)["treeID"])
    return labels


def write_raster(path: Path, grid: Grid, values: Floats, *, crs: CloudCrs, description: str) -> None:
    """Write a raster as a survey does that has one tile."""
    write_rasters(path, [(grid, values)], crs=crs, description=description)


def write_rasters(path: Path, parts: list[tuple[Grid, Floats]], *, crs: CloudCrs, description: str) -> None:
    """Write a raster as a survey does, from its tiles."""
    outcomes = []
    for number, (grid, values) in enumerate(parts):
        outcomes.append(path.with_name(f"{path.stem}-{number}.npz"))
        packed = np.array([grid.west_m, grid.south_m, grid.cell_m, grid.rows, grid.columns])
        write_arrays(outcomes[-1], {"canopy": values.astype(np.float32), "canopy_grid": packed})
    write_area(RasterJob("canopy", description, tuple(outcomes), crs, path))
