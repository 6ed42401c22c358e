"""Lists of trees are checked at the border."""

import numpy as np
import pytest

from survey.linking.errors import InvalidTreeList
from survey.linking.trees import list_trees, select_trees


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("place_error_m", 0.0),
        ("place_error_m", np.nan),
        ("height_error_m", -1.0),
        ("crown_m", 0.0),
        ("crown_m", [3.0]),
        ("dbh_cm", np.inf),
        ("seen_by_other", 1.5),
        ("seen_by_other", np.nan),
    ],
)
def test_a_list_that_breaks_a_rule_is_refused(field: str, value: float | list[float]) -> None:
    with pytest.raises(InvalidTreeList) as caught:
        list_trees([0.0, 1.0], [0.0, 1.0], [20.0, 21.0], **{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("place", [np.nan, np.inf, 1e9])
def test_places_must_be_finite(place: float) -> None:
    with pytest.raises(InvalidTreeList):
        list_trees([place], [0.0], [20.0])


def test_unknown_sizes_are_allowed() -> None:
    trees = list_trees([0.0], [0.0], [np.nan], crown_m=np.nan)
    assert np.isnan(trees.height_m).all()


def test_selected_trees_keep_their_fields() -> None:
    trees = list_trees([0.0, 1.0, 2.0], [5.0, 6.0, 7.0], [20.0, 21.0, 22.0], crown_m=[3.0, 4.0, 5.0])
    two = select_trees(trees, np.array([2, 0]))
    assert (two.x_m.tolist(), two.crown_m.tolist()) == ([2.0, 0.0], [5.0, 3.0])
