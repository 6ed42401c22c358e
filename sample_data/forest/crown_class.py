"""Crown classes of trees: who stands in the light and who below.

Kraft (1884, Beitraege zur Lehre von den Durchforstungen) told them by eye; here by height beside neighbours. A place's
local top height is the mean of the three tallest trees within 10 m of it. Of that height a dominant tree has 95 % or
more, a codominant 80 to 95 %, an intermediate 55 to 80 %, a suppressed one less.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.tree import TreeTruth

Floats = NDArray[np.float64]

CrownClass: TypeAlias = Literal["dominant", "codominant", "intermediate", "suppressed"]
CROWN_CLASSES: tuple[CrownClass, ...] = ("dominant", "codominant", "intermediate", "suppressed")
"""From the light down."""

_REACH_M = 10.0
_TALLEST = 3
_LEAST_SHARES = (0.95, 0.80, 0.55)
# Distances held at once; more would fill the memory on dense stands.
_ROWS = 1_000


def classify_crowns(trees: Sequence[TreeTruth]) -> tuple[CrownClass, ...]:
    """Return the crown class of each tree among all of them.

    Parameters
    ----------
    trees
        A stand's trees; fallen ones are suppressed and press on nobody.

    Examples
    --------
    >>> tall = TreeTruth(0.0, 0.0, 0.0, 20.0, 5.0, 12.0, 30.0, "Picea abies", 0, 0.0, 0.0)
    >>> low = TreeTruth(3.0, 0.0, 0.0, 6.0, 2.0, 2.0, 6.0, "Picea abies", 1, 3.0, 0.0)
    >>> classify_crowns([tall, low])
    ('dominant', 'suppressed')
    """
    places = np.array([(tree.x_m, tree.y_m, tree.height_m) for tree in trees]).reshape(-1, 3)
    standing = np.array([tree.status != "fallen" for tree in trees], dtype=np.bool_)
    return classify_heights(places, places[standing])


def classify_heights(places_xyh: Floats, trees_xyh: Floats) -> tuple[CrownClass, ...]:
    """Return the crown class that a tree of a height would have at a place.

    Parameters
    ----------
    places_xyh
        Easting, northing, height, shape (m, 3), metres.
    trees_xyh
        Standing trees that set the top height, shape (n, 3); those asked about may be among them.

    Returns
    -------
    One class for each place; dominant where no tree is near.

    Examples
    --------
    >>> classify_heights(np.array([[0.0, 0.0, 17.0]]), np.array([[5.0, 0.0, 20.0]]))
    ('codominant',)
    """
    tops = _top_heights(places_xyh, trees_xyh)
    shares = places_xyh[:, 2] / tops
    ranks = sum((shares < least).astype(np.int64) for least in _LEAST_SHARES)
    return tuple(CROWN_CLASSES[rank] for rank in np.broadcast_to(ranks, shares.shape).tolist())


def _top_heights(places: Floats, trees: Floats) -> Floats:
    """Return the local top height at each place; its own height where no tree is near."""
    tops = np.empty(len(places))
    for first in range(0, len(places), _ROWS):
        some = places[first : first + _ROWS]
        near = np.hypot(some[:, :1] - trees[:, 0], some[:, 1:2] - trees[:, 1]) <= _REACH_M
        heights = np.where(near, trees[:, 2], np.nan)
        tops[first : first + _ROWS] = [
            _mean_of_tallest(row[~np.isnan(row)], float(own)) for row, own in zip(heights, some[:, 2], strict=True)
        ]
    return tops


def _mean_of_tallest(heights: Floats, own: float) -> float:
    return float(np.sort(heights)[-_TALLEST:].mean()) if heights.size else own
