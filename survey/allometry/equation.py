"""One published equation: what it needs, where it holds, how far it may be off, and who wrote it."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from survey.cloud import Floats

ForestType: TypeAlias = Literal["gymnosperm", "angiosperm", "unknown"]
Quantity: TypeAlias = Literal["dbh_cm", "biomass_kg", "volume_m3"]
Rank: TypeAlias = Literal["species", "genus", "group"]
_NO_LIMIT: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Term:
    """One summand: scale * D ** dbh * H ** height * CD ** crown * exp(-rate * D), where from_cm <= D < to_cm.

    Attributes
    ----------
    scale
        In the quantity's unit.
    dbh, height, crown
        Powers of stem diameter (cm), height (m) and crown diameter (m).
    rate
        Decay with stem diameter, 1/cm.
    from_cm, to_cm
        Stem diameters to which it applies, the lower end inclusive; zero elsewhere.
    """

    scale: float
    dbh: float = 0.0
    height: float = 0.0
    crown: float = 0.0
    rate: float = 0.0
    from_cm: float = 0.0
    to_cm: float = _NO_LIMIT


@dataclass(frozen=True, slots=True)
class Source:
    """Where an equation was printed.

    Attributes
    ----------
    citation
        Authors, year, title or journal.
    doi
        Of the publication or of its data.
    table
        Which table or equation.
    """

    citation: str
    doi: str | None
    table: str


@dataclass(frozen=True, slots=True)
class Equation:
    """A published equation.

    Attributes
    ----------
    id
        Stands in records as the model: short, stable.
    quantity
        What it gives, with its unit.
    taxon
        Scientific name of a species or genus, or the name of a group or type.
    rank
        What the taxon is.
    forest
        Type of the taxon; ``unknown`` where it is for both.
    place
        Country, continent or realm where its trees grew; ``global``.
    biome
        Where it is for one biome.
    terms
        Whose sum it is, before the correction.
    correction
        Factor for the bias of back-transformation from logarithms; 1 where it was fitted without or has none printed.
    own_share
        Relative standard error of one tree about the equation.
    shared_share
        Relative standard error of the equation itself for the trees of one stand.
    errors_from
        Where the two errors come from.
    range_cm
        Stem diameters of the trees it was fitted to; absent where the source at hand does not say.
    parts
        What of the tree it counts.
    source
        Where it was printed.
    """

    id: str
    quantity: Quantity
    taxon: str
    rank: Rank
    forest: ForestType
    place: str
    biome: str | None
    terms: tuple[Term, ...]
    correction: float
    own_share: float
    shared_share: float
    errors_from: str
    range_cm: tuple[float, float] | None
    parts: str
    source: Source

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it needs: ``dbh_cm``, ``height_m``, ``crown_m``."""
        needs = {
            "dbh_cm": any(term.dbh or term.rate for term in self.terms),
            "height_m": any(term.height for term in self.terms),
            "crown_m": any(term.crown for term in self.terms),
        }
        return tuple(name for name, needed in needs.items() if needed)


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What an equation gives for many trees, and how it answers to its inputs; arrays of shape (n,).

    Attributes
    ----------
    value
        In the equation's unit; not a number where an input it needs is not.
    by_dbh, by_height, by_crown
        Relative change of the value over relative change of an input.
    """

    value: Floats
    by_dbh: Floats
    by_height: Floats
    by_crown: Floats


def solve_equation(equation: Equation, *, dbh_cm: Floats, height_m: Floats, crown_m: Floats) -> Response:
    """Return what an equation gives for many trees.

    Parameters
    ----------
    equation
        Any.
    dbh_cm, height_m, crown_m
        Sizes, shape (n,); what the equation does not need may be not a number.

    Examples
    --------
    >>> from survey.allometry.registry import get_equation
    >>> spruce = get_equation("forrester2017-picea-abies")
    >>> nothing = np.array([np.nan])
    >>> solve_equation(spruce, dbh_cm=np.array([30.0]), height_m=nothing, crown_m=nothing).value.round(1)
    array([405.6])
    """
    total, by_dbh, by_height, by_crown = (np.zeros_like(height_m) for _ in range(4))
    for term in equation.terms:
        part = np.full_like(height_m, term.scale * equation.correction)
        for power, size in ((term.dbh, dbh_cm), (term.height, height_m), (term.crown, crown_m)):
            if power:
                part = part * size**power
        if term.rate:
            part = part * np.exp(-term.rate * dbh_cm)
        if term.from_cm > 0.0 or term.to_cm < _NO_LIMIT:
            part = np.where((dbh_cm >= term.from_cm) & (dbh_cm < term.to_cm), part, 0.0 * dbh_cm)
        total += part
        by_dbh += part * (term.dbh - term.rate * dbh_cm if term.rate else term.dbh)
        by_height += part * term.height
        by_crown += part * term.crown
    return Response(total, by_dbh / total, by_height / total, by_crown / total)
