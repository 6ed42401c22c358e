"""How a stem's section is out of round, where its roots flare, and how thick a tape says it is.

A section is a circle with harmonics of order 2 to 5. The second makes it 2 to 4 % longer than wide, as stems of closed
forest are. A tape touches the crests of the bark and bridges hollows; by Cauchy's formula the length of that hull is pi
times its mean width. Furrows lie below it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HARMONICS = 4
"""Harmonics of a section's outline, orders 2 to 5."""
FLARE_TOP_M = 1.0
"""Above this height no root flare is left, so breast height is free of it."""


_ANGLES = 360


@dataclass(frozen=True, slots=True)
class Outline:
    """A section's shape, the same along a stem, and its root flares."""

    amplitudes: tuple[float, float, float, float]
    """Of orders 2 to 5, over the mean radius."""
    phases_rad: tuple[float, float, float, float]
    """Direction of each order's crest times its order, from east to north."""
    scale: float
    """What the outline is multiplied by so that its hull's mean width is 2."""
    flare: float
    """Height of root flares at the ground over the radius."""
    flares: int
    """Number of root flares."""
    flare_phase_rad: float
    """Direction of a flare times their number."""


def draw_outline(rng: np.random.Generator, flare: float) -> Outline:
    """Return a section's shape drawn from a generator.

    Parameters
    ----------
    rng
        Source of all chance.
    flare
        Mean height of root flares at the ground over the radius.
    """
    amplitudes = np.concatenate([rng.uniform(0.01, 0.02, 1), np.abs(rng.normal(0.0, (0.004, 0.003, 0.002)))])
    phases = rng.uniform(0.0, 2.0 * np.pi, HARMONICS)
    raw = Outline(
        amplitudes=(float(amplitudes[0]), float(amplitudes[1]), float(amplitudes[2]), float(amplitudes[3])),
        phases_rad=(float(phases[0]), float(phases[1]), float(phases[2]), float(phases[3])),
        scale=1.0,
        flare=0.0,
        flares=int(rng.integers(4, 8)),
        flare_phase_rad=float(rng.uniform(0.0, 2.0 * np.pi)),
    )
    return Outline(
        raw.amplitudes,
        raw.phases_rad,
        2.0 / hull_width(raw, FLARE_TOP_M),
        flare * float(rng.uniform(0.5, 1.5)),
        raw.flares,
        raw.flare_phase_rad,
    )


def hull_width(outline: Outline, height_m: float) -> float:
    """Return the mean width of a section's hull over the radius by taper: 2 from 1 m above ground on.

    Parameters
    ----------
    outline
        The section's shape.
    height_m
        Above ground.
    """
    angles = np.linspace(0.0, 2.0 * np.pi, _ANGLES, endpoint=False)
    return _mean_width(angles, _radii(outline, angles, height_m))


def _radii(outline: Outline, angles: Floats, height_m: float) -> Floats:
    radii = np.ones_like(angles)
    for order, (amplitude, phase) in enumerate(zip(outline.amplitudes, outline.phases_rad, strict=True), start=2):
        radii += amplitude * np.cos(order * angles - phase)
    radii *= outline.scale
    rise = max(0.0, 1.0 - height_m / FLARE_TOP_M) ** 2
    lobes = 0.5 + 0.5 * np.cos(outline.flares * angles - outline.flare_phase_rad)
    return radii + outline.flare * rise * lobes


def _mean_width(angles: Floats, radii: Floats) -> float:
    """Return the mean over all directions of how wide an outline is: Cauchy's formula for its hull."""
    reach = radii[:, None] * np.cos(angles[:, None] - angles[None, :])
    return float(2.0 * reach.max(axis=0).mean())
