"""Tree species of the simulator: height, crown size, crown shape and how leaves stop light.

The functional forms are published; the values are typical of closed mountain forest in central Europe and were
chosen for this simulator, not fitted. None of them is an estimator's: surveys here invert Jucker et al. (2017).

- Height over diameter: Naslund (1936), in the form compared by Mehtatalo et al. (2015), doi 10.1139/cjfr-2015-0054.
- Crown radius over diameter: the allometric power form of Pretzsch et al. (2015), doi 10.1016/j.ufug.2015.04.006,
  at sizes of forest-grown trees.
- Crown envelope: light crown as a power of the depth below the apex, shade crown narrowing to the base, as in
  SILVA: Pretzsch et al. (2002), doi 10.1016/S0378-1127(02)00047-6.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BREAST_HEIGHT_M = 1.3


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
    conifer: bool
    """One leader and one main body; else a crown of several lobes."""


SPECIES: tuple[Species, ...] = (
    Species("Picea abies", 1.70, 0.146, 0.275, 0.62, 0.58, 0.70, 0.90, 0.55, 1.30, 0.22, 0.33, conifer=True),
    Species("Abies alba", 1.90, 0.148, 0.290, 0.62, 0.60, 0.65, 0.62, 0.65, 1.50, 0.26, 0.35, conifer=True),
    Species("Pinus sylvestris", 1.60, 0.158, 0.255, 0.64, 0.38, 0.60, 0.50, 0.55, 0.95, 0.18, 0.30, conifer=True),
    Species("Fagus sylvatica", 1.35, 0.155, 0.410, 0.63, 0.55, 0.55, 0.42, 0.60, 1.40, 0.24, 0.48, conifer=False),
    Species("Acer pseudoplatanus", 1.25, 0.160, 0.385, 0.62, 0.48, 0.55, 0.45, 0.60, 1.20, 0.20, 0.50, conifer=False),
)


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
    return {species.name: species for species in SPECIES}[name]
