"""Growth is found from pairs, and outliers do not pull it."""

import numpy as np
import pytest

from survey.errors import InvalidParameter
from survey.linking.change import assume_change, expect_change, fit_change, log_density


def test_a_line_of_growth_is_recovered_among_wrong_pairs() -> None:
    rng = np.random.default_rng(5)
    before = rng.uniform(5.0, 35.0, 1_000)
    after = before + 2.0 - 0.04 * (before - 20.0) + rng.normal(0.0, 0.5, before.size)
    error = np.full(before.size, 2 * 0.6**2)
    after = after + rng.normal(0.0, np.sqrt(error))
    after[:50] = rng.uniform(5.0, 35.0, 50)
    found = fit_change(assume_change(5.0, 20.0), before, after, error, np.ones(before.size))
    assert found.mean_m == pytest.approx(2.0, abs=0.12)
    assert found.per_m == pytest.approx(-0.04, abs=0.012)
    assert found.spread_m == pytest.approx(0.5, abs=0.3)


def test_what_was_assumed_stays_without_pairs() -> None:
    assumed = assume_change(4.0, 20.0)
    none = np.array([np.nan])
    assert fit_change(assumed, none, none, none, np.ones(1)) == assumed


def test_densities_are_normalised() -> None:
    change = fit_change(assume_change(5.0, 20.0), np.full(30, 20.0), np.full(30, 21.5), np.full(30, 0.5), np.ones(30))
    grid = np.linspace(0.0, 120.0, 24_001)
    density = np.exp(log_density(change, np.full(grid.size, 20.0), grid, np.full(grid.size, 0.5)))
    assert float(density.sum() * (grid[1] - grid[0])) == pytest.approx(1.0, abs=0.002)


def test_a_tree_hardly_falls_but_may_break() -> None:
    change = assume_change(5.0, 20.0)
    density = log_density(change, np.full(3, 20.0), np.array([21.5, 10.0, 30.0]), np.full(3, 0.5))
    assert density[0] > density[1] > density[2]


@pytest.mark.parametrize("years", [-1.0, 51.0, np.nan])
def test_years_out_of_range_are_refused(years: float) -> None:
    with pytest.raises(InvalidParameter):
        assume_change(years, 20.0)


def test_expected_change_follows_the_fitted_line() -> None:
    change = assume_change(10.0, 20.0)
    assert expect_change(change, np.array([20.0])).tolist() == pytest.approx([3.0])
