"""Where stems stand: inhibited among the tall, clustered among the young, absent from gaps.

Positions follow a sequential inhibition process for each layer, largest crowns first (Diggle 2013, Statistical
Analysis of Spatial and Spatio-Temporal Point Patterns, section 6.6), with parent points for the young as in a
Thomas process. Inhibition is soft: where no free place is found the roomiest of those tried is taken, so that
crowns do overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import check_range

Floats = NDArray[np.float64]

# More tries make stands more regular than forests are; fewer make them nearly random.
_ATTEMPTS = 12
# Two stems closer than this would be one stool.
_CLOSEST_STEMS_M = 0.6
# Wider rows are an orchard.
_WIDEST_ROWS_M = 20.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Round openings without tall trees."""

    x_m: Floats
    """Centres, metres east of the stand's corner."""
    y_m: Floats
    """Centres, metres north of the stand's corner."""
    radius_m: Floats
    """Radii, metres."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A planting pattern."""

    between_m: float
    """From row to row, metres."""
    within_m: float
    """From plant to plant in a row, metres."""
    jitter_m: float = 0.15
    """Standard deviation of a stem's place about its plant's, each axis."""


@dataclass(frozen=True, slots=True)
class Stems:
    """Stems placed so far, with the crown radius that each claims."""

    x_m: Floats
    """Metres east of the stand's corner."""
    y_m: Floats
    """Metres north of the stand's corner."""
    radius_m: Floats
    """Crown radius, metres."""


def open_gaps(rng: np.random.Generator, side_m: float, gaps_per_ha: float) -> Gaps:
    """Return openings thrown at random over a square.

    Parameters
    ----------
    rng
        Source of all chance.
    side_m
        Side of the square, metres.
    gaps_per_ha
        Mean number of openings a hectare.

    Examples
    --------
    >>> open_gaps(np.random.default_rng(1), 100.0, 0.0).x_m.size
    0
    """
    count = int(rng.poisson(gaps_per_ha * side_m**2 / 10_000.0))
    return Gaps(rng.uniform(0, side_m, count), rng.uniform(0, side_m, count), rng.uniform(3.0, 8.0, count))


def place_stems(
    rng: np.random.Generator, side_m: float, radius_m: Floats, *, spacing: float, clustered: float, avoid: Gaps
) -> Stems:
    """Return positions for one layer of trees.

    Parameters
    ----------
    rng
        Source of all chance.
    side_m
        Side of the square, metres.
    radius_m
        Crown radii, shape (n,), metres; places are given in this order.
    spacing
        Distance wanted between two stems over the sum of their crown radii.
    clustered
        Share of stems that stand near parent points, 0 to 1.
    avoid
        Openings in which no stem may stand.

    Returns
    -------
    Stems in the order of ``radius_m``.
    """
    count = radius_m.size
    x, y = np.empty(count), np.empty(count)
    parents = rng.uniform(0.0, side_m, (max(1, count // 8), 2))
    for index in range(count):
        near = parents if rng.random() < clustered else parents[:0]
        tried = _candidates(rng, side_m, near, avoid)
        room = _room(tried, x[:index], y[:index], spacing * (radius_m[:index] + radius_m[index]))
        # The first place with room wins; without one, the roomiest.
        best = int(np.argmax(room >= 0.0)) if bool((room >= 0.0).any()) else int(np.argmax(room))
        x[index], y[index] = tried[best]
    return Stems(x, y, radius_m)


def row_sites(rng: np.random.Generator, side_m: float, rows: Rows) -> Floats:
    """Return the places of a planting pattern, its rows turned at random, that lie within a square.

    Parameters
    ----------
    rng
        Source of all chance.
    side_m
        Side of the square, metres.
    rows
        The pattern.

    Returns
    -------
    Shape (n, 2), metres from the south-west corner.

    Examples
    --------
    >>> sites = row_sites(np.random.default_rng(1), 100.0, Rows(2.5, 2.0))
    >>> round(len(sites) / (100.0 * 100.0) * (2.5 * 2.0), 1)
    1.0
    """
    check_range("between_m", rows.between_m, _CLOSEST_STEMS_M, _WIDEST_ROWS_M)
    check_range("within_m", rows.within_m, _CLOSEST_STEMS_M, _WIDEST_ROWS_M)
    turn = rng.uniform(0.0, np.pi)
    across = np.arange(-side_m, side_m, rows.between_m)
    along = np.arange(-side_m, side_m, rows.within_m)
    u, v = (grid.ravel() for grid in np.meshgrid(across, along))
    x = 0.5 * side_m + u * np.cos(turn) - v * np.sin(turn)
    y = 0.5 * side_m + u * np.sin(turn) + v * np.cos(turn)
    inside = (x >= 0.0) & (x <= side_m) & (y >= 0.0) & (y <= side_m)
    return np.column_stack([x[inside], y[inside]])


def place_in_rows(
    rng: np.random.Generator, side_m: float, sites: Floats, radius_m: Floats, *, jitter_m: float
) -> Stems:
    """Return stems on some of the places of a planting pattern, each at most once.

    Parameters
    ----------
    rng
        Source of all chance.
    side_m
        Side of the square, metres.
    sites
        Places, shape (n, 2), metres.
    radius_m
        Crown radii, shape (m,), metres; m at most n.
    jitter_m
        Standard deviation of a stem's place about its plant's, each axis.

    Returns
    -------
    Stems in the order of ``radius_m``.
    """
    chosen = sites[rng.choice(len(sites), size=radius_m.size, replace=False)]
    places = np.clip(chosen + rng.normal(0.0, jitter_m, chosen.shape), 0.0, side_m)
    return Stems(places[:, 0], places[:, 1], radius_m)


def drop_touching(stems: Stems, others: Stems) -> NDArray[np.bool_]:
    """Return which stems stand clear of every other stem.

    Parameters
    ----------
    stems
        Those asked about, n of them.
    others
        Those already standing.

    Returns
    -------
    Shape (n,), true where the nearest other stem is far enough.

    Examples
    --------
    >>> one = Stems(np.zeros(1), np.zeros(1), np.ones(1))
    >>> drop_touching(one, one).tolist()
    [False]
    """
    if others.x_m.size == 0:
        return np.ones(stems.x_m.size, dtype=np.bool_)
    apart = np.hypot(stems.x_m[:, None] - others.x_m, stems.y_m[:, None] - others.y_m)
    clear: NDArray[np.bool_] = apart.min(axis=1) >= _CLOSEST_STEMS_M
    return clear


def _candidates(rng: np.random.Generator, side_m: float, parents: Floats, avoid: Gaps) -> Floats:
    """Return places to try, shape (m, 2), none in an opening unless all are."""
    if parents.size:
        chosen = parents[rng.integers(0, len(parents), _ATTEMPTS)]
        places = (chosen + rng.normal(0.0, 4.0, (_ATTEMPTS, 2))) % side_m
    else:
        places = rng.uniform(0.0, side_m, (_ATTEMPTS, 2))
    away = np.hypot(places[:, :1] - avoid.x_m, places[:, 1:] - avoid.y_m)
    outside = (away > avoid.radius_m).all(axis=1)
    return places[outside] if bool(outside.any()) else places


def _room(places: Floats, x: Floats, y: Floats, wanted_m: Floats) -> Floats:
    """Return how far the tightest neighbour lies beyond what is wanted; negative is too close."""
    if x.size == 0:
        return np.zeros(len(places))
    apart = np.hypot(places[:, :1] - x, places[:, 1:] - y)
    room: Floats = (apart - np.maximum(wanted_m, _CLOSEST_STEMS_M)).min(axis=1)
    return room
