"""Re-survey and field join on simulated stands whose every tree is known, seeds 1 to 10.

Run: ``python -m benchmarks.resurvey [--json]``. A hectare of mixed forest with 600 trees over 5 m is seen twice,
five years apart, with 85 % of trees found, places off by 0.5 m (each axis, each time) and a common shift of 2 m; one in
twenty reports is no tree. Peers in the same run: the nearest neighbour, and the optimal assignment by distance, both
without a shift; and the same assignment after the true shift, which nobody has. Settings were chosen on seeds 1000 to
1011.

The field join takes a plot of 20 m radius whose trees over 7 cm a crew measured: once from a centre that GNSS placed
under canopy, once with a receiver at every stem.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.report import Figure, parse_options, print_figures
from domain.cid import RAW, Cid
from sample_data.forest.campaign import Campaign, CampaignParameters, ObservedTrees, grow_campaign, observe_campaign
from sample_data.forest.losses import FellingParameters
from sample_data.forest.stand import DEFAULT_LAYERS, Stand, StandParameters, grow_stand
from sample_data.forest.storm import StormParameters
from sample_data.forest.tree import TreeTruth
from sample_data.scoring.links import LinkScore, score_links
from survey.cloud import Floats
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.field.join import CloudTree, JoinSettings, join_field
from survey.field.measure import FieldHeight, FieldStem
from survey.field.place import FieldPlace
from survey.field.trees import FieldTree
from survey.linking.link import Linking, LinkSettings, link_trees
from survey.linking.shift import ShiftSearch
from survey.linking.trees import TreeList, list_trees
from survey.resurvey.compare import resurvey_trees
from survey.resurvey.seen import CampaignSeen, SeenShare, TreeSeen

SEEDS = tuple(range(1, 11))
TUNING_SEEDS = tuple(range(1_000, 1_012))
YEARS = 5.0
STEMS_PER_HA = 600.0
SHIFT_M, NOISE_M, DETECTION = 2.0, 0.5, 0.85
_LEAST_M = 5.0
_HEIGHT_NOISE_M = 0.5
_PEER_GATE_M = 3.0
"""What a forester gives a matching without a model: the shift and twice the noise."""
_MANY = 100_000
_PLOT_M = 20.0
_THIN_CM = 7.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One stand's two campaigns, as they are and as they are reported."""

    truth: Campaign
    before: ObservedTrees
    after: ObservedTrees


def measure() -> list[Figure]:
    """Return all figures."""
    return [*measure_links(SEEDS), *measure_gone(SEEDS), *measure_join(SEEDS), measure_many()]


def measure_links(seeds: Sequence[int]) -> list[Figure]:
    """Return how well trees seen twice are linked, beside peers."""
    stands = [see_twice(seed) for seed in seeds]
    linkings = [_link(seen) for seen in stands]
    ours = _sum([_score(seen, _pairs(linking)) for seen, linking in zip(stands, linkings, strict=True)])
    nearest = _sum([_score(seen, _link_nearest(seen)) for seen in stands])
    assigned = _sum([_score(seen, _assign(seen, (0.0, 0.0))) for seen in stands])
    told = _sum([_score(seen, _assign(seen, seen.after.shift_xy_m)) for seen in stands])
    errors = [_shift_errors(seen, linking) for seen, linking in zip(stands, linkings, strict=True)]
    scores = [one / error for pair in errors for one, error in pair]
    doubts = sum(len(linking.doubts) for linking in linkings)
    return [
        Figure("trees seen twice, linked rightly", ours[0], "", ">= 0.97", "assignment, no shift", assigned[0]),
        Figure("wrong links, of all links", ours[1], "", "<= 0.02", "assignment, no shift", assigned[1]),
        Figure("  the same: right, against nearest neighbour", ours[0], "", None, "nearest, no shift", nearest[0]),
        Figure("  the same: wrong, against nearest neighbour", ours[1], "", None, "nearest, no shift", nearest[1]),
        Figure("  the same: right, against the true shift", ours[0], "", None, "assignment, true shift", told[0]),
        Figure("  the same: wrong, against the true shift", ours[1], "", None, "assignment, true shift", told[1]),
        Figure("trees left to a person, of trees seen before", doubts / sum(len(one.before) for one in stands), ""),
        Figure("shift, RMSE each axis", _rms([one for pair in errors for one, _ in pair]), "m"),
        Figure("shift, RMS of error over stated error", _rms(scores), ""),
    ]


def measure_gone(seeds: Sequence[int]) -> list[Figure]:
    """Return how true "gone" is after a felling and a storm, and how much of what was lost it names."""
    gone = right = lost = named = 0
    for seed in seeds:
        harm = CampaignParameters(felling=FellingParameters("above", 0.12), storm=StormParameters())
        seen = see_twice(seed, parameters=harm)
        earlier, later = _to_campaigns(seen)
        result = resurvey_trees(earlier, later)
        verdicts = {one.code: one.verdict for one in result.unseen}
        for index, number in enumerate(seen.before.number.tolist()):
            fate = seen.truth.fates.get(number, "none")
            is_lost = fate in ("felled", "fallen")
            is_gone = verdicts.get(f"e{index}") == "gone"
            gone, right = gone + is_gone, right + (is_gone and is_lost)
            lost, named = lost + is_lost, named + (is_gone and is_lost)
    return [
        Figure("told to be gone and felled or fallen, of those told", right / gone, "", ">= 0.85"),
        Figure("felled or fallen and told to be gone, of those seen before", named / lost, ""),
    ]


def measure_join(seeds: Sequence[int]) -> list[Figure]:
    """Return the share of a crew's trees joined rightly and wrongly, for two ways to place them."""
    figures: list[Figure] = []
    for name, place, with_rotation in (
        ("plot centre by GNSS, 2 to 5 m off", _place_from_centre, True),
        ("a receiver at every stem, 2 to 5 m off", _place_by_receiver, False),
    ):
        results = [_join_plot(seed, place, with_rotation=with_rotation) for seed in seeds]
        able, right, wrong, naive = (sum(column) for column in zip(*results, strict=True))
        figures += [
            Figure(f"field join, {name}: rightly", right / able, "", None, "nearest", naive / able),
            Figure(f"field join, {name}: wrong, of joined", wrong / max(right + wrong, 1), "", "<= 0.05"),
        ]
    return figures


def measure_many() -> Figure:
    """Return the CPU time of linking 100,000 trees with 100,000."""
    rng = np.random.default_rng(9)
    side = math.sqrt(_MANY / STEMS_PER_HA * 10_000.0)
    places, heights = rng.uniform(0.0, side, (_MANY, 2)), rng.gamma(5.0, 3.5, _MANY) + 3.0
    lists = [
        list_trees(
            places[:, 0] + rng.normal(shift, NOISE_M, _MANY),
            places[:, 1] + rng.normal(shift, NOISE_M, _MANY),
            heights,
            place_error_m=NOISE_M,
        )
        for shift in (0.0, 1.4)
    ]
    began = time.process_time()
    link_trees(lists[0], lists[1], LinkSettings(YEARS))
    return Figure(f"linking {_MANY:,} trees with as many, CPU", time.process_time() - began, "s")


def see_twice(seed: int, *, parameters: CampaignParameters | None = None) -> Seen:
    """Return a hectare with 600 trees over 5 m at two campaigns."""
    first = grow_stand(seed)
    tall = sum(tree.height_m >= _LEAST_M for tree in first.trees)
    layers = tuple(replace(layer, stems_per_ha=layer.stems_per_ha * STEMS_PER_HA / tall) for layer in DEFAULT_LAYERS)
    stand = grow_stand(seed, parameters=StandParameters(layers=layers))
    truth = grow_campaign(stand, years=YEARS, seed=seed, parameters=parameters)
    before = observe_campaign(truth.before, seed=2 * seed, noise_m=NOISE_M, detection=DETECTION)
    after = observe_campaign(truth.after, seed=2 * seed + 1, shift_m=SHIFT_M, noise_m=NOISE_M, detection=DETECTION)
    return Seen(truth, before, after)


def _link(seen: Seen) -> Linking:
    return link_trees(_to_list(seen.before), _to_list(seen.after), LinkSettings(YEARS))


def _to_list(seen: ObservedTrees) -> TreeList:
    return list_trees(
        seen.x_m,
        seen.y_m,
        seen.height_m,
        place_error_m=NOISE_M,
        height_error_m=_HEIGHT_NOISE_M,
        crown_m=seen.crown_diameter_m,
    )


def _pairs(linking: Linking) -> list[tuple[int, int]]:
    return [(one.earlier, one.later) for one in linking.links]


def _score(seen: Seen, pairs: Sequence[tuple[int, int]]) -> LinkScore:
    return score_links(pairs, seen.before, seen.after)


def _sum(scores: Sequence[LinkScore]) -> tuple[float, float]:
    """Return right links over trees seen twice, and wrong ones over links, over all stands."""
    right, wrong = sum(one.right for one in scores), sum(one.wrong for one in scores)
    return right / sum(one.seen_twice for one in scores), wrong / (right + wrong)


def _distances(seen: Seen, shift_m: tuple[float, float]) -> Floats:
    east = seen.after.x_m[None, :] - seen.before.x_m[:, None] - shift_m[0]
    north = seen.after.y_m[None, :] - seen.before.y_m[:, None] - shift_m[1]
    return np.hypot(east, north)


def _link_nearest(seen: Seen) -> list[tuple[int, int]]:
    """Return pairs by distance, nearest first, each tree once."""
    away = _distances(seen, (0.0, 0.0))
    pairs: list[tuple[int, int]] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for place in np.argsort(away, axis=None):
        one, two = (int(part) for part in np.unravel_index(place, away.shape))
        if away[one, two] > _PEER_GATE_M:
            break
        if one not in taken[0] and two not in taken[1]:
            pairs.append((one, two))
            taken[0].add(one)
            taken[1].add(two)
    return pairs


def _assign(seen: Seen, shift_m: tuple[float, float]) -> list[tuple[int, int]]:
    """Return the pairs of the least sum of distances; a tree without a partner costs the gate."""
    away = np.minimum(_distances(seen, shift_m), _PEER_GATE_M)
    rows, columns = linear_sum_assignment(away)
    return [(int(one), int(two)) for one, two in zip(rows, columns, strict=True) if away[one, two] < _PEER_GATE_M]


def _shift_errors(seen: Seen, linking: Linking) -> list[tuple[float, float]]:
    """Return error and stated error, east and north."""
    shift, true = linking.fit.shift, seen.after.shift_xy_m
    return [(shift.east_m - true[0], shift.east_error_m), (shift.north_m - true[1], shift.north_error_m)]


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value**2 for value in values) / len(values))


def _to_campaigns(seen: Seen) -> tuple[CampaignSeen, CampaignSeen]:
    """Return both campaigns with what they covered and how likely they saw a tree, as a survey would state it."""
    west, south, east, north = seen.truth.before.bounds
    ring: Ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    shift = seen.after.shift_xy_m
    moved: Ring = tuple((x + shift[0], y + shift[1]) for x, y in ring)
    shares = _count_shares(seen)
    return (
        CampaignSeen(2020.0, _to_trees(seen.before, "e"), (ring,), shares, _LEAST_M),
        CampaignSeen(2020.0 + YEARS, _to_trees(seen.after, "l"), (moved,), shares, _LEAST_M),
    )


def _count_shares(seen: Seen) -> tuple[SeenShare, ...]:
    """Return the shares seen by height class, as counted on the first campaign of the stand itself."""
    found = set(seen.before.number.tolist())
    edges = (5.0, 10.0, 15.0, 20.0, 25.0, 60.0)
    shares: list[SeenShare] = []
    for low, high in pairwise(edges):
        heights = [tree.number in found for tree in seen.truth.before.trees if low <= tree.height_m < high]
        shares.append(SeenShare(low, high, sum(heights) / max(len(heights), 1)))
    return tuple(shares)


def _to_trees(seen: ObservedTrees, prefix: str) -> tuple[TreeSeen, ...]:
    return tuple(
        TreeSeen(
            f"{prefix}{index}",
            float(seen.x_m[index]),
            float(seen.y_m[index]),
            NOISE_M,
            Estimate(float(seen.height_m[index]), _HEIGHT_NOISE_M, 0.2, "apex-return"),
            Estimate(crown, 0.12 * crown, 0.08 * crown, "crown-equal-area"),
            confidence=0.95,
        )
        for index, crown in enumerate(seen.crown_diameter_m.tolist())
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """Trees within a plot, and its centre."""

    trees: tuple[TreeTruth, ...]
    x_m: float
    y_m: float


Placing = Callable[[np.random.Generator, _Plot], list[FieldPlace]]


def _join_plot(seed: int, place: Placing, *, with_rotation: bool) -> tuple[int, int, int, int]:
    """Return how many of a crew's trees the cloud shows, were joined rightly, wrongly, and rightly by the nearest."""
    stand = grow_stand(seed)
    seen = observe_campaign(stand, seed=seed, noise_m=NOISE_M, detection=DETECTION)
    plot = _lay_out(stand)
    rng = np.random.default_rng([0xF1E1D, seed])
    crew = [_measure_tree(rng, tree, where) for tree, where in zip(plot.trees, place(rng, plot), strict=True)]
    cloud = [_to_cloud(seen, index) for index in range(len(seen))]
    number = {f"{index}": int(true) for index, true in enumerate(seen.number)}
    true = {one.key: tree.number for one, tree in zip(crew, plot.trees, strict=True)}
    found = join_field(crew, cloud, JoinSettings(ShiftSearch(max_shift_m=10.0, with_rotation=with_rotation)))
    right = sum(number[one.cloud.key] == true[one.crew.key] for one in found.trees)
    able = sum(tree.number in set(number.values()) for tree in plot.trees)
    naive = sum(number[_nearest(one, cloud)] == true[one.key] for one in crew)
    return able, right, len(found.trees) - right, naive


def _lay_out(stand: Stand) -> _Plot:
    west, south, east, north = stand.bounds
    x, y = (west + east) / 2.0, (south + north) / 2.0
    trees = tuple(
        tree
        for tree in stand.trees
        if math.hypot(tree.x_m - x, tree.y_m - y) <= _PLOT_M and tree.dbh_cm >= _THIN_CM and tree.status == "alive"
    )
    return _Plot(trees, x, y)


def _draw_error(rng: np.random.Generator) -> tuple[float, float]:
    """Return a receiver's error under canopy, 2 to 5 m in any direction."""
    off, towards = rng.uniform(2.0, 5.0), rng.uniform(0.0, 2.0 * math.pi)
    return off * math.cos(towards), off * math.sin(towards)


def _place_from_centre(rng: np.random.Generator, plot: _Plot) -> list[FieldPlace]:
    """Return places by compass (off by up to 3 degrees for all, 1 for each) and laser from a centre placed by GNSS."""
    east, north = _draw_error(rng)
    compass = rng.uniform(-3.0, 3.0)
    places = []
    for tree in plot.trees:
        reach = math.hypot(tree.x_m - plot.x_m, tree.y_m - plot.y_m) + rng.normal(0.0, 0.1)
        bearing = math.atan2(tree.x_m - plot.x_m, tree.y_m - plot.y_m) + math.radians(compass + rng.normal(0.0, 1.0))
        x, y = plot.x_m + east + reach * math.sin(bearing), plot.y_m + north + reach * math.cos(bearing)
        places.append(FieldPlace(x, y, 2.5, "off-station"))
    return places


def _place_by_receiver(rng: np.random.Generator, plot: _Plot) -> list[FieldPlace]:
    """Return places each with an error of its own."""
    errors = [_draw_error(rng) for _ in plot.trees]
    return [
        FieldPlace(tree.x_m + east, tree.y_m + north, 2.5, "beside-stem")
        for tree, (east, north) in zip(plot.trees, errors, strict=True)
    ]


def _measure_tree(rng: np.random.Generator, tree: TreeTruth, place: FieldPlace) -> FieldTree:
    """Return a tree as a crew measures it: 0.5 m of height, 3 mm of diameter."""
    height = Estimate(tree.height_m + rng.normal(0.0, 0.5), 0.5, 0.1, "hypsometer-mean")
    diameter = Estimate(tree.dbh_cm + rng.normal(0.0, 0.3), 0.3, 0.05, "caliper-mean")
    record = Cid.of(RAW, f"{tree.number}".encode())
    return FieldTree(
        key=f"{record}:0",
        label=None,
        evidence=((record, 0),),
        plot=None,
        place=place,
        height=FieldHeight(height, 1, ()),
        stems=(FieldStem(diameter, 1.3, 2, ()),),
        species=tree.species,
        species_code=None,
        status="alive",
        damage_agent=None,
        damage_ppm=None,
        photos=(),
        remarks=(),
        warnings=(),
    )


def _to_cloud(seen: ObservedTrees, index: int) -> CloudTree:
    height, crown = float(seen.height_m[index]), float(seen.crown_diameter_m[index])
    return CloudTree(
        f"{index}",
        float(seen.x_m[index]),
        float(seen.y_m[index]),
        0.55,
        height_m=Estimate(height, _HEIGHT_NOISE_M, 0.2, "apex-return"),
        crown_m=Estimate(crown, 0.12 * crown, 0.0, "crown-equal-area"),
    )


def _nearest(crew: FieldTree, cloud: Sequence[CloudTree]) -> str:
    where = crew.place
    if where is None:
        raise AssertionError("every tree of the plot was placed")
    return min(cloud, key=lambda one: math.hypot(one.x_m - where.x_m, one.y_m - where.y_m)).key


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    sys.exit(print_figures(measure(), as_json=options.json))


if __name__ == "__main__":
    main()
