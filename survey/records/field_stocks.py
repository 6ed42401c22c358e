"""Volume, biomass and carbon of a crew's trees, by the species that it named and the diameter that it measured."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.records import result as bodies
from survey.allometry import ForestType, StockModels, TreeColumns, choose_models, gather_sizes
from survey.allometry.errors import InvalidTaxon
from survey.allometry.models import estimate_stocks
from survey.allometry.registry import find_equations
from survey.estimate import Estimate
from survey.records.bodies import BREAST_HEIGHT_MM, scale_estimate, scale_known
from survey.records.field_trees import BuiltTree, read_estimate

_UNKNOWN: Final = ""
_TYPES: Final[dict[str, ForestType]] = {"gymnosperm": "gymnosperm", "angiosperm": "angiosperm", _UNKNOWN: "unknown"}
"""Names that say the type alone."""


def add_stocks(trees: Sequence[BuiltTree], region: str | None) -> tuple[list[bodies.Tree], list[str]]:
    """Return the bodies of trees with their stocks, in order, and what is not available.

    Only living trees have stocks: the equations are of living ones.

    Parameters
    ----------
    trees
        Built.
    region
        Whose equations; see `survey.allometry.choose_models`.
    """
    found = [one.tree for one in trees]
    notes: list[str] = []
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, one in enumerate(trees):
        if one.tree.status == "alive":
            name = _UNKNOWN if one.tree.species is None else one.tree.species.name
            groups[name, "" if one.dbh_cm is None else one.dbh_cm.model].append(number)
    for (name, measured), numbers in groups.items():
        models = _choose(name, region, notes)
        if models is not None:
            for number, tree in zip(numbers, _estimate(models, [trees[one] for one in numbers], measured), strict=True):
                found[number] = tree
    return found, list(dict.fromkeys(notes))


def _choose(name: str, region: str | None, notes: list[str]) -> StockModels | None:
    try:
        species, forest = (None, _TYPES[name]) if name in _TYPES else (name or None, _TYPES[_UNKNOWN])
        models = choose_models(species, forest, region)
    except InvalidTaxon as error:
        notes.append(f"stocks not available: {error}")
        return None
    notes += models.notes
    is_placeless = region is None and species is not None and not models.biomass_by_dbh
    if is_placeless and find_equations("biomass_kg", taxon=species):
        # The record before may have had stocks by the type: that somebody named the species must not take them away.
        notes.append(f"{species}: equations of its type were taken, as nobody named a region")
        return choose_models(None, models.forest, None)
    return models


def _estimate(models: StockModels, trees: Sequence[BuiltTree], measured: str) -> list[bodies.Tree]:
    columns = TreeColumns(
        gather_sizes([read_estimate(one.tree.height_mm, 1_000.0) for one in trees]),
        gather_sizes([read_estimate(one.tree.crown.diameter_mm if one.tree.crown else None, 1_000.0) for one in trees]),
        gather_sizes([one.dbh_cm for one in trees]),
    )
    stocks = estimate_stocks(models, columns, measured=measured or None)
    rows = zip(
        trees,
        stocks.dbh_cm.to_list(),
        stocks.volume_m3.to_list(),
        stocks.biomass_kg.to_list(),
        stocks.carbon_kg.to_list(),
        strict=True,
    )
    return [
        replace(
            one.tree,
            stems=one.tree.stems or _model_stem(dbh),
            volume_dm3=scale_known(volume, 1_000),
            biomass_g=scale_known(biomass, 1_000),
            carbon_g=scale_known(carbon, 1_000),
        )
        for one, dbh, volume, biomass, carbon in rows
    ]


def _model_stem(dbh_cm: Estimate | None) -> tuple[bodies.Stem, ...] | None:
    return None if dbh_cm is None else (bodies.Stem(scale_estimate(dbh_cm, 10), BREAST_HEIGHT_MM),)
