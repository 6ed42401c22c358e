"""Stems are scored within a gate, and by their diameters."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.errors import InvalidFoundTrees, InvalidParameter
from sample_data.forest.damage import fall, lean
from sample_data.scoring.trees import StemRule, score_stems
from tests.sample_data.trees import flat_stand, spruce

STAND = flat_stand((spruce(10.0, 10.0), spruce(20.0, 10.0, dbh_cm=40.0), spruce(30.0, 10.0, dbh_cm=6.0)))


def found(*stems: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(stems)


def test_stems_within_the_gate_are_matched_and_their_diameters_compared() -> None:
    score = score_stems(found((10.3, 10.0, 31.0), (20.0, 10.4, 37.0)), STAND)
    assert (score.precision, score.recall) == (1.0, 1.0)
    assert score.bias_cm == pytest.approx(-1.0)
    assert score.rmse_cm == pytest.approx(np.sqrt(5.0))
    assert set(score.matches) == {(0, 0), (1, 1)}


def test_stems_beyond_the_gate_are_false_and_missed() -> None:
    score = score_stems(found((10.6, 10.0, 30.0), (20.0, 10.0, 40.0)), STAND)
    assert (score.precision, score.recall) == (0.5, 0.5)


def test_nearer_stem_wins_a_tree() -> None:
    score = score_stems(found((10.3, 10.0, 99.0), (10.1, 10.0, 30.0)), STAND)
    assert score.matches == ((1, 0),)


def test_thin_stems_do_not_count_found_or_missed() -> None:
    both = found((10.0, 10.0, 30.0), (20.0, 10.0, 40.0))
    with_thin = np.vstack([both, found((30.0, 10.0, 14.0), (50.0, 50.0, 5.0))])
    assert score_stems(both, STAND).recall == 1.0
    assert score_stems(with_thin, STAND).precision == 1.0


def test_only_stems_of_the_plot_count() -> None:
    score = score_stems(found((10.0, 10.0, 30.0), (60.0, 10.0, 30.0)), STAND, rule=StemRule(plot=(10.0, 10.0, 5.0)))
    assert (score.precision, score.recall) == (1.0, 1.0)


def test_fallen_stems_are_no_stems_to_find() -> None:
    lying = replace(STAND, trees=(fall(STAND.trees[0], 0.0), *STAND.trees[1:]))
    assert score_stems(found((20.0, 10.0, 40.0)), lying).recall == 1.0


def test_leaning_stem_is_looked_for_at_breast_height() -> None:
    leaning = flat_stand((lean(spruce(10.0, 10.0), 40.0, 0.0),))
    # 1.3 m tan 40 degrees is 1.09 m.
    assert score_stems(found((11.09, 10.0, 30.0)), leaning, rule=StemRule(gate_m=0.05)).recall == 1.0


def test_nothing_found_has_no_diameter_error() -> None:
    score = score_stems(np.empty((0, 3)), STAND)
    assert (score.precision, score.recall) == (0.0, 0.0)
    assert np.isnan(score.rmse_cm)


@pytest.mark.parametrize("bad", [np.ones((3, 2)), np.ones(3), np.array([[0.0, np.inf, 1.0]]), np.ones((20_001, 3))])
def test_unusable_stems_are_refused(bad: NDArray[np.float64]) -> None:
    with pytest.raises(InvalidFoundTrees):
        score_stems(bad, STAND)


def test_negative_gate_is_refused() -> None:
    with pytest.raises(InvalidParameter):
        score_stems(np.empty((0, 3)), STAND, rule=StemRule(gate_m=-1.0))
