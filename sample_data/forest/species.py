"""Tree species of the simulator: height, crown size, crown shape and how leaves stop light.

The functional forms are published; the values are typical of the forests named beside them and were chosen for this
simulator, not fitted. None of them is an estimator's: surveys here invert Jucker et al. (2017).

- Height over diameter: Naslund (1936), in the form compared by Mehtatalo et al. (2015), doi 10.1139/cjfr-2015-0054.
- Crown radius over diameter: the allometric power form of Pretzsch et al. (2015), doi 10.1016/j.ufug.2015.04.006,
  at sizes of forest-grown trees.
- Crown envelope: light crown as a power of the depth below the apex, shade crown narrowing to the base, as in
  SILVA: Pretzsch et al. (2002), doi 10.1016/S0378-1127(02)00047-6.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BREAST_HEIGHT_M = 1.3

CrownForm: TypeAlias = Literal["conic", "lobed", "ellipsoid", "umbrella", "irregular"]
"""How a crown is built: one leader with strong branches; several lobes with one leading; one round body; a flat roof of
lobes; wide lobes of any height, more on one side."""


@dataclass(frozen=True, slots=True)
class Species:
    """One species as the simulator knows it."""

    name: str
    """Scientific name."""
    height_a: float
    """Naslund's a: cm of diameter at which growth in height begins to slow."""
    height_b: float
    """Naslund's b, m^-1/2; the tallest possible tree has 1.3 m + 1 / b^2."""
    radius_a_m: float
    """Crown radius at 1 cm of stem diameter."""
    radius_exponent: float
    """Power of stem diameter in crown radius."""
    crown_share: float
    """Crown length over tree height of a tree without competition from above."""
    light_share: float
    """Light crown over crown length."""
    light_exponent: float
    """Power of relative depth in the light crown's radius: 1 a cone, 1/2 a paraboloid."""
    base_share: float
    """Radius at the crown's base over the largest radius."""
    shell_per_m: float
    """Chance of interception a metre in the outer leaf shell, along a ray."""
    core_per_m: float
    """The same in the inner crown."""
    reflectance: float
    """Share of the light at 1064 nm that comes back from leaves, relative to a white target."""
    leaf: Literal["needle", "broad"]
    """What it bears."""
    form: CrownForm
    """How the crown is built."""
    peak_increment_mm: float
    """Growth of the stem's diameter in a year, alone and at its best size."""

    @property
    def conifer(self) -> bool:
        """Whether it bears needles: its apex keeps above its foot."""
        return self.leaf == "needle"


# Peak increments put stands near the 2 to 4 mm a year that trees of national inventories grow on average (models of
# 2.3 million trees: Schelhaas et al. 2018, doi 10.1186/s40663-018-0133-3).
MOUNTAIN_SPECIES: tuple[Species, ...] = (
    Species("Picea abies", 1.70, 0.146, 0.275, 0.62, 0.58, 0.70, 0.90, 0.55, 1.30, 0.22, 0.33, "needle", "conic", 7.5),
    Species("Abies alba", 1.90, 0.148, 0.290, 0.62, 0.60, 0.65, 0.62, 0.65, 1.50, 0.26, 0.35, "needle", "conic", 7.0),
    Species(
        "Pinus sylvestris", 1.60, 0.158, 0.255, 0.64, 0.38, 0.60, 0.50, 0.55, 0.95, 0.18, 0.30, "needle", "conic", 5.0
    ),
    Species(
        "Fagus sylvatica", 1.35, 0.155, 0.410, 0.63, 0.55, 0.55, 0.42, 0.60, 1.40, 0.24, 0.48, "broad", "lobed", 6.0
    ),
    Species(
        "Acer pseudoplatanus", 1.25, 0.160, 0.385, 0.62, 0.48, 0.55, 0.45, 0.60, 1.20, 0.20, 0.50, "broad", "lobed", 5.5
    ),
)
"""Closed mountain forest of central Europe."""

WOODLAND_SPECIES: tuple[Species, ...] = (
    Species(
        "Quercus ilex", 1.95, 0.330, 0.580, 0.60, 0.70, 0.50, 0.45, 0.55, 1.50, 0.30, 0.42, "broad", "irregular", 3.0
    ),
    Species(
        "Pinus pinea", 1.60, 0.260, 0.560, 0.60, 0.40, 0.40, 0.30, 0.50, 1.20, 0.22, 0.32, "needle", "umbrella", 4.5
    ),
)
"""Open woodland of the western Mediterranean."""

BOREAL_SPECIES: tuple[Species, ...] = (
    Species(
        "Pinus banksiana", 1.36, 0.190, 0.245, 0.60, 0.40, 0.65, 0.60, 0.50, 0.90, 0.18, 0.30, "needle", "conic", 3.5
    ),
    Species(
        "Picea mariana", 1.60, 0.200, 0.250, 0.50, 0.60, 0.75, 0.70, 0.70, 1.40, 0.26, 0.31, "needle", "conic", 2.5
    ),
    Species(
        "Betula papyrifera",
        1.30,
        0.190,
        0.290,
        0.58,
        0.50,
        0.50,
        0.50,
        0.35,
        1.00,
        0.18,
        0.46,
        "broad",
        "ellipsoid",
        3.0,
    ),
)
"""Boreal forest of eastern Canada: thin crowns."""

SPECIES: tuple[Species, ...] = MOUNTAIN_SPECIES + WOODLAND_SPECIES + BOREAL_SPECIES
"""All that the simulator knows; a stand's mixtures name those that grow in it."""

_BY_NAME = {species.name: species for species in SPECIES}


def height_of_diameter(species: Species, dbh_cm: Floats) -> Floats:
    """Return the mean height of trees of a species by Naslund's curve.

    Parameters
    ----------
    species
        Supplies a and b.
    dbh_cm
        Diameter over bark at 1.3 m, centimetres, any shape.

    Returns
    -------
    Array of that shape, metres.

    Examples
    --------
    >>> float(height_of_diameter(SPECIES[0], np.array([0.0]))[0])
    1.3
    """
    root = dbh_cm / (species.height_a + species.height_b * dbh_cm)
    height: Floats = BREAST_HEIGHT_M + root * root
    return height


def crown_radius_of_diameter(species: Species, dbh_cm: Floats) -> Floats:
    """Return the mean crown radius of forest-grown trees of a species.

    Parameters
    ----------
    species
        Supplies scale and power.
    dbh_cm
        Diameter over bark at 1.3 m, centimetres, any shape.

    Returns
    -------
    Array of that shape, metres.

    Examples
    --------
    >>> bool(crown_radius_of_diameter(SPECIES[3], np.array([40.0]))[0] > 3.0)
    True
    """
    radius: Floats = species.radius_a_m * dbh_cm**species.radius_exponent
    return radius


def envelope(species: Species, depth_share: Floats) -> Floats:
    """Return the radius of a crown body at given depths, over its largest radius.

    Parameters
    ----------
    species
        Supplies the shape.
    depth_share
        Depth below the apex over the body's length, 0 to 1, any shape.

    Examples
    --------
    >>> envelope(SPECIES[0], np.array([0.0, SPECIES[0].light_share, 1.0])).round(3).tolist()
    [0.0, 1.0, 0.55]
    """
    light = (depth_share / species.light_share) ** species.light_exponent
    below = (depth_share - species.light_share) / (1.0 - species.light_share)
    shade = 1.0 - (1.0 - species.base_share) * below
    return np.where(depth_share <= species.light_share, light, shade)


def species_named(name: str) -> Species:
    """Return the species with a scientific name.

    Parameters
    ----------
    name
        Scientific name, as in :data:`SPECIES`.

    Raises
    ------
    KeyError
        No such species: a bug, since names come from :data:`SPECIES`.

    Examples
    --------
    >>> species_named("Abies alba").conifer
    True
    """
    return _BY_NAME[name]
