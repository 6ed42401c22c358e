"""The ground is a closed form: planes are planes, gradients are limits of differences."""

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.terrain import TerrainParameters, elevation_m, gradient, shape_terrain


def test_smooth_terrain_is_the_plane_through_its_origin() -> None:
    terrain = shape_terrain(np.random.default_rng(1), 10.0, 20.0, TerrainParameters(base_m=500.0, roughness=0.0))
    x, y = np.array([10.0, 11.0, 10.0, 33.0]), np.array([20.0, 20.0, 21.0, 57.0])
    east, north = terrain.slope_east, terrain.slope_north
    expected = [500.0, 500.0 + east, 500.0 + north, 500.0 + 23.0 * east + 37.0 * north]
    assert elevation_m(terrain, x, y) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_the_limit_of_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terrain = shape_terrain(rng, 0.0, 0.0, TerrainParameters(roughness=3.0))
    x, y = rng.uniform(0, 100, 200), rng.uniform(0, 100, 200)
    step = 1e-4
    east, north = gradient(terrain, x, y)
    by_east = (elevation_m(terrain, x + step, y) - elevation_m(terrain, x - step, y)) / (2 * step)
    by_north = (elevation_m(terrain, x, y + step) - elevation_m(terrain, x, y - step)) / (2 * step)
    assert np.allclose(east, by_east, atol=1e-5)
    assert np.allclose(north, by_north, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_plane_is_never_steeper_than_asked_and_never_flat(seed: int) -> None:
    terrain = shape_terrain(np.random.default_rng(seed), 0.0, 0.0, TerrainParameters(max_slope=0.4))
    assert 0.1 <= np.hypot(terrain.slope_east, terrain.slope_north) <= 0.4


def test_plane_has_the_slope_asked_for_when_it_may_have_no_less() -> None:
    parameters = TerrainParameters(max_slope=0.839, least_share=1.0)
    terrain = shape_terrain(np.random.default_rng(2), 0.0, 0.0, parameters)
    assert np.hypot(terrain.slope_east, terrain.slope_north) == pytest.approx(0.839)


@pytest.mark.parametrize("parameters", [TerrainParameters(max_slope=1.5), TerrainParameters(roughness=-0.1)])
def test_impossible_ground_is_refused(parameters: TerrainParameters) -> None:
    with pytest.raises(InvalidParameter):
        shape_terrain(np.random.default_rng(1), 0.0, 0.0, parameters)
