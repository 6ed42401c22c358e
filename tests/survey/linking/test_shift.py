"""The common shift is found with an honest error, or it is said that it cannot be told."""

import numpy as np
import pytest

from survey.errors import InvalidParameter
from survey.linking.change import assume_change
from survey.linking.fit import pose_problem
from survey.linking.shift import FoundShift, ShiftAnswer, ShiftSearch, UnclearShift, estimate_shift
from tests.survey.linking.stands import TwoViews, View, see_twice, watch


def find(views: TwoViews, search: ShiftSearch | None = None) -> ShiftAnswer:
    return estimate_shift(pose_problem(views.earlier, views.later), assume_change(5.0, 20.0), search or ShiftSearch())


@pytest.mark.parametrize("shift_m", [(0.0, 0.0), (1.2, -1.6), (-4.0, 2.5)])
def test_the_shift_is_found_within_its_error(shift_m: tuple[float, float]) -> None:
    answer = find(see_twice(1, view=View(shift_m=shift_m)))
    assert isinstance(answer, FoundShift)
    shift = answer.fit.shift
    assert abs(shift.east_m - shift_m[0]) < 3.5 * shift.east_error_m
    assert abs(shift.north_m - shift_m[1]) < 3.5 * shift.north_error_m
    assert shift.east_error_m < 0.1


def test_errors_of_the_shift_are_those_of_many_stands() -> None:
    scores = []
    for seed in range(16):
        answer = find(see_twice(100 + seed, side_m=45.0))
        assert isinstance(answer, FoundShift)
        shift = answer.fit.shift
        scores += [(shift.east_m - 1.2) / shift.east_error_m, (shift.north_m + 1.6) / shift.north_error_m]
    # The root mean square of 32 standard normal values lies within 0.68 and 1.35 with 99 %.
    assert 0.68 < float(np.sqrt(np.mean(np.square(scores)))) < 1.35


def test_a_turn_is_found_where_it_is_asked_for() -> None:
    answer = find(see_twice(3, view=View(turn_deg=1.5)), ShiftSearch(with_rotation=True))
    assert isinstance(answer, FoundShift)
    shift = answer.fit.shift
    assert shift.rotation_deg == pytest.approx(1.5, abs=4.0 * shift.rotation_error_deg)
    assert shift.rotation_error_deg < 0.2
    assert shift.east_m == pytest.approx(1.2, abs=0.3)


def test_errors_of_place_are_measured_where_a_list_states_them_too_small() -> None:
    views = see_twice(4, side_m=100.0, per_ha=250.0, view=View(noise_m=0.8))
    for trees in (views.earlier, views.later):
        trees.place_error_m[:] = 0.5
    answer = find(views)
    assert isinstance(answer, FoundShift)
    assert answer.fit.place_scale == pytest.approx(1.6, abs=0.15)


def test_a_regular_plantation_of_like_trees_has_no_one_shift() -> None:
    rng = np.random.default_rng(8)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(30) * 2.0, np.arange(30) * 2.0))
    views = watch(rng, np.stack([x, y], axis=1), rng.normal(18.0, 0.05, x.size), View(noise_m=0.25, shift_m=(0.5, 0.0)))
    answer = find(views)
    assert isinstance(answer, UnclearShift)
    assert answer.reason == "several shifts fit alike"
    assert len(answer.candidates) > 1


def test_two_unrelated_stands_have_no_shift() -> None:
    one, two = see_twice(5), see_twice(6)
    answer = find(TwoViews(one.earlier, two.later, one.earlier_number, two.later_number))
    assert isinstance(answer, UnclearShift)


def test_three_trees_tell_no_shift() -> None:
    views = see_twice(7, side_m=25.0, per_ha=48.0)
    assert isinstance(find(views), UnclearShift)


def test_a_shift_beyond_the_search_is_not_told() -> None:
    answer = find(see_twice(9, view=View(shift_m=(8.0, 0.0))))
    assert isinstance(answer, UnclearShift)


@pytest.mark.parametrize("search", [ShiftSearch(max_shift_m=0.1), ShiftSearch(max_rotation_deg=9.0)])
def test_bounds_of_the_search_are_checked(search: ShiftSearch) -> None:
    with pytest.raises(InvalidParameter):
        find(see_twice(1), search)
