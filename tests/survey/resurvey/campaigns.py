"""Campaigns for these tests: trees on a wide grid, so that who is who is beyond doubt."""

from dataclasses import replace
from typing import Any, Final

from survey.coverage import Ring
from survey.estimate import Estimate
from survey.resurvey.seen import CampaignSeen, SeenShare, TreeSeen

SIDE_M: Final = 60.0
SQUARE: Final[Ring] = ((0.0, 0.0), (SIDE_M, 0.0), (SIDE_M, SIDE_M), (0.0, SIDE_M), (0.0, 0.0))
SEEN: Final = (SeenShare(3.0, 15.0, 0.6), SeenShare(15.0, 60.0, 0.98))
GROWTH_M: Final = 1.5


def make_tree(code: str, x_m: float, y_m: float, height_m: float, **others: Any) -> TreeSeen:  # noqa: ANN401
    """Return a tree with the errors of an airborne survey."""
    given: dict[str, Any] = {"crown_m": Estimate(5.0, 0.4, 0.3, "crown")} | others
    return TreeSeen(code, x_m, y_m, 0.4, height_m=Estimate(height_m, 0.5, 0.2, "apex-return"), **given)


def make_earlier() -> CampaignSeen:
    """Return 36 trees 10 m apart, from 18 to 28.5 m high, called ``00`` to ``55`` by column and row."""
    trees = tuple(
        make_tree(
            f"{column}{row}", 5.0 + 10.0 * column + 0.7 * (row % 3), 5.0 + 10.0 * row, 18.0 + 0.3 * (7 * number % 36)
        )
        for number, (column, row) in enumerate((column, row) for column in range(6) for row in range(6))
    )
    return CampaignSeen(2020.0, trees, (SQUARE,), SEEN)


def make_later() -> CampaignSeen:
    """Return the same trees five years later, 1.5 m higher, called ``L00`` to ``L55``."""
    earlier = make_earlier()
    trees = tuple(replace(tree, code=f"L{tree.code}", height_m=grow(tree.height_m, GROWTH_M)) for tree in earlier.trees)
    return CampaignSeen(2025.0, trees, (SQUARE,), SEEN)


def grow(height_m: Estimate | None, by_m: float) -> Estimate:
    """Return a greater height with the same errors."""
    if height_m is None:
        raise AssertionError("trees of these tests have heights")
    return replace(height_m, value=height_m.value + by_m)


def without(campaign: CampaignSeen, *codes: str) -> CampaignSeen:
    """Return a campaign that did not see some trees."""
    return replace(campaign, trees=tuple(tree for tree in campaign.trees if tree.code not in codes))


def changed(campaign: CampaignSeen, code: str, **fields: Any) -> CampaignSeen:  # noqa: ANN401
    """Return a campaign in which one tree is otherwise."""
    trees = tuple(replace(tree, **fields) if tree.code == code else tree for tree in campaign.trees)
    return replace(campaign, trees=trees)


def with_trees(campaign: CampaignSeen, *trees: TreeSeen) -> CampaignSeen:
    """Return a campaign that saw more trees."""
    return replace(campaign, trees=(*campaign.trees, *trees))
