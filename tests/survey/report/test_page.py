"""A report is one file that needs nothing else, and tells everything its survey tells."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.airborne.forms import FallenStem, TreeForm
from survey.airborne.plot import survey_plot
from survey.airborne.result import PlotResult
from survey.files.las import write_cloud
from survey.parameters import PlotParameters
from survey.report.columns import ErrorColumns, GrowthColumns, find_owners, read_columns
from survey.report.page import Extras, Row, build_report, render_report
from survey.report.totals import describe_totals


class Outline(HTMLParser):
    """Headings, loaded addresses and elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.loaded: list[str] = []
        self.elements: list[str] = []
        self._is_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self._is_heading = tag in {"h1", "h2"}
        if tag != "a":
            self.loaded += [value for name, value in attrs if name in {"src", "href", "xlink:href"} and value]

    def handle_data(self, data: str) -> None:
        if self._is_heading and data.strip():
            self.headings.append(data.strip())


@pytest.fixture(scope="module")
def plot(tmp_path_factory: pytest.TempPathFactory) -> PlotResult:
    path = tmp_path_factory.mktemp("cloud") / "stand.laz"
    stand = grow_stand(1000, parameters=StandParameters(side_m=40.0))
    write_cloud(path, scan_airborne(stand, seed=1000), epsg=stand.epsg)
    return survey_plot(path)


def read(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    return outline


def test_a_page_holds_figures_pictures_and_method(plot: PlotResult) -> None:
    page = render_report(build_report("Stand 7", plot))
    outline = read(page)
    assert outline.headings[0] == "Stand 7"
    assert {"Stand map", "Height and diameter", "Stems by diameter", "Method"} <= set(outline.headings)
    assert f"{len(plot.trees):,} trees" in page
    for step in plot.steps:
        assert step.algorithm in page


def test_a_page_loads_nothing_and_runs_nothing(plot: PlotResult) -> None:
    outline = read(render_report(build_report("Stand 7", plot)))
    assert [one for one in outline.loaded if not one.startswith(("#", "data:image/png;"))] == []
    assert "script" not in outline.elements


def test_what_is_known_beside_the_survey_is_drawn_too(plot: PlotResult) -> None:
    growth = GrowthColumns(np.full(5, 10.0), np.full(5, 11.0), np.full(5, 0.2), 5.0)
    errors = ErrorColumns(np.arange(9.0), np.arange(9.0), np.full(9, 0.1), "terrain")
    totals = (Row("Carbon", "71 t/ha", "95 %: 52 to 90"),)
    page = render_report(build_report("Stand 7", plot, Extras(growth=growth, errors=errors, totals=totals)))
    assert {"Growth", "Errors"} <= set(read(page).headings)
    assert "95 %: 52 to 90" in page


def test_totals_a_hectare_tell_their_intervals(plot: PlotResult) -> None:
    rows = {row.name: row for row in describe_totals(plot, PlotParameters())}
    assert list(rows) == [
        "Trees per hectare",
        "Basal area",
        "Stem volume",
        "Biomass above ground",
        "Carbon, roots included",
    ]
    count = float(rows["Trees per hectare"].value.replace(",", ""))
    # Trees that were not found are added: no class has a share above one.
    assert count > 0.8 * len(plot.trees) * 10_000.0 / plot.area_m2
    assert all(row.note.startswith("95 %: ") for row in rows.values())
    assert "how many were not is not known" in describe_totals(replace(plot, detection=()), PlotParameters())[0].note
    assert describe_totals(replace(plot, trees=()), PlotParameters()) == ()


def test_points_within_a_crown_are_its_trees(plot: PlotResult) -> None:
    columns = read_columns(plot)
    owners = find_owners(columns, columns.x_m, columns.y_m)
    seen = [number for number in range(len(columns)) if columns.outlines[number] is not None]
    # Apexes lie within their own crowns, hidden ones within another's or none's.
    assert np.mean(owners[seen] == seen) > 0.95
    far = find_owners(columns, columns.x_m + 10_000.0, columns.y_m)
    assert (far == -1).all()


def test_words_from_outside_stay_words(plot: PlotResult) -> None:
    page = render_report(build_report("<script>alert(1)</script>", replace(plot, warnings=("<img src=x>",))))
    assert "script" not in read(page).elements
    assert "img" not in read(page).elements


def test_a_plot_without_trees_has_a_page_too(plot: PlotResult) -> None:
    page = render_report(build_report("Bare", replace(plot, trees=())))
    assert "0 trees" in page
    assert "Stand map" not in read(page).headings


def test_columns_keep_the_order_and_the_figures_of_the_survey(plot: PlotResult) -> None:
    columns = read_columns(plot)
    assert len(columns) == len(plot.trees)
    for number in (0, len(plot.trees) // 2, len(plot.trees) - 1):
        tree = plot.trees[number]
        assert columns.height_m[number] == tree.height_m.value
        assert columns.is_hidden[number] == tree.is_hidden
        assert np.isnan(columns.dbh_cm[number]) == (tree.dbh_cm is None)


def test_the_dead_are_told_apart_and_count_in_no_figure_a_hectare(plot: PlotResult) -> None:
    plot = replace(plot, trees=tuple(replace(tree, form=None) for tree in plot.trees))
    dead = TreeForm("standing-dead", 0.95, None, None, None)
    half = len(plot.trees) // 2
    trees = tuple(replace(tree, form=dead) if at < half else tree for at, tree in enumerate(plot.trees))
    rows = describe_totals(replace(plot, trees=trees), PlotParameters())
    assert rows[:-1] == describe_totals(replace(plot, trees=plot.trees[half:]), PlotParameters())
    assert (rows[-1].name, rows[-1].value) == ("Standing dead", str(half))
    everyone = tuple(replace(tree, form=dead) for tree in plot.trees)
    assert [row.name for row in describe_totals(replace(plot, trees=everyone), PlotParameters())] == ["Standing dead"]


def test_stems_on_the_ground_have_a_row_of_their_own(plot: PlotResult) -> None:
    plot = replace(plot, trees=tuple(replace(tree, form=None) for tree in plot.trees))
    lying = FallenStem(0.0, 0.0, 8.0, 0.0, is_foot_known=True, length_m=8.0, probability=0.9)
    rows = describe_totals(replace(plot, fallen=(lying, lying)), PlotParameters())
    assert rows[:-1] == describe_totals(replace(plot, fallen=()), PlotParameters())
    assert (rows[-1].name, rows[-1].value) == ("Stems on the ground", "2")
