"""Places go from one campaign's frame to the other's and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.linking.fit import Shift, move_places
from survey.resurvey.arrivals import judge_new, move_back
from survey.resurvey.compare import resurvey_trees
from tests.survey.resurvey.campaigns import make_earlier, make_later, make_tree

METRES = st.floats(-50.0, 50.0)


@given(st.tuples(METRES, METRES), st.floats(-5.0, 5.0), st.tuples(METRES, METRES))
def test_moving_back_undoes_moving(shift_m: tuple[float, float], turn_deg: float, place_m: tuple[float, float]) -> None:
    shift = Shift(*shift_m, 0.1, 0.1, rotation_deg=turn_deg, pivot_m=(10.0, 20.0))
    back = move_back(shift, *move_places(shift, np.array([place_m[0]]), np.array([place_m[1]])))
    assert (float(back[0][0]), float(back[1][0])) == pytest.approx(place_m, abs=1e-9)


@pytest.mark.parametrize(("east_m", "origin"), [(0.0, "outside-earlier"), (4.0, "missed-earlier")])
def test_whether_a_new_tree_was_covered_is_judged_in_the_earlier_frame(east_m: float, origin: str) -> None:
    # The earlier ground ends at 60 m; a later frame that lies 4 m east shows that edge at 64 m.
    change = resurvey_trees(make_earlier(), make_later()).fit.change
    tree = make_tree("N", 62.0, 30.0, 20.0)
    (new,) = judge_new([tree], make_earlier(), Shift(east_m, 0.0, 0.05, 0.05), change)
    assert new.origin == origin
