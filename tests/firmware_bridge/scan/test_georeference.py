"""Points onto the Earth, against PROJ's own topocentric frame and plain geometry."""

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.scan.driver import ScanPoints
from firmware_bridge.scan.errors import InvalidMounting, UnusableCrs
from firmware_bridge.scan.georeference import Georeferencer, PlacedPoints, open_target
from firmware_bridge.scan.mounting import Mounting, to_body
from firmware_bridge.scan.track import Samples, Track, build_track
from sample_data.scanning.carrier import Carrier
from tests.firmware_bridge.scan.scans import Floats, to_local

HERE = Carrier(longitude_deg=15.0, latitude_deg=52.0, height_m=100.0)
UTM = "EPSG:32633"


def make_still(*, roll: float = 0, pitch: float = 0, heading: float = 0) -> Track:
    """Return the track of a carrier that stands at `HERE` for a second."""
    two = np.ones(2)
    return build_track(
        Samples(
            gps_s=np.array([0.0, 1.0]),
            longitude_deg=15.0 * two,
            latitude_deg=52.0 * two,
            height_m=100.0 * two,
            roll_deg=roll * two,
            pitch_deg=pitch * two,
            heading_deg=heading * two,
        )
    )


def make_points(xyz: Floats, gps_s: float = 0.5) -> ScanPoints:
    count = xyz.shape[0]
    ones = np.ones(count, dtype=np.uint8)
    times = np.full(count, gps_s)
    return ScanPoints(xyz[:, 0], xyz[:, 1], xyz[:, 2], times, ones, ones, ones, ones, "gnss")


def place(track: Track, xyz: Floats, *, mounting: Mounting | None = None, crs: str = UTM) -> PlacedPoints:
    return Georeferencer(track, mounting or Mounting(), open_target(crs)).place(make_points(xyz))


def locate(placed: PlacedPoints, crs: str = UTM) -> Floats:
    return to_local(HERE, crs, np.stack([placed.easting_m, placed.northing_m, placed.height_m], axis=-1))


@pytest.mark.parametrize(
    ("attitude", "expected"),
    [
        # A point 1 right, 10 forward, 3 up of the sensor; east, north, up of the carrier.
        ({}, (1, 10, 3)),
        ({"heading": 90}, (10, -1, 3)),
        ({"heading": 180}, (-1, -10, 3)),
        ({"pitch": 90}, (1, -3, 10)),
        ({"roll": 90}, (3, 10, -1)),
    ],
)
def test_a_point_lies_where_the_attitude_turns_it(
    attitude: dict[str, float], expected: tuple[float, float, float]
) -> None:
    placed = place(make_still(**attitude), np.array([[1.0, 10.0, 3.0]]))
    assert locate(placed)[0] == pytest.approx(expected, abs=2e-6)


@settings(max_examples=30)  # each opens a CRS
@given(
    st.tuples(*[st.floats(min_value=-180, max_value=180)] * 3),
    st.tuples(*[st.floats(min_value=-130, max_value=130)] * 3),
)
def test_distances_from_the_sensor_are_kept(
    angles: tuple[float, float, float], point: tuple[float, float, float]
) -> None:
    roll, pitch, heading = angles
    placed = place(make_still(roll=roll, pitch=pitch / 2, heading=heading), np.array([point]))
    assert np.linalg.norm(locate(placed)) == pytest.approx(float(np.linalg.norm(point)), abs=1e-5)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:32632", "EPSG:25833", "EPSG:3035"])
def test_grids_and_their_scale_do_not_move_a_point(crs: str) -> None:
    # Lambert, Mercator, a neighbouring zone: grid north and scale differ, the place on the ground does not. WGS 84 to
    # ETRS89 is the registry's null transformation.
    xyz = np.array([[30.0, 80.0, -20.0], [-100.0, 5.0, 9.0]])
    assert locate(place(make_still(heading=33), xyz, crs=crs), crs) == pytest.approx(
        locate(place(make_still(heading=33), xyz)), abs=1e-3
    )


def test_a_lever_arm_leads_from_the_track_to_the_sensor() -> None:
    mounting = Mounting(forward_m=2.0, right_m=0.5, down_m=-1.5)
    placed = place(make_still(heading=90), np.array([[0.0, 0.0, 0.0]]), mounting=mounting)
    assert locate(placed)[0] == pytest.approx((2.0, -0.5, 1.5), abs=2e-6)


def test_a_boresight_turns_the_sensor_in_the_carrier() -> None:
    # Yaw 90: the scanner faces the carrier's right side.
    body, _ = to_body(Mounting(yaw_deg=90.0), *(np.array([value]) for value in (0.0, 10.0, 0.0)))
    assert body[0] == pytest.approx((0, 10, 0), abs=1e-12)


@pytest.mark.parametrize(
    ("xyz", "expected"),
    [((0, 0, -5), 0), ((5, 0, 0), 90), ((-5, 0, 0), -90), ((3, 0, -3), 45), ((0, 0, 5), 180), ((3, 8, -3), 45)],
)
def test_scan_angles_count_from_straight_down_to_the_right(xyz: tuple[int, int, int], expected: float) -> None:
    placed = place(make_still(heading=77), np.array([xyz], dtype=np.float64))
    assert abs(placed.scan_angle_deg[0]) == pytest.approx(abs(expected), abs=1e-4)
    assert placed.scan_angle_deg[0] * expected >= 0 or abs(expected) == 180


def test_a_scan_angle_is_from_the_plumb_line_even_when_the_carrier_rolls() -> None:
    placed = place(make_still(roll=20), np.array([[0.0, 0.0, -5.0]]))
    assert placed.scan_angle_deg[0] == pytest.approx(-20, abs=1e-4)


def test_points_off_the_track_are_told() -> None:
    late = make_points(np.ones((3, 3)), gps_s=1.5)
    placed = Georeferencer(make_still(), Mounting(), open_target(UTM)).place(late)
    assert (placed.is_placed.tolist(), placed.easting_m.size) == ([False] * 3, 0)


def test_heights_stay_ellipsoidal_and_the_wkt_says_so() -> None:
    target = open_target(UTM)
    read = pyproj.CRS.from_wkt(target.wkt)
    assert target.vertical == "ellipsoidal"
    assert read == pyproj.CRS(UTM).to_3d()
    assert place(make_still(), np.zeros((1, 3))).height_m[0] == pytest.approx(100.0, abs=1e-6)


def test_a_compound_crs_needs_its_geoid_grid_and_is_refused_without() -> None:
    # EGM2008 (EPSG:3855): the wheel of PROJ brings no grids.
    target = open_target("EPSG:32633+3855")
    assert target.vertical == "EGM2008 height"
    assert target.wkt.startswith("COMPD_CS")
    with pytest.raises(UnusableCrs, match="grid"):
        Georeferencer(make_still(), Mounting(), target).place(make_points(np.zeros((1, 3))))


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("nonsense", "unknown"),
        ("EPSG:4326", "projected"),
        ("EPSG:4978", "projected"),
        ("EPSG:2263", "not the metre"),
        ("EPSG:32633+6360", "not the metre"),
    ],
)
def test_a_crs_that_clouds_cannot_be_in_is_named(crs: str, words: str) -> None:
    with pytest.raises(UnusableCrs, match=words):
        open_target(crs)


@pytest.mark.parametrize(
    ("lever", "boresight", "words"),
    [
        ("0,0", "0,0,0", "lever arm"),
        ("0,0,0", "0,0,0,0", "boresight"),
        ("a,0,0", "0,0,0", "lever arm"),
        ("0,0,101", "0,0,0", "down_m"),
        ("0,0,nan", "0,0,0", "down_m"),
        ("0,0,0", "0,361,0", "pitch_deg"),
    ],
)
def test_a_mounting_that_cannot_be_is_named(lever: str, boresight: str, words: str) -> None:
    with pytest.raises(InvalidMounting, match=words):
        Mounting.parse(lever, boresight)
