"""Tables of coefficients as they were printed, made into equations in centimetres, metres and kilograms."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import Final

from survey.allometry import sources
from survey.allometry.equation import Equation, ForestType, Quantity, Rank, Source, Term
from survey.allometry.errors import InvalidEquation
from survey.allometry.sources import Spread

_CM_IN, _M_FT, _KG_LB = 2.54, 0.3048, 0.45359237
_SOFTWOOD_KNOT_IN, _HARDWOOD_KNOT_IN = 9.0, 11.0
"""Where the segmented form of WO-104 changes its power (its equation 2)."""
_MOST_ROWS: Final = 10_000
"""A table of equations has hundreds of rows."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the equations of one table have in common."""

    quantity: Quantity
    place: str
    parts: str
    source: Source
    spread: Spread
    range_cm: tuple[float, float] | None = None
    biome: str | None = None


def read_rows(table: str) -> Iterator[Row]:
    """Yield the rows of one of this package's tables, comments left out."""
    yield from parse_rows(table, (resources.files("survey.allometry") / "data" / f"{table}.csv").read_text("utf-8"))


def parse_rows(table: str, text: str) -> Iterator[Row]:
    r"""Yield the rows of a table with a line of names; lines that begin with # are comments.

    Raises
    ------
    InvalidEquation
        Too many rows, or one with more or fewer cells than names.

    Examples
    --------
    >>> list(parse_rows("few", "# for example\ntaxon,trees\nPicea,9\n"))
    [{'taxon': 'Picea', 'trees': '9'}]
    """
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    if len(rows) > _MOST_ROWS:
        raise InvalidEquation(table, f"{len(rows)} rows", f"a table has at most {_MOST_ROWS}")
    for row in csv.DictReader(rows, strict=True):
        if None in row or None in row.values():
            raise InvalidEquation(table, str(row), "each row has as many cells as there are names")
        yield row


def read_equations() -> Iterator[Equation]:
    """Yield all equations of this package."""
    yield from _of_jucker()
    yield from _of_canada()
    yield from _of_europe()
    yield from _of_china()
    yield from _of_jenkins()
    yield from _of_nsvb()
    yield from _form_factors()


def rank_of(taxon: str) -> Rank:
    """Return whether a name is a species', a genus' or another group's.

    Examples
    --------
    >>> rank_of("Picea abies"), rank_of("Picea"), rank_of("pine")
    ('species', 'genus', 'group')
    """
    if not taxon[:1].isupper():
        return "group"
    return "species" if " " in taxon else "genus"


def _make(prefix: str, row: Row, terms: tuple[Term, ...], kind: _Kind, *, correction: float = 1.0) -> Equation:
    taxon = row["taxon"]
    return Equation(
        id=f"{prefix}-{taxon.lower().replace(' ', '-')}",
        quantity=kind.quantity,
        taxon=taxon,
        rank=rank_of(taxon),
        forest=_forest_of(row),
        place=kind.place,
        biome=kind.biome,
        terms=terms,
        correction=correction,
        own_share=kind.spread.own,
        shared_share=kind.spread.shared,
        errors_from=kind.spread.comes_from,
        range_cm=kind.range_cm,
        parts=kind.parts,
        source=kind.source,
    )


def _forest_of(row: Row) -> ForestType:
    if row["type"] == "gymnosperm":
        return "gymnosperm"
    if row["type"] == "angiosperm":
        return "angiosperm"
    if row["type"] == "unknown":
        return "unknown"
    raise InvalidEquation("allometry", str(row), "type is gymnosperm, angiosperm or unknown")


def _of_jucker() -> Iterator[Equation]:
    """Yield stem diameter and biomass from height and crown diameter."""
    stem = "stem diameter at 1.3 m"
    globe = _Kind("dbh_cm", "global", stem, sources.JUCKER_GLOBAL, sources.JUCKER_DBH_GLOBAL)
    terms = (Term(0.557, height=0.809, crown=0.809),)
    yield _make("jucker2017-dbh", {"taxon": "global", "type": "unknown"}, terms, globe, correction=_half_square(0.056))
    for forest, scale, power in (("gymnosperm", 0.016 + 0.093, 2.013 - 0.223), ("angiosperm", 0.016, 2.013)):
        spread = sources.JUCKER_AGB[forest]
        kind = _Kind("biomass_kg", "global", "all above ground", sources.JUCKER_GLOBAL, spread)
        terms = (Term(scale, height=power, crown=power),)
        yield _make("jucker2017-agb", {"taxon": forest, "type": forest}, terms, kind, correction=_half_square(0.204))
    for row in read_rows("jucker2017"):
        kind = _Kind(
            "dbh_cm", row["realm"], stem, sources.JUCKER_REGIONS, sources.JUCKER_DBH_REGIONAL, biome=row["biome"]
        )
        power = float(row["power"])
        terms = (Term(float(row["scale"]), height=power, crown=power),)
        yield _make(f"jucker2017-dbh-{row['realm']}-{row['biome']}", {**row, "taxon": row["type"]}, terms, kind)


def _half_square(printed: float) -> float:
    """Return the correction for back-transformation as that paper prints it; see `sources`."""
    return math.exp(printed**2 / 2.0)


def _of_canada() -> Iterator[Equation]:
    """Yield biomass of Canadian species and types from stem diameter and height."""
    for row in read_rows("canada"):
        spread = sources.CANADA_TYPE if rank_of(row["taxon"]) == "group" else sources.CANADA
        source = sources.UNG if row["source"] == "ung2008" else sources.LAMBERT
        kind = _Kind("biomass_kg", "canada", "wood, bark, branches, foliage", source, spread)
        terms = tuple(
            Term(float(row[f"{part}1"]), dbh=float(row[f"{part}2"]), height=float(row[f"{part}3"]))
            for part in ("wood", "bark", "branches", "foliage")
        )
        yield _make(row["source"], row, terms, kind)


def _of_europe() -> Iterator[Equation]:
    """Yield biomass of European species and types from stem diameter; a species' parts follow one another."""
    for taxon, parts in groupby(read_rows("europe"), key=lambda row: row["taxon"]):
        rows = list(parts)
        spread = sources.EUROPE_TYPE if rank_of(taxon) == "group" else sources.EUROPE
        named = ", ".join(row["part"] for row in rows)
        kind = _Kind("biomass_kg", "europe", named, sources.FORRESTER, spread)
        terms = tuple(Term(float(row["scale"]) * float(row["correction"]), dbh=float(row["power"])) for row in rows)
        yield _make("forrester2017", rows[0], terms, kind)


def _of_china() -> Iterator[Equation]:
    """Yield biomass of trees of the Tibetan Plateau from the square of stem diameter times height."""
    for row in read_rows("china"):
        kind = _Kind("biomass_kg", "china", f"stem, branches, leaves; {row['place']}", sources.LUO, sources.CHINA)
        powers = [(float(row[f"{part}1"]), float(row[f"{part}2"])) for part in ("stem", "branch", "leaf")]
        yield _make("luo2002", row, tuple(Term(scale, dbh=2.0 * p, height=p) for scale, p in powers), kind)


def _of_jenkins() -> Iterator[Equation]:
    """Yield biomass of species groups of the United States from stem diameter: where no species is named."""
    for row in read_rows("jenkins2003"):
        kind = _Kind(
            "biomass_kg",
            "united-states",
            "all above ground",
            sources.JENKINS,
            sources.JENKINS_GROUP,
            (2.5, float(row["most_cm"])),
        )
        yield _make("jenkins2003", row, (Term(math.exp(float(row["b0"])), dbh=float(row["b1"])),), kind)


def _of_nsvb() -> Iterator[Equation]:
    """Yield biomass and volume of species of the United States from stem diameter and height."""
    for row in read_rows("nsvb2024"):
        yield _make("nsvb2024", row, _weight_terms(row), _nsvb_kind(row, "biomass_kg"))
        volume = _metric(float(row["volume_a"]) * _M_FT**3, row["volume_b"], row["volume_c"])
        yield _make("nsvb2024-volume", row, (volume,), _nsvb_kind(row, "volume_m3"))


def _nsvb_kind(row: Row, quantity: Quantity) -> _Kind:
    if quantity == "biomass_kg":
        spread, is_group, own = sources.NSVB_BIOMASS, row["form"] == "5", row["own"]
        group, parts = sources.NSVB_GROUP, "wood and bark above ground, no foliage"
    else:
        spread, is_group, own = sources.NSVB_VOLUME, row["volume_from"] == "group", row["volume_own"]
        group, parts = sources.NSVB_GROUP_VOLUME, "whole stem over bark"
    chosen = group if is_group else spread
    if own:
        chosen = Spread(float(own), chosen.shared, chosen.comes_from)
    limits = (float(row["least_in"]) * _CM_IN, float(row["most_in"]) * _CM_IN) if row["least_in"] else None
    return _Kind(quantity, "united-states", parts, sources.NSVB, chosen, limits)


def _weight_terms(row: Row) -> tuple[Term, ...]:
    """Return the terms of a row of table S8: power, segmented, modified Wiley, or of a group with its wood density."""
    scale, power, height = float(row["a"]) * _KG_LB, float(row["b"]), row["c"]
    if row["form"] == "1":
        return (_metric(scale, power, height),)
    if row["form"] == "5":
        return (_metric(scale * float(row["density"]), power, height),)
    last = float(row["b1"])
    if row["form"] == "4":
        term = _metric(scale, power, height)
        return (Term(term.scale, dbh=power, height=term.height, rate=last / _CM_IN),)
    if row["form"] == "2":
        knot = _SOFTWOOD_KNOT_IN if row["type"] == "gymnosperm" else _HARDWOOD_KNOT_IN
        thin, thick = _metric(scale, power, height), _metric(scale * knot ** (power - last), last, height)
        return (
            Term(thin.scale, dbh=thin.dbh, height=thin.height, to_cm=knot * _CM_IN),
            Term(thick.scale, dbh=thick.dbh, height=thick.height, from_cm=knot * _CM_IN),
        )
    raise InvalidEquation("nsvb2024", str(row), "form is 1, 2, 4 or 5")


def _metric(scale: float, dbh: float | str, height: float | str) -> Term:
    """Return a power of inches and feet as one of centimetres and metres."""
    by_dbh, by_height = float(dbh), float(height)
    return Term(scale / _CM_IN**by_dbh / _M_FT**by_height, dbh=by_dbh, height=by_height)


def _form_factors() -> Iterator[Equation]:
    """Yield stem volume as basal area times height times a form factor, where no species' equation is at hand."""
    kind = _Kind("volume_m3", "global", "whole stem over bark", sources.FORM, sources.FORM_FACTOR)
    for forest, factor in (("gymnosperm", 0.49), ("angiosperm", 0.46)):
        terms = (Term(factor * math.pi / 4.0 / 100.0**2, dbh=2.0, height=1.0),)
        yield _make("form-factor", {"taxon": forest, "type": forest}, terms, kind)
