"""The outline of an area encloses the cells that have points."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from survey.catalogue.covered import outline_area
from survey.catalogue.plan import BlockCounts
from survey.catalogue.spool import count_covered


def make_blocks(covered: dict[tuple[int, int], int]) -> BlockCounts:
    places = np.array(sorted(covered), dtype=np.int64)
    bits = np.array([covered[one] for one in sorted(covered)], dtype=np.int64)
    return BlockCounts(places[:, 1], places[:, 0], np.ones_like(bits), np.ones_like(bits), bits)


def test_full_blocks_are_one_rectangle() -> None:
    full = (1 << 25) - 1
    (ring,) = outline_area(make_blocks({(-1, 2): full, (-1, 3): full}))
    assert shapely.Polygon(ring).equals(shapely.box(50.0, -25.0, 100.0, 0.0))


def test_a_hole_is_a_ring_of_its_own() -> None:
    # All cells but the 3 x 3 in the middle.
    bits = sum(1 << (column + 5 * row) for column in range(5) for row in range(5) if {column, row} & {0, 4})
    outer, hole = (shapely.Polygon(ring) for ring in outline_area(make_blocks({(0, 0): bits})))
    assert outer.area - hole.area == count_covered(np.array([bits])) * 25.0


@given(
    st.dictionaries(
        st.tuples(st.integers(-3, 3), st.integers(-3, 3)), st.integers(1, (1 << 25) - 1), min_size=1, max_size=6
    )
)
def test_rings_are_closed_and_at_most_as_many_as_a_record_takes(covered: dict[tuple[int, int], int]) -> None:
    rings = outline_area(make_blocks(covered))
    assert 0 < len(rings) <= 100
    assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in rings)
