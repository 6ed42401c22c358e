"""How trees grow and new ones come up between two campaigns.

- Diameter: a potential over size that rises and falls, of the power-exponential form (Zeide 1993, Forest Science 39,
  594, the increment form of which is a power of size times a decline), less by competition, with each tree's own luck.
  Peaks by species are those of :mod:`sample_data.forest.species`.
- Height and crown follow the species' curves over diameter, from where the tree stood beside them; curves rise slowly
  with a stand's age.
- New stems pass 1.3 m at the rate of uneven-aged spruce forest, 30 a hectare a year: Eerikainen et al. (2014), doi
  10.1186/2197-5620-1-5.
"""

from dataclasses import dataclass, replace

import numpy as np

from sample_data.forest.competition import crowd
from sample_data.forest.species import crown_radius_of_diameter, height_of_diameter, species_named
from sample_data.forest.stand import Stand
from sample_data.forest.terrain import elevation_m
from sample_data.forest.tree import TreeTruth
from sample_data.forest.tree_table import Floats, TreeTable, tabulate_trees

# Diameter at which the potential peaks.
_BEST_DBH_CM = 35.0
# A crown answers to the light that its neighbours leave within about this time.
_RELEASE_YEARS = 10.0
_CROWN_PER_PRESSURE = 0.10
# Crown bases rise by about half of what the apex does in closed stands.
_BASE_FOLLOWS = 0.5
_CLOSEST_STEMS_M = 0.6
_TRIES = 10


@dataclass(frozen=True, slots=True)
class GrowthParameters:
    """How fast trees grow."""

    pace: float = 1.0
    """Factor on all diameter increments: the site."""
    loss_per_pressure: float = 0.45
    """Decline of the increment's logarithm, a unit of :attr:`sample_data.forest.competition.Crowding.pressure`."""
    scatter: float = 0.30
    """Standard deviation of the logarithm of a tree's increment."""
    rise_per_year: float = 0.003
    """Rise of the height curve in a year, as a share: little in uneven-aged stands, 0.01 and more in young ones."""
    ingrowth_per_ha_year: float = 30.0
    """Stems that pass breast height, a hectare and year."""


def increment_mm(trees: TreeTable, pressure: Floats, parameters: GrowthParameters) -> Floats:
    """Return the expected growth of stem diameters in a year, shape (n,), millimetres.

    Parameters
    ----------
    trees
        n trees.
    pressure
        Competition that each feels, shape (n,).
    parameters
        Pace and loss.
    """
    peak = np.array([species_named(name).peak_increment_mm for name in trees.species], dtype=np.float64)
    size = trees.dbh_cm / _BEST_DBH_CM
    potential = np.sqrt(size * np.exp(1.0 - size))
    return parameters.pace * peak * potential * np.exp(-parameters.loss_per_pressure * pressure)


def grow_trees(
    rng: np.random.Generator,
    trees: tuple[TreeTruth, ...],
    remain: tuple[TreeTruth, ...],
    *,
    years: float,
    parameters: GrowthParameters,
) -> tuple[TreeTruth, ...]:
    """Return those trees that remain, grown.

    Parameters
    ----------
    rng
        Source of all chance.
    trees
        All that stand at the start, by whose competition they grow.
    remain
        Those of them that live on; their crowns answer to the others' going.
    years
        Time between the campaigns.
    parameters
        How fast.

    Returns
    -------
    Trees in the order of ``remain``.
    """
    first, last = tabulate_trees(trees), tabulate_trees(remain)
    pressure = dict(zip(first.number.tolist(), crowd(first.x_m, first.y_m, first.height_m).pressure, strict=True))
    before = np.array([pressure[number] for number in last.number.tolist()])
    after = crowd(last.x_m, last.y_m, last.height_m).pressure
    luck = np.exp(rng.normal(0.0, parameters.scatter, len(last)))
    dbh = last.dbh_cm + 0.1 * years * increment_mm(last, before, parameters) * luck
    rise = _lift(last, dbh, years * parameters.rise_per_year) * np.exp(rng.normal(0.0, 0.25, len(last)))
    height = last.height_m + rise
    crown = last.crown_diameter_m * _widening(last, dbh) * _release(before, after, years)
    sway = rng.normal(0.0, 0.004, (2, len(last))) * height
    return tuple(
        _resize(tree, (float(dbh[i]), float(height[i]), float(crown[i])), (float(sway[0, i]), float(sway[1, i])))
        for i, tree in enumerate(remain)
    )


def recruit(
    rng: np.random.Generator, stand: Stand, first_number: int, *, years: float, parameters: GrowthParameters
) -> tuple[TreeTruth, ...]:
    """Return new stems that came up since, in the roomiest of the places tried.

    Parameters
    ----------
    rng
        Source of all chance.
    stand
        What stands already.
    first_number
        The first new stem's number; the others' follow.
    years
        Time between the campaigns.
    parameters
        Rate.
    """
    west, south, east, north = stand.bounds
    area_ha = (east - west) * (north - south) / 10_000.0
    count = int(rng.poisson(parameters.ingrowth_per_ha_year * years * area_ha))
    feet = np.array([(tree.x_m, tree.y_m) for tree in stand.trees]).reshape(-1, 2)
    parents = [tree.species for tree in stand.trees] or ["Picea abies"]
    layer = max((tree.layer for tree in stand.trees), default=0)
    stems: list[TreeTruth] = []
    for _ in range(count):
        place, room = _roomiest(rng, stand.bounds, feet)
        if room < _CLOSEST_STEMS_M:
            continue
        feet = np.vstack([feet, place])
        name = parents[int(rng.integers(len(parents)))]
        stems.append(_sprout(rng, stand, (float(place[0]), float(place[1])), name, years=years))
    return tuple(replace(stem, number=first_number + i, layer=layer) for i, stem in enumerate(stems))


def _lift(trees: TreeTable, dbh_cm: Floats, rise: float) -> Floats:
    """Return the growth in height that goes with a new diameter, metres."""
    ratio = np.array(
        [
            height_of_diameter(species_named(name), new) / height_of_diameter(species_named(name), old)
            for name, new, old in zip(trees.species, dbh_cm, trees.dbh_cm, strict=True)
        ]
    ).reshape(-1)
    return trees.height_m * (ratio * (1.0 + rise) - 1.0)


def _widening(trees: TreeTable, dbh_cm: Floats) -> Floats:
    """Return the factor by which crowns widen with a new diameter."""
    return np.array(
        [
            crown_radius_of_diameter(species_named(name), new) / crown_radius_of_diameter(species_named(name), old)
            for name, new, old in zip(trees.species, dbh_cm, trees.dbh_cm, strict=True)
        ]
    ).reshape(-1)


def _release(before: Floats, after: Floats, years: float) -> Floats:
    """Return the factor by which crowns widen, or narrow, as neighbours went, or grew."""
    share = 1.0 - np.exp(-years / _RELEASE_YEARS)
    factor: Floats = ((1.0 + _CROWN_PER_PRESSURE * before) / (1.0 + _CROWN_PER_PRESSURE * after)) ** share
    return factor


def _resize(tree: TreeTruth, sizes: tuple[float, float, float], sway: tuple[float, float]) -> TreeTruth:
    dbh, height, crown = sizes
    stretch = height / tree.height_m
    return replace(
        tree,
        dbh_cm=dbh,
        height_m=height,
        crown_diameter_m=crown,
        crown_base_m=min(tree.crown_base_m + _BASE_FOLLOWS * (height - tree.height_m), 0.9 * height),
        apex_x_m=tree.x_m + stretch * (tree.apex_x_m - tree.x_m) + sway[0],
        apex_y_m=tree.y_m + stretch * (tree.apex_y_m - tree.y_m) + sway[1],
    )


def _roomiest(
    rng: np.random.Generator, bounds: tuple[float, float, float, float], feet: Floats
) -> tuple[Floats, float]:
    """Return the place farthest from any stem among a few, and how far that is."""
    west, south, east, north = bounds
    places = np.column_stack([rng.uniform(west, east, _TRIES), rng.uniform(south, north, _TRIES)])
    if len(feet) == 0:
        return places[0], np.inf
    room = np.hypot(places[:, :1] - feet[:, 0], places[:, 1:] - feet[:, 1]).min(axis=1)
    best = int(np.argmax(room))
    return places[best], float(room[best])


def _sprout(
    rng: np.random.Generator, stand: Stand, place: tuple[float, float], name: str, *, years: float
) -> TreeTruth:
    """Return a young stem that passed breast height some time ago."""
    x, y = place
    species = species_named(name)
    dbh = 1.0 + 0.3 * float(rng.uniform(0.0, years))
    height = float(height_of_diameter(species, np.array([dbh]))[0]) * float(np.exp(rng.normal(0.0, 0.1)))
    crown = 2.0 * float(crown_radius_of_diameter(species, np.array([dbh]))[0])
    ground = float(elevation_m(stand.terrain, np.array([x]), np.array([y]))[0])
    return TreeTruth(
        x_m=x,
        y_m=y,
        ground_m=ground,
        height_m=height,
        crown_diameter_m=crown,
        crown_base_m=0.3 * height,
        dbh_cm=dbh,
        species=name,
        layer=0,
        apex_x_m=x,
        apex_y_m=y,
    )
