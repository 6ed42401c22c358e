"""The report of stems draws what was measured, and no heights that were not seen."""

import numpy as np
import pytest

from survey.coverage import Coverage
from survey.report.errors import InvalidPicture
from survey.report.maps import draw_stem_map
from survey.report.page import render_report
from survey.report.stems import build_stem_report, read_stems
from survey.terrestrial.result import Stem, StemPlot, StemTree
from tests.survey.report.scenes import make_stand

GROUND = Coverage((((0.0, 0.0), (50.0, 0.0), (50.0, 20.0), (0.0, 20.0), (0.0, 0.0)),), 1_000.0, 900.0, 900.0)


def make_tree(number: int, *, is_seen: bool) -> StemTree:
    stem = Stem(5.0 * number, 10.0, 0.01, 20.0 + number, 0.3, 1.3, 1.0, 0.02, (), 0.4, 0.8, 0.005, 900, 20)
    height = 18.0 if is_seen else 9.0
    error = 2.6 if is_seen else None
    return StemTree(5.0 * number, 10.0, 0.02, 400.0, (stem,), height, error, is_seen, None, None, number)


def make_plot(seen: int, hidden: int) -> StemPlot:
    trees = [make_tree(number, is_seen=number < seen) for number in range(seen + hidden)]
    return StemPlot(tuple(trees), 0.004, 0.002, 0.01, 90_000, 900, (), ("a warning",))


def test_heights_that_are_only_at_least_are_no_heights() -> None:
    stand = read_stems(make_plot(2, 3), "local:m", 1_000.0)
    assert np.isfinite(stand.height_m).tolist() == [True, True, False, False, False]
    assert stand.is_dbh_measured


def test_the_page_counts_stems_and_basal_area_a_hectare() -> None:
    page = render_report(build_stem_report("Stems", make_plot(6, 2), "local:m", GROUND))
    basal = sum(np.pi / 40_000.0 * (20.0 + number) ** 2 for number in range(8)) * 10.0
    assert f"{basal:.1f} m²/ha" in page
    assert "<dd>80" in page
    assert "a warning" in page
    assert "Height and diameter" in page
    assert "Height and diameter" not in render_report(build_stem_report("Stems", make_plot(4, 4), "local:m", GROUND))


def test_a_plot_without_stems_has_a_page_and_no_map() -> None:
    page = render_report(build_stem_report("Bare", make_plot(0, 0), "local:m", GROUND))
    assert "Stem map" not in page
    with pytest.raises(InvalidPicture):
        draw_stem_map(read_stems(make_plot(0, 0), "local:m", 1_000.0))


def test_a_map_draws_each_stem() -> None:
    assert "Map of 12 stems from 8 to 40 cm" in draw_stem_map(make_stand())
