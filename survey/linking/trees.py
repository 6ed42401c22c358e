"""A list of trees as linking sees it: arrays of places and sizes with their standard errors."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from survey.cloud import Floats
from survey.linking.errors import InvalidTreeList

MAX_TREES: Final = 1_000_000
"""Trees of one list; their candidate pairs fill about a gigabyte."""
_PLACE_ERROR_M: Final = 0.55
"""Stem about apex, each axis, where a list does not say: what airborne surveys here state."""
_HEIGHT_ERROR_M: Final = 0.6
_CROWN_ERROR_SHARE: Final = 0.15
_DBH_ERROR_SHARE: Final = 0.05
_FARTHEST_M: Final = 1e8
"""No projected coordinate lies beyond."""
TALLEST_M: Final = 200.0
"""No tree is taller: the tallest known stands 116 m."""
LARGEST_ERROR_M: Final = 1_000.0
"""Who knows a place or a size no better knows nothing of it."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeList:
    """Trees of one survey, n of them; every array has shape (n,).

    Attributes
    ----------
    x_m, y_m
        Easting and northing.
    place_error_m
        Standard error of the place, each axis.
    height_m, height_error_m
        Height and its own standard error; NaN where unknown, as of a fallen tree.
    crown_m, crown_error_m
        Crown diameter and its own standard error; NaN where unknown.
    dbh_cm, dbh_error_cm
        Stem diameter and its own standard error; NaN where unknown.
    seen_by_other
        Probability, 0 to 1, that the other survey sees a tree of this size that stands at this place: its detection
        probability, 0 where it did not cover the place. What share of trees stands in both is estimated, so 1
        everywhere asks for that alone.
    """

    x_m: Floats
    y_m: Floats
    place_error_m: Floats
    height_m: Floats
    height_error_m: Floats
    crown_m: Floats
    crown_error_m: Floats
    dbh_cm: Floats
    dbh_error_cm: Floats
    seen_by_other: Floats

    def __len__(self) -> int:
        return int(self.x_m.size)


def list_trees(x_m: ArrayLike, y_m: ArrayLike, height_m: ArrayLike, **others: ArrayLike) -> TreeList:
    """Return a checked list of trees; what is not given is unknown, or has the error of an airborne survey.

    Parameters
    ----------
    x_m, y_m, height_m
        Easting, northing and height, metres, shape (n,).
    **others
        Other fields of `TreeList`, each a number for all trees or an array of shape (n,).

    Raises
    ------
    InvalidTreeList
        When lengths differ, a place is not finite, a size or error is not positive, or a probability not within 0 to 1.

    Examples
    --------
    >>> len(list_trees([0.0, 5.0], [0.0, 5.0], [20.0, 21.0], place_error_m=0.4))
    2
    """
    x = np.asarray(x_m, dtype=np.float64)
    known = {field.name for field in fields(TreeList)}
    for name in others:
        if name not in known:
            raise AssertionError(f"a tree list has no field {name}")
    crown = _spread("crown_m", others, np.nan, x)
    dbh = _spread("dbh_cm", others, np.nan, x)
    trees = TreeList(
        x_m=x,
        y_m=_spread("y_m", {"y_m": y_m}, np.nan, x),
        place_error_m=_spread("place_error_m", others, _PLACE_ERROR_M, x),
        height_m=_spread("height_m", {"height_m": height_m}, np.nan, x),
        height_error_m=_spread("height_error_m", others, _HEIGHT_ERROR_M, x),
        crown_m=crown,
        crown_error_m=_spread("crown_error_m", others, _CROWN_ERROR_SHARE * crown, x),
        dbh_cm=dbh,
        dbh_error_cm=_spread("dbh_error_cm", others, _DBH_ERROR_SHARE * dbh, x),
        seen_by_other=_spread("seen_by_other", others, 1.0, x),
    )
    check_tree_list(trees)
    return trees


def check_tree_list(trees: TreeList) -> None:
    """Raise `InvalidTreeList` where a list breaks a rule."""
    if trees.x_m.ndim != 1 or len(trees) > MAX_TREES:
        raise InvalidTreeList("shape", trees.x_m.shape, f"it must be (n,), at most {MAX_TREES:,} trees")
    for name in ("x_m", "y_m"):
        _check(name, getattr(trees, name), np.abs(getattr(trees, name)) <= _FARTHEST_M, "places must be finite")
    _check_error("place_error_m", trees.place_error_m, np.ones(len(trees), dtype=np.bool_))
    for name in ("height", "crown", "dbh"):
        unit = "cm" if name == "dbh" else "m"
        size = getattr(trees, f"{name}_{unit}")
        known = ~np.isnan(size)
        most = TALLEST_M if name == "height" else 10.0 * TALLEST_M
        _check(f"{name}_{unit}", size, ~known | ((size > 0.0) & (size < most)), "sizes must be positive and possible")
        _check_error(f"{name}_error_{unit}", getattr(trees, f"{name}_error_{unit}"), known)
    within = (trees.seen_by_other >= 0.0) & (trees.seen_by_other <= 1.0)
    _check("seen_by_other", trees.seen_by_other, within, "probabilities lie within 0 to 1")


def select_trees(trees: TreeList, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> TreeList:
    """Return the trees at some indices, or those that are marked."""
    return TreeList(*(getattr(trees, field.name)[chosen] for field in fields(TreeList)))


def _spread(name: str, given: Mapping[str, ArrayLike], default: ArrayLike, like: Floats) -> Floats:
    """Return a field as an array of the list's length."""
    values = np.asarray(given.get(name, default), dtype=np.float64)
    if values.ndim and values.shape != like.shape:
        raise InvalidTreeList(name, values.shape, f"all fields must have shape {like.shape}")
    return np.ascontiguousarray(np.broadcast_to(values, like.shape))


def _check_error(name: str, values: Floats, needed: NDArray[np.bool_]) -> None:
    _check(
        name,
        values,
        ~needed | ((values > 0.0) & (values <= LARGEST_ERROR_M)),
        f"standard errors must be positive, at most {LARGEST_ERROR_M:g}",
    )


def _check(name: str, values: Floats, good: NDArray[np.bool_], rule: str) -> None:
    if not good.all():
        raise InvalidTreeList(name, values[~good][0], rule)
