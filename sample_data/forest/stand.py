"""A layered, mixed stand on a terrain, each tree known."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sample_data.errors import LARGEST_SEED, InvalidParameter, check_range
from sample_data.forest.competition import crowd
from sample_data.forest.damage import die, lean, throw_down
from sample_data.forest.planting import (
    Gaps,
    Rows,
    Stems,
    drop_touching,
    open_gaps,
    place_in_rows,
    place_stems,
    row_sites,
)
from sample_data.forest.species import (
    MOUNTAIN_SPECIES,
    SPECIES,
    Species,
    crown_radius_of_diameter,
    height_of_diameter,
)
from sample_data.forest.terrain import Terrain, TerrainParameters, elevation_m, shape_terrain
from sample_data.forest.tree import TreeTruth

__all__ = ["DEFAULT_LAYERS", "LayerParameters", "Stand", "StandParameters", "TreeTruth", "grow_stand"]

Floats = NDArray[np.float64]

# Scatter of trees about their species' curves, standard deviation of the logarithm: the residual spread that
# height and crown curves leave in mixed stands (Pretzsch et al. 2015 report more for crowns than for heights).
_HEIGHT_SCATTER = 0.08
_CROWN_SCATTER = 0.15
_SMALLEST_DBH_CM = 1.5
# A side beyond this would need gigabytes to scan at once.
_LARGEST_SIDE_M = 500.0


@dataclass(frozen=True, slots=True)
class LayerParameters:
    """One storey of a stand."""

    stems_per_ha: float
    """Stems a hectare before the seed scatters it."""
    dbh_scale_cm: float
    """Scale of the Weibull distribution of stem diameters."""
    dbh_shape: float
    """Its shape."""
    spacing: float
    """Distance wanted between stems over the sum of crown radii; below 1, crowns overlap."""
    clustered: float
    """Share of stems near parent points."""
    shares: tuple[float, ...]
    """Mixture by species, in the order of ``species``."""
    species: tuple[str, ...] = tuple(one.name for one in MOUNTAIN_SPECIES)
    """Scientific names of what grows in it, each one of :data:`sample_data.forest.species.SPECIES`."""
    rows: Rows | None = None
    """Planted in rows; ``spacing`` and ``clustered`` then say nothing."""


# Stem numbers and the shape of the diameter distribution are those of uneven-aged spruce-fir-beech forest, 350 to
# 800 stems a hectare over 7 cm: the alpine benchmark plots of Eysn et al. (2015), doi 10.3390/f6051721, have 350 to
# 1,100.
DEFAULT_LAYERS: tuple[LayerParameters, ...] = (
    LayerParameters(240.0, 40.0, 4.0, 0.62, 0.0, (0.42, 0.16, 0.10, 0.24, 0.08)),
    LayerParameters(140.0, 22.0, 4.0, 0.42, 0.3, (0.30, 0.24, 0.04, 0.34, 0.08)),
    LayerParameters(125.0, 10.0, 2.6, 0.35, 0.6, (0.24, 0.30, 0.00, 0.40, 0.06)),
    LayerParameters(120.0, 3.2, 2.2, 0.30, 0.8, (0.25, 0.30, 0.00, 0.40, 0.05)),
)


@dataclass(frozen=True, slots=True)
class StandParameters:
    """What a stand is drawn from."""

    origin_x_m: float = 383_000.0
    """Easting of the south-west corner; the default lies in the Bavarian Forest."""
    origin_y_m: float = 5_428_000.0
    """Northing of the south-west corner."""
    epsg: int = 32633
    """Projected CRS of the corner, in metres."""
    side_m: float = 100.0
    """Side of the square, metres."""
    terrain: TerrainParameters = field(default_factory=TerrainParameters)
    """Slope and roughness of the ground."""
    layers: tuple[LayerParameters, ...] = DEFAULT_LAYERS
    """Storeys, tallest first."""
    gaps_per_ha: float = 4.0
    """Mean number of openings a hectare."""
    density_scatter: float = 0.12
    """Standard deviation of the logarithm of the stand's density about that of its layers."""
    dead_share: float = 0.0
    """Share of trees that stand dead."""
    leaning_share: float = 0.0
    """Share of trees whose stem leans by 5 degrees or more."""
    fallen_share: float = 0.0
    """Share of trees that lie on the ground: most along one wind, some fresh, some old."""
    vigour_scatter: float = 0.0
    """Standard deviation of the logarithm of each tree's vigour (:attr:`TreeTruth.vigour`)."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A stand whose every tree is known."""

    trees: tuple[TreeTruth, ...]
    """All trees, tallest storey first."""
    bounds: tuple[float, float, float, float]
    """Least easting and northing, greatest easting and northing."""
    epsg: int
    """Projected CRS of all positions, in metres."""
    terrain: Terrain
    """The ground."""
    seed: int
    """What it was grown from."""


@dataclass(frozen=True, slots=True)
class _Trees:
    """Trees of one layer or of all, as arrays; positions relative to the corner."""

    stems: Stems
    dbh_cm: Floats
    height_m: Floats
    species: NDArray[np.int64]
    layer: NDArray[np.int64]


def grow_stand(seed: int, *, parameters: StandParameters | None = None) -> Stand:
    """Return a stand drawn from a seed.

    Parameters
    ----------
    seed
        The same seed and parameters give the same stand.
    parameters
        What it is drawn from; by default one hectare of uneven-aged mixed mountain forest.

    Returns
    -------
    Stand

    Raises
    ------
    InvalidParameter
        The seed is negative, the side lies outside 20 to 500 m, a terrain parameter or a share is out of range, or a
        layer names a species that is not known.

    Examples
    --------
    >>> stand = grow_stand(1, parameters=StandParameters(side_m=20.0))
    >>> stand.trees[0].layer
    0
    """
    chosen = parameters or StandParameters()
    check_range("seed", seed, 0, LARGEST_SEED)
    check_range("side_m", chosen.side_m, 20.0, _LARGEST_SIDE_M)
    check_range("dead_share", chosen.dead_share, 0.0, 1.0)
    check_range("leaning_share", chosen.leaning_share, 0.0, 1.0)
    check_range("fallen_share", chosen.fallen_share, 0.0, 1.0)
    check_range("vigour_scatter", chosen.vigour_scatter, 0.0, 1.0)
    rng = np.random.default_rng([0x57A4D, seed])
    terrain = shape_terrain(rng, chosen.origin_x_m, chosen.origin_y_m, chosen.terrain)
    gaps = open_gaps(rng, chosen.side_m, chosen.gaps_per_ha)
    trees = _plant(rng, chosen, gaps)
    side = chosen.side_m
    # Generators of their own, so that stands without dead, leaning and fallen trees stay what they were.
    fate, wind, vigour = (np.random.default_rng([stream, seed]) for stream in (0xDEAD, 0xFA11, 0x516))
    standing = _hurt(fate, chosen, _write_truth(rng, chosen, terrain, trees))
    grown = _vary(vigour, chosen.vigour_scatter, standing)
    return Stand(
        trees=throw_down(wind, grown, chosen.fallen_share),
        bounds=(chosen.origin_x_m, chosen.origin_y_m, chosen.origin_x_m + side, chosen.origin_y_m + side),
        epsg=chosen.epsg,
        terrain=terrain,
        seed=seed,
    )


def _plant(rng: np.random.Generator, parameters: StandParameters, gaps: Gaps) -> _Trees:
    """Return all layers' trees; the young also grow in gaps."""
    density = float(np.exp(rng.normal(0.0, parameters.density_scatter)))
    empty = np.empty(0)
    standing = _Trees(Stems(empty, empty, empty), empty, empty, np.empty(0, np.int64), np.empty(0, np.int64))
    no_gaps = Gaps(empty, empty, empty)
    for number, layer in enumerate(parameters.layers):
        dense = replace(layer, stems_per_ha=density * layer.stems_per_ha)
        young = 2 * number >= len(parameters.layers)
        grown = _grow_layer(rng, parameters.side_m, dense, no_gaps if young else gaps)
        clear = drop_touching(grown.stems, standing.stems)
        standing = _join(standing, grown, clear, number)
    return standing


def _grow_layer(rng: np.random.Generator, side_m: float, layer: LayerParameters, avoid: Gaps) -> _Trees:
    count = int(rng.poisson(layer.stems_per_ha * side_m**2 / 10_000.0))
    sites = np.empty((0, 2)) if layer.rows is None else row_sites(rng, side_m, layer.rows)
    count = count if layer.rows is None else min(count, len(sites))
    dbh = np.maximum(layer.dbh_scale_cm * rng.weibull(layer.dbh_shape, count), _SMALLEST_DBH_CM)
    dbh = np.sort(dbh)[::-1]
    shares = rng.dirichlet(12.0 * np.maximum(np.array(layer.shares), 1e-3))
    species = _species_numbers(layer)[rng.choice(len(layer.species), size=count, p=shares)]
    height = _by_species(species, dbh, height_of_diameter) * np.exp(rng.normal(0.0, _HEIGHT_SCATTER, count))
    radius = _by_species(species, dbh, crown_radius_of_diameter) * np.exp(rng.normal(0.0, _CROWN_SCATTER, count))
    if layer.rows is None:
        stems = place_stems(rng, side_m, radius, spacing=layer.spacing, clustered=layer.clustered, avoid=avoid)
    else:
        stems = place_in_rows(rng, side_m, sites, radius, jitter_m=layer.rows.jitter_m)
    return _Trees(stems, dbh, height, species, np.zeros(count, np.int64))


def _species_numbers(layer: LayerParameters) -> NDArray[np.int64]:
    """Return where the layer's species stand in :data:`sample_data.forest.species.SPECIES`."""
    known = [one.name for one in SPECIES]
    strangers = set(layer.species) - set(known)
    if strangers:
        raise InvalidParameter("species", sorted(strangers), "each must be one of sample_data.forest.species.SPECIES")
    if len(layer.shares) != len(layer.species):
        raise InvalidParameter("shares", layer.shares, f"there must be one for each of {len(layer.species)} species")
    return np.array([known.index(name) for name in layer.species])


def _by_species(species: NDArray[np.int64], dbh_cm: Floats, curve: Callable[[Species, Floats], Floats]) -> Floats:
    """Return a species' curve at each tree's diameter."""
    values = np.empty_like(dbh_cm)
    for number, one in enumerate(SPECIES):
        chosen = species == number
        values[chosen] = curve(one, dbh_cm[chosen])
    return values


def _join(standing: _Trees, grown: _Trees, keep: NDArray[np.bool_], layer: int) -> _Trees:
    """Return standing trees followed by those of a new layer that are kept."""
    stems = Stems(
        np.concatenate([standing.stems.x_m, grown.stems.x_m[keep]]),
        np.concatenate([standing.stems.y_m, grown.stems.y_m[keep]]),
        np.concatenate([standing.stems.radius_m, grown.stems.radius_m[keep]]),
    )
    return _Trees(
        stems,
        np.concatenate([standing.dbh_cm, grown.dbh_cm[keep]]),
        np.concatenate([standing.height_m, grown.height_m[keep]]),
        np.concatenate([standing.species, grown.species[keep]]),
        np.concatenate([standing.layer, np.full(int(keep.sum()), layer, np.int64)]),
    )


def _write_truth(
    rng: np.random.Generator, parameters: StandParameters, terrain: Terrain, trees: _Trees
) -> tuple[TreeTruth, ...]:
    """Return the trees after competition has narrowed, lifted and pushed their crowns."""
    x = parameters.origin_x_m + trees.stems.x_m
    y = parameters.origin_y_m + trees.stems.y_m
    ground = elevation_m(terrain, x, y)
    crowding = crowd(trees.stems.x_m, trees.stems.y_m, trees.height_m)
    radius = trees.stems.radius_m / (1.0 + 0.10 * crowding.pressure)
    share = np.array([SPECIES[number].crown_share for number in trees.species])
    share = share * np.exp(rng.normal(0.0, 0.1, x.size)) / (1.0 + 0.08 * crowding.pressure)
    base = trees.height_m * (1.0 - np.clip(share, 0.15, 0.9))
    reach = np.array([0.12 if SPECIES[number].conifer else 0.40 for number in trees.species]) * radius
    apex_x = x + reach * crowding.push_east + rng.normal(0.0, 0.008, x.size) * trees.height_m
    apex_y = y + reach * crowding.push_north + rng.normal(0.0, 0.008, x.size) * trees.height_m
    return tuple(
        TreeTruth(
            x_m=float(x[i]),
            y_m=float(y[i]),
            ground_m=float(ground[i]),
            height_m=float(trees.height_m[i]),
            crown_diameter_m=float(2.0 * radius[i]),
            crown_base_m=float(base[i]),
            dbh_cm=float(trees.dbh_cm[i]),
            species=SPECIES[trees.species[i]].name,
            layer=int(trees.layer[i]),
            apex_x_m=float(apex_x[i]),
            apex_y_m=float(apex_y[i]),
            number=i,
        )
        for i in range(x.size)
    )


def _hurt(rng: np.random.Generator, parameters: StandParameters, trees: tuple[TreeTruth, ...]) -> tuple[TreeTruth, ...]:
    """Return the trees, some of them dead or leaning."""
    if parameters.dead_share == 0.0 and parameters.leaning_share == 0.0:
        return trees
    dead = rng.random(len(trees)) < parameters.dead_share
    leaning = rng.random(len(trees)) < parameters.leaning_share
    leans = rng.uniform(5.0, 25.0, len(trees))
    towards = rng.uniform(0.0, 2.0 * np.pi, len(trees))
    hurt = [die(tree, rng) if is_dead else tree for tree, is_dead in zip(trees, dead, strict=True)]
    return tuple(lean(tree, float(leans[i]), float(towards[i])) if leaning[i] else tree for i, tree in enumerate(hurt))


def _vary(rng: np.random.Generator, scatter: float, trees: tuple[TreeTruth, ...]) -> tuple[TreeTruth, ...]:
    """Return the trees, each with a vigour of its own."""
    if scatter == 0.0:
        return trees
    vigour = np.exp(rng.normal(0.0, scatter, len(trees)))
    return tuple(replace(tree, vigour=float(one)) for tree, one in zip(trees, vigour, strict=True))
