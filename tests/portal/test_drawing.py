import dataclasses

import pytest
import segno

from domain.codes import format_link
from domain.records.result import Crown, Tree
from portal.drawing import draw_crown
from portal.labels import draw_label
from tests.domain.samples import BODIES
from tests.portal.sources import CODE

TREE = BODIES["tree"]
assert isinstance(TREE, Tree)
assert TREE.position.x_mm is not None
assert TREE.position.y_mm is not None
WEST, SOUTH = TREE.position.x_mm - 2_000, TREE.position.y_mm - 1_000
SQUARE = (WEST, SOUTH, WEST + 4_000, SOUTH, WEST + 4_000, SOUTH + 4_000, WEST, SOUTH + 4_000, WEST, SOUTH)
"""A square of 4 m whose foot lies 1 m south and 2 m west of the tree."""


def with_outline(outline: tuple[int, ...] | None) -> Tree:
    assert isinstance(TREE, Tree)
    assert TREE.crown is not None
    return dataclasses.replace(TREE, crown=Crown(TREE.crown.diameter_mm, outline))


def test_a_crown_is_drawn_in_metres_around_the_tree_with_north_up() -> None:
    plan = draw_crown(with_outline(SQUARE))
    assert plan is not None
    corners = [tuple(map(float, pair.split(","))) for pair in plan.points.split()]
    assert corners == [(-2, 1), (2, 1), (2, -3), (-2, -3), (-2, 1)]  # SVG's y points south
    assert plan.radius_m == pytest.approx(2.8)  # a diameter of 5,600 mm
    assert plan.half_span_m > 3


def test_a_crown_without_outline_is_its_circle_and_no_crown_is_no_drawing() -> None:
    plan = draw_crown(with_outline(None))
    assert plan is not None
    assert plan.points == ""
    assert plan.half_span_m > plan.radius_m
    assert isinstance(TREE, Tree)
    assert draw_crown(dataclasses.replace(TREE, crown=None)) is None


def test_a_label_holds_the_capital_link_in_the_small_alphabet() -> None:
    link = format_link(CODE, "http://127.0.0.1:8080")
    symbol = segno.make_qr(link, error="q")
    assert symbol.mode == "alphanumeric"
    side = symbol.symbol_size(border=4)[0]  # a quiet zone of four modules, ISO/IEC 18004
    drawing = draw_label(CODE, "http://127.0.0.1:8080")
    assert f'viewBox="0 0 {side} {side}"' in drawing
    assert "script" not in drawing
