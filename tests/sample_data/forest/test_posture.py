"""Leaning and fallen trees are where their truth says."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.forest.crown import FOLIAGE, STEM, Bodies, build_bodies
from sample_data.forest.damage import die, fall, lean
from sample_data.forest.stand import Stand
from sample_data.forest.tree import TreeTruth
from sample_data.scanning.scanner import ScannerParameters, scan_airborne
from sample_data.scoring.plain_filter import normalize_by_truth
from tests.sample_data.trees import FLAT, flat_stand, spruce

QUIET = ScannerParameters(low_vegetation_share=0.0, noise_share=0.0)


def bodies_of(tree: TreeTruth) -> Bodies:
    return build_bodies(flat_stand((tree,)))


def covered_diameter(tree: TreeTruth, bodies: Bodies) -> float:
    """Return the diameter of the crown's area by random points."""
    leaves = bodies.kind == FOLIAGE
    x, y = bodies.x_m[leaves], bodies.y_m[leaves]
    half = 1.5 * max(np.ptp(x), np.ptp(y), tree.crown_diameter_m)
    drawn: NDArray[np.float64] = np.random.default_rng(5).uniform(-half, half, (2, 40_000))
    apart = np.hypot(drawn[0][:, None] + x.mean() - x, drawn[1][:, None] + y.mean() - y)
    area = (apart < bodies.radius_m[leaves]).any(axis=1).mean() * (2 * half) ** 2
    return 2 * math.sqrt(area / math.pi)


@pytest.mark.parametrize("angle", [8.0, 20.0, 35.0])
def test_leaning_tree_ends_at_its_apex(angle: float) -> None:
    tree = lean(spruce(), angle, 0.5)
    bodies = bodies_of(tree)
    top = int(np.argmax(np.where(bodies.kind == FOLIAGE, bodies.top_m, -np.inf)))
    assert bodies.top_m[top] == pytest.approx(tree.ground_m + tree.height_m)
    assert (bodies.x_m[top], bodies.y_m[top]) == (pytest.approx(tree.apex_x_m), pytest.approx(tree.apex_y_m))


def test_leaning_stem_follows_the_line_from_foot_to_apex() -> None:
    tree = lean(spruce(), 20.0, 0.0)
    bodies = bodies_of(tree)
    stem = bodies.kind == STEM
    middle = bodies.top_m[stem] - 0.5 * bodies.length_m[stem] - tree.ground_m
    assert bodies.x_m[stem] == pytest.approx(middle * math.tan(math.radians(20.0)), abs=0.02)
    assert (bodies.top_m[stem] - bodies.length_m[stem]).min() == pytest.approx(tree.ground_m)


@pytest.mark.parametrize("tree", [lean(spruce(), 15.0, 0.5), lean(spruce(), 30.0, 4.0), fall(spruce(), 1.0)])
def test_crown_seen_from_above_has_the_area_of_the_truth(tree: TreeTruth) -> None:
    assert covered_diameter(tree, bodies_of(tree)) == pytest.approx(tree.crown_diameter_m, rel=0.05)


def test_fallen_tree_lies_from_foot_to_apex_and_no_higher_than_its_truth() -> None:
    tree = fall(spruce(), 0.0)
    bodies = bodies_of(tree)
    assert (bodies.top_m - 100.0).max() == pytest.approx(tree.height_m)
    assert (bodies.top_m - bodies.length_m).min() == pytest.approx(100.0)
    assert bodies.x_m.min() < 1.0
    assert bodies.x_m.max() > 0.85 * tree.apex_x_m
    assert np.abs(bodies.y_m).max() < 1e-9


def test_lying_stem_has_no_gap() -> None:
    bodies = bodies_of(fall(spruce(), 0.0))
    stem = bodies.kind == STEM
    gaps = np.diff(bodies.x_m[stem])
    assert (gaps < bodies.radius_m[stem][1:] + bodies.radius_m[stem][:-1])[:20].all()


def test_scan_of_a_fallen_tree_shows_it_on_the_ground() -> None:
    tree = fall(spruce(15.0, 15.0), 0.0)
    cloud = scan_airborne(flat_stand((tree,), side_m=50.0), seed=1, parameters=QUIET)
    height = normalize_by_truth(cloud, FLAT)[:, 2]
    wood = height > 0.6
    assert wood.sum() > 50
    assert height.max() < tree.height_m + 0.3
    assert cloud.x_m[wood].min() > 14.0
    assert cloud.x_m[wood].max() < 36.0


def test_scan_of_a_leaning_tree_shows_its_apex_aside_of_its_foot() -> None:
    tree = lean(spruce(15.0, 25.0), 30.0, 0.0)
    cloud = scan_airborne(flat_stand((tree,), side_m=50.0), seed=1, parameters=QUIET)
    top = int(np.argmax(normalize_by_truth(cloud, FLAT)[:, 2]))
    assert cloud.x_m[top] == pytest.approx(25.0, abs=1.0)


def test_dead_crowns_let_through_more_light() -> None:
    alive, dead = bodies_of(spruce()), bodies_of(die(spruce(), np.random.default_rng(1)))
    leaves = dead.kind == FOLIAGE
    assert dead.shell_per_m[leaves].max() < 0.5 * alive.shell_per_m[alive.kind == FOLIAGE].min()


def test_stand_without_trees_has_no_bodies() -> None:
    empty = Stand(trees=(), bounds=(0.0, 0.0, 10.0, 10.0), epsg=32633, terrain=FLAT, seed=1)
    assert build_bodies(empty).x_m.size == 0


def test_a_root_plate_stands_across_the_foot_of_an_uprooted_tree() -> None:
    plain = fall(spruce(), 0.5)
    uprooted = replace(plain, root_plate_m=2.4)
    before, after = bodies_of(plain), bodies_of(uprooted)
    more = slice(before.x_m.size, after.x_m.size)
    assert after.x_m.size > before.x_m.size
    east, north = after.x_m[more] - uprooted.x_m, after.y_m[more] - uprooted.y_m
    assert east * math.cos(0.5) + north * math.sin(0.5) == pytest.approx(0.0, abs=1e-9)
    assert (np.hypot(east, north) + after.radius_m[more]).max() == pytest.approx(1.2)
    assert (after.top_m[more] - uprooted.ground_m).max() == pytest.approx(0.75 * 2.4)
    assert (after.kind[more] == STEM).all()
