"""From rays to echoes: a beam has width, so at a stem's edge parts of it travel on and are mixed in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.scanning.scene import Plot
from sample_data.scanning.tracing import NOTHING, ON_GROUND, ON_LEAF, ON_WOOD, trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RIM_RAYS = 4
# A ray at half the radius squared stands for its quarter of the beam; the centre of a Gaussian beam weighs double.
_RIM_SHARE = 0.7
# Ways steeper than this are crossed by a level direction that is not the vertical.
_STEEP = 0.9
# Below this a way is upright and leaves the circle nowhere near.
_LEVEL = 1e-12
_WIDENED_M = 0.3
_CENTRE_WEIGHT = 2.0
_WHOLE_WEIGHT = _CENTRE_WEIGHT + _RIM_RAYS
_REFLECTANCES = {ON_GROUND: 0.30, ON_WOOD: 0.35, ON_LEAF: 0.42}


@dataclass(frozen=True, slots=True, eq=False)
class Beams:
    """Pulses, n of them, in a plot's local frame."""

    origins_m: Floats
    """Shape (n, 3)."""
    directions: Floats
    """Of unit length, shape (n, 3)."""
    nearest_m: float
    """Nothing nearer is seen."""
    farthest_m: float
    """Nothing farther is seen."""
    exit_m: float
    """Diameter of a beam where it leaves."""
    divergence_rad: float
    """Growth of the diameter, metres a metre."""


@dataclass(frozen=True, slots=True, eq=False)
class Echoes:
    """What comes back, m echoes, by pulse and then outward."""

    pulse: Ints
    """Index of the pulse, shape (m,)."""
    number: Ints
    """From 0, shape (m,)."""
    range_m: Floats
    """From the pulse's origin, shape (m,)."""
    kind: Ints
    """:data:`sample_data.scanning.tracing.ON_GROUND` and so on, of the greatest part, shape (m,)."""
    tree: Ints
    """Index of the tree, -1 for none, shape (m,)."""
    brightness: Floats
    """Reflectance times the share of the beam, shape (m,)."""


def shoot(plot: Plot, beams: Beams, *, resolution_m: float, every_rim: bool = False) -> Echoes:
    """Return the echoes of pulses.

    One ray goes through the middle of a beam; where a stem's edge lies within the beam, or everywhere if asked, four
    more go round it. Ends closer to one another than the resolution become one echo at their weighted mean: at an
    edge that is a point in the air between the stem and what lies behind it.

    Parameters
    ----------
    plot
        What they meet.
    beams
        Pulses.
    resolution_m
        Echoes closer than this merge.
    every_rim
        Trace the rims of all beams, for wide beams from afar.
    """
    bounds = _bound(plot, beams)
    width = np.array([0.5 * beams.exit_m, 0.5 * beams.divergence_rad])
    middle, met = trace(beams.origins_m, beams.directions, bounds, width, plot.voxels)
    wide = np.flatnonzero(met[:, 2] if not every_rim else np.ones(len(middle), dtype=np.bool_))
    plain = np.flatnonzero((met[:, 0] != NOTHING) & ((met[:, 2] == 0) & (not every_rim)))
    bright = np.array([0.0, *(_REFLECTANCES[kind] for kind in (ON_GROUND, ON_WOOD, ON_LEAF))])
    simple = Echoes(
        pulse=plain,
        number=np.zeros(plain.size, dtype=np.int64),
        range_m=middle[plain],
        kind=met[plain, 0].astype(np.int64),
        tree=met[plain, 1].astype(np.int64),
        brightness=bright[met[plain, 0]],
    )
    distance, kind, tree = _trace_rims(plot, beams, wide, bounds[wide])
    distance = np.column_stack([middle[wide], distance])
    kind = np.column_stack([met[wide, 0], kind]).astype(np.int64)
    tree = np.column_stack([met[wide, 1], tree]).astype(np.int64)
    return _by_pulse(simple, _merge(wide, distance, kind, tree, resolution_m=resolution_m), bright)


def _bound(plot: Plot, beams: Beams) -> Floats:
    """Return between which distances each pulse may be answered, shape (n, 2): no farther than its way out of the plot.

    The way out is where the ray leaves the plot's circle, widened a little for the rims of the beam.
    """
    place, way = beams.origins_m[:, :2], beams.directions[:, :2]
    square = np.maximum((way**2).sum(axis=1), _LEVEL)
    half = (place * way).sum(axis=1)
    root = half**2 - square * ((place**2).sum(axis=1) - (plot.radius_m + _WIDENED_M) ** 2)
    out = np.where(root > 0.0, (np.sqrt(np.maximum(root, 0.0)) - half) / square, 0.0)
    return np.column_stack([np.full(len(out), beams.nearest_m), np.minimum(out, beams.farthest_m)])


def _trace_rims(plot: Plot, beams: Beams, wide: Ints, bounds: Floats) -> tuple[Floats, Ints, Ints]:
    """Return distances, kinds and trees of the rays around beams, shape (n, rim rays)."""
    ways = beams.directions[wide]
    width = np.array([0.5 * beams.exit_m, 0.5 * beams.divergence_rad])
    side, other = _across(ways)
    shape = (wide.size, _RIM_RAYS)
    distance, kind, tree = np.empty(shape), np.empty(shape, np.int64), np.empty(shape, np.int64)
    for ray in range(_RIM_RAYS):
        turn = 2.0 * np.pi * (ray + 0.5) / _RIM_RAYS
        aside = _RIM_SHARE * (np.cos(turn) * side + np.sin(turn) * other)
        bent = ways + width[1] * aside
        bent /= np.linalg.norm(bent, axis=1, keepdims=True)
        distance[:, ray], met = trace(beams.origins_m[wide] + width[0] * aside, bent, bounds, width, plot.voxels)
        kind[:, ray], tree[:, ray] = met[:, 0], met[:, 1]
    return distance, kind, tree


def _across(ways: Floats) -> tuple[Floats, Floats]:
    """Return two directions across each way."""
    helper = np.where(np.abs(ways[:, 2:]) < _STEEP, np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]]))
    side = np.cross(ways, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return side, np.cross(ways, side)


def _merge(pulse: Ints, distance: Floats, kind: Ints, tree: Ints, *, resolution_m: float) -> Echoes:
    """Return the echoes of beams of several rays; brightness is the share of the beam, still without reflectance."""
    order = np.argsort(distance, axis=1, kind="stable")
    weight = np.where(order == 0, _CENTRE_WEIGHT, 1.0)
    distance = np.take_along_axis(distance, order, axis=1)
    kind, tree = np.take_along_axis(kind, order, axis=1), np.take_along_axis(tree, order, axis=1)
    finite = np.isfinite(distance)
    number = np.zeros(distance.shape, dtype=np.int64)
    start = distance[:, 0]
    for ray in range(1, distance.shape[1]):
        with np.errstate(invalid="ignore"):  # infinite less infinite, where nothing is met
            apart = finite[:, ray] & (distance[:, ray] - start > resolution_m)
        number[:, ray] = number[:, ray - 1] + apart
        start = np.where(apart, distance[:, ray], start)
    rays = distance.shape[1]
    slot = (np.arange(pulse.size)[:, None] * rays + number)[finite]
    size = pulse.size * rays
    total = np.bincount(slot, weights=weight[finite], minlength=size)
    used = np.flatnonzero(total)
    mean = np.bincount(slot, weights=(weight * np.where(finite, distance, 0.0))[finite], minlength=size)[used]
    # The nearest ray names what an echo is.
    first = np.full(size, -1)
    first[slot[::-1]] = np.flatnonzero(finite.ravel())[::-1]
    return Echoes(
        pulse=pulse[used // rays],
        number=used % rays,
        range_m=mean / total[used],
        kind=kind.ravel()[first[used]],
        tree=tree.ravel()[first[used]],
        brightness=total[used] / _WHOLE_WEIGHT,
    )


def _by_pulse(simple: Echoes, mixed: Echoes, bright: Floats) -> Echoes:
    pulse = np.concatenate([simple.pulse, mixed.pulse])
    number = np.concatenate([simple.number, mixed.number])
    order = np.lexsort((number, pulse))
    return Echoes(
        pulse=pulse[order],
        number=number[order],
        range_m=np.concatenate([simple.range_m, mixed.range_m])[order],
        kind=np.concatenate([simple.kind, mixed.kind])[order],
        tree=np.concatenate([simple.tree, mixed.tree])[order],
        brightness=np.concatenate([simple.brightness, mixed.brightness * bright[mixed.kind]])[order],
    )
