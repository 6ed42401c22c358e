"""Rays obey geometry and the Beer-Lambert law."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sample_data.forest.crown import FOLIAGE, LEVELS, Bodies
from sample_data.forest.terrain import Terrain, elevation_m
from sample_data.scanning.candidates import expand_ranges, pair_up
from sample_data.scanning.flight import FlightPlan, Pulses, aim_pulses
from sample_data.scanning.rays import GROUND_BODY, cast

FLAT = Terrain(0.0, 0.0, 100.0, 0.0, 0.0, ())
PLAN = FlightPlan((0.0, 0.0, 40.0, 40.0), 100.0, 500.0, 3, 60.0, 8.0, 0.0)


def one_body(shape: NDArray[np.float64], *, per_m: float, length_m: float = 10.0) -> Bodies:
    return Bodies(
        tree=np.zeros(1, dtype=np.int64),
        kind=np.array([FOLIAGE], dtype=np.uint8),
        x_m=np.array([20.0]),
        y_m=np.array([20.0]),
        top_m=np.array([120.0]),
        length_m=np.array([length_m]),
        radius_m=np.array([float(shape.max())]),
        table_m=shape[None, :].astype(np.float32),
        shell_per_m=np.array([per_m]),
        core_per_m=np.array([per_m]),
        reflectance=np.array([0.4]),
    )


def vertical(x: NDArray[np.float64], y: NDArray[np.float64]) -> Pulses:
    zeros = np.zeros(x.size)
    # A slope of exactly zero never occurs in flight; this is a millionth of a degree.
    return Pulses(x, y, zeros + 1e-8, zeros + 1e-8, np.zeros(x.size, dtype=np.int64), zeros, zeros)


def test_share_of_rays_that_pass_a_leaf_layer_follows_beer_and_lambert() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(10, 30, (2, 20_000))
    slab = one_body(np.array([0.0] + [200.0] * (len(LEVELS) - 1)), per_m=0.2)
    hits = cast(rng, PLAN, vertical(x, y), slab, terrain=FLAT, beam_m=0.0)
    passed = (hits.body == GROUND_BODY).mean()
    # The first level's wedge makes the layer at most 1.5 % of 10 m thinner.
    assert np.exp(-0.2 * 10.0) * 0.98 < passed < np.exp(-0.2 * 9.8) * 1.02


def test_opaque_cone_is_hit_on_its_surface() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(17.2, 22.8, (2, 3_000))
    cone = one_body(4.0 * np.array(LEVELS), per_m=1e6)
    hits = cast(rng, PLAN, vertical(x, y), cone, terrain=FLAT, beam_m=0.0)
    away = np.hypot(x - 20.0, y - 20.0)
    assert hits.z_m[:, 0] == pytest.approx(120.0 - 10.0 * away / 4.0, abs=1e-3)


def test_slanted_rays_meet_an_opaque_cylinder_where_geometry_says() -> None:
    rng = np.random.default_rng(3)
    pulses = aim_pulses(rng, PLAN)
    # A cylinder has a flat top: the table's first level is as wide as the others.
    cylinder = one_body(np.full(len(LEVELS), 3.0), per_m=1e6)
    hits = cast(rng, PLAN, pulses, cylinder, terrain=FLAT, beam_m=0.0)
    struck = np.flatnonzero(hits.body[:, 0] != GROUND_BODY)
    climb = hits.z_m[struck, 0] - PLAN.reference_m
    x = pulses.x_m[struck] + climb * pulses.east_slope[struck]
    y = pulses.y_m[struck] + climb * pulses.north_slope[struck]
    side = np.abs(np.hypot(x - 20.0, y - 20.0) - 3.0) < 0.02
    top = np.abs(hits.z_m[struck, 0] - 120.0) < 1e-3
    assert len(struck) > 200
    assert (side | top).all()
    assert side.any()
    assert top.any()


def test_ground_is_met_on_the_terrain_under_slanted_rays() -> None:
    rng = np.random.default_rng(4)
    steep = Terrain(0.0, 0.0, 90.0, 0.5, -0.4, ())
    pulses = aim_pulses(rng, PLAN)
    nothing = one_body(np.zeros(len(LEVELS)), per_m=1.0)
    z = cast(rng, PLAN, pulses, nothing, terrain=steep, beam_m=0.0).z_m[:, 0]
    x = pulses.x_m + (z - PLAN.reference_m) * pulses.east_slope
    y = pulses.y_m + (z - PLAN.reference_m) * pulses.north_slope
    assert z == pytest.approx(elevation_m(steep, x, y), abs=1e-4)


def test_grid_misses_no_pulse_that_passes_a_body() -> None:
    rng = np.random.default_rng(5)
    pulses = aim_pulses(rng, PLAN)
    body = one_body(np.full(len(LEVELS), 2.5), per_m=1.0)
    pairs = pair_up(pulses, body, PLAN)
    near = np.zeros(pulses.x_m.size, dtype=np.bool_)
    for height in np.linspace(110.0, 120.0, 101):
        climb = height - PLAN.reference_m
        x, y = pulses.x_m + climb * pulses.east_slope, pulses.y_m + climb * pulses.north_slope
        near |= np.hypot(x - 20.0, y - 20.0) < 2.5
    assert set(np.flatnonzero(near)) <= set(pairs.pulse.tolist())
    assert len(set(pairs.pulse.tolist())) == len(pairs.pulse)


def test_ranges_expand_to_the_same_as_a_loop() -> None:
    rng = np.random.default_rng(6)
    starts = rng.integers(0, 50, 30)
    stops = starts + rng.integers(0, 4, 30)
    values, owner = expand_ranges(starts, stops)
    expected = [(v, i) for i, (a, b) in enumerate(zip(starts, stops, strict=True)) for v in range(a, b)]
    assert list(zip(values.tolist(), owner.tolist(), strict=True)) == expected
