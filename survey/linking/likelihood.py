"""Candidate pairs of two lists, and how much likelier each is as one tree seen twice than as two trees.

The score of a pair is the logarithm of a likelihood ratio, as in the tracking of many objects (Reid 1979, doi
10.1109/TAC.1979.1102177): the probability that the tree stands and is seen again, times the densities of its place and
sizes given the earlier ones, over the density of other trees of such a size around there. Above 0 a pair is likelier
than two strangers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from survey.cloud import Floats
from survey.linking.change import HeightChange, log_density
from survey.linking.errors import InvalidTreeList
from survey.linking.trees import TALLEST_M, TreeList

Ints = NDArray[np.int64]

MAX_PAIRS: Final = 20_000_000
"""Candidate pairs at once, about 2 GB; lists whose errors are far wider than the distance of their trees have more."""
_FAR_SHARE, _FAR_TIMES = 0.03, 3.0
"""Places err now and then by several times what is stated: a second normal distribution, this wide."""
_NEIGHBOURS: Final = 8
"""Trees that tell the density around a tree."""
_LONE_RADIUS_M: Final = 10.0
_BIN_M: Final = 0.25
_LEAST_BAND_M: Final = 1.0
_ANY_HEIGHT: Final = 0.02
"""Share of a distribution of heights that is even over 50 m, so that a height that nobody has is not impossible."""
_MOST_SIZE: Final = 4.0
"""Crowns merge, split and are cut at edges; no crown or stem says more than this, either way."""
_CROWN_YEAR, _CROWN_SPREAD_YEAR = 0.010, 0.015
_DBH_YEAR, _DBH_SPREAD_YEAR = 0.012, 0.012
"""Growth a year as shares, and its standard deviation between trees: closed stands of middle age."""
_SIZE_SPREAD: Final = 0.15
"""Least spread of crowns and stems of one height."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of trees that may be one, m of them; every array has shape (m,).

    Attributes
    ----------
    earlier, later
        Indices into both lists.
    east_m, north_m
        Place of the later tree from that of the earlier one, after the shift.
    variance_m2
        Sum of both squared standard errors of place, each axis.
    """

    earlier: Ints
    later: Ints
    east_m: Floats
    north_m: Floats
    variance_m2: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """What a tree of the later list looks like when it is a stranger.

    Attributes
    ----------
    per_m2
        Density of trees around each, shape (n,).
    log_height
        Logarithm of the density of its height, a metre, shape (n,); 0 where unknown.
    crown, dbh
        Logarithm of the density of its crown and stem on a logarithmic scale, given its height, shape (n,); 0 where
        unknown.
    """

    per_m2: Floats
    log_height: Floats
    crown: Floats
    dbh: Floats


def index_trees(trees: TreeList) -> cKDTree:
    """Return a search tree over places."""
    return cKDTree(np.stack([trees.x_m, trees.y_m], axis=1))


def find_pairs(
    earlier: TreeList, later: TreeList, place_m: tuple[Floats, Floats], reach_m: Floats, *, index: cKDTree
) -> Pairs:
    """Return all pairs within reach.

    Parameters
    ----------
    earlier, later
        Both lists.
    place_m
        Easting and northing of the earlier trees after the shift.
    reach_m
        How far the later tree may be, for each earlier one, shape (n,).
    index
        Of the later list (`index_trees`).

    Raises
    ------
    InvalidTreeList
        When there are more than 20 million pairs.
    """
    here = np.stack(place_m, axis=1)
    counts = np.asarray(index.query_ball_point(here, reach_m, return_length=True), dtype=np.int64).reshape(-1)
    if counts.sum() > MAX_PAIRS:
        raise InvalidTreeList("errors", float(reach_m.max()), f"at most {MAX_PAIRS:,} pairs may lie within reach")
    found = index.query_ball_point(here, reach_m, return_sorted=True)
    one = np.repeat(np.arange(len(earlier)), counts)
    two = np.fromiter((tree for some in found for tree in some), dtype=np.int64, count=int(counts.sum()))
    return Pairs(
        earlier=one,
        later=two,
        east_m=later.x_m[two] - place_m[0][one],
        north_m=later.y_m[two] - place_m[1][one],
        variance_m2=earlier.place_error_m[one] ** 2 + later.place_error_m[two] ** 2,
    )


def measure_background(trees: TreeList) -> Background:
    """Return what strangers look like: the list's own density, heights, and crowns and stems by height."""
    return Background(
        per_m2=_measure_density(trees),
        log_height=_measure_heights(trees.height_m),
        crown=_measure_sizes(trees.crown_m, trees.height_m),
        dbh=_measure_sizes(trees.dbh_cm, trees.height_m),
    )


def compare_sizes(
    earlier: TreeList, later: TreeList, pairs: Pairs, change: HeightChange, background: Background
) -> Floats:
    """Return how much the sizes of each pair speak for one tree: logarithm of the likelihood ratio, shape (m,)."""
    one, two = pairs.earlier, pairs.later
    before, after = earlier.height_m[one], later.height_m[two]
    known = np.isfinite(before) & np.isfinite(after)
    ratio = np.zeros(one.size)
    variance = earlier.height_error_m[one] ** 2 + later.height_error_m[two] ** 2
    same = log_density(change, before[known], after[known], variance[known])
    ratio[known] = same - background.log_height[two[known]]
    years = change.years
    crown = _compare(
        (earlier.crown_m[one], earlier.crown_error_m[one]),
        (later.crown_m[two], later.crown_error_m[two]),
        (_CROWN_YEAR * years, _CROWN_SPREAD_YEAR * years),
        background.crown[two],
    )
    stem = _compare(
        (earlier.dbh_cm[one], earlier.dbh_error_cm[one]),
        (later.dbh_cm[two], later.dbh_error_cm[two]),
        (_DBH_YEAR * years, _DBH_SPREAD_YEAR * years),
        background.dbh[two],
    )
    return ratio + crown + stem


def weigh_places(pairs: Pairs, scale: float, per_m2: Floats) -> Floats:
    """Return how much the places speak for one tree: logarithm of the density over that of strangers, shape (m,).

    Parameters
    ----------
    pairs
        After the shift.
    scale
        True over stated standard errors.
    per_m2
        Density of trees around each later one, shape (n,).
    """
    variance = scale**2 * pairs.variance_m2
    away = (pairs.east_m**2 + pairs.north_m**2) / variance
    near = (1.0 - _FAR_SHARE) * np.exp(-0.5 * away)
    far = _FAR_SHARE / _FAR_TIMES**2 * np.exp(-0.5 * away / _FAR_TIMES**2)
    density: Floats = np.log(near + far) - np.log(2.0 * np.pi * variance * per_m2[pairs.later])
    return density


def _measure_density(trees: TreeList) -> Floats:
    """Return trees a square metre, from the number within the distance at which a typical tree has eight neighbours."""
    if len(trees) < 2:  # noqa: PLR2004 - a neighbour needs two
        return np.full(len(trees), 1.0 / (np.pi * _LONE_RADIUS_M**2))
    places = np.stack([trees.x_m, trees.y_m], axis=1)
    tree = cKDTree(places)
    nearest = min(_NEIGHBOURS, len(trees) - 1)
    radius = max(float(np.median(tree.query(places, [nearest + 1])[0])), 0.5)
    counts = np.asarray(tree.query_ball_point(places, radius, return_length=True), dtype=np.float64)
    return counts / (np.pi * radius**2)


def _measure_heights(height_m: Floats) -> Floats:
    """Return the logarithm of the density at each height, by a kernel of Silverman's width over bins."""
    known = np.isfinite(height_m)
    if not known.any():
        return np.zeros(height_m.size)
    values = height_m[known]
    band = max(_LEAST_BAND_M, 0.9 * float(values.std()) * values.size**-0.2)
    counts = np.histogram(values, np.arange(0.0, TALLEST_M + _BIN_M, _BIN_M))[0].astype(np.float64)
    smooth = ndimage.gaussian_filter1d(counts, band / _BIN_M, mode="constant") / (values.size * _BIN_M)
    at = np.interp(values, (np.arange(counts.size) + 0.5) * _BIN_M, smooth)
    density = np.zeros(height_m.size)
    density[known] = np.log((1.0 - _ANY_HEIGHT) * at + _ANY_HEIGHT / 50.0)
    return density


def _measure_sizes(size: Floats, height_m: Floats) -> Floats:
    """Return the logarithm of the density of a logarithmic size about its line over logarithmic height."""
    known = np.isfinite(size) & np.isfinite(height_m)
    density = np.zeros(size.size)
    if not known.any():
        return density
    log_size, log_height = np.log(size[known]), np.log(height_m[known])
    lever = log_height - log_height.mean()
    slope = float((lever * log_size).sum()) / (float((lever**2).sum()) + 1e-3)
    rest = log_size - log_size.mean() - slope * lever
    variance = max(float((rest**2).mean()), _SIZE_SPREAD**2)
    density[known] = -0.5 * (rest**2 / variance + np.log(2.0 * np.pi * variance))
    return density


def _compare(
    before: tuple[Floats, Floats], after: tuple[Floats, Floats], growth: tuple[float, float], stranger: Floats
) -> Floats:
    """Return the logarithm of the likelihood ratio of two sizes (value, error), on a logarithmic scale, bounded."""
    known = np.isfinite(before[0]) & np.isfinite(after[0])
    ratio = np.zeros(known.size)
    one, two = (tuple(part[known] for part in size) for size in (before, after))
    variance = (one[1] / one[0]) ** 2 + (two[1] / two[0]) ** 2 + growth[1] ** 2 + 0.03**2
    rest = np.log(two[0] / one[0]) - growth[0]
    same = -0.5 * (rest**2 / variance + np.log(2.0 * np.pi * variance))
    ratio[known] = np.clip(same - stranger[known], -_MOST_SIZE, _MOST_SIZE)
    return ratio
