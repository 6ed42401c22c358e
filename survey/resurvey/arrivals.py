"""Later trees without an earlier one: grown in, or missed before; their size tells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from survey.cloud import Floats
from survey.linking.change import HeightChange
from survey.linking.fit import Shift, move_places
from survey.resurvey.cover import UNKNOWN, covers, tell_seen
from survey.resurvey.seen import CampaignSeen, TreeSeen
from survey.resurvey.unseen import ONE_SIDED_95

Origin: TypeAlias = Literal["ingrowth", "missed-earlier", "outside-earlier", "unclear"]


@dataclass(frozen=True, slots=True)
class NewTree:
    """A later tree that no earlier tree is.

    Attributes
    ----------
    key
        Its name in the later campaign.
    origin
        ``ingrowth``: it was too low for the earlier campaign; ``missed-earlier``: it was high enough;
        ``outside-earlier``: its place was not covered then; ``unclear``: its size does not tell.
    then_m, then_error_m
        Height that it had at the earlier campaign if it grew as the others did, and its standard error; absent where it
        has no height.
    missed_probability
        That the earlier campaign missed a tree of that height; -1 where that is not told.
    """

    key: str
    origin: Origin
    then_m: float | None
    then_error_m: float | None
    missed_probability: float


def judge_new(
    trees: Sequence[TreeSeen], earlier: CampaignSeen, shift: Shift, change: HeightChange
) -> tuple[NewTree, ...]:
    """Return where later trees come from.

    Parameters
    ----------
    trees
        Later trees without a partner.
    earlier
        The earlier campaign.
    shift, change
        Between both.
    """
    if not trees:
        return ()
    x, y, error = (np.array([getattr(one, name) for one in trees]) for name in ("x_m", "y_m", "place_error_m"))
    inside = np.ones(x.size, dtype=np.bool_)
    if earlier.covered:
        inside = covers(earlier.covered, *move_back(shift, x, y), error)
    return tuple(_judge(tree, earlier, change, is_inside=bool(one)) for tree, one in zip(trees, inside, strict=True))


def move_back(shift: Shift, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Return where the earlier survey would put places of the later one: the inverse of `move_places`."""
    back = replace(shift, east_m=0.0, north_m=0.0, rotation_deg=-shift.rotation_deg)
    return move_places(back, x_m - shift.east_m, y_m - shift.north_m)


def _judge(tree: TreeSeen, earlier: CampaignSeen, change: HeightChange, *, is_inside: bool) -> NewTree:
    if tree.height_m is None:
        return NewTree(tree.code, "unclear" if is_inside else "outside-earlier", None, None, UNKNOWN)
    then, error = _grow_back(tree.height_m.value, tree.height_m.own_error, change)
    seen = tell_seen(earlier.seen, then)
    missed = UNKNOWN if seen == UNKNOWN else 1.0 - seen
    origin: Origin = "unclear"
    if not is_inside:
        origin = "outside-earlier"
    elif then + ONE_SIDED_95 * error < earlier.least_height_m:
        origin = "ingrowth"
    elif then - ONE_SIDED_95 * error >= earlier.least_height_m:
        origin = "missed-earlier"
    return NewTree(tree.code, origin, then, error, missed)


def _grow_back(height_m: float, error_m: float, change: HeightChange) -> tuple[float, float]:
    """Return the height before, and its standard error: the change is a line over it, which is solved for it."""
    slope = max(1.0 + change.per_m, 0.1)
    then = (height_m - change.mean_m + change.per_m * change.pivot_m) / slope
    return max(then, 0.0), math.hypot(error_m, change.spread_m) / slope
