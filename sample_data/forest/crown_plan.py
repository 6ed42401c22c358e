"""Plans of crowns: where the bodies of a crown stand about its apex, by the form of the species."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_data.forest.species import CrownForm

Floats = NDArray[np.float64]

_LOBES, _BULGES, _ROOF_LOBES, _WIDE_LOBES = 5, 2, 6, 6


@dataclass(frozen=True, slots=True, eq=False)
class CrownPlan:
    """Bodies of a crown of length 1, before they are scaled to a tree's crown area; n of them."""

    offsets: Floats
    """Axes about the apex, shape (n, 2)."""
    radii: Floats
    """Largest radii, in the unit of the offsets."""
    drops: Floats
    """Depths of the bodies' apexes below the crown's, as shares of its length; one is 0."""
    spans: Floats
    """Lengths, as shares of the crown's length; one body at least ends at the crown's base."""


def draw_plan(form: CrownForm, rng: np.random.Generator) -> CrownPlan:
    """Return a plan of a form.

    Parameters
    ----------
    form
        How the species builds its crown.
    rng
        Source of all chance.

    Examples
    --------
    >>> plan = draw_plan("ellipsoid", np.random.default_rng(1))
    >>> float(plan.drops.min()), float((plan.drops + plan.spans).max())
    (0.0, 1.0)
    """
    return _PLANS[form](rng)


def _draw_conic(rng: np.random.Generator) -> CrownPlan:
    """Return one body and bulges of strong branches."""
    turn = rng.uniform(0.0, 2.0 * np.pi) + np.pi * np.arange(_BULGES) + rng.normal(0.0, 0.6, _BULGES)
    out = rng.uniform(0.55, 0.75, _BULGES)
    radii = np.concatenate([[1.0], rng.uniform(0.30, 0.48, _BULGES)])
    drops = np.concatenate([[0.0], rng.uniform(0.25, 0.60, _BULGES)])
    return CrownPlan(_around(1, out, turn), radii, drops, np.concatenate([[1.0], rng.uniform(0.2, 0.4, _BULGES)]))


def _draw_lobed(rng: np.random.Generator) -> CrownPlan:
    """Return a low main body, a leading lobe at the apex and others around it, none higher."""
    turn = _spread(rng, _LOBES)
    out = rng.uniform(0.35, 0.72, _LOBES)
    radii = np.concatenate([[0.95, 0.42], rng.uniform(0.32, 0.50, _LOBES)])
    drops = np.concatenate([[0.16, 0.0], rng.uniform(0.02, 0.26, _LOBES)])
    return CrownPlan(_around(2, out, turn), radii, drops, np.concatenate([[0.84, 0.6], rng.uniform(0.40, 0.6, _LOBES)]))


def _draw_ellipsoid(rng: np.random.Generator) -> CrownPlan:
    """Return one round body, slightly uneven."""
    turn = _spread(rng, 3)
    out = rng.uniform(0.35, 0.55, 3)
    radii = np.concatenate([[1.0], rng.uniform(0.40, 0.55, 3)])
    drops = np.concatenate([[0.0], rng.uniform(0.15, 0.40, 3)])
    return CrownPlan(_around(1, out, turn), radii, drops, np.concatenate([[1.0], rng.uniform(0.3, 0.5, 3)]))


def _draw_umbrella(rng: np.random.Generator) -> CrownPlan:
    """Return a wide flat roof: a main body and lobes around it, nearly as high."""
    turn = _spread(rng, _ROOF_LOBES)
    out = rng.uniform(0.50, 0.80, _ROOF_LOBES)
    radii = np.concatenate([[0.80, 0.40], rng.uniform(0.35, 0.50, _ROOF_LOBES)])
    drops = np.concatenate([[0.04, 0.0], rng.uniform(0.02, 0.20, _ROOF_LOBES)])
    spans = np.concatenate([[0.96, 0.5], rng.uniform(0.35, 0.55, _ROOF_LOBES)])
    return CrownPlan(_around(2, out, turn), radii, drops, spans)


def _draw_irregular(rng: np.random.Generator) -> CrownPlan:
    """Return wide lobes of any height, more of them on one side."""
    heavy = rng.uniform(0.0, 2.0 * np.pi)
    turn = heavy + rng.normal(0.0, 1.4, _WIDE_LOBES)
    out = rng.uniform(0.30, 0.95, _WIDE_LOBES)
    radii = np.concatenate([[0.80, 0.45], rng.uniform(0.30, 0.60, _WIDE_LOBES)])
    drops = np.concatenate([[0.10, 0.0], rng.uniform(0.02, 0.45, _WIDE_LOBES)])
    spans = np.concatenate([[0.90, 0.5], rng.uniform(0.30, 0.55, _WIDE_LOBES)])
    return CrownPlan(_around(2, out, turn), radii, drops, spans)


def _spread(rng: np.random.Generator, count: int) -> Floats:
    """Return directions about evenly around, radians."""
    even = 2.0 * np.pi / count * np.arange(count)
    return rng.uniform(0.0, 2.0 * np.pi) + even + rng.normal(0.0, 0.3, count)


def _around(central: int, out: Floats, turn: Floats) -> Floats:
    """Return axes: some at the middle, then those a distance out in given directions."""
    return np.vstack([np.zeros((central, 2)), np.column_stack([out * np.cos(turn), out * np.sin(turn)])])


_PLANS: dict[CrownForm, Callable[[np.random.Generator], CrownPlan]] = {
    "conic": _draw_conic,
    "lobed": _draw_lobed,
    "ellipsoid": _draw_ellipsoid,
    "umbrella": _draw_umbrella,
    "irregular": _draw_irregular,
}
