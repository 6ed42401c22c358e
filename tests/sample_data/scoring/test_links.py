"""Links are scored by counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_data.errors import InvalidLinks
from sample_data.forest.campaign import observe_campaign
from sample_data.forest.observation import ObservedTrees
from sample_data.forest.stand import grow_stand
from sample_data.scoring.trees import score_links


def reports(*numbers: int) -> ObservedTrees:
    n = len(numbers)
    return ObservedTrees(
        np.zeros(n), np.zeros(n), np.full(n, 9.0), np.ones(n), np.array(numbers, dtype=np.int64), (0.0, 0.0)
    )


def test_shares_are_of_trees_seen_twice_and_of_links() -> None:
    # Trees 1, 2 and 3 are seen twice; 4 and 5 once; one report on either side is no tree.
    before, after = reports(1, 2, 3, 4, -1), reports(2, 1, 5, 3, -1)
    score = score_links([(0, 1), (1, 0), (3, 2), (4, 4)], before, after)
    assert (score.seen_twice, score.right, score.wrong) == (3, 2, 2)
    assert (score.right_share, score.wrong_share) == (2 / 3, 0.5)


def test_no_links_are_neither_right_nor_wrong() -> None:
    score = score_links([], reports(1), reports(1))
    assert (score.right_share, score.wrong_share) == (0.0, 0.0)


def test_nearest_reports_of_one_campaign_without_noise_are_the_same_trees() -> None:
    stand = grow_stand(4200)
    before = observe_campaign(stand, seed=1, noise_m=0.0, false_share=0.0, detection=1.0)
    after = observe_campaign(stand, seed=2, noise_m=0.0, false_share=0.0, detection=1.0, shift_m=3.0)
    x, y = after.x_m - after.shift_xy_m[0], after.y_m - after.shift_xy_m[1]
    nearest = np.hypot(before.x_m[:, None] - x, before.y_m[:, None] - y).argmin(axis=1)
    score = score_links(enumerate(nearest.tolist()), before, after)
    assert (score.right_share, score.wrong_share) == (1.0, 0.0)


@given(st.lists(st.integers(-1, 9), max_size=12), st.lists(st.integers(-1, 9), max_size=12))
def test_every_link_is_right_or_wrong(first: list[int], second: list[int]) -> None:
    links = list(zip(range(len(first)), range(len(second)), strict=False))
    score = score_links(links, reports(*first), reports(*second))
    assert score.right + score.wrong == len(links)
    assert 0.0 <= score.wrong_share <= 1.0


@pytest.mark.parametrize("links", [[(0, 2)], [(-1, 0)], [(0, 0), (0, 1)], [(0, 1), (1, 1)]])
def test_links_that_join_no_reports_or_one_twice_are_refused(links: list[tuple[int, int]]) -> None:
    with pytest.raises(InvalidLinks):
        score_links(links, reports(1, 2), reports(1, 2))
