"""Diameters at breast height: one piece of stem fitted to half a metre below it and as much above."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from survey.cloud import Floats
from survey.kernel import Array
from survey.terrestrial.columns import Columns, gather_around
from survey.terrestrial.passes import label_passes
from survey.terrestrial.section import Scatter, Section, expect_section, fit_section


@dataclass(frozen=True, slots=True)
class BayesianFrustum:
    """A leaning frustum with harmonics, robust, geometric (see `section`), on the points around breast height.

    Settings were chosen on simulated plots of seeds 1000 to 1011.
    """

    NAME: ClassVar[str] = "al-sharadqah2009"
    DOI: ClassVar[str | None] = "10.1214/09-EJS419"

    below_m: float = 0.3
    """How far below breast height points count: farther down roots swell the stem."""
    above_m: float = 0.6
    """How far above."""
    beside_m: float = 0.12
    """How far outside the expected surface points are looked at."""
    first_noise_m: float = 0.008
    """Scale of the first fits, before the cloud's own noise is known."""
    first_shift_m: float = 0.02
    """Of passes, in the first fits."""
    widest_noise: float = 2.5
    """Surfaces that scatter more than this many times the cloud's noise are leaves."""
    most_within: float = 0.25
    """Points inside a stem over those on it, at most."""
    least_coverage: float = 0.15
    """Share of the circumference that has points."""
    error_scale: float = 1.2
    """Of the fit's standard error."""
    error_floor_m: float = 0.0005
    """Of the radius: what no fit sees."""
    error_share: float = 0.002
    """The same, over the radius: bark is as deep as stems are thick."""
    error_bend: float = 2.0
    """The same, over the square of the noise about the stem by the radius: noise averages out over many points, but not
    what it makes of a bent surface (see `section`)."""


@dataclass(frozen=True, slots=True, eq=False)
class BreastHeight:
    """A stem about breast height.

    Attributes
    ----------
    ground_m
        Elevation from which heights count.
    axis
        Easting, northing, elevation at breast height; east and north run a metre upward; shape (5,).
    section
        As fitted there.
    layers
        Layers in which it was seen as a circle.
    """

    ground_m: float
    axis: Floats
    section: Section
    layers: int

    @property
    def radius_m(self) -> float:
        """At breast height."""
        return self.section.radius_m


_CLEAR_ENOUGH: Final = 12
"""Layers in which stems are seen whose noise is the cloud's."""


_STARTS: Final = (1.0, 0.7, 1.35)


def fit_breast_height(columns: Columns, start: BreastHeight, others: list[BreastHeight], scatter: Scatter) -> Section:
    """Return the section at breast height of a stem, points nearer to another stem's surface left out.

    Parameters
    ----------
    columns
        All points.
    start
        What is known of the stem.
    others
        Its neighbours.
    scatter
        Of the cloud.
    """
    chosen = BayesianFrustum()
    high = start.axis[2]
    found = gather_around(
        columns, start.axis, high - chosen.below_m, high + chosen.above_m, start.radius_m + chosen.beside_m
    )
    if others:
        points = columns.xyz_m[found]
        own = np.abs(_measure_off(points, start))
        found = found[np.all([own <= np.abs(_measure_off(points, other)) for other in others], axis=0)]
    prior = expect_section(start.axis[[0, 1, 3, 4]], start.radius_m, aside_m=0.1, lean=0.05, radius_share=0.5)
    return fit_section(
        columns.xyz_m[found] - np.array([0.0, 0.0, high]), label(columns, found), prior, scatter, starts=_STARTS
    )


def label(columns: Columns, rows: Array) -> Array:
    """Return the pass of each of some rows of columns."""
    return label_passes(columns.passes, rows)


def measure_scatter(stems: list[BreastHeight]) -> Scatter:
    """Return noise and shifts of a cloud: the medians over its clearest stems."""
    clear = [one.section for one in stems if one.layers >= _CLEAR_ENOUGH] or [one.section for one in stems]
    noise = float(np.median([one.noise_m for one in clear]))
    return Scatter(noise, float(np.sqrt(np.mean([one.shift_m**2 for one in clear]))))


def is_stem(section: Section, noise_m: float, *, slack: float = 1.0) -> bool:
    """Tell whether a fitted section is bark, not leaves; slack widens the bounds while noise is not yet known."""
    chosen = BayesianFrustum()
    return (
        section.noise_m <= slack * chosen.widest_noise * noise_m
        and section.within <= slack * chosen.most_within
        and section.coverage >= chosen.least_coverage
    )


def tell_radius_error(section: Section) -> float:
    """Return the standard error of a radius: the fit's, and what no fit sees (bark, registration)."""
    chosen = BayesianFrustum()
    radius = section.radius_m
    bend = chosen.error_bend * section.noise_m**2 / max(radius, section.noise_m)
    fit = chosen.error_scale * section.radius_error_m
    return math.hypot(fit, chosen.error_floor_m, chosen.error_share * radius, bend)


def find_neighbours(stems: list[BreastHeight], apart_m: float) -> list[list[int]]:
    """Return for each stem the others whose surfaces at breast height are nearer than a distance."""
    x, y = np.array([one.axis[0] for one in stems]), np.array([one.axis[1] for one in stems])
    radius = np.array([one.radius_m for one in stems])
    gap = np.hypot(x[:, None] - x, y[:, None] - y) - radius[:, None] - radius
    np.fill_diagonal(gap, np.inf)
    return [np.flatnonzero(row < apart_m).tolist() for row in gap]


def _measure_off(points: Floats, stem: BreastHeight) -> Floats:
    """Return how far points lie outside a stem's surface."""
    up = points[:, 2] - stem.axis[2]
    east, north = points[:, 0] - stem.axis[0] - stem.axis[3] * up, points[:, 1] - stem.axis[1] - stem.axis[4] * up
    off: Floats = np.hypot(east, north) - stem.radius_m
    return off


def overlap(one: BreastHeight, other: BreastHeight) -> bool:
    """Tell whether two stems are one at breast height: the centre of one lies within the other."""
    apart = math.hypot(one.axis[0] - other.axis[0], one.axis[1] - other.axis[1])
    return apart < max(one.radius_m, other.radius_m)
