"""A stem followed up and down from breast height, section by section, as far as it is seen."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from survey.cloud import Floats
from survey.terrestrial.columns import Columns, gather_around
from survey.terrestrial.diameter import BreastHeight, is_stem, label
from survey.terrestrial.section import Scatter, Section, expect_section, fit_section


@dataclass(frozen=True, slots=True)
class FollowedAxis:
    """Each section is looked for where the last ones point to, after Liang et al. (2012)."""

    NAME: ClassVar[str] = "liang2012"
    DOI: ClassVar[str | None] = "10.1109/TGRS.2011.2161613"

    step_m: float = 0.5
    """Between sections; each takes half of it to either side."""
    lowest_m: float = 0.3
    """Height of the lowest section."""
    beside_m: float = 0.08
    """How far outside the expected surface points are looked at."""
    aside_m: float = 0.03
    """Error of where the axis is expected a step on."""
    bend: float = 0.02
    """Error of its direction a step on."""
    radius_share: float = 0.08
    """Error of the expected radius, over it."""
    missing: int = 4
    """Steps without a section after which the stem is lost."""
    least_radius_m: float = 0.02
    """Thinner pieces are branches or the tip."""
    taper: float = 0.005
    """Loss of radius a metre that is expected."""
    many_layers: int = 10
    """A stem seen as a circle in this many layers needs `few_pieces` sections, one seen in less `many_pieces`."""
    few_pieces: int = 4
    """See `many_layers`."""
    many_pieces: int = 10
    """See `many_layers`."""
    few_layers: int = 5
    """What is seen as a circle in fewer layers is no stem."""
    clear_noise: float = 1.4
    """A stem seen in few layers scatters at most this many times as much as the cloud's clearest."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A section of a stem and its height above the stem's ground, metres."""

    height_m: float
    section: Section


@dataclass(frozen=True, slots=True, eq=False)
class TracedStem:
    """A stem at breast height and along its length.

    Attributes
    ----------
    breast
        At breast height.
    pieces
        From the lowest up; that at breast height is among them.
    """

    breast: BreastHeight
    pieces: list[Piece]


def trace_stem(columns: Columns, stem: BreastHeight, scatter: Scatter, top_m: float) -> TracedStem:
    """Return a stem's sections from the lowest up.

    Parameters
    ----------
    columns
        All points.
    stem
        At breast height.
    scatter
        Of the cloud.
    top_m
        Elevation above which there are no points.
    """
    chosen = FollowedAxis()
    breast = float(stem.axis[2] - stem.ground_m)
    first = Piece(breast, stem.section)
    up = np.arange(breast + chosen.step_m, top_m - stem.ground_m, chosen.step_m)
    down = np.arange(breast - chosen.step_m, chosen.lowest_m - 0.01, -chosen.step_m)
    above = _follow(columns, first, stem.ground_m, up, scatter)
    below = _follow(columns, first, stem.ground_m, down, scatter)
    return TracedStem(stem, [*reversed(below), first, *above])


def goes_on(traced: TracedStem, noise_m: float) -> bool:
    """Tell whether a stem goes on as stems do: leaves fill a circle here and there, but not one above the other."""
    chosen = FollowedAxis()
    stem, pieces = traced.breast, len(traced.pieces)
    if stem.layers >= chosen.many_layers:
        return pieces >= chosen.few_pieces
    is_clear = stem.section.noise_m <= chosen.clear_noise * noise_m
    return stem.layers >= chosen.few_layers and pieces >= chosen.many_pieces and is_clear


def _follow(columns: Columns, first: Piece, ground_m: float, heights: Floats, scatter: Scatter) -> list[Piece]:
    chosen = FollowedAxis()
    pieces: list[Piece] = []
    last, lost = first, 0
    for height in heights.tolist():
        section, is_next = _look(columns, last, ground_m, height, scatter)
        if not is_next:
            lost += 1
            if lost > chosen.missing:
                break
            continue
        lost = 0
        last = Piece(height, section)
        pieces.append(last)
        if section.radius_m < chosen.least_radius_m:
            break
    return pieces


def _look(columns: Columns, last: Piece, ground_m: float, height_m: float, scatter: Scatter) -> tuple[Section, bool]:
    """Return the best section at a height, and whether it is the stem's."""
    chosen = FollowedAxis()
    rise = height_m - last.height_m
    values = last.section.values
    centre = values[:2] + rise * values[2:4]
    radius = max(chosen.least_radius_m, float(values[4]) - chosen.taper * rise)
    axis = np.array([*centre, ground_m + height_m, *values[2:4]])
    half = 0.5 * chosen.step_m
    found = gather_around(columns, axis, axis[2] - half, axis[2] + half, radius + chosen.beside_m)
    steps = max(1.0, abs(rise) / chosen.step_m)
    prior = expect_section(
        np.array([*centre, *values[2:4]]),
        radius,
        aside_m=chosen.aside_m * steps,
        lean=chosen.bend * steps,
        radius_share=chosen.radius_share * steps,
    )
    section = fit_section(columns.xyz_m[found] - np.array([0.0, 0.0, axis[2]]), label(columns, found), prior, scatter)
    return section, _goes_on(section, prior.mean, prior.error, scatter.noise_m)


def _goes_on(section: Section, mean: Floats, error: Floats, noise_m: float) -> bool:
    """Tell whether a section is bark and where the last ones point to."""
    if section.coverage == 0.0 or not is_stem(section, noise_m):
        return False
    off = np.abs(section.values[:5] - mean[:5]) / error[:5]
    return bool((off < 3.0).all())  # noqa: PLR2004 - standard errors
