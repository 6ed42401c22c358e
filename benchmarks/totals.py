"""Whether 95 % intervals of stand totals hold the truth: one thousand independent stands, each in a region of its own.

Run: ``python -m benchmarks.totals [--json]``. A stand has some hundred trees of one type with the simulator's sizes of
height and crown. What is true of its stems is *not* what the estimator computes; two worlds are drawn.

- *Drawn regions*: the estimator is told the type alone, or a species and its place, by lot. Each stand departs from the
  equations chosen for that by factors of its own, drawn with the shared errors that they claim, and each tree scatters
  about its stand with their own ones. This checks that errors are carried and added as they should be, not that they
  are of the right size.
- *Published regions*: the estimator is told the type alone. Each stand's diameters follow one of the regional equations
  of Jucker et al. (2017) for forests of its type, its biomass one species' equation of Europe or China, its volume one
  of the United States, all drawn by lot; stands depart from these and trees scatter as those equations claim. So the
  estimator's shared errors must cover how regions and species really differ. (The one of biomass was set on the species
  of Canada and the United States, that of diameter on the same regional equations: for basal area and volume this world
  is no independent one.)

Both worlds share how a survey sees a stand: heights and crowns with own and shared errors; trees found by chance, with
the detection probabilities counted on simulated flights, shifted on the logit scale for each stand; false trees as
often as the confidences say.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.report import Figure, parse_options, print_figures
from sample_data.forest.species import SPECIES, crown_radius_of_diameter, height_of_diameter
from survey.allometry.carbon import compute_carbon_factor
from survey.allometry.choose import choose_models
from survey.allometry.columns import EstimateColumn, Sizes, TreeColumns
from survey.allometry.equation import Equation, ForestType, solve_equation
from survey.allometry.models import StockModels, estimate_stocks
from survey.allometry.registry import find_equations
from survey.allometry.totals import Detection, FoundTrees, Total, Totals, total_plot
from survey.cloud import Floats

STANDS: Final = 1_000
FIRST_SEED: Final = 2_000
AREA_M2: Final = 10_000.0
LEAST_HEIGHT_M: Final = 5.0
LOGIT_SHIFT: Final = 0.25
"""How stands differ in how well their trees are found."""
OWN_HEIGHT_M, SHARED_HEIGHT_M = 0.4, 0.15
OWN_CROWN, SHARED_CROWN = 0.12, 0.05
CLASSES: Final = ((5.0, 10.0, 0.36), (10.0, 15.0, 0.41), (15.0, 20.0, 0.35), (20.0, 25.0, 0.62), (25.0, 30.0, 0.95))
TALLEST: Final = (30.0, 100.0, 0.99)
LAYERS: Final = ((240.0, 40.0, 4.0), (140.0, 22.0, 4.0), (125.0, 10.0, 2.6))
"""Stems a hectare, scale (cm) and shape of their diameters: the simulator's storeys."""
QUANTITIES: Final = ("count", "basal_area_m2", "volume_m3", "biomass_kg", "carbon_kg")


@dataclass(frozen=True, slots=True)
class Trees:
    """True sizes of a stand's trees, shape (n,).

    Attributes
    ----------
    forest
        Their type.
    height_m, crown_m
        Height and crown diameter.
    grown_cm
        Stem diameter from which the simulator grew both.
    name
        Of their species.
    """

    forest: ForestType
    height_m: Floats
    crown_m: Floats
    grown_cm: Floats
    name: str


@dataclass(frozen=True, slots=True)
class Stems:
    """What stands in a stand's trees in one world, shape (n,)."""

    dbh_cm: Floats
    volume_m3: Floats
    biomass_kg: Floats
    carbon_kg: Floats


Tell = Callable[[np.random.Generator, Trees], StockModels]
World = Callable[[np.random.Generator, Trees, StockModels], Stems]


def measure_totals(stands: int = STANDS, first_seed: int = FIRST_SEED) -> list[Figure]:
    """Return how often intervals hold the truth of some stands, in both worlds."""
    figures: list[Figure] = []
    for name, world, tell in (
        ("drawn regions", draw_region, tell_more),
        ("published regions", draw_published, tell_type),
    ):
        held, widths = _run(world, tell, range(first_seed, first_seed + stands))
        shares = {quantity: 100.0 * float(np.mean(held[quantity])) for quantity in QUANTITIES}
        figures += [
            Figure(f"{name}: {quantity} held by its interval", shares[quantity], "%") for quantity in QUANTITIES
        ]
        furthest = max(abs(share - 95.0) for share in shares.values())
        figures.append(Figure(f"{name}: furthest from 95 %", furthest, "points", "<= 3"))
        figures.append(Figure(f"{name}: half width of the biomass interval", 100.0 * widths, "%"))
    return figures


def measure_simulator() -> list[Figure]:
    """Return how basal area fares where stems have the diameters that the simulator grew its trees from.

    That is one region, whose departure from the equations is what it is: a share of intervals that hold says nothing.
    """
    ratios, errors = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + STANDS // 10):
        rng = np.random.default_rng([0x51A11, seed])
        trees = grow(rng)
        totals = survey(rng, trees, choose_models(trees.name, "unknown", "europe/temperate-mixed"))
        total = _total_of(totals, "basal_area_m2")
        ratios.append(total.value / float(np.sum(np.pi / 4.0 * (trees.grown_cm / 100.0) ** 2)))
        errors.append(total.error / total.value)
    return [
        Figure("the simulator's own diameters: basal area over truth, median", float(np.median(ratios)), ""),
        Figure("the simulator's own diameters: claimed error, median", 100.0 * float(np.median(errors)), "%"),
    ]


def grow(rng: np.random.Generator) -> Trees:
    """Return a stand's trees over 5 m, all of one type."""
    is_conifer = bool(rng.integers(2))
    kinds = [one for one in SPECIES if one.conifer == is_conifer]
    kind = kinds[rng.integers(len(kinds))]
    dense = float(np.exp(rng.normal(0.0, 0.3)))
    dbh = np.concatenate([scale * rng.weibull(shape, rng.poisson(dense * stems)) for stems, scale, shape in LAYERS])
    dbh = np.maximum(dbh, 1.5)
    height = height_of_diameter(kind, dbh) * np.exp(rng.normal(0.0, 0.08, dbh.size))
    crown = 2.0 * crown_radius_of_diameter(kind, dbh) * np.exp(rng.normal(0.0, 0.15, dbh.size))
    tall = height >= LEAST_HEIGHT_M
    return Trees("gymnosperm" if is_conifer else "angiosperm", height[tall], crown[tall], dbh[tall], kind.name)


def tell_type(_: np.random.Generator, trees: Trees) -> StockModels:
    """Return the estimator's equations when it is told the type alone."""
    return choose_models(None, trees.forest, None)


def tell_more(rng: np.random.Generator, trees: Trees) -> StockModels:
    """Return the estimator's equations when it is told the type alone, or a species and its place, by lot."""
    if rng.integers(2):
        return tell_type(rng, trees)
    species = [one for one in find_equations("biomass_kg", forest=trees.forest) if one.rank == "species"]
    one = species[rng.integers(len(species))]
    return choose_models(one.taxon, "unknown", one.place)


def draw_region(rng: np.random.Generator, trees: Trees, models: StockModels) -> Stems:
    """Return stems of a stand that departs from the estimator's equations by as much as they claim."""
    seen = estimate_stocks(models, _exact(trees, np.full_like(trees.height_m, np.nan)))
    dbh = _scatter(rng, seen.dbh_cm)
    taped = estimate_stocks(models, _exact(trees, dbh))
    # A species' biomass follows from the stem; without a species the estimator goes by height and crown alone.
    mass = taped.biomass_kg if models.biomass_by_dbh else seen.biomass_kg
    return _fill(rng, trees, dbh, volume=_scatter(rng, taped.volume_m3), mass=_scatter(rng, mass))


def draw_published(rng: np.random.Generator, trees: Trees, _: StockModels) -> Stems:
    """Return stems of a region and a species that others published."""
    regions = [one for one in find_equations("dbh_cm", forest=trees.forest) if one.biome not in {None, "woodland"}]
    species = [one for one in find_equations("biomass_kg", forest=trees.forest) if one.place in {"europe", "china"}]
    bodies = [one for one in find_equations("volume_m3", forest=trees.forest) if one.rank == "species"]
    dbh = _follow(rng, regions, trees, trees.grown_cm)
    volume, mass = _follow(rng, bodies, trees, dbh), _follow(rng, species, trees, dbh)
    return _fill(rng, trees, dbh, volume=volume, mass=mass)


def _follow(rng: np.random.Generator, equations: list[Equation], trees: Trees, dbh_cm: Floats) -> Floats:
    """Return what one of some equations says of a stand that departs from it, its trees scattering."""
    one = equations[rng.integers(len(equations))]
    value = solve_equation(one, dbh_cm=dbh_cm, height_m=trees.height_m, crown_m=trees.crown_m).value
    nothing = np.zeros(value.size, dtype=np.int8)
    return _scatter(rng, EstimateColumn(value, one.own_share * value, one.shared_share * value, (one.id,), nothing))


def _scatter(rng: np.random.Generator, column: EstimateColumn) -> Floats:
    """Return trees about estimates that are their mean, all of them departing together by their shared error."""
    own, shared = column.own_error / column.value, column.shared_error / column.value
    scattered: Floats = column.value * np.exp(
        shared * rng.normal(0.0, 1.0) + rng.normal(0.0, 1.0, own.size) * own - own**2 / 2.0
    )
    return scattered


def _exact(trees: Trees, dbh_cm: Floats) -> TreeColumns:
    """Return sizes as if they were known without error."""
    nothing = np.zeros_like(dbh_cm)
    return TreeColumns(*(Sizes(size, nothing, nothing) for size in (trees.height_m, trees.crown_m, dbh_cm)))


def _fill(rng: np.random.Generator, trees: Trees, dbh: Floats, *, volume: Floats, mass: Floats) -> Stems:
    factor = compute_carbon_factor(trees.forest, density_kg_m2=float(mass.sum()) / AREA_M2)
    carbon = mass * factor.factor * np.exp(rng.normal(0.0, factor.shared_share))
    return Stems(dbh, volume, mass, carbon)


def _run(world: World, tell: Tell, seeds: range) -> tuple[dict[str, list[bool]], float]:
    held: dict[str, list[bool]] = {quantity: [] for quantity in QUANTITIES}
    widths = []
    for seed in seeds:
        rng = np.random.default_rng([0x70741, seed])
        trees = grow(rng)
        models = tell(rng, trees)
        stems = world(rng, trees, models)
        totals = survey(rng, trees, models)
        truth = _true_totals(stems)
        for quantity in QUANTITIES:
            low, high = _total_of(totals, quantity).interval
            held[quantity].append(low <= truth[quantity] <= high)
        low, high = _total_of(totals, "biomass_kg").interval
        widths.append((high - low) / 2.0 / _total_of(totals, "biomass_kg").value)
    return held, float(np.median(widths))


def survey(rng: np.random.Generator, trees: Trees, models: StockModels) -> Totals:
    """Return totals as a survey tells them that sees height and crown of some trees."""
    shift = rng.normal(0.0, LOGIT_SHIFT)
    probability = np.ones(trees.height_m.size)
    for low, high, share in (*CLASSES, TALLEST):
        inside = (trees.height_m >= low) & (trees.height_m < high)
        probability[inside] = 1.0 / (1.0 + (1.0 - share) / share * np.exp(-shift))
    found = np.flatnonzero(rng.random(probability.size) < probability)
    confidence = rng.beta(9.0, 1.5, found.size)
    false = rng.poisson((1.0 - confidence) / confidence)
    seen = np.concatenate([found, np.repeat(found, false)])
    sure = np.concatenate([confidence, np.repeat(confidence, false)])
    height, crown = _measure(rng, trees, seen)
    columns = TreeColumns(
        Sizes(height, np.full(seen.size, OWN_HEIGHT_M), np.full(seen.size, SHARED_HEIGHT_M)),
        Sizes(crown, OWN_CROWN * crown, SHARED_CROWN * crown),
        Sizes(np.full(seen.size, np.nan), np.zeros(seen.size), np.zeros(seen.size)),
    )
    stocks = estimate_stocks(models, columns, area_m2=AREA_M2)
    return total_plot(FoundTrees(height, sure, stocks, AREA_M2), _detection())


def _measure(
    rng: np.random.Generator, trees: Trees, seen: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[Floats, Floats]:
    height = trees.height_m[seen] + rng.normal(0.0, SHARED_HEIGHT_M) + rng.normal(0.0, OWN_HEIGHT_M, seen.size)
    crown = trees.crown_m[seen] * (1.0 + rng.normal(0.0, SHARED_CROWN) + rng.normal(0.0, OWN_CROWN, seen.size))
    return np.maximum(height, 1.5), np.maximum(crown, 0.3)


def _detection() -> tuple[Detection, ...]:
    """Return probabilities as a survey knows them: of stands like this one, with how one stand departs from them."""
    lowest, *others = (Detection(low, high, p, LOGIT_SHIFT * p * (1.0 - p)) for low, high, p in (*CLASSES, TALLEST))
    # Errors of height push some trees below the least; they belong to the lowest class.
    return (Detection(0.0, lowest.to_m, lowest.probability, lowest.error), *others)


def _true_totals(stems: Stems) -> dict[str, float]:
    return {
        "count": float(stems.dbh_cm.size),
        "basal_area_m2": float(np.sum(np.pi / 4.0 * (stems.dbh_cm / 100.0) ** 2)),
        "volume_m3": float(stems.volume_m3.sum()),
        "biomass_kg": float(stems.biomass_kg.sum()),
        "carbon_kg": float(stems.carbon_kg.sum()),
    }


def _total_of(totals: Totals, quantity: str) -> Total:
    total = {
        "count": totals.count,
        "basal_area_m2": totals.basal_area_m2,
        "volume_m3": totals.volume_m3,
        "biomass_kg": totals.biomass_kg,
        "carbon_kg": totals.carbon_kg,
    }[quantity]
    if total is None:
        raise AssertionError(quantity)
    return total


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    sys.exit(print_figures([*measure_totals(), *measure_simulator()], as_json=options.json))


if __name__ == "__main__":
    main()
