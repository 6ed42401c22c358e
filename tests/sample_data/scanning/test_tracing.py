"""Rays end where geometry says, and leaves stop them as Beer and Lambert say."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.scanning.echoes import Beams, shoot
from sample_data.scanning.outlines import hull_width
from sample_data.scanning.scene import Plot
from sample_data.scanning.stems import shape_stems
from sample_data.scanning.tracing import NOTHING, ON_GROUND, ON_LEAF, ON_WOOD, trace
from sample_data.scanning.voxels import LATTICE_M
from sample_data.scanning.wood import build_wood
from tests.sample_data.plots import make_plot, make_rod, make_stand, make_tree

Floats = NDArray[np.float64]
NARROW = np.zeros(2)


def run(plot: Plot, origins: Floats, ways: Floats, *, nearest_m: float = 0.0) -> tuple[Floats, NDArray[np.int32]]:
    bounds = np.broadcast_to((nearest_m, 100.0), (len(ways), 2))
    return trace(origins, ways / np.linalg.norm(ways, axis=1, keepdims=True), bounds, NARROW, plot.voxels)


def fan(rng: np.random.Generator, count: int, *, towards: tuple[float, float, float], spread: float) -> Floats:
    drawn = np.array(towards) + rng.uniform(-spread, spread, (count, 3))
    ways: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return ways


def place_all(like: Floats, x_m: float, y_m: float, z_m: float) -> Floats:
    """Return one place as often as `like` has rows."""
    return np.tile(np.array([x_m, y_m, z_m]), (len(like), 1))


def test_upright_cylinder_is_met_at_the_nearer_root_of_its_circle() -> None:
    rng = np.random.default_rng(1)
    ways = fan(rng, 4_000, towards=(5.0, 0.0, 0.5), spread=0.6)
    origin = np.array([[-3.0, 0.2, 1.5]])
    distance, met = run(make_plot([make_rod((2.0, 0.0, -1.0), (2.0, 0.0, 10.0), 0.3)]), origin + 0.0 * ways, ways)
    east, north = origin[0, 0] - 2.0, origin[0, 1]
    square, half = ways[:, 0] ** 2 + ways[:, 1] ** 2, east * ways[:, 0] + north * ways[:, 1]
    root = half**2 - square * (east**2 + north**2 - 0.3**2)
    hit = root > 0.0
    assert np.array_equal(met[:, 0] == ON_WOOD, hit)
    assert distance[hit] == pytest.approx((-half - np.sqrt(np.maximum(root, 0.0)))[hit] / square[hit], abs=1e-7)
    assert hit.sum() > 500


def test_slanting_cone_is_met_on_its_surface() -> None:
    rng = np.random.default_rng(2)
    start, end = np.array([1.0, -1.0, 1.0]), np.array([2.0, 1.0, 4.0])
    rod = make_rod((1.0, -1.0, 1.0), (2.0, 1.0, 4.0), 0.4)
    cone = type(rod)(rod.start_m, rod.end_m, np.array([[0.4, 0.1]]), rod.height_m, rod.outline, rod.tree, rod.outlines)
    ways = fan(rng, 4_000, towards=(5.5, 0.0, 1.5), spread=1.0)
    distance, met = run(make_plot([cone]), place_all(ways, -4.0, 0.0, 1.0), ways)
    hit = met[:, 0] == ON_WOOD
    places = np.array([-4.0, 0.0, 1.0]) + distance[hit, None] * ways[hit]
    axis = (end - start) / np.linalg.norm(end - start)
    along = (places - start) @ axis
    away = np.linalg.norm(places - start - along[:, None] * axis, axis=1)
    length = float(np.linalg.norm(end - start))
    side = np.abs(away - (0.4 - 0.3 * along / length)) < 1e-6
    ends = (np.minimum(np.abs(along), np.abs(along - length)) < 1e-6) & (away <= 0.4)
    assert (side | ends).all()
    assert side.sum() > 100


def test_grid_finds_the_same_hits_as_a_search_through_all_rods() -> None:
    rng = np.random.default_rng(3)
    starts = rng.uniform(-8.0, 8.0, (40, 3)) * np.array([1.0, 1.0, 0.5]) + np.array([0.0, 0.0, 5.0])
    ends = starts + rng.normal(0.0, 1.5, (40, 3))
    rods = [make_rod(tuple(a), tuple(b), 0.05) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    origins = place_all(np.empty((3_000, 3)), 0.0, 0.0, 5.0)
    ways = rng.normal(0.0, 1.0, origins.shape)
    alone = np.min([run(make_plot([rod]), origins, ways)[0] for rod in rods], axis=0)
    together = run(make_plot(rods), origins, ways)[0]
    # Each alone may end on the ground: the nearest of all ends is what all together show.
    assert together == pytest.approx(alone, abs=1e-9)


def test_ground_is_met_on_its_plane() -> None:
    rng = np.random.default_rng(4)
    ways = fan(rng, 2_000, towards=(0.3, 0.2, -1.0), spread=0.9)
    distance, met = run(make_plot([], slope=(0.6, -0.3)), place_all(ways, 0.0, 0.0, 2.0), ways)
    hit = met[:, 0] == ON_GROUND
    expected = -2.0 / (ways[:, 2] - 0.6 * ways[:, 0] + 0.3 * ways[:, 1])
    assert distance[hit] == pytest.approx(expected[hit], abs=1e-3)
    assert hit.mean() > 0.8


@pytest.mark.parametrize("towards", [(0.0, 0.0, 1.0), (0.0, 0.6, 0.8), (0.577, 0.577, 0.577)])
def test_share_of_rays_that_pass_leaves_follows_beer_and_lambert(towards: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(5)
    origins = np.column_stack([rng.uniform(-4.0, 4.0, (40_000, 2)), np.full(40_000, 1.0)])
    ways = np.zeros_like(origins) + np.array(towards) / np.linalg.norm(towards)
    distance, met = run(make_plot([], leaves_per_m=0.5), origins, ways)
    for depth in (0.5, 2.0, 4.0):
        passed = (distance > depth).mean()
        # Rays share leaves: 16 leaves a metre each way over 8 by 8 m are some 16,000 independent columns.
        assert passed == pytest.approx(np.exp(-0.5 * depth), abs=4.0 * np.sqrt(passed * (1.0 - passed) / 12_000))
    assert set(np.unique(met[:, 0])) <= {NOTHING, ON_LEAF}


def test_a_leaf_hides_the_same_from_neighbouring_rays() -> None:
    rng = np.random.default_rng(6)
    origins = np.column_stack([rng.uniform(-4.0, 4.0, (3_000, 2)), np.full(3_000, 1.0)])
    ways = place_all(origins, 0.0, 0.0, 1.0)
    plot = make_plot([], leaves_per_m=0.5)
    one, beside = run(plot, origins, ways)[0], run(plot, origins + np.array([0.001, 0.0, 0.0]), ways)[0]
    # A millimetre aside is another leaf's column for 16 rays of a thousand.
    seen = np.isfinite(one) & np.isfinite(beside)
    same = np.abs(one[seen] - beside[seen]) < LATTICE_M
    assert same.sum() + (np.isinf(one) & np.isinf(beside)).sum() > 0.96 * one.size


def test_what_stands_behind_a_stem_is_not_seen() -> None:
    rng = np.random.default_rng(7)
    near = make_rod((2.0, 0.0, -1.0), (2.0, 0.0, 9.0), 0.3)
    far = make_rod((4.0, 0.0, -1.0), (4.0, 0.0, 9.0), 0.1)
    ways = fan(rng, 3_000, towards=(1.0, 0.0, 0.2), spread=0.15)
    distance, met = run(make_plot([near, far]), place_all(ways, 0.0, 0.0, 1.5), ways)
    assert (distance[met[:, 0] == ON_WOOD] < 2.2).all()
    assert (met[:, 0] == ON_WOOD).sum() > 1_000


def test_stems_are_met_on_their_outline_less_their_bark() -> None:
    rng = np.random.default_rng(8)
    stand = make_stand(make_tree(0.0, 0.0, dbh_cm=60.0))
    form = shape_stems(stand, 0)[0]
    plot = make_plot([build_wood(stand, np.array([0]))])
    turn = rng.uniform(0.0, 2.0 * np.pi, 3_000)
    origins = np.column_stack([5.0 * np.cos(turn), 5.0 * np.sin(turn), np.full(turn.size, 1.3)])
    centre = np.array([form.sweep_m[0], form.sweep_m[1], 0.0]) * np.sin(np.pi * 1.3 / form.length_m)
    ways = centre + np.array([0.0, 0.0, 1.3]) - origins
    distance, met = run(plot, origins, ways)
    assert (met[:, 0] == ON_WOOD).all()
    places = origins + distance[:, None] * ways / np.linalg.norm(ways, axis=1, keepdims=True) - centre
    angle = np.arctan2(places[:, 1], places[:, 0])
    shape = form.outline
    radii = shape.scale * (
        1.0
        + sum(
            a * np.cos(k * angle - f)
            for k, (a, f) in enumerate(zip(shape.amplitudes, shape.phases_rad, strict=True), 2)
        )
    )
    furrow = 0.3 * radii - np.hypot(places[:, 0], places[:, 1])
    # Crests are touched, nothing lies outside, and the mean is what was asked; the axis leans by a millimetre or two.
    assert furrow.min() > -0.0005
    assert furrow.max() < 2.0 * form.bark_m + 0.0005
    assert furrow.mean() == pytest.approx(form.bark_m, abs=0.00015)
    assert hull_width(shape, 1.3) == pytest.approx(2.0)


def test_wide_beam_at_an_edge_makes_a_point_between_stem_and_wall() -> None:
    # A thick log across makes the wall, whose face is 4 m away.
    wood = [make_rod((3.0, 0.0, -1.0), (3.0, 0.0, 9.0), 0.2), make_rod((7.0, -9.0, 1.5), (7.0, 9.0, 1.5), 3.0)]
    angles = np.linspace(-0.2, 0.2, 2_001)
    ways = np.column_stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)])
    origins = place_all(ways, 0.0, 0.0, 1.5)
    between = []
    for width in (0.0, 0.02):
        echoes = shoot(make_plot(wood), Beams(origins, ways, 0.0, 50.0, width, 0.0), resolution_m=2.0)
        reach = echoes.range_m * ways[echoes.pulse, 0]
        aside = np.abs(echoes.range_m * ways[echoes.pulse, 1])
        between.append(int(((reach > 3.05) & (reach < 3.9) & (aside < 0.3)).sum()))
    assert between[0] == 0
    assert between[1] > 10


def test_parts_of_a_beam_farther_apart_than_the_resolution_are_returns_of_one_pulse() -> None:
    wood = [make_rod((3.0, 0.0, -1.0), (3.0, 0.0, 9.0), 0.2), make_rod((7.0, -9.0, 1.5), (7.0, 9.0, 1.5), 3.0)]
    angles = np.linspace(-0.2, 0.2, 2_001)
    ways = np.column_stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)])
    beams = Beams(place_all(ways, 0.0, 0.0, 1.5), ways, 0.0, 50.0, 0.02, 0.0)
    echoes = shoot(make_plot(wood), beams, resolution_m=0.3)
    second = np.flatnonzero(echoes.number == 1)
    assert second.size > 10
    assert (echoes.pulse[second - 1] == echoes.pulse[second]).all()
    assert (echoes.range_m[second] - echoes.range_m[second - 1] > 0.3).all()
    share = np.bincount(echoes.pulse, weights=echoes.brightness, minlength=angles.size)
    assert share == pytest.approx(np.full(angles.size, 0.35), abs=1e-9)
