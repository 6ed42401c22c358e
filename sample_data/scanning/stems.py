"""The form of each stem: taper with butt swell, lean, sweep, forks and bark, from breast height of the truth.

- Taper: the variable-exponent equation of Kozak (2004), My last words on taper equations, doi 10.5558/tfc80507-4, in
  the form of his model 02. With ``a0 = a1 = 1`` and ``a2 = 0`` it passes through breast height exactly. The exponents
  here were chosen for full, closed-grown stems and scatter from tree to tree; they were not fitted.
- Sections are out of round: :mod:`sample_data.scanning.outlines`. The girth-equivalent diameter is what a tape says.
- Bark is furrowed below the crests that a tape touches.

An estimator that fits circles to slices shares none of this.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import InvalidParameter, check_range
from sample_data.forest.damage import stem_length_m
from sample_data.forest.species import BREAST_HEIGHT_M, height_of_diameter, species_named
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.forest.tree import TreeTruth
from sample_data.scanning.outlines import Outline, draw_outline, hull_width

Floats = NDArray[np.float64]

_SHORTEST_FORK_M = 5.0
_TAPER_SCATTER = 0.07
_LEAN_IS_LINEAR = 0.6
# A dead tree shorter than this share of what its diameter promises has lost its top; it tapers as before.
_SNAPPED_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class StemHabit:
    """How stems of a kind grow."""

    taper: tuple[float, float, float]
    """Kozak's b1 (of z^4), b3 (of X^0.1) and b5 (of H^Q); the others are zero."""
    bark_m: float
    """Mean depth of furrows below the crests at breast height."""
    flare: float
    """Mean height of root flares at the ground over the stem's radius."""
    sweep: float
    """Standard deviation of the bow of the axis over the tree's height."""
    fork_share: float
    """Share of trees with two stems from below breast height."""


_HABITS = {
    "Picea abies": StemHabit((0.50, 0.35, 0.0050), 0.0008, 0.16, 0.0030, 0.015),
    "Abies alba": StemHabit((0.46, 0.36, 0.0040), 0.0006, 0.12, 0.0030, 0.015),
    "Pinus sylvestris": StemHabit((0.45, 0.34, 0.0035), 0.0020, 0.08, 0.0060, 0.02),
    "Fagus sylvatica": StemHabit((0.40, 0.38, 0.0045), 0.0003, 0.20, 0.0070, 0.07),
    "Acer pseudoplatanus": StemHabit((0.42, 0.37, 0.0040), 0.0008, 0.14, 0.0070, 0.09),
}
_CONIFER = StemHabit((0.48, 0.35, 0.0045), 0.0010, 0.12, 0.0040, 0.02)
_BROADLEAF = StemHabit((0.41, 0.37, 0.0042), 0.0008, 0.14, 0.0070, 0.08)


@dataclass(frozen=True, slots=True)
class StemForm:
    """One stem of a tree; heights are above the ground at the tree's foot, along the stem."""

    foot_m: tuple[float, float, float]
    """Easting, northing and elevation of the tree's foot."""
    length_m: float
    """Up to the stem's tip, or to where it broke."""
    whole_m: float
    """Up to where it would taper to nothing: beyond the length only of a snag."""
    dbh_cm: float
    """Girth-equivalent diameter at 1.3 m."""
    taper: tuple[float, float, float]
    """As in :class:`StemHabit`, of this tree."""
    tip_m: tuple[float, float, float]
    """East, north and up of the tip from the foot."""
    straight: bool
    """The stem leans as a whole, or lies; else only its crown was pushed aside."""
    sweep_m: tuple[float, float]
    """East and north of the axis's bow at half height."""
    apart_m: tuple[float, float]
    """East and north by which a fork pushes the stem aside; zero without a fork."""
    apart_over_m: float
    """Height over which two thirds of that push happen."""
    outline: Outline
    """Shape of its sections."""
    bark_m: float
    """Mean depth of furrows."""


@dataclass(frozen=True, slots=True)
class StemSection:
    """A stem cut at a height."""

    x_m: float
    """Easting of the axis."""
    y_m: float
    """Northing of the axis."""
    z_m: float
    """Elevation of the axis."""
    diameter_cm: float
    """Girth-equivalent, over bark."""


def shape_stems(stand: Stand, index: int) -> tuple[StemForm, ...]:
    """Return the stems of a tree, the thickest first; only a forked tree has two.

    Parameters
    ----------
    stand
        The stand.
    index
        Which of its trees, from 0.

    Raises
    ------
    InvalidParameter
        There is no such tree.

    Examples
    --------
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> stand = grow_stand(1, parameters=StandParameters(side_m=20.0))
    >>> shape_stems(stand, 0)[0].dbh_cm == stand.trees[0].dbh_cm
    True
    """
    if not 0 <= index < len(stand.trees):
        raise InvalidParameter("index", index, f"the stand has trees 0 to {len(stand.trees) - 1}")
    tree = stand.trees[index]
    habit = habit_of(tree.species)
    rng = np.random.default_rng([0x57E4, stand.seed, tree.number])
    main = _draw_stem(rng, stand, tree, habit)
    # What is barely a tree, or lies, has no second stem to look for.
    if rng.random() >= habit.fork_share or tree.status == "fallen" or main.length_m < _SHORTEST_FORK_M:
        return (main,)
    return _fork(rng, main)


def habit_of(species: str) -> StemHabit:
    """Return how stems of a species grow; species that are not listed are as most conifers or broadleaves.

    Parameters
    ----------
    species
        Scientific name, as in :data:`sample_data.forest.species.SPECIES`.

    Examples
    --------
    >>> habit_of("Fagus sylvatica").bark_m
    0.0003
    """
    return _HABITS.get(species) or (_CONIFER if species_named(species).conifer else _BROADLEAF)


def diameter_at(stand: Stand, index: int, height_m: float) -> float:
    """Return the girth-equivalent diameter of a tree's thickest stem, centimetres over bark.

    Parameters
    ----------
    stand
        The stand.
    index
        Which of its trees, from 0.
    height_m
        Above the ground at the tree's foot, along the stem.

    Raises
    ------
    InvalidParameter
        There is no such tree, or it is not that tall.

    Examples
    --------
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> stand = grow_stand(1, parameters=StandParameters(side_m=20.0))
    >>> abs(diameter_at(stand, 0, 1.3) - stand.trees[0].dbh_cm) < 1e-9
    True
    """
    return stem_sections(stand, index, height_m)[0].diameter_cm


def stem_sections(stand: Stand, index: int, height_m: float) -> tuple[StemSection, ...]:
    """Return where a tree's stems are at a height and how thick, the thickest at breast height first.

    Parameters
    ----------
    stand
        The stand.
    index
        Which of its trees, from 0.
    height_m
        Above the ground at the tree's foot, along the stem. Below the place where a fork parts, the two overlap.

    Raises
    ------
    InvalidParameter
        There is no such tree, or it is not that tall.
    """
    forms = shape_stems(stand, index)
    check_range("height_m", height_m, 0.0, forms[0].length_m)
    heights = np.array([height_m])
    sections = []
    for form in forms:
        east, north, up = (np.array(form.foot_m) + axis_offsets(form, heights)[0]).tolist()
        width = float(taper_cm(form, heights)[0]) * hull_width(form.outline, height_m) / 2.0
        sections.append(StemSection(east, north, up, width))
    return tuple(sections)


def taper_cm(form: StemForm, height_m: Floats) -> Floats:
    """Return diameters by Kozak's equation, without root flares.

    ``d = D X^(b1 z^4 + b3 X^0.1 + b5 H^Q)`` with ``z = h / H``, ``p = 1.3 / H``, ``Q = 1 - z^(1/3)`` and
    ``X = Q / (1 - p^(1/3))``.

    Parameters
    ----------
    form
        The stem.
    height_m
        Heights from 0 to the stem's, shape (n,).

    Returns
    -------
    Shape (n,), centimetres.
    """
    share = np.clip(height_m / form.whole_m, 0.0, 1.0)
    # A sapling barely above breast height keeps a finite taper.
    breast = min(BREAST_HEIGHT_M / form.whole_m, 0.9)
    rest = 1.0 - np.cbrt(share)
    ratio = rest / (1.0 - np.cbrt(breast))
    b1, b3, b5 = form.taper
    exponent = b1 * share**4 + b3 * ratio**0.1 + b5 * form.whole_m**rest
    diameter: Floats = form.dbh_cm * ratio**exponent
    return diameter


def axis_offsets(form: StemForm, height_m: Floats) -> Floats:
    """Return where the axis lies, east, north and up of the tree's foot, shape (n, 3), metres.

    Parameters
    ----------
    form
        The stem.
    height_m
        Heights along it from 0 to its length, shape (n,).
    """
    share = height_m / form.length_m
    lean = share if form.straight else _LEAN_IS_LINEAR * share + (1.0 - _LEAN_IS_LINEAR) * share**2
    bow = np.sin(np.pi * share)
    # The crown hides where a fork's stems end; both lean to the one apex.
    push = (1.0 - np.exp(-height_m / form.apart_over_m)) * (1.0 - share)
    east = form.tip_m[0] * lean + form.sweep_m[0] * bow + form.apart_m[0] * push
    north = form.tip_m[1] * lean + form.sweep_m[1] * bow + form.apart_m[1] * push
    return np.column_stack([east, north, form.tip_m[2] * share])


def _draw_stem(rng: np.random.Generator, stand: Stand, tree: TreeTruth, habit: StemHabit) -> StemForm:
    b1, b3, b5 = np.array(habit.taper) * np.exp(rng.normal(0.0, _TAPER_SCATTER, 3))
    length = stem_length_m(tree)
    bow = rng.normal(0.0, habit.sweep * length, 2)
    foot, up = _rest(stand, tree)
    return StemForm(
        foot_m=foot,
        length_m=length,
        whole_m=_whole_length_m(tree, length),
        dbh_cm=tree.dbh_cm,
        taper=(float(b1), float(b3), float(b5)),
        tip_m=(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m, up),
        straight=tree.lean_deg > 0.0,
        sweep_m=(float(bow[0]), float(bow[1])),
        apart_m=(0.0, 0.0),
        apart_over_m=1.0,
        outline=draw_outline(rng, habit.flare),
        # Bark is as thick as the tree is old.
        bark_m=habit.bark_m * min(1.0, tree.dbh_cm / 30.0),
    )


def _rest(stand: Stand, tree: TreeTruth) -> tuple[tuple[float, float, float], float]:
    """Return the axis's lower end and how far up its tip is; a fallen stem lies on the ground at both ends."""
    if tree.status != "fallen":
        return (tree.x_m, tree.y_m, tree.ground_m), tree.height_m
    ground = float(elevation_m(stand.terrain, np.array([tree.apex_x_m]), np.array([tree.apex_y_m]))[0])
    foot = tree.ground_m + tree.dbh_cm / 200.0
    return (tree.x_m, tree.y_m, foot), ground - foot


def _whole_length_m(tree: TreeTruth, length_m: float) -> float:
    promised = float(height_of_diameter(species_named(tree.species), np.array([tree.dbh_cm]))[0])
    is_snag = tree.status == "standing-dead" and length_m < _SNAPPED_SHARE * promised
    return promised if is_snag else length_m


def _fork(rng: np.random.Generator, main: StemForm) -> tuple[StemForm, StemForm]:
    """Return two stems that part between 0.3 and 0.9 m, pushed to opposite sides."""
    second_cm = main.dbh_cm * float(rng.uniform(0.55, 0.95))
    touching = 0.005 * (main.dbh_cm + second_cm)
    apart = touching * float(rng.uniform(1.8, 2.6)) + 0.10
    parts_at = float(rng.uniform(0.3, 0.9))
    over = -parts_at / float(np.log(1.0 - touching / apart))
    turn = float(rng.uniform(0.0, 2.0 * np.pi))
    aside = (apart * float(np.cos(turn)), apart * float(np.sin(turn)))
    return (
        _push(main, main.dbh_cm, (0.4 * aside[0], 0.4 * aside[1]), over),
        _push(main, second_cm, (-0.6 * aside[0], -0.6 * aside[1]), over),
    )


def _push(form: StemForm, dbh_cm: float, apart_m: tuple[float, float], over_m: float) -> StemForm:
    share = 0.6 + 0.4 * dbh_cm / form.dbh_cm
    return replace(
        form,
        length_m=share * form.length_m,
        whole_m=share * form.whole_m,
        tip_m=(share * form.tip_m[0], share * form.tip_m[1], share * form.tip_m[2]),
        dbh_cm=dbh_cm,
        apart_m=apart_m,
        apart_over_m=over_m,
    )
