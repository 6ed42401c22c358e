"""Totals against sums, closed forms and simulated stands."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.totals import measure_totals
from survey.allometry.choose import choose_models
from survey.allometry.columns import EstimateColumn, Sizes, StockColumns, TreeColumns
from survey.allometry.errors import InvalidSizes
from survey.allometry.totals import Detection, FoundTrees, Total, Totals, per_hectare, total_plot, total_stand
from survey.cloud import Floats
from survey.errors import InvalidParameter
from tests.survey.allometry.samples import plot

ALL_FOUND = (Detection(0.0, 100.0, 1.0, 0.0),)


def stocks_of(trees: TreeColumns) -> StockColumns:
    return choose_models(None, "gymnosperm", None).estimate_columns(trees, area_m2=10_000.0)


def found(seed: int = 1, count: int = 300, confidence: float = 1.0) -> FoundTrees:
    trees = plot(seed, count)
    return FoundTrees(trees.height_m.value, np.full(count, confidence), stocks_of(trees), 10_000.0)


def biomass(totals: Totals) -> Total:
    assert totals.biomass_kg is not None
    return totals.biomass_kg


def test_where_all_trees_are_found_and_sure_totals_are_sums() -> None:
    trees = found()
    totals = total_plot(trees, ALL_FOUND)
    column = trees.stocks.biomass_kg
    assert totals.count == Total(300.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert biomass(totals).value == pytest.approx(float(column.value.sum()))
    assert biomass(totals).own == pytest.approx(math.hypot(*column.own_error.tolist()))
    assert biomass(totals).shared == pytest.approx(float(column.shared_error.sum()))
    assert (biomass(totals).false, biomass(totals).omission, biomass(totals).detection) == (0.0, 0.0, 0.0)
    assert totals.notes == ()


def test_a_found_tree_stands_for_those_of_its_height_that_were_not() -> None:
    trees = found()
    low = float((trees.height_m < 15.0).sum())
    totals = total_plot(trees, (Detection(0.0, 15.0, 0.25, 0.0), Detection(15.0, 100.0, 1.0, 0.0)))
    assert totals.count.value == pytest.approx(300.0 + 3.0 * low)
    # Horvitz and Thompson: n found with probability p have variance n (1 - p) / p^2.
    assert totals.count.omission == pytest.approx(math.sqrt(low * 0.75) / 0.25)


def test_doubtful_trees_count_by_their_confidence() -> None:
    totals = total_plot(found(confidence=0.8), ALL_FOUND)
    assert totals.count.value == pytest.approx(240.0)
    assert totals.count.false == pytest.approx(math.sqrt(300.0 * 0.8 * 0.2))


def test_the_stand_s_own_detection_adds_as_it_is() -> None:
    totals = total_plot(found(), (Detection(0.0, 100.0, 0.5, 0.05),))
    assert totals.count.detection == pytest.approx(0.1 * totals.count.value)


def test_counts_of_thinned_stands_are_right_on_average_and_as_often_as_said() -> None:
    # 400 stands of 500 trees, each found with probability 0.4 shifted for its stand, closed form of both errors.
    rng = np.random.default_rng(21)
    held, values = 0, []
    for _ in range(400):
        share = float(np.clip(rng.normal(0.4, 0.03), 0.05, 1.0))
        number = int(rng.binomial(500, share))
        total = total_plot(found(count=number), (Detection(0.0, 100.0, 0.4, 0.03),)).count
        low, high = total.interval
        held += low <= 500.0 <= high
        values.append(total.value)
    assert np.mean(values) == pytest.approx(500.0, rel=0.01)
    assert 0.92 <= held / 400.0 <= 0.98


def test_intervals_hold_the_truth_of_a_hundred_stands_in_both_worlds() -> None:
    held = [figure.value for figure in measure_totals(120, 90_000) if "held by" in figure.name]
    assert len(held) == 10
    # Of 120 stands a true 95 % shows between 88 and 100 % (three standard deviations of chance).
    assert all(88.0 <= share <= 100.0 for share in held)


def test_intervals_are_those_of_a_log_normal() -> None:
    low, high = Total(100.0, 6.0, 0.0, 8.0, 0.0, 0.0).interval
    assert math.sqrt(low * high) == pytest.approx(100.0)
    assert math.log(high / low) / 2.0 == pytest.approx(1.959964 * 0.10)
    assert Total(0.0, 0.0, 0.0, 0.0, 0.0, 0.0).interval == (0.0, 0.0)


def test_trees_without_an_estimate_take_the_mean_of_their_class() -> None:
    trees = found()
    column = trees.stocks.biomass_kg
    tall = trees.height_m >= 20.0
    gone = tall & (np.arange(300) % 2 == 0)
    holes = replace(trees.stocks, biomass_kg=_with_holes(column, gone))
    classes = (Detection(0.0, 20.0, 1.0, 0.0), Detection(20.0, 100.0, 1.0, 0.0))
    totals = total_plot(replace(trees, stocks=holes), classes)
    expected = column.value[~tall].sum() + tall.sum() * column.value[tall & ~gone].mean()
    assert biomass(totals).value == pytest.approx(float(expected))
    assert biomass(totals).own > biomass(total_plot(trees, classes)).own


def _with_holes(column: EstimateColumn, gone: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> EstimateColumn:
    return replace(
        column, value=np.where(gone, np.nan, column.value), which=np.where(gone, -1, column.which).astype(np.int8)
    )


def test_a_quantity_that_no_tree_has_is_absent() -> None:
    trees = plot(1, 5)
    stocks = choose_models("Pinus massoniana", "unknown", "china").estimate_columns(trees)
    totals = total_plot(FoundTrees(trees.height_m.value, np.ones(5), stocks, 100.0), ALL_FOUND)
    assert totals.biomass_kg is None
    assert totals.basal_area_m2 is not None
    assert "not available" in totals.notes[0]
    assert total_stand([totals, total_plot(found(), ALL_FOUND)]).biomass_kg is None


def test_no_trees_are_a_total_of_nothing() -> None:
    totals = total_plot(found(count=0), ALL_FOUND)
    assert totals.count == Total(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert totals.biomass_kg is None


def test_plots_add_chance_as_squares_and_what_they_share_as_it_is() -> None:
    one = total_plot(found(confidence=0.9), (Detection(0.0, 100.0, 0.5, 0.05),))
    stand = total_stand([one] * 4)
    assert stand.area_m2 == 40_000.0
    assert biomass(stand).value == pytest.approx(4.0 * biomass(one).value)
    for name, factor in (("own", 2.0), ("false", 2.0), ("omission", 2.0), ("detection", 4.0), ("shared", 4.0)):
        assert getattr(biomass(stand), name) == pytest.approx(factor * getattr(biomass(one), name))


@given(st.floats(100.0, 1e6))
def test_a_hectare_holds_its_share(area: float) -> None:
    totals = total_plot(replace(found(count=20), area_m2=area), ALL_FOUND)
    hectare = per_hectare(totals)
    assert hectare.count.value == pytest.approx(20.0 * 10_000.0 / area)
    assert biomass(hectare).shared / biomass(hectare).value == pytest.approx(
        biomass(totals).shared / biomass(totals).value
    )


def test_heights_without_detection_probability_are_told() -> None:
    trees = found()
    assert "no detection probabilities" in total_plot(trees, ()).notes[0]
    (note,) = total_plot(trees, (Detection(0.0, 30.0, 0.9, 0.0),)).notes
    assert f"{int((trees.height_m >= 30.0).sum())} of 300 trees" in note


@pytest.mark.parametrize(
    "detection",
    [
        Detection(0.0, 10.0, 0.0, 0.0),
        Detection(0.0, 10.0, 1.1, 0.0),
        Detection(0.0, 10.0, math.nan, 0.0),
        Detection(0.0, 10.0, 0.5, -0.1),
        Detection(0.0, 10.0, 0.5, math.nan),
        Detection(10.0, 10.0, 0.5, 0.1),
    ],
)
def test_probabilities_that_are_none_are_refused(detection: Detection) -> None:
    with pytest.raises(InvalidParameter):
        total_plot(found(), (detection,))


@pytest.mark.parametrize("area", [0.0, -1.0, math.nan, math.inf])
def test_areas_that_are_none_are_refused(area: float) -> None:
    with pytest.raises(InvalidParameter, match="area_m2"):
        total_plot(replace(found(), area_m2=area), ALL_FOUND)


@pytest.mark.parametrize("confidence", [np.ones(3), np.full(300, 1.5), np.full(300, -0.1), np.full(300, np.nan)])
def test_confidences_that_are_none_are_refused(confidence: Floats) -> None:
    with pytest.raises(InvalidSizes, match="confidence"):
        total_plot(replace(found(), confidence=confidence), ALL_FOUND)


def test_measured_stems_make_totals_surer() -> None:
    trees = plot(2, 300)
    models = choose_models("Picea abies", "unknown", "europe")
    modelled = models.estimate_columns(trees)
    taped = Sizes(modelled.dbh_cm.value, np.full(300, 0.3), np.zeros(300))
    measured = models.estimate_columns(replace(trees, dbh_cm=taped))
    wide, narrow = (
        biomass(total_plot(FoundTrees(trees.height_m.value, np.ones(300), stocks, 10_000.0), ALL_FOUND))
        for stocks in (modelled, measured)
    )
    assert narrow.error / narrow.value < 0.5 * wide.error / wide.value


def test_false_trees_are_doubted_as_much_as_they_stand_for() -> None:
    # Bernoulli's variance of each, times the square of what one found tree stands for.
    totals = total_plot(found(confidence=0.8), (Detection(0.0, 100.0, 0.5, 0.0),))
    assert totals.count.false == pytest.approx(math.sqrt(300.0 * 0.8 * 0.2) / 0.5)


def test_a_class_holds_its_lower_end_and_not_its_upper_one() -> None:
    trees = found(count=2)
    edges = replace(trees, height_m=np.array([10.0, 20.0]))
    totals = total_plot(edges, (Detection(10.0, 20.0, 0.5, 0.0), Detection(20.0, 30.0, 0.25, 0.0)))
    assert totals.count.value == pytest.approx(2.0 + 4.0)
    assert totals.notes == ()


def test_a_tree_that_is_surely_none_counts_nothing() -> None:
    assert total_plot(found(confidence=0.0), ALL_FOUND).count.value == 0.0


def test_every_error_of_a_hectare_is_scaled() -> None:
    totals = total_plot(replace(found(confidence=0.9), area_m2=2_500.0), (Detection(0.0, 100.0, 0.5, 0.05),))
    whole, hectare = biomass(totals), biomass(per_hectare(totals))
    for name in ("value", "own", "false", "omission", "detection", "shared"):
        assert getattr(hectare, name) == pytest.approx(4.0 * getattr(whole, name))
        assert getattr(whole, name) > 0.0
