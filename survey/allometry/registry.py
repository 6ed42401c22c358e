"""All equations, and which of them are filed under a taxon and a place."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from survey.allometry.equation import Equation, ForestType, Quantity
from survey.allometry.errors import InvalidEquation, InvalidRegion
from survey.allometry.tables import read_equations

REALMS: Final = {"canada": "nearctic", "united-states": "nearctic", "europe": "palearctic", "china": "palearctic"}
"""Places with equations of their own, and the realm whose crowns they share."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where trees grow.

    Attributes
    ----------
    place
        One of `REALMS`, where equations of species are filed; absent if only a realm was named.
    realm, biome
        Of Jucker et al. (2017); absent if not named.
    """

    place: str | None
    realm: str | None
    biome: str | None


@cache
def load_equations() -> tuple[Equation, ...]:
    """Return all equations; read once, since the tables are part of the program.

    Raises
    ------
    InvalidEquation
        A table breaks its rules, or two equations have one id.
    """
    equations = tuple(read_equations())
    seen: set[str] = set()
    for one in equations:
        if one.id in seen:
            raise InvalidEquation("all", one.id, "each id stands once")
        seen.add(one.id)
    return equations


def get_equation(equation_id: str) -> Equation:
    """Return the equation with an id.

    Raises
    ------
    InvalidEquation
        There is none.

    Examples
    --------
    >>> get_equation("nsvb2024-pseudotsuga-menziesii").inputs
    ('dbh_cm', 'height_m')
    """
    for one in load_equations():
        if one.id == equation_id:
            return one
    raise InvalidEquation("all", equation_id, "no equation has that id")


def find_equations(
    quantity: Quantity, *, taxon: str | None = None, place: str | None = None, forest: ForestType | None = None
) -> tuple[Equation, ...]:
    """Return the equations for a quantity that have all that is asked for, in the order of the tables."""
    return tuple(
        one
        for one in load_equations()
        if one.quantity == quantity
        and (taxon is None or one.taxon == taxon)
        and (place is None or one.place == place)
        and (forest is None or one.forest == forest)
    )


def parse_region(region: str | None) -> Region:
    """Return what a region's name says: ``canada``, ``europe/temperate-mixed``, ``nearctic/boreal``.

    Raises
    ------
    InvalidRegion
        There are no equations under that name.

    Examples
    --------
    >>> parse_region("europe/boreal")
    Region(place='europe', realm='palearctic', biome='boreal')
    """
    if region is None:
        return Region(None, None, None)
    place, _, biome = region.partition("/")
    realm = REALMS.get(place, place)
    biomes = _biomes_of(realm)
    if not biomes or (biome and biome not in biomes) or region.endswith("/"):
        raise InvalidRegion(region, known_regions())
    return Region(place if place in REALMS else None, realm, biome or None)


def known_regions() -> tuple[str, ...]:
    """Return the names of all regions: places and realms alone, then with each biome."""
    realms = dict(REALMS) | {one.place: one.place for one in _regional()}
    return tuple(realms) + tuple(f"{place}/{biome}" for place, realm in realms.items() for biome in _biomes_of(realm))


def _biomes_of(realm: str) -> tuple[str, ...]:
    return _distinct(one.biome for one in _regional() if one.place == realm)


def _regional() -> tuple[Equation, ...]:
    return tuple(one for one in load_equations() if one.biome is not None)


def _distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name is not None))
