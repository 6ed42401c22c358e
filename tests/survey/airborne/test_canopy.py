"""Pits are lifted and holes filled as second implementations do it."""

import numpy as np
import pytest
from scipy import ndimage

from survey.airborne.canopy import BenArie2009, rasterize_canopy
from survey.airborne.segment import _fill_holes
from tests.survey.scenes import make_points


@pytest.mark.parametrize("seed", range(5))
def test_a_pit_has_the_median_of_the_cells_around_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:40, 0:60]
    height = np.where(rng.random(2_400) < 0.2, 1.0, 12.0) + rng.random(2_400)
    points = make_points(columns.ravel() * 0.5 + 0.25, rows.ravel() * 0.5 + 0.25, height)
    found = rasterize_canopy(points, height, cell_m=0.5, algorithm=BenArie2009())
    # The grid has a margin; what lies there was filled from the rim by other rules.
    south, west = round(-found.grid.south_m / 0.5), round(-found.grid.west_m / 0.5)
    inside = found.height_m[south : south + 40, west : west + 60]
    seen = height.reshape(40, 60)
    middle = ndimage.median_filter(seen, size=3)
    wanted = np.where(middle - seen > 1.0, middle, seen)
    assert (wanted != seen).sum() > 100
    assert np.array_equal(inside[1:-1, 1:-1], wanted[1:-1, 1:-1])


@pytest.mark.parametrize("seed", range(8))
def test_a_small_hole_within_one_crown_alone_is_filled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 3, (5, 6)), np.ones((9, 9), dtype=np.int64)).astype(np.int32)
    labels[rng.random(labels.shape) < 0.3] = -1
    wanted = labels.copy()
    parts, count = ndimage.label(labels < 0)
    for part in range(1, count + 1):
        hole = parts == part
        around = set(labels[ndimage.binary_dilation(hole) & ~hole].tolist())
        at_rim = hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any()
        if hole.sum() <= 8 and len(around) == 1 and not at_rim:
            wanted[hole] = around.pop()
    assert (wanted != labels).sum() > 20
    _fill_holes(labels.ravel(), labels.shape, 8)
    assert np.array_equal(labels, wanted)
