"""Tree lists drawn for these tests: one stand seen twice, with what is true of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.cloud import Floats
from survey.linking.trees import TreeList, list_trees

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TwoViews:
    """One stand seen twice: both lists, and the number of the tree behind each entry."""

    earlier: TreeList
    later: TreeList
    earlier_number: Ints
    later_number: Ints


@dataclass(frozen=True, slots=True)
class View:
    """How a stand is seen twice."""

    shift_m: tuple[float, float] = (1.2, -1.6)
    turn_deg: float = 0.0
    noise_m: float = 0.5
    seen: float = 0.85
    growth_m: float = 1.5
    height_noise_m: float = 0.6


def draw_places(rng: np.random.Generator, side_m: float, per_ha: float, apart_m: float = 1.5) -> Floats:
    """Return places at least some distance apart, shape (n, 2)."""
    wanted = round(per_ha * side_m**2 / 10_000.0)
    places = np.empty((0, 2))
    for place in rng.uniform(0.0, side_m, (20 * wanted, 2)):
        if len(places) == wanted:
            break
        if not len(places) or np.hypot(*(places - place).T).min() >= apart_m:
            places = np.vstack([places, place])
    return places


def see_twice(seed: int, *, side_m: float = 80.0, per_ha: float = 500.0, view: View | None = None) -> TwoViews:
    """Return a mixed stand seen twice."""
    chosen = view or View()
    rng = np.random.default_rng([77, seed])
    places = draw_places(rng, side_m, per_ha)
    return watch(rng, places, rng.uniform(6.0, 32.0, len(places)), chosen)


def watch(rng: np.random.Generator, places: Floats, height_m: Floats, view: View) -> TwoViews:
    """Return two views of trees at given places."""
    turn = np.radians(view.turn_deg)
    middle = np.median(places, axis=0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = middle + (places - middle) @ rotation.T + view.shift_m
    one, two = (rng.permutation(np.flatnonzero(rng.random(len(places)) < view.seen)) for _ in range(2))
    return TwoViews(
        _list(rng, places[one], height_m[one], view),
        _list(rng, moved[two], height_m[two] + view.growth_m, view),
        one,
        two,
    )


def _list(rng: np.random.Generator, places: Floats, height_m: Floats, view: View) -> TreeList:
    noisy = places + rng.normal(0.0, view.noise_m, places.shape)
    heights = np.maximum(height_m + rng.normal(0.0, view.height_noise_m, height_m.size), 1.0)
    return list_trees(
        noisy[:, 0],
        noisy[:, 1],
        heights,
        place_error_m=max(view.noise_m, 0.1),
        height_error_m=max(view.height_noise_m, 0.1),
    )
