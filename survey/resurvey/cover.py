"""What a campaign covered, and how likely it saw a tree that stood there."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import shapely

from survey.cloud import Bools, Floats
from survey.coverage import Ring
from survey.resurvey.seen import CampaignSeen, SeenShare

UNKNOWN: Final = -1.0
"""Probability of a tree being seen where a campaign does not tell it."""


def covers(rings: Sequence[Ring], x_m: Floats, y_m: Floats, margin_m: float | Floats) -> Bools:
    """Return which places lie within rings, shape (n,); none where there are no rings.

    Outer rings and holes are told apart by how many rings hold a place: an odd number is within.

    Parameters
    ----------
    rings
        Closed rings of easting and northing.
    x_m, y_m
        Places, shape (n,).
    margin_m
        How far within the edge they must lie; below zero, how far outside they may.

    Examples
    --------
    >>> square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
    >>> covers([square], np.array([5.0, 9.5, 11.0]), np.array([5.0, 5.0, 5.0]), 1.0).tolist()
    [True, False, False]
    >>> covers([square], np.array([5.0, 9.5, 11.0]), np.array([5.0, 5.0, 5.0]), -2.0).tolist()
    [True, True, True]
    """
    places = shapely.points(x_m, y_m)
    held = np.zeros(x_m.shape, dtype=np.int64)
    is_near = np.zeros(x_m.shape, dtype=np.bool_)
    for ring in rings:
        polygon = shapely.Polygon(ring)
        shapely.prepare(polygon)
        held += shapely.contains_properly(polygon, places)
        is_near |= shapely.dwithin(polygon.exterior, places, np.abs(margin_m))
    within: Bools = np.where(np.less(margin_m, 0.0), (held % 2 == 1) | is_near, (held % 2 == 1) & ~is_near)
    return within


def tell_seen(seen: Sequence[SeenShare], height_m: float) -> float:
    """Return the probability that a tree of some height is seen; `UNKNOWN` where no class is given, 0 below all.

    Examples
    --------
    >>> tell_seen([SeenShare(5.0, 10.0, 0.4), SeenShare(10.0, 60.0, 0.9)], 10.0)
    0.9
    """
    if not seen:
        return UNKNOWN
    classes = sorted(seen, key=lambda one: one.from_m)
    fitting = [one.probability for one in classes if one.from_m <= height_m]
    return fitting[-1] if fitting else 0.0


def weigh_coverage(
    campaign: CampaignSeen, x_m: Floats, y_m: Floats, heights_m: Sequence[float | None], *, outside_m: float
) -> Floats:
    """Return the probability that a campaign saw trees that another one saw, shape (n,): 0 outside its ground.

    A tree seen once is likelier than others of its size to be seen again, as what hides it stays. How much is not
    known; half way between its class's share and certainty is taken.

    Parameters
    ----------
    campaign
        Whose probability is told.
    x_m, y_m
        Places, shape (n,).
    heights_m
        Heights, absent where unknown.
    outside_m
        How far outside its ground a tree may lie and still have been seen.
    """
    inside = covers(campaign.covered, x_m, y_m, -outside_m) if campaign.covered else np.ones(x_m.size, dtype=np.bool_)
    shares = np.array([1.0 if height is None else tell_seen(campaign.seen, height) for height in heights_m])
    again = np.where(shares == UNKNOWN, 1.0, (1.0 + shares) / 2.0)
    weights: Floats = np.where(inside, again, 0.0)
    return weights
