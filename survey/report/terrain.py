"""A survey's terrain against the vendor's ground points: the one check that a delivered cloud itself allows."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.windows import Window
from scipy import ndimage

from survey.cloud import Floats, Labels
from survey.report.columns import ErrorColumns

MOST_PLACES: Final = 200_000
"""Ground points that are compared: a map of some thousand hexagons shows no more."""
_HALF: Final = 0.5
"""A cell, from its corner to its centre."""
_SIDE: Final = 512
"""Cells of a piece of the raster that is read at once."""
_MOST_PIECES: Final = 2_000
"""Of the raster, evenly picked: reading more would take minutes."""


def compare_terrain(raster: Path, ground_m: Floats, *, unit_m: float = 1.0) -> ErrorColumns:
    """Return how far a terrain lies above ground points, bilinear between its cells.

    Parameters
    ----------
    raster
        A terrain as `survey.catalogue.rasters.write_area` writes it; untiled rasters are read as well, slower.
    ground_m
        Easting, northing, elevation of points that the vendor calls ground, shape (n, 3), metres; beyond
        `MOST_PLACES` they are thinned evenly.
    unit_m
        Unit of the raster's coordinates.

    Returns
    -------
    Differences, NaN where the terrain has a cell without a value, outside the raster, and in pieces of it that were
    skipped.
    """
    places = ground_m[:: 1 + len(ground_m) // MOST_PLACES]
    with rasterio.open(raster) as source:
        east, north = places[:, 0] / unit_m, places[:, 1] / unit_m
        column, row = ~source.transform @ (east, north)
        # Of cell centres.
        at = np.column_stack([row, column]) - _HALF
        elevation = _read_between(source, at)
    return ErrorColumns(places[:, 0], places[:, 1], elevation - places[:, 2], "Terrain less the vendor's ground points")


def _read_between(source: Any, at: Floats) -> Floats:
    """Return a raster's values between cells, piece by piece; at are rows and columns, shape (n, 2)."""
    found = np.full(len(at), np.nan)
    edge = np.array([source.height, source.width])
    inside = ((at + _HALF >= 0.0) & (at + _HALF <= edge)).all(axis=1)
    pieces = np.floor(np.maximum(at, 0.0) / _SIDE).astype(np.int32)
    known, member = np.unique(pieces[inside], axis=0, return_inverse=True)
    members = np.flatnonzero(inside)
    for number in range(0, len(known), 1 + len(known) // _MOST_PIECES):
        rows = members[member.ravel() == number]
        found[rows] = _read_piece(source, known[number], at[rows])
    return found


def _read_piece(source: Any, piece: Labels, at: Floats) -> Floats:
    top, left = (int(side) * _SIDE for side in piece)
    # A cell more than the piece: between the last of it and the first of the next lie points too.
    height, width = min(_SIDE + 1, source.height - top), min(_SIDE + 1, source.width - left)
    values = source.read(1, window=Window(left, top, width, height)).astype(np.float64)
    between: Floats = ndimage.map_coordinates(values, (at - (top, left)).T, order=1, mode="nearest")
    return between
