import itertools

from hypothesis import given
from hypothesis import strategies as st

from register.hilbert import walk_curve


@given(st.integers(1, 6))
def test_the_curve_visits_every_cell_once_by_steps_of_one(order: int) -> None:
    side = range(1 << order)
    cells = sorted((walk_curve(x, y, order=order), x, y) for x in side for y in side)
    assert [place for place, _, _ in cells] == list(range(4**order))
    for (_, x, y), (_, next_x, next_y) in itertools.pairwise(cells):
        assert abs(x - next_x) + abs(y - next_y) == 1
