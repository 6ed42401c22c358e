"""Crown bodies meet the truth of their tree: apex, base, area seen from above."""

from math import pi, sqrt

import numpy as np
import pytest

from sample_data.forest.crown import FOLIAGE, LEVELS, STEM, Bodies, build_bodies, envelope, equal_area_radius
from sample_data.forest.species import SPECIES, Species
from sample_data.forest.stand import Stand, StandParameters, grow_stand


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3200, parameters=StandParameters(side_m=50.0))


@pytest.fixture(scope="module")
def bodies(stand: Stand) -> Bodies:
    return build_bodies(stand)


def test_highest_leaf_body_ends_at_the_apex(stand: Stand, bodies: Bodies) -> None:
    for index, tree in enumerate(stand.trees):
        tops = bodies.top_m[(bodies.tree == index) & (bodies.kind == FOLIAGE)]
        assert tops.max() == pytest.approx(tree.ground_m + tree.height_m)


def test_no_leaf_hangs_below_the_crown_base(stand: Stand, bodies: Bodies) -> None:
    for index, tree in enumerate(stand.trees):
        leaves = (bodies.tree == index) & (bodies.kind == FOLIAGE)
        lowest = (bodies.top_m[leaves] - bodies.length_m[leaves]).min()
        assert lowest == pytest.approx(tree.ground_m + tree.crown_base_m)


def test_stem_stands_on_the_ground_with_its_diameter(stand: Stand, bodies: Bodies) -> None:
    for index, tree in enumerate(stand.trees):
        stem = np.flatnonzero((bodies.tree == index) & (bodies.kind == STEM))
        assert len(stem) == 1
        assert bodies.top_m[stem[0]] - bodies.length_m[stem[0]] == pytest.approx(tree.ground_m)
        assert 200.0 * bodies.table_m[stem[0], -1] == pytest.approx(tree.dbh_cm, rel=1e-5)


def test_crown_covers_its_area_by_random_points(stand: Stand, bodies: Bodies) -> None:
    rng = np.random.default_rng(7)
    for index, tree in enumerate(stand.trees[:40]):
        leaves = np.flatnonzero((bodies.tree == index) & (bodies.kind == FOLIAGE))
        half = tree.crown_diameter_m
        x, y = rng.uniform(-half, half, (2, 20_000))
        centre_x, centre_y = bodies.x_m[leaves] - tree.apex_x_m, bodies.y_m[leaves] - tree.apex_y_m
        inside = np.hypot(x[:, None] - centre_x, y[:, None] - centre_y) < bodies.radius_m[leaves]
        area = inside.any(axis=1).mean() * (2 * half) ** 2
        assert 2 * sqrt(area / pi) == pytest.approx(tree.crown_diameter_m, rel=0.05)


def test_two_separate_discs_cover_twice_the_area() -> None:
    apart = np.array([[-2.0, 0.0], [2.0, 0.0]])
    assert equal_area_radius(apart, np.ones(2)) == pytest.approx(sqrt(2.0), rel=0.02)


def test_two_overlapping_discs_cover_the_area_of_their_lens_once() -> None:
    # Unit circles one radius apart share a lens of 2 pi / 3 - sqrt(3) / 2.
    apart = np.array([[-0.5, 0.0], [0.5, 0.0]])
    union = 2 * pi - (2 * pi / 3 - sqrt(3) / 2)
    assert equal_area_radius(apart, np.ones(2)) == pytest.approx(sqrt(union / pi), rel=0.02)


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_envelope_is_concave_so_that_bodies_are_convex(species: Species) -> None:
    depth = np.linspace(0.0, 1.0, 201)
    assert np.diff(envelope(species, depth), 2).max() < 1e-9


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_envelope_is_widest_where_the_light_crown_ends(species: Species) -> None:
    radius = envelope(species, np.array(LEVELS))
    assert radius.min() >= 0.0
    assert radius.max() <= 1.0
    assert envelope(species, np.array([species.light_share]))[0] == 1.0
