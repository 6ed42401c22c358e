"""Drawings of a tree as numbers for an SVG: the crown from above, the tree from the side."""

from dataclasses import dataclass
from typing import Final

from domain.records.result import Tree

_MARGIN: Final = 1.12
_LEAST_SPAN_M: Final = 1.0


@dataclass(frozen=True, slots=True)
class CrownPlan:
    """The crown seen from above, in metres from the tree's position, y downwards as SVG has it.

    Attributes
    ----------
    points
        ``x,y x,y …`` for a polygon, or empty where the record holds no outline.
    radius_m
        Radius of the circle of equal area.
    half_span_m
        Half the side of the square that shows it all.
    bar_m
        Length of the scale bar.
    """

    points: str
    radius_m: float
    half_span_m: float
    bar_m: int


def draw_crown(tree: Tree) -> CrownPlan | None:
    """Return the plan of a tree's crown; nothing when its record holds none."""
    if tree.crown is None:
        return None
    radius = tree.crown.diameter_mm.value / 2_000
    points = _relative_points(tree)
    reach = max([radius, _LEAST_SPAN_M, *(max(abs(x), abs(y)) for x, y in points)])
    text = " ".join(f"{x:.2f},{-y:.2f}" for x, y in points)
    return CrownPlan(text, radius, reach * _MARGIN, max(1, round(reach / 2)))


def _relative_points(tree: Tree) -> tuple[tuple[float, float], ...]:
    position, crown = tree.position, tree.crown
    if crown is None or crown.outline is None or position.x_mm is None or position.y_mm is None:
        return ()
    ring = crown.outline
    return tuple(
        ((x - position.x_mm) / 1e3, (y - position.y_mm) / 1e3) for x, y in zip(ring[::2], ring[1::2], strict=True)
    )
