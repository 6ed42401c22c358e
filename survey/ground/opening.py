"""Morphological opening of a raster with gaps by discs: what is narrower than the disc and stands above is cut off."""

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.kernel import Array, compiled


def open_by_disc(surface: Floats, radius: int) -> Floats:
    """Return the opening of a surface by a disc; cells that are NaN say nothing and stay NaN.

    Parameters
    ----------
    surface
        Shape (rows, columns).
    radius
        Of the disc, in cells. The result in a cell depends on cells within twice that.

    Examples
    --------
    >>> open_by_disc(np.array([[1.0, 1.0, 9.0, 1.0, np.nan]]), 1).tolist()
    [[1.0, 1.0, 1.0, 1.0, nan]]
    """
    is_known = ~np.isnan(surface)
    spans = _measure_disc(radius)
    # Discs are centred on known cells only: beyond the cloud's edge they would hold too little to cut anything off.
    eroded = np.where(is_known, _lowest_around(np.where(is_known, surface, np.inf), spans), np.inf)
    opened = -_lowest_around(np.where(np.isinf(eroded), np.inf, -eroded), spans)
    return np.where(is_known, opened, np.nan)


def _measure_disc(radius: int) -> NDArray[np.int64]:
    """Return how many cells a disc reaches to either side in each of its rows, south to north."""
    rows = np.arange(-radius, radius + 1)
    return np.floor(np.sqrt(radius**2 - rows**2)).astype(np.int64)


@compiled
def _lowest_around(surface: Array, spans: Array) -> Array:
    """Return the least value under a disc around each cell.

    Row by row: minima over runs of 1, 2, 4 … cells to the east; two overlapping runs make any span.
    """
    rows, columns = surface.shape
    levels = 1
    while 2**levels <= 2 * spans.max() + 1:
        levels += 1
    runs = np.empty((levels, columns))
    lowest = np.full((rows, columns), np.inf)
    half = spans.size // 2
    for source in range(rows):
        _fill_runs(surface[source], runs)
        for turn in range(spans.size):
            row = source - turn + half
            if 0 <= row < rows:
                _lower_row(lowest[row], runs, spans[turn])
    return lowest


@compiled
def _fill_runs(row: Array, runs: Array) -> None:
    runs[0] = row
    for level in range(1, runs.shape[0]):
        step = 2 ** (level - 1)
        for column in range(row.size):
            right = min(column + step, row.size - 1)
            runs[level, column] = min(runs[level - 1, column], runs[level - 1, right])


@compiled
def _lower_row(lowest: Array, runs: Array, span: int) -> None:
    """Lower each cell to the least within `span` cells to either side of it."""
    for column in range(lowest.size):
        first, last = max(0, column - span), min(lowest.size - 1, column + span)
        level = 0
        while 2 ** (level + 1) <= last - first + 1:
            level += 1
        least = min(runs[level, first], runs[level, last - 2**level + 1])
        lowest[column] = min(lowest[column], least)
