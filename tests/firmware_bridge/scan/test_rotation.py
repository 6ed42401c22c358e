"""Rotations against SciPy's, which are made of matrices of other hands."""

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from firmware_bridge.scan.rotation import from_euler, multiply, ned_in_earth, rotate, slerp

angles = st.floats(min_value=-7, max_value=7, allow_nan=False)


def column(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def to_scipy(quaternion: NDArray[np.float64]) -> Rotation:
    return Rotation.from_quat(np.roll(quaternion, -1, axis=-1))


@given(angles, angles, angles)
def test_attitudes_are_scipys_intrinsic_zyx(roll: float, pitch: float, heading: float) -> None:
    ours = rotate(np.repeat(from_euler(column(roll), column(pitch), column(heading)), 3, axis=0), np.eye(3))
    theirs = Rotation.from_euler("ZYX", [heading, pitch, roll]).as_matrix()
    assert np.allclose(ours.T, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("angles_deg", "axis", "expected"),
    [
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),  # heading 90: forward is east
        ((0, 90, 0), (1, 0, 0), (0, 0, -1)),  # nose up: forward is up
        ((90, 0, 0), (0, 1, 0), (0, 0, 1)),  # right side down: right is down
    ],
)
def test_positive_angles_turn_as_navigation_says(
    angles_deg: tuple[float, float, float], axis: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    attitude = from_euler(*(np.radians([angle]) for angle in angles_deg))
    assert rotate(attitude, column(*axis)[None])[0] == pytest.approx(expected, abs=1e-12)


@given(st.floats(min_value=-179, max_value=179), st.floats(min_value=-89, max_value=89))
def test_down_is_where_height_falls_and_north_where_latitude_grows(longitude: float, latitude: float) -> None:
    frame = ned_in_earth(np.radians([longitude]), np.radians([latitude]))
    cart = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    here = np.array(cart.transform(longitude, latitude, 0.0))
    lower = np.array(cart.transform(longitude, latitude, -10.0)) - here
    norther = np.array(cart.transform(longitude, latitude + 1e-5, 0.0)) - here
    for direction, axis in ((lower, (0, 0, 1)), (norther, (1, 0, 0))):
        unit = direction / np.linalg.norm(direction)
        assert rotate(frame, column(*axis)[None])[0] == pytest.approx(unit, abs=1e-6)


@given(st.lists(angles, min_size=6, max_size=6), st.floats(min_value=0, max_value=1))
def test_slerp_is_scipys(values: list[float], share: float) -> None:
    first, second = (from_euler(*(column(value) for value in three)) for three in (values[:3], values[3:]))
    relative = (to_scipy(first[0]).inv() * to_scipy(second[0])).magnitude()
    if relative > np.pi - 1e-6:
        return  # half a turn has two shortest arcs
    both = Rotation.concatenate([to_scipy(first[0]), to_scipy(second[0])])
    expected = Slerp([0, 1], both)(share)
    ours = to_scipy(slerp(first, second, column(share))[0])
    assert (ours.inv() * expected).magnitude() < 1e-6


@given(st.lists(angles, min_size=6, max_size=6))
def test_a_product_turns_by_the_right_one_first(values: list[float]) -> None:
    left, right = (from_euler(*(column(value) for value in three)) for three in (values[:3], values[3:]))
    vector = column(0.3, -1.0, 2.0)[None]
    assert rotate(multiply(left, right), vector) == pytest.approx(rotate(left, rotate(right, vector)), abs=1e-12)
