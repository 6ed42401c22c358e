"""Links, doubts and trees alone, from two lists."""

from dataclasses import replace

import numpy as np
import pytest

from sample_data.forest.campaign import grow_campaign, observe_campaign
from sample_data.forest.stand import grow_stand
from sample_data.scoring.links import score_links
from survey.errors import InvalidParameter
from survey.linking.fit import Shift
from survey.linking.link import Linking, LinkSettings, link_trees
from survey.linking.trees import TreeList, list_trees, select_trees
from tests.survey.linking.stands import TwoViews, View, see_twice

FIVE_YEARS = LinkSettings(5.0)
AS_PLACED = LinkSettings(5.0, known_shift=Shift(0.0, 0.0, 0.05, 0.05))


def pairs(linking: Linking) -> set[tuple[int, int]]:
    return {(one.earlier, one.later) for one in linking.links}


def score(linking: Linking, views: TwoViews) -> tuple[float, float]:
    """Return right links over trees seen twice, and wrong links over links."""
    both = np.intersect1d(views.earlier_number, views.later_number).size
    right = sum(views.earlier_number[one] == views.later_number[two] for one, two in pairs(linking))
    return right / both, 1.0 - right / len(linking.links)


def shifted(trees: TreeList, east_m: float) -> TreeList:
    return replace(trees, x_m=trees.x_m + east_m)


def test_a_list_linked_with_itself_is_all_links() -> None:
    trees = see_twice(1, view=View(growth_m=0.0)).earlier
    linking = link_trees(trees, trees, LinkSettings(0.0))
    assert pairs(linking) == {(number, number) for number in range(len(trees))}
    assert (linking.doubts, linking.earlier_alone, linking.later_alone) == ((), (), ())


def test_trees_seen_twice_are_linked_and_wrong_links_are_rare() -> None:
    for seed in range(20, 22):
        views = see_twice(seed)
        right, wrong = score(link_trees(views.earlier, views.later, FIVE_YEARS), views)
        assert right > 0.96
        assert wrong < 0.03


def test_campaigns_of_the_simulator_are_linked() -> None:
    campaign = grow_campaign(grow_stand(1_003), years=5.0, seed=1_003)
    before, after = observe_campaign(campaign.before, seed=1), observe_campaign(campaign.after, seed=2, shift_m=2.0)
    lists = [
        list_trees(one.x_m, one.y_m, one.height_m, place_error_m=0.5, height_error_m=0.5, crown_m=one.crown_diameter_m)
        for one in (before, after)
    ]
    linking = link_trees(lists[0], lists[1], FIVE_YEARS)
    found = score_links(pairs(linking), before, after)
    assert found.right_share >= 0.97
    assert found.wrong_share <= 0.02
    shift = linking.fit.shift
    assert (shift.east_m, shift.north_m) == pytest.approx(after.shift_xy_m, abs=0.2)


def test_probabilities_of_links_are_the_share_of_right_ones() -> None:
    likely, right = [], []
    for seed in range(5):
        views = see_twice(200 + seed, per_ha=900.0, side_m=60.0, view=View(noise_m=0.7))
        for one in link_trees(views.earlier, views.later, replace(FIVE_YEARS, least_odds=1.0)).links:
            likely.append(one.probability)
            right.append(views.earlier_number[one.earlier] == views.later_number[one.later])
    sure = np.array(likely) > 0.9
    assert float(np.mean(np.array(right)[~sure])) == pytest.approx(float(np.mean(np.array(likely)[~sure])), abs=0.12)
    assert float(np.mean(np.array(right)[sure])) == pytest.approx(float(np.mean(np.array(likely)[sure])), abs=0.02)


def test_links_do_not_depend_on_the_order_of_trees() -> None:
    views = see_twice(2)
    order = np.random.default_rng(0).permutation(len(views.earlier))
    before = pairs(link_trees(views.earlier, views.later, FIVE_YEARS))
    after = pairs(link_trees(select_trees(views.earlier, order), views.later, FIVE_YEARS))
    assert {(int(order[one]), two) for one, two in after} == before


def test_links_do_not_depend_on_where_both_campaigns_lie() -> None:
    views = see_twice(3)
    there = link_trees(shifted(views.earlier, 5e5), shifted(views.later, 5e5), FIVE_YEARS)
    assert pairs(there) == pairs(link_trees(views.earlier, views.later, FIVE_YEARS))


def test_a_tree_that_could_be_either_of_two_is_left_to_a_person() -> None:
    before = list_trees([10.0, 30.0], [10.0, 10.0], [20.0, 25.0], place_error_m=0.5)
    after = list_trees([9.3, 10.7, 30.1], [10.0, 10.0, 10.0], [21.5, 21.5, 26.5], place_error_m=0.5)
    linking = link_trees(before, after, AS_PLACED)
    assert pairs(linking) == {(1, 2)}
    (doubt,) = linking.doubts
    assert doubt.earlier == 0
    assert {one.later for one in doubt.candidates} == {0, 1}
    assert doubt.candidates[0].probability == pytest.approx(doubt.candidates[1].probability, rel=1e-6)
    assert doubt.alone + sum(one.probability for one in doubt.candidates) == pytest.approx(1.0, abs=1e-3)
    assert linking.later_alone == ()


def test_height_tells_apart_what_place_does_not() -> None:
    before = list_trees([10.0, 10.6], [10.0, 10.0], [25.0, 8.0], place_error_m=0.8)
    after = list_trees([10.1, 10.5], [10.0, 10.0], [9.6, 26.4], place_error_m=0.8)
    assert pairs(link_trees(before, after, AS_PLACED)) == {(0, 1), (1, 0)}


def test_a_tree_that_lost_its_height_is_another_one_unless_it_may_have_broken() -> None:
    after = list_trees([10.05, 40.0], [10.0, 10.0], [12.0, 25.0], place_error_m=0.3)
    before = list_trees([10.0, 40.0], [10.0, 10.0], [25.0, 24.0], place_error_m=0.3)
    linking = link_trees(before, after, AS_PLACED)
    broken = [one for one in linking.links if one.earlier == 0]
    # At the very place, far from all others: linked or left open, never told to be alone.
    assert broken or [one.earlier for one in linking.doubts] == [0]


def test_a_tree_without_height_is_linked_by_its_place() -> None:
    before = list_trees([10.0, 40.0], [10.0, 10.0], [25.0, 24.0], place_error_m=0.3)
    after = list_trees([10.1, 40.1], [10.0, 10.0], [np.nan, 25.5], place_error_m=0.3)
    assert pairs(link_trees(before, after, AS_PLACED)) == {(0, 0), (1, 1)}


def test_trees_far_from_all_others_are_alone() -> None:
    before = list_trees([10.0, 90.0], [10.0, 10.0], [25.0, 24.0])
    after = list_trees([10.1, 50.0], [10.0, 10.0], [26.0, 15.0])
    linking = link_trees(before, after, AS_PLACED)
    assert (linking.earlier_alone, linking.later_alone) == ((1,), (1,))


def test_an_unclear_shift_is_told_and_leaves_most_trees_open() -> None:
    rng = np.random.default_rng(8)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(12) * 2.0, np.arange(12) * 2.0))
    trees = list_trees(x, y, rng.normal(18.0, 0.05, x.size), place_error_m=0.3)
    linking = link_trees(trees, shifted(trees, 0.9), FIVE_YEARS)
    assert linking.unclear is not None
    assert len(linking.links) < 0.2 * len(trees)


@pytest.mark.parametrize("lengths", [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_short_lists_are_no_failure(lengths: tuple[int, int]) -> None:
    lists = [list_trees(np.arange(n) * 9.0, np.zeros(n), np.full(n, 20.0)) for n in lengths]
    linking = link_trees(lists[0], lists[1], FIVE_YEARS)
    told = len(linking.links) + len(linking.doubts) + len(linking.earlier_alone)
    assert told == lengths[0]


def test_odds_below_one_are_refused() -> None:
    views = see_twice(1, side_m=30.0)
    with pytest.raises(InvalidParameter):
        link_trees(views.earlier, views.later, replace(FIVE_YEARS, least_odds=0.5))


@pytest.mark.slow
def test_a_hundred_thousand_trees_are_linked() -> None:
    rng = np.random.default_rng(5)
    side = np.sqrt(100_000 / 0.06)
    places, heights = rng.uniform(0.0, side, (100_000, 2)), rng.gamma(5.0, 3.5, 100_000) + 3.0
    seen = rng.random((2, 100_000)) < 0.85
    lists = [
        list_trees(
            places[mask, 0] + shift_m + rng.normal(0.0, 0.5, mask.sum()),
            places[mask, 1] - shift_m + rng.normal(0.0, 0.5, mask.sum()),
            heights[mask] + shift_m + rng.normal(0.0, 0.6, mask.sum()),
            place_error_m=0.5,
        )
        for mask, shift_m in zip(seen, (0.0, 1.4), strict=True)
    ]
    views = TwoViews(lists[0], lists[1], np.flatnonzero(seen[0]), np.flatnonzero(seen[1]))
    right, wrong = score(link_trees(lists[0], lists[1], FIVE_YEARS), views)
    # Places are wholly at random here, closer together than trees stand.
    assert right > 0.97
    assert wrong < 0.025
