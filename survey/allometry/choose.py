"""Which equations hold for a forest, and what to say where none does."""

import re
from dataclasses import dataclass
from typing import Final

from survey.allometry.carbon import find_carbon_fraction
from survey.allometry.equation import Equation, ForestType
from survey.allometry.errors import InvalidTaxon
from survey.allometry.models import StockModels
from survey.allometry.registry import REALMS, Region, find_equations, load_equations, parse_region
from survey.errors import InvalidParameter

_NAME: Final = re.compile(r"[A-Z][a-z-]{1,40}( [a-z-]{2,40})?")
_WOODLAND: Final = "woodland"
"""Open-grown trees of woodlands and savannas are another matter; they are taken only where they are named."""
_MOST_NAMED: Final = 6
"""More names than this in one sentence are no help."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Equations of a taxon, and what to say of it."""

    biomass: tuple[Equation, ...]
    volume: tuple[Equation, ...]
    notes: tuple[str, ...]


def check_forest_type(forest: str) -> None:
    """Raise `InvalidParameter` unless there are equations for that type of forest."""
    if forest not in ("gymnosperm", "angiosperm", "unknown"):
        raise InvalidParameter("forest", forest, "there are equations for gymnosperm, angiosperm and unknown")


def choose_models(species: str | None, forest: ForestType, region: str | None) -> StockModels:
    """Return the equations for a forest.

    Parameters
    ----------
    species
        Scientific name of a species or genus, or a group of Jenkins et al. (2003); none where only the type is known.
        A taxon without equations gives no volume, biomass and carbon, and a note that says what could be named instead.
    forest
        Type; of a known taxon it may stay ``unknown``.
    region
        A place or realm, or either with a biome (`survey.allometry.registry.known_regions`); none for anywhere.

    Raises
    ------
    InvalidParameter
        The type is none.
    InvalidRegion
        No equations are filed under the region.
    InvalidTaxon
        The name is none, or is of the other type.

    Examples
    --------
    >>> choose_models("Picea abies", "unknown", "europe").biomass_by_dbh[0].id
    'forrester2017-picea-abies'
    >>> choose_models("Cunninghamia lanceolata", "gymnosperm", "china").notes[0]
    'not available: Cunninghamia lanceolata has no equations; name the type alone (gymnosperm)'
    """
    check_forest_type(forest)
    where = parse_region(region)
    if species is None:
        return _choose_for_type(forest, region, where)
    taxon = _parse_taxon(species)
    kind = _type_of(taxon, forest)
    found = _find_taxon(taxon, kind, where)
    dbh, notes = _choose_dbh(kind, where)
    return StockModels(
        species=taxon,
        forest=kind,
        region=region,
        dbh=dbh,
        biomass_by_dbh=found.biomass,
        biomass_by_crown=(),
        volume=found.volume,
        carbon_fraction=find_carbon_fraction(taxon),
        notes=found.notes + notes,
    )


def _choose_for_type(forest: ForestType, region: str | None, where: Region) -> StockModels:
    dbh, notes = _choose_dbh(forest, where)
    local = () if where.place is None else find_equations("biomass_kg", place=where.place)
    return StockModels(
        species=None,
        forest=forest,
        region=region,
        dbh=dbh,
        biomass_by_dbh=_of_type(tuple(one for one in local if one.rank == "group"), forest),
        biomass_by_crown=_of_type(find_equations("biomass_kg", place="global"), forest),
        volume=_of_type(find_equations("volume_m3", place="global"), forest),
        carbon_fraction=None,
        notes=notes,
    )


def _of_type(equations: tuple[Equation, ...], forest: ForestType) -> tuple[Equation, ...]:
    return tuple(one for one in equations if forest in ("unknown", one.forest))


def _choose_dbh(forest: ForestType, where: Region) -> tuple[tuple[Equation, ...], tuple[str, ...]]:
    """Return the equations for stem diameter: of the biome, else of all forests of the type there, else the Earth's.

    The global equation is between both types, and gymnosperms are a quarter thicker than it says: where the type is
    known, the mean of the regional equations of that type is nearer, and their spread an honest error.
    """
    globe = find_equations("dbh_cm", place="global")
    if where.biome is None:
        local = () if forest == "unknown" else find_equations("dbh_cm", place=where.realm, forest=forest)
        return tuple(one for one in local if one.biome not in {None, _WOODLAND}) or globe, ()
    local = tuple(one for one in find_equations("dbh_cm", place=where.realm) if one.biome == where.biome)
    chosen = _of_type(local, forest)
    if chosen:
        return chosen, ()
    return globe, (f"stem diameters by the global equation: {where.realm}/{where.biome} has none for {forest}",)


def _find_taxon(taxon: str, forest: ForestType, where: Region) -> _Found:
    """Return the equations of a taxon where it grows, or none and why."""
    everywhere = find_equations("biomass_kg", taxon=taxon)
    places = tuple(dict.fromkeys(one.place for one in everywhere))
    place = where.place or (places[0] if len(places) == 1 and where.realm is None else None)
    biomass = tuple(one for one in everywhere if one.place == place)
    if not biomass:
        return _Found((), (), (_explain_missing(taxon, forest, where, places),))
    own = find_equations("volume_m3", taxon=taxon, place=place)
    notes = () if where.place else (f"no region named: equations of {place} taken for {taxon}",)
    return _Found(biomass, own or _of_type(find_equations("volume_m3", place="global"), forest), notes)


def _explain_missing(taxon: str, forest: ForestType, where: Region, places: tuple[str, ...]) -> str:
    """Return why a taxon is not available and what could be named instead: a place, its genus' others, its type."""
    if places:
        return f"not available: {taxon} has equations in {', '.join(places)}; name one of them as the region"
    genus = _genus_of(taxon)
    near = dict.fromkeys(
        one.taxon for one in find_equations("biomass_kg", place=where.place) if _genus_of(one.taxon) == genus
    )
    kinds = "gymnosperm or angiosperm" if forest == "unknown" else forest
    others = f"one of its genus ({', '.join(list(near)[:_MOST_NAMED])}) or " if near else ""
    return f"not available: {taxon} has no equations; name {others}the type alone ({kinds})"


def _parse_taxon(species: str) -> str:
    taxon = " ".join(species.split())
    groups = {one.taxon for one in load_equations() if one.rank == "group" and one.place in REALMS}
    if taxon in groups or _NAME.fullmatch(taxon):
        return taxon
    raise InvalidTaxon(
        species, f"give a genus or a genus and a species (Picea abies), or of {', '.join(sorted(groups))}"
    )


def _type_of(taxon: str, forest: ForestType) -> ForestType:
    """Return a taxon's type: of its own equations, of its genus' others, else as given."""
    everything = load_equations()
    known = {one.forest for one in everything if one.taxon == taxon}
    known = known or {one.forest for one in everything if _genus_of(one.taxon) == _genus_of(taxon)}
    if len(known) != 1:
        return forest
    (kind,) = known
    if forest not in ("unknown", kind):
        raise InvalidTaxon(taxon, f"it is {kind}, not {forest}")
    return kind


def _genus_of(taxon: str) -> str:
    return taxon.partition(" ")[0]
