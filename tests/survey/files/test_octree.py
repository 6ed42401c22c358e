"""Laws of the octree: every point has one node, nodes are small, samples are even."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.files.octree import (
    DEPTH,
    LEAF_POINTS,
    NODE_POINTS,
    assign_levels,
    find_cells,
    parent_cells,
    plan_octree,
    unpack_cells,
)


def test_a_small_cloud_stands_in_the_root() -> None:
    cells = np.arange(500)
    plan = plan_octree(cells, np.full(500, 100))
    assert (plan.kept == 1.0).all()
    assert (assign_levels(plan, cells, cells) == 0).all()


def test_a_large_even_cloud_fills_its_nodes_alike() -> None:
    rng = np.random.default_rng(1)
    cells = find_cells(rng.random((900_000, 3)), np.zeros(3), 1.0)
    plan = plan_octree(*np.unique(cells, return_counts=True))
    levels = assign_levels(plan, cells, np.arange(cells.size))
    nodes, counts = np.unique((levels << 3 * DEPTH) | parent_cells(cells, levels), return_counts=True)
    assert counts.sum() == cells.size
    # The root's number is binomial: five standard errors.
    assert abs(counts[0] - NODE_POINTS) < 5 * np.sqrt(NODE_POINTS)
    assert counts.max() <= 1.1 * LEAF_POINTS
    # Below a root that keeps 50,000, each eighth has some 106,000: 50,000 stay, the others go one level down.
    assert np.array_equal(np.unique(nodes >> 3 * DEPTH), [0, 1, 2])


def test_one_crowded_cell_goes_down_to_the_last_level() -> None:
    plan = plan_octree(np.array([77]), np.array([10_000_000]))
    assert plan.kept[0, -1] == 1.0
    assert np.array_equal(np.round(plan.kept[0, :-1] * 10_000_000), NODE_POINTS * np.arange(1, DEPTH + 1))


@settings(deadline=None)
@given(st.lists(st.tuples(*(st.floats(-10.0, 10.0),) * 3), min_size=1, max_size=50), st.integers(0, DEPTH))
def test_a_point_lies_in_the_cube_of_its_cell(places: list[tuple[float, float, float]], level: int) -> None:
    xyz = np.array(places)
    cells = find_cells(xyz, np.full(3, -10.0), 20.0)
    side = 20.0 / 2**level
    low = np.stack(unpack_cells(parent_cells(cells, level)), axis=1) * side - 10.0
    assert (xyz >= low - 1e-9).all()
    assert (xyz <= low + side + 1e-9).all()
