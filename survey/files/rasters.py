"""Rasters for others: cloud-optimised GeoTIFF."""

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster

from survey.cloud import Floats
from survey.errors import InvalidParameter
from survey.files.crs import CloudCrs, horizontal_crs
from survey.files.whole_file import whole_file
from survey.grid import Grid

_BLOCK: Final = 256
"""Cells of a tile's side: what a browser asks for at once."""
_OPTIONS: Final = {
    "compress": "DEFLATE",
    "predictor": "YES",
    "blocksize": _BLOCK,
    "overview_resampling": "AVERAGE",
    "bigtiff": "IF_SAFER",
    "num_threads": "1",
}


def write_raster(path: Path, grid: Grid, values: Floats, *, crs: CloudCrs, description: str) -> None:
    """Write a raster as a cloud-optimised GeoTIFF: 32-bit floats, north up, NaN for no value, overviews inside.

    Parameters
    ----------
    path
        Where; written whole or not at all.
    grid
        Its place, metres; row 0 is the south.
    values
        Shape (rows, columns); NaN where there is none.
    crs
        Of the grid; where its unit is the foot, the file's coordinates are feet.
    description
        What the values are, with their unit: ``canopy height, m``.

    Raises
    ------
    InvalidParameter
        When the values do not have the grid's shape.
    """
    if values.shape != grid.shape:
        raise InvalidParameter("values", values.shape, f"they have the grid's shape {grid.shape}")
    cell = grid.cell_m / crs.unit_m
    north = (grid.south_m + grid.rows * grid.cell_m) / crs.unit_m
    # Inside GDAL, a warning about an unusual but valid CRS would become an error of the caller's.
    with rasterio.Env(GDAL_CACHEMAX=64), MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=grid.columns,
            height=grid.rows,
            count=1,
            dtype="float32",
            nodata=float("nan"),
            crs=rasterio.CRS.from_wkt(horizontal_crs(crs).to_wkt()),
            transform=rasterio.Affine(cell, 0.0, grid.west_m / crs.unit_m, 0.0, -cell, north),
        ) as plain:
            plain.write(np.flipud(values).astype(np.float32), 1)
            plain.set_band_description(1, description)
        with memory.open() as plain, whole_file(path) as part:
            copy_raster(plain, part, driver="COG", **_OPTIONS)
