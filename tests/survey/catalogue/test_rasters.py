"""Rasters that GDAL reads where they belong, laid out as a cloud-optimised GeoTIFF is."""

import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio

from survey.files.crs import parse_crs
from survey.grid import Grid
from tests.survey.catalogue.scenes import write_raster, write_rasters

GRID = Grid(500_000.0, 5_000_000.0, 0.5, 900, 700)


def make_values() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return a value for each cell from which its row and column can be told."""
    row, column = np.mgrid[: GRID.rows, : GRID.columns]
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (row * 1000.0 + column).astype(np.float64)
    values[0, 0] = np.nan
    return values


@pytest.mark.parametrize("code", ["EPSG:32633", "EPSG:2992", "local:m"])
def test_each_cell_lies_where_the_grid_says(tmp_path: Path, code: str) -> None:
    crs, values = parse_crs(code), make_values()
    write_raster(tmp_path / "a.tif", GRID, values, crs=crs, description="canopy height, m")
    with rasterio.open(tmp_path / "a.tif") as file:
        for row, column in ((0, 1), (899, 0), (450, 699)):
            x_m, y_m = GRID.west_m + (column + 0.5) * 0.5, GRID.south_m + (row + 0.5) * 0.5
            assert next(file.sample([(x_m / crs.unit_m, y_m / crs.unit_m)]))[0] == values[row, column]
        assert np.isnan(next(file.sample([((500_000.25) / crs.unit_m, 5_000_000.25 / crs.unit_m)]))[0])
        assert np.isnan(file.nodata)
        assert file.descriptions == ("canopy height, m",)
        if not crs.is_local:
            assert file.crs.linear_units_factor[1] == pytest.approx(crs.unit_m)
            assert f"EPSG:{file.crs.to_epsg()}" == code


def test_the_layout_is_cloud_optimised(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", GRID, make_values(), crs=parse_crs("EPSG:32633"), description="x")
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.block_shapes == [(256, 256)]
        assert file.overviews(1) == [2, 4]
        assert file.compression == rasterio.enums.Compression.deflate
    directories = read_directories((tmp_path / "a.tif").read_bytes())
    # OGC 21-026: directories before all tiles, full resolution first, overviews' tiles before those of finer ones.
    first_tile = [min(offsets) for _, _, offsets in directories]
    assert [width for _, width, _ in directories] == [700, 350, 175]
    assert max(at for at, _, _ in directories) < min(first_tile)
    assert first_tile == sorted(first_tile, reverse=True)


def read_directories(raw: bytes) -> list[tuple[int, int, list[int]]]:
    """Return offset, width and offsets of tiles of each directory (TIFF 6.0, section 2; little-endian)."""
    assert raw[:4] == b"II*\0"
    found = []
    at = struct.unpack_from("<I", raw, 4)[0]
    while at:
        count = struct.unpack_from("<H", raw, at)[0]
        tags = {}
        for entry in range(count):
            tag, kind, number, value = struct.unpack_from("<HHII", raw, at + 2 + 12 * entry)
            tags[tag] = (kind, number, value)
        _, number, value = tags[324]
        offsets = [value] if number == 1 else list(struct.unpack_from(f"<{number}I", raw, value))
        found.append((at, tags[256][2] & 0xFFFF, offsets))
        at = struct.unpack_from("<I", raw, at + 2 + 12 * count)[0]
    return found


def test_a_small_raster_needs_no_overview(tmp_path: Path) -> None:
    write_raster(
        tmp_path / "a.tif", Grid(0.0, 0.0, 1.0, 2, 3), np.ones((2, 3)), crs=parse_crs("local:m"), description="x"
    )
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.read(1).tolist() == [[1.0] * 3] * 2


def test_tiles_that_were_cut_apart_make_the_raster_of_the_whole(tmp_path: Path) -> None:
    values = make_values()
    write_raster(tmp_path / "a.tif", GRID, values, crs=parse_crs("EPSG:32633"), description="x")
    parts = []
    for west, south, rows, columns in ((0, 0, 300, 700), (0, 300, 600, 250), (250, 300, 600, 450)):
        corner = GRID.west_m + west * 0.5, GRID.south_m + south * 0.5
        parts.append((Grid(*corner, 0.5, rows, columns), values[south : south + rows, west : west + columns]))
    write_rasters(tmp_path / "b.tif", parts, crs=parse_crs("EPSG:32633"), description="x")
    whole, joined = (rasterio.open(tmp_path / name) for name in ("a.tif", "b.tif"))
    with whole, joined:
        assert joined.transform == whole.transform
        assert np.array_equal(joined.read(1), whole.read(1), equal_nan=True)
