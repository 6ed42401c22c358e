"""Circles that stand above one another become stems: the straight piece around breast height of each."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from survey.cloud import Floats
from survey.kernel import Array, compiled

SEED_COLUMNS: Final = 7
_MOST_PAIRS: Final = 3_000
"""Pairs of circles of one group that are tried as an axis; a stem's own have a few hundred."""


@dataclass(frozen=True, slots=True)
class Cabo2018:
    """Stems as what goes on from layer to layer, after Cabo et al. (2018); axes by consensus of pairs of circles."""

    NAME: ClassVar[str] = "cabo2018"
    DOI: ClassVar[str | None] = "10.1016/j.jag.2018.06.011"

    aside_m: float = 0.06
    """How far a circle's centre may lie from the axis, and a fifth of the radius more."""
    radius_share: float = 0.35
    """How much its radius may differ from the axis's, over it."""
    lean: float = 0.5
    """Greatest run of an axis over its rise."""
    least_layers: int = 4
    """Layers in which a stem has a circle."""
    least_rise_m: float = 0.8
    """Between its lowest and its highest circle."""


def link_circles(circles: Floats, algorithm: Cabo2018 | None = None) -> Floats:
    """Return stems: axes with a radius.

    Parameters
    ----------
    circles
        As `locate_circles` returns them, shape (k, 7).
    algorithm
        What makes a stem of them.

    Returns
    -------
    Shape (m, 7), the best supported first: easting, northing and height of a point of the axis, its east and north run
    a metre upward, radius there, layers that support it.
    """
    chosen = algorithm or Cabo2018()
    if len(circles) == 0:
        return np.empty((0, SEED_COLUMNS))
    settings = np.array(
        [chosen.aside_m, chosen.radius_share, chosen.lean, float(chosen.least_layers), chosen.least_rise_m]
    )
    stems = [
        _find_axes(np.ascontiguousarray(circles[members]), settings)
        for members in _group(circles, 2.0 * chosen.aside_m)
    ]
    whole = np.vstack([np.empty((0, SEED_COLUMNS)), *stems])
    best: Floats = whole[np.argsort(-whole[:, 6], kind="stable")]
    return best


def _group(circles: Floats, near_m: float) -> list[Array]:
    """Return the circles of each group that near centres and heights hold together."""
    # Layers count less than sideways distance: a stem rises farther than it leans.
    places = np.column_stack([circles[:, :2], 0.15 * circles[:, 6]])
    pairs = cKDTree(places).query_pairs(near_m, output_type="ndarray")
    size = len(circles)
    links = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    count, label = sparse.csgraph.connected_components(links, directed=False)
    order = np.argsort(label, kind="stable")
    return np.split(order, np.searchsorted(label[order], np.arange(1, count)))


@compiled
def _find_axes(circles: Array, settings: Array) -> Array:
    """Return the axes of one group, the best supported first; each circle belongs to one."""
    stems = np.empty((0, 7))
    left = circles
    while len(left) >= settings[3]:
        axis, support = _find_axis(left, settings)
        if support <= 0.0:
            break
        on = _measure_support(left, axis, settings)
        layers = np.unique(np.round(left[on, 6] * 20.0))
        if layers.size < settings[3] or layers[-1] - layers[0] < 20.0 * settings[4]:
            break
        row = np.empty((1, 7))
        row[0, :6] = _settle_axis(left[on])
        row[0, 6] = float(layers.size)
        stems = np.vstack((stems, row))
        wide = settings.copy()
        wide[0], wide[1] = 2.0 * settings[0], 1.0
        left = left[~_measure_support(left, axis, wide)]
    return stems


@compiled
def _settle_axis(circles: Array) -> Array:
    """Return the axis of circles that belong together: medians of slopes (Theil and Sen), places and radii."""
    size = len(circles)
    slopes = np.empty((2, size * (size - 1) // 2))
    count = 0
    for one in range(size):
        for two in range(one + 1, size):
            rise = circles[two, 6] - circles[one, 6]
            if abs(rise) > 0.3:  # noqa: PLR2004 - shorter pairs tell no slope
                slopes[0, count] = (circles[two, 0] - circles[one, 0]) / rise
                slopes[1, count] = (circles[two, 1] - circles[one, 1]) / rise
                count += 1
    axis = np.empty(6)
    axis[2] = np.median(circles[:, 6])
    for side in range(2):
        axis[3 + side] = np.median(slopes[side, :count])
        axis[side] = np.median(circles[:, side] - axis[3 + side] * (circles[:, 6] - axis[2]))
    axis[5] = np.median(circles[:, 2])
    return axis


@compiled
def _find_axis(circles: Array, settings: Array) -> tuple[Array, float]:
    """Return the axis through two circles that most others support, by their arcs."""
    size = len(circles)
    every = 1 + size * (size - 1) // (2 * _MOST_PAIRS)
    best, worth, number = np.zeros(6), 0.0, 0
    for one in range(size):
        for two in range(one + 1, size):
            number += 1
            rise = circles[two, 6] - circles[one, 6]
            if number % every or abs(rise) < settings[4]:
                continue
            axis = np.empty(6)
            axis[:2], axis[2] = circles[one, :2], circles[one, 6]
            axis[3:5] = (circles[two, :2] - circles[one, :2]) / rise
            axis[5] = 0.5 * (circles[one, 2] + circles[two, 2])
            if np.hypot(axis[3], axis[4]) > settings[2]:
                continue
            support = circles[_measure_support(circles, axis, settings), 5].sum()
            if support > worth:
                best, worth = axis, support
    return best, worth


@compiled
def _measure_support(circles: Array, axis: Array, settings: Array) -> Array:
    """Tell which circles stand on an axis."""
    up = circles[:, 6] - axis[2]
    aside = np.hypot(circles[:, 0] - axis[0] - axis[3] * up, circles[:, 1] - axis[1] - axis[4] * up)
    radius = axis[5]
    on: Array = (aside <= settings[0] + 0.2 * radius) & (np.abs(circles[:, 2] - radius) <= settings[1] * radius + 0.01)
    return on
