import itertools

from hypothesis import given
from hypothesis import strategies as st

from register.hilbert import ORDER, compute_hilbert, walk_curve

SIDE = (1 << ORDER) - 1


@given(st.integers(1, 6))
def test_the_curve_visits_every_cell_once_by_steps_of_one(order: int) -> None:
    side = range(1 << order)
    cells = sorted((walk_curve(x, y, order=order), x, y) for x in side for y in side)
    assert [place for place, _, _ in cells] == list(range(4**order))
    for (_, x, y), (_, next_x, next_y) in itertools.pairwise(cells):
        assert abs(x - next_x) + abs(y - next_y) == 1


@given(st.integers(-200 * 10**9, 200 * 10**9), st.integers(-100 * 10**9, 100 * 10**9))
def test_the_table_walks_as_the_definition_does_and_beyond_the_globe_is_its_edge(lon_nd: int, lat_nd: int) -> None:
    x = min(max((lon_nd + 180 * 10**9) * SIDE // (360 * 10**9), 0), SIDE)
    y = min(max((lat_nd + 90 * 10**9) * SIDE // (180 * 10**9), 0), SIDE)
    assert compute_hilbert(lon_nd, lat_nd) == walk_curve(x, y, order=ORDER)
