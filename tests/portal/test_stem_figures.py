"""A tree seen from within the forest: a height that is a lower bound is neither a figure with error nor a point."""

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from domain.records.result import Estimate, Result, Stem, Tree
from portal.figures import format_day, make_earlier, make_figures
from survey.report.charts import draw_height_diameter
from survey.report.records import read_records
from tests.domain.samples import AT_MS, BODIES, FROM_WITHIN


def make_tree(*, is_hidden: bool) -> Tree:
    tree = BODIES["tree"]
    assert isinstance(tree, Tree)
    return replace(
        tree,
        position=replace(tree.position, of="stem", x_mm=5_000, y_mm=7_000),
        height_mm=Estimate(18_410, 0 if is_hidden else 900, 0, "highest-point-from-below"),
        is_top_hidden=True if is_hidden else None,
        lean_mdeg=Estimate(1_460, 220, 0, "line through sections"),
        stems=(Stem(Estimate(291, 4, 0, "al-sharadqah2009"), 1_300),),
    )


HIDDEN: Final = make_tree(is_hidden=True)
SEEN: Final = make_tree(is_hidden=False)


def test_a_lower_bound_is_told_as_such_and_without_an_error() -> None:
    height = make_figures(HIDDEN)[0]
    assert (height.name, height.value, height.error, height.own_error) == ("Height", "over 18.41", "", "")
    assert height.note == "its top is hidden"
    seen = make_figures(SEEN)[0]
    assert (seen.value, seen.error, seen.note) == ("18.41", "0.90", "")


def test_a_lean_is_told_to_a_tenth_of_a_degree() -> None:
    (lean,) = [figure for figure in make_figures(HIDDEN) if figure.name == "Lean"]
    assert (lean.value, lean.error, lean.unit) == ("1.5", "0.2", "°")


def test_charts_of_measured_stems_say_so_and_leave_lower_bounds_out() -> None:
    closing = BODIES["result"]
    assert isinstance(closing, Result)
    stand = read_records([HIDDEN, SEEN], closing, "local:plot-7")
    assert np.isnan(stand.height_m).tolist() == [True, False]
    assert np.isnan(stand.height_error_m).tolist() == [True, False]
    assert stand.dbh_cm.tolist() == pytest.approx([29.1, 29.1])
    assert stand.is_dbh_measured
    assert "measured" in draw_height_diameter(stand)
    above = replace(SEEN, position=replace(SEEN.position, of="apex"))
    assert not read_records([above, SEEN], closing, "local:plot-7").is_dbh_measured


def test_what_was_measured_earlier_is_told_beside_what_is_only_bounded_or_modelled() -> None:
    from_above = BODIES["tree"]
    assert isinstance(from_above, Tree)
    assert from_above.height_mm is not None
    taped = replace(
        from_above,
        position=replace(from_above.position, of="stem"),
        height_mm=None,
        stems=(Stem(Estimate(355, 4, 0, "caliper"), 1_300),),
    )
    from_within = replace(FROM_WITHIN, stems=HIDDEN.stems)
    (height,) = make_earlier(from_within, [(AT_MS, taped), (AT_MS - 86_400_000, from_above)])
    assert (height.name, height.value, height.note) == (
        "Height",
        "23.40",
        f"last seen on {format_day(AT_MS - 86_400_000)}",
    )
    (stem,) = make_earlier(from_above, [(AT_MS, from_above), (AT_MS - 86_400_000, taped)])
    assert (stem.name, stem.value) == ("Stem diameter", "35.5")
    assert stem.note.startswith(f"measured on {format_day(AT_MS - 86_400_000)}, 1.30 m")
    assert make_earlier(from_above, []) == make_earlier(taped, [(AT_MS, taped)]) == ()
