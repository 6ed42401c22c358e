"""Charts show what they are given: numbers in their labels, a shape for each tree, text that can be read."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from survey.report.charts import count_stems, draw_growth, draw_height_diameter, draw_stem_distribution, fit_naslund
from survey.report.columns import ErrorColumns, GrowthColumns, Section, StandColumns, cut_section
from survey.report.errors import InvalidPicture
from survey.report.maps import choose_bar, choose_stem_scale, draw_error_map, draw_section, draw_stand_map
from tests.survey.report.scenes import make_stand

SVG = "{http://www.w3.org/2000/svg}"


def read_svg(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - drawn by ourselves


def read_texts(svg: str) -> list[str]:
    return ["".join(one.itertext()).strip() for one in read_svg(svg).iter(f"{SVG}text")]


def test_naslunds_curve_is_found_again_from_its_own_points_and_near_it_from_scattered_ones() -> None:
    rng = np.random.default_rng(1000)
    dbh = rng.uniform(8.0, 60.0, 4_000)
    height = 1.3 + dbh**2 / (2.0 + 0.18 * dbh) ** 2
    assert fit_naslund(dbh, height) == pytest.approx((2.0, 0.18))
    scattered = 1.3 + (height - 1.3) * np.exp(rng.normal(0.0, 0.05, dbh.size))
    assert fit_naslund(dbh, scattered) == pytest.approx((2.0, 0.18), rel=0.03)


def test_the_chart_of_heights_tells_its_curve_and_how_diameters_came_about() -> None:
    svg = draw_height_diameter(make_stand())
    assert "12 trees" in svg
    assert "a = 1.50, b = 0.160" in svg
    assert any("modelled from height and crown" in text for text in read_texts(svg))


def test_stems_by_class_sum_to_the_stand() -> None:
    stand = make_stand()
    _, stems = count_stems(stand.dbh_cm, stand.area_m2)
    assert stems.sum() * stand.area_m2 / 10_000.0 == pytest.approx(len(stand))
    assert "Stems per hectare" in read_texts(draw_stem_distribution(stand))


def test_a_map_draws_each_crown_that_was_seen_and_says_its_reference_system() -> None:
    stand = make_stand()
    svg = draw_stand_map(stand, (((0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (0.0, 0.0)),))
    (crowns,) = [one for one in read_svg(svg).iter(f"{SVG}g") if one.get("id") == "PolyCollection_1"]
    assert len(list(crowns.iter(f"{SVG}path"))) == len(stand) - 1
    assert any("EPSG:32633" in text for text in read_texts(svg))
    assert "1 of them below the canopy" in svg


def test_a_map_of_thousands_of_trees_stays_small_enough_for_a_page() -> None:
    assert len(draw_stand_map(make_stand(5_000))) < 2_000_000


def test_hostile_text_in_a_reference_system_stays_text() -> None:
    svg = draw_stand_map(make_stand(crs='local:<script>alert("$x^$")'))
    assert "<script" not in svg
    assert any("<script>" in text for text in read_texts(svg))


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert draw_stand_map(make_stand()) == draw_stand_map(make_stand())


def test_a_section_holds_the_points_of_its_slice_by_distance_along_it() -> None:
    rng = np.random.default_rng(1000)
    points = rng.uniform(0.0, 50.0, (20_000, 3))
    section = cut_section(
        points, np.zeros(20_000, np.int32), ((0.0, 0.0), (30.0, 40.0)), width_m=2.0, is_above_ground=True
    )
    # A slice of 50 m x 2 m of a square of 2,500 m2, less the corner of it that lies outside.
    assert section.along_m.size == pytest.approx(20_000 * 50.0 * 2.0 / 2_500.0, rel=0.1)
    assert section.along_m.min() >= 0.0
    assert section.along_m.max() <= 50.0
    assert "50 m through 1 trees" in draw_section(section)


def test_growth_counts_the_trees_that_grew_beyond_their_error() -> None:
    before = np.full(20, 10.0)
    after = before + np.where(np.arange(20) < 5, 3.0, 0.5)
    svg = draw_growth(GrowthColumns(before, after, np.full(20, 0.5), 5.0))
    assert "median 0.10 m a year, 5 beyond" in svg


def test_an_error_map_tells_rmse_and_bias() -> None:
    error = np.tile([0.3, -0.1], 50)
    svg = draw_error_map(ErrorColumns(np.arange(100.0), np.arange(100.0), error, "terrain"), "EPSG:3005")
    assert any(text.startswith("RMSE 0.22 m, bias +0.10 m") for text in read_texts(svg))


def test_a_narrow_error_map_has_a_narrow_picture() -> None:
    north = np.arange(1_000.0)
    wide, narrow = (
        draw_error_map(ErrorColumns(north * share, north, np.ones(1_000), "terrain"), "EPSG:3005")
        for share in (1.0, 0.1)
    )
    assert float(read_svg(narrow).attrib["width"][:-2]) < float(read_svg(wide).attrib["width"][:-2])


@pytest.mark.parametrize(("apart_m", "wider"), [(8.0, 10), (2.5, 5), (1.2, 3), (0.5, 2)])
def test_stems_are_drawn_as_wide_as_leaves_neighbours_apart(apart_m: float, wider: int) -> None:
    stand = make_stand()
    ones = np.ones(len(stand))
    row = replace(stand, x_m=apart_m * np.arange(len(stand), dtype=np.float64), y_m=ones, dbh_cm=30.0 * ones)
    assert choose_stem_scale(row) == wider


@pytest.mark.parametrize(("width_m", "bar_m"), [(3.0, 1), (52.0, 10), (999.0, 100), (90_000.0, 5_000)])
def test_scale_bars_are_round_and_about_a_fifth_of_the_map(width_m: float, bar_m: int) -> None:
    assert choose_bar(width_m) == bar_m


def test_nothing_to_draw_is_told_by_name() -> None:
    empty = np.empty(0)
    blank = StandColumns(empty, empty, empty, empty, empty, empty, empty, empty.astype(bool), (), "local:m", 1.0)
    for draw in (draw_stand_map, draw_height_diameter, draw_stem_distribution):
        with pytest.raises(InvalidPicture):
            draw(blank)
    with pytest.raises(InvalidPicture):
        draw_section(Section(empty, empty, empty.astype(np.int32), 1.0, is_above_ground=True))
    with pytest.raises(InvalidPicture):
        draw_growth(GrowthColumns(empty, empty, empty, 1.0))
    with pytest.raises(InvalidPicture):
        draw_error_map(ErrorColumns(empty, empty, empty, "terrain"), "EPSG:3005")


def test_columns_of_different_length_are_refused() -> None:
    stand = make_stand()
    with pytest.raises(InvalidPicture):
        StandColumns(
            stand.x_m[:-1],
            stand.y_m,
            stand.height_m,
            stand.height_error_m,
            stand.dbh_cm,
            stand.dbh_error_cm,
            stand.crown_diameter_m,
            stand.is_hidden,
            stand.outlines,
            stand.crs,
            stand.area_m2,
        )
