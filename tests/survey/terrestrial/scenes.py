"""Plots of cylinders and cones whose every measure is known in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Points

Floats = NDArray[np.float64]
NOISE_M = 0.002


@dataclass(frozen=True, slots=True)
class Cone:
    """A stem: foot, radius at 1.3 m, loss of radius a metre, lean east a metre, height."""

    x_m: float
    y_m: float
    radius_m: float
    taper: float = 0.004
    lean: float = 0.0
    height_m: float = 9.0

    def radius_at(self, height_m: Floats) -> Floats:
        return self.radius_m - self.taper * (height_m - 1.3)


def make_points(xyz_m: Floats) -> Points:
    count = len(xyz_m)
    return Points(
        np.ascontiguousarray(xyz_m[:, 0]),
        np.ascontiguousarray(xyz_m[:, 1]),
        np.ascontiguousarray(xyz_m[:, 2]),
        np.ones(count, dtype=np.bool_),
        np.ones(count, dtype=np.uint8),
        np.arange(count),
    )


def cover_cone(rng: np.random.Generator, cone: Cone, per_m: int, *, slope: float = 0.0) -> Floats:
    """Return points all around a stem; its lean shifts sections east, and it stands on ground that rises east."""
    count = int(per_m * cone.height_m)
    height = rng.uniform(0.0, cone.height_m, count)
    angle = rng.uniform(-np.pi, np.pi, count)
    away = cone.radius_at(height) + rng.normal(0.0, NOISE_M, count)
    x = cone.x_m + cone.lean * height + away * np.cos(angle)
    return np.column_stack([x, cone.y_m + away * np.sin(angle), slope * cone.x_m + height])


def lay_ground(rng: np.random.Generator, side_m: float, per_m2: float, slope: float = 0.0) -> Floats:
    x, y = rng.uniform(0.0, side_m, (2, int(per_m2 * side_m * side_m)))
    return np.column_stack([x, y, slope * x + rng.normal(0.0, 0.005, x.size)])


def make_plot(cones: tuple[Cone, ...], *, seed: int, slope: float = 0.0, per_m: int = 900) -> Floats:
    """Return the points of a plot of 12 m by 12 m, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    stems = [cover_cone(rng, cone, per_m, slope=slope) for cone in cones]
    return np.vstack([lay_ground(rng, 12.0, 60.0, slope), *stems])


def scatter_leaves(rng: np.random.Generator, x_m: float, y_m: float, count: int) -> Floats:
    """Return a ball of leaves of a metre across, 0.5 to 2.5 m above level ground."""
    across = rng.normal(0.0, 0.25, (count, 2))
    return np.column_stack([x_m + across[:, 0], y_m + across[:, 1], rng.uniform(0.5, 2.5, count)])
