"""Drawn reports err as their model says, and totals add up."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.many_stands import SurveyModel, detection_probability, draw_detected, grow_many, sum_stand
from sample_data.forest.stand import Stand, grow_stand
from tests.sample_data.trees import flat_stand, spruce


@pytest.fixture(scope="module")
def stands() -> tuple[Stand, ...]:
    return tuple(grow_many(range(4300, 4308)))


def test_stands_follow_from_their_seeds(stands: tuple[Stand, ...]) -> None:
    assert stands[1] == grow_stand(4301)


def test_share_detected_follows_the_probability_at_each_height(stands: tuple[Stand, ...]) -> None:
    model = SurveyModel()
    heights, seen = [], []
    for stand in stands:
        numbers = set(draw_detected(stand, seed=stand.seed, model=model).number.tolist())
        heights += [tree.height_m for tree in stand.trees]
        seen += [tree.number in numbers for tree in stand.trees]
    height, is_seen = np.array(heights), np.array(seen)
    for low, high in [(3.0, 6.0), (6.0, 12.0), (12.0, 20.0), (20.0, 45.0)]:
        inside = (height >= low) & (height < high)
        expected = detection_probability(height[inside], model)
        deviation = math.sqrt(float((expected * (1.0 - expected)).sum())) / inside.sum()
        assert abs(is_seen[inside].mean() - expected.mean()) < 3.5 * deviation
    assert not is_seen[height < 3.0].any()


def test_errors_have_the_sizes_that_are_told(stands: tuple[Stand, ...]) -> None:
    model = SurveyModel(min_height_m=0.0)
    off_height, off_crown = [], []
    for stand in stands:
        seen = draw_detected(stand, seed=stand.seed, model=model)
        truth = [stand.trees[number] for number in seen.number]
        tall = np.array([tree.height_m > 5.0 for tree in truth])
        height = np.array([tree.height_m for tree in truth])
        crown = np.array([tree.crown_diameter_m for tree in truth])
        off_height += ((seen.height_m - height) / seen.height_error_m)[tall].tolist()
        off_crown += ((seen.crown_diameter_m - crown) / seen.crown_error_m)[tall].tolist()
    assert np.std(off_height) == pytest.approx(1.0, rel=0.05)
    assert np.mean(off_height) == pytest.approx(0.0, abs=0.06)
    assert np.std(off_crown) == pytest.approx(1.0, rel=0.07)


def test_false_reports_are_the_share_asked_for(stands: tuple[Stand, ...]) -> None:
    seen = [draw_detected(stand, seed=2, model=SurveyModel(false_share=0.1)) for stand in stands]
    false = sum(int((one.number == -1).sum()) for one in seen)
    assert false / sum(len(one) for one in seen) == pytest.approx(0.1, abs=0.02)


def test_same_seed_draws_the_same_report(stands: tuple[Stand, ...]) -> None:
    one, two = draw_detected(stands[0], seed=5), draw_detected(stands[0], seed=5)
    assert np.array_equal(one.height_m, two.height_m)
    assert not np.array_equal(one.height_m, draw_detected(stands[0], seed=6).height_m[: len(one)])


def test_totals_of_few_trees_are_a_sum_by_hand() -> None:
    totals = sum_stand(flat_stand((spruce(1.0, 1.0, dbh_cm=30.0), spruce(9.0, 9.0, dbh_cm=40.0)), side_m=50.0))
    assert totals.stems_per_ha == pytest.approx(8.0)
    assert totals.basal_area_m2_ha == pytest.approx(4.0 * math.pi / 4.0 * (0.3**2 + 0.4**2))
    assert totals.mean_dbh_cm == pytest.approx(math.sqrt((30.0**2 + 40.0**2) / 2.0))
    assert totals.top_height_m == 20.0


def test_stand_without_trees_sums_to_nothing(stands: tuple[Stand, ...]) -> None:
    bare = replace(stands[0], trees=())
    assert sum_stand(bare).basal_area_m2_ha == 0.0
    assert len(draw_detected(bare, seed=1, model=SurveyModel(false_share=0.2))) == 0


@pytest.mark.parametrize(
    "model",
    [
        SurveyModel(ceiling=1.5),
        SurveyModel(height_scale_m=0.0),
        SurveyModel(false_share=0.9),
        SurveyModel(height_error_m=-1.0),
    ],
)
def test_impossible_survey_is_refused(model: SurveyModel) -> None:
    with pytest.raises(InvalidParameter):
        draw_detected(flat_stand(()), seed=1, model=model)
