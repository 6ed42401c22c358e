"""The page on allometry in the documentation, written from the registry so that it cannot say anything else."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from survey.allometry.equation import Equation, Source, Term
from survey.allometry.registry import known_regions, load_equations

_OPENING: Final = """\
# Allometry

Which equations turn height, crown and stem diameter into stem diameter, volume, biomass and carbon. This page is made
from the registry (`python -m tests.survey.allometry.make_page`); a test compares both.

## How equations are chosen

`survey.allometry.choose_models(species, forest, region)`:

- **A measured stem diameter comes first.** Without one it is modelled from height and crown: by the equations of the
  region's biome; else, where the type is known, by the mean of the regional equations of that type for forests; else by
  the one equation for the Earth.
- **A species or genus** takes its own equations of the place named. One without any is *not available*, with a note
  that says what could be named instead. Volume takes the species' equation, else the form factor of its type.
- **A type alone** takes biomass straight from height and crown; with a measured diameter and a place, that place's
  equations for types or groups.
- **Outside the range** of an equation the tree is flagged and its shared error widened by 0.3 times the logarithm of
  how far it lies outside.

## How errors are carried

Each equation has an *own* error, by which one tree departs from it and which averages out in sums, and a *shared* one,
by which all trees of a stand depart together and which does not. Both are shares (standard deviations of logarithms).
Errors of height and crown are carried through by the delta method; where a diameter was modelled from height, height
enters biomass twice and both ways are added before they are squared. A modelled diameter is the mean of trees that
scatter, and the mean of a power of them is more than the power of their mean: basal area, volume and biomass are raised
by exp(b (b - 1) s^2 / 2).

The correction that Jucker et al. (2017) print, exp(0.056^2 / 2) and exp(0.204^2 / 2), is kept, so that values are those
of all other software. As standard deviations of single trees these numbers would be too good to be true: biomass from
diameter, height *and* wood density still scatters by 0.357 (Chave et al. 2014, doi 10.1111/gcb.12629), and height and
crown know less. As mean squares, 0.24 and 0.45, they fit one another, biomass going with about the 1.9th power of
diameter. So the own errors are their roots. If the paper meant exp(0.056 / 2) and exp(0.204 / 2), diameters are 2.6 %
and biomass 8.4 % higher, which lies within the shared errors.

Roots and carbon fractions are those of the IPCC's 2006 Guidelines (volume 4, tables 4.3 and 4.4); for species of the
United States the carbon fraction of wood is that of WO-104, table S10a. Totals of plots and stands, with trees that
were not found, are in `survey.allometry.totals`; `python -m benchmarks.totals` checks their intervals.

## Regions

"""
_HEAD: Final = """\
| id | taxon | place | gives | equation | stem diameter, cm | own | shared | counts |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def describe_equations() -> str:
    """Return the page, Markdown."""
    return "".join(_write_page())


def _write_page() -> Iterator[str]:
    yield _OPENING
    yield ", ".join(f"`{region}`" for region in known_regions())
    yield ".\n\n## Equations\n\nD is stem diameter in cm at 1.3 m, H height and CD crown diameter in m.\n"
    for source, equations in groupby(sorted(load_equations(), key=_order), key=lambda one: one.source):
        listed = list(equations)
        yield _describe_source(source, listed)
        yield _HEAD
        yield from (_describe(one) for one in listed)


def _order(equation: Equation) -> tuple[str, str, str]:
    return equation.source.citation, equation.source.table, equation.id


def _describe_source(source: Source, equations: list[Equation]) -> str:
    doi = "" if source.doi is None else f", doi {source.doi}"
    errors = "; ".join(dict.fromkeys(one.errors_from for one in equations))
    return f"\n### {source.citation}{doi}\n\n{source.table[:1].upper()}{source.table[1:]}. Errors: {errors}.\n\n"


def _describe(equation: Equation) -> str:
    place = equation.place if equation.biome is None else f"{equation.place}/{equation.biome}"
    limits = "not known" if equation.range_cm is None else f"{equation.range_cm[0]:.3g} to {equation.range_cm[1]:.3g}"
    cells = (
        f"`{equation.id}`",
        equation.taxon,
        place,
        equation.quantity,
        _write_formula(equation),
        limits if "dbh_cm" in equation.inputs else "",
        f"{100.0 * equation.own_share:.3g} %",
        f"{100.0 * equation.shared_share:.3g} %",
        equation.parts,
    )
    return f"| {' | '.join(cells)} |\n"


def _write_formula(equation: Equation) -> str:
    total = " + ".join(_write_term(term) for term in equation.terms)
    if equation.correction == 1.0:
        return total
    return f"{total}, times {equation.correction:.6g}"


def _write_term(term: Term) -> str:
    powers = (("D", term.dbh), ("H", term.height), ("CD", term.crown))
    factors = [f"{term.scale:.6g}", *(f"{name}^{power:.6g}" for name, power in powers if power)]
    if term.rate:
        factors.append(f"exp({-term.rate:.6g} D)")
    where = ""
    if term.to_cm < float("inf"):
        where = f" (D < {term.to_cm:.4g})"
    elif term.from_cm > 0.0:
        where = f" (D >= {term.from_cm:.4g})"
    return " ".join(factors) + where
