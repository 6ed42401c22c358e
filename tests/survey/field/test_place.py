"""Places of trees, against geodesics."""

import math

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import GnssFix, HeightShot, Station
from survey.field.place import FieldPlace, PlaceSettings, locate_tree, tell_error
from tests.survey.field.readings import LAT_DEG, LON_DEG, caliper, enter, hear, stop

TO_UTM = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
WGS84 = pyproj.Geod(ellps="WGS84")


def to_plane(longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    x, y = TO_UTM.transform(longitude_deg, latitude_deg)
    return float(x), float(y)


OPEN = PlaceSettings(to_plane, is_under_canopy=False, declination_deg=0.0)
STATION = Station(round(LON_DEG * 1e9), round(LAT_DEG * 1e9), hdop_c=100)


def away_m(place: FieldPlace, longitude_deg: float, latitude_deg: float) -> float:
    return math.dist((place.x_m, place.y_m), to_plane(longitude_deg, latitude_deg))


def east_of_origin(place: FieldPlace) -> float:
    """Return how far east of the origin a place lies, by its geodesic."""
    longitude, latitude = TO_UTM.transform(place.x_m, place.y_m, direction="INVERSE")
    azimuth, _, distance = WGS84.inv(LON_DEG, LAT_DEG, longitude, latitude)
    return float(distance * math.sin(math.radians(azimuth)))


@given(st.floats(1.5, 60.0), st.floats(0.0, 359.99), st.floats(-20.0, 20.0))
def test_a_tree_off_a_station_is_where_the_geodesic_leads(
    reach_m: float, bearing_deg: float, declination_deg: float
) -> None:
    shot = HeightShot(0, horizontal_mm=round(reach_m * 1e3), azimuth_cd=round(bearing_deg * 100), station=STATION)
    place = locate_tree(hear(shot), PlaceSettings(to_plane, declination_deg=declination_deg))
    assert place is not None
    assert place.how == "off-station"
    longitude, latitude, _ = WGS84.fwd(LON_DEG, LAT_DEG, round(bearing_deg * 100) / 100 + declination_deg, reach_m)
    assert away_m(place, longitude, latitude) < 0.005 * reach_m


def test_a_slope_distance_is_laid_level_and_leads_to_the_middle_of_the_stem() -> None:
    shot = HeightShot(0, slope_mm=20_000, inclination_cd=-3_000, azimuth_cd=9_000, station=STATION)
    place = locate_tree(hear(shot, *caliper(9_000, 400)), OPEN)
    assert place is not None
    assert east_of_origin(place) == pytest.approx(20.0 * math.cos(math.radians(30.0)) + 0.2, rel=0.005)


def test_an_unknown_declination_widens_the_error_and_is_told() -> None:
    shot = HeightShot(0, horizontal_mm=40_000, azimuth_cd=9_000, station=STATION)
    known = locate_tree(hear(shot), OPEN)
    unknown = locate_tree(hear(shot), PlaceSettings(to_plane, is_under_canopy=False))
    assert known is not None
    assert unknown is not None
    assert unknown.error_m > known.error_m
    assert any("declination" in warning for warning in unknown.warnings)


def test_of_two_stops_the_one_at_the_caliper_is_the_trees() -> None:
    at_stem, at_station = stop(30_000, 20_000, east_m=0.0), stop(120_000, 20_000, east_m=25.0)
    place = locate_tree(hear(at_stem, *caliper(25_000, 300), at_station, enter(125_000)), OPEN)
    assert place is not None
    assert east_of_origin(place) == pytest.approx(0.0, abs=0.1)


def test_a_shot_during_a_stop_leads_from_it() -> None:
    at_station = stop(60_000, 50_000, east_m=25.0)
    shot = HeightShot(40_000, horizontal_mm=25_000, azimuth_cd=27_000)
    at_stem = stop(200_000, 20_000, error_mm=90_000)
    place = locate_tree(hear(at_station, shot, at_stem, *caliper(190_000, 300)), OPEN)
    assert place is not None
    assert place.how == "off-station"
    assert east_of_origin(place) == pytest.approx(-0.15, abs=0.15)


def test_a_shared_stop_is_no_trees_place() -> None:
    (shared,) = hear(stop(60_000, 50_000))
    assert locate_tree([type(shared)(shared.record, 0, shared.reading, is_shared=True)], OPEN) is None


def test_single_fixes_beside_the_caliper_are_averaged_and_others_are_not() -> None:
    def fix(at_ms: int, east_m: float, quality: int = 1) -> GnssFix:
        mean = stop(at_ms, east_m=east_m)
        return GnssFix(at_ms, mean.lon_nd, mean.lat_nd, quality, horizontal_error_mm=2_000)

    heard = hear(fix(1_000, 0.0), fix(2_000, 2.0), fix(3_000, 9.0, quality=6), *caliper(5_000, 300), fix(500_000, 60.0))
    place = locate_tree(heard, OPEN)
    assert place is not None
    assert east_of_origin(place) == pytest.approx(1.0, abs=0.05)


def test_where_the_crew_only_shot_from_is_not_where_the_tree_stands() -> None:
    mean = stop(30_000, 20_000)
    fix = GnssFix(25_000, mean.lon_nd, mean.lat_nd, 1, horizontal_error_mm=2_000)
    shot = HeightShot(25_000, horizontal_mm=20_000, height_mm=24_000)
    assert locate_tree(hear(mean, shot), OPEN) is None
    assert locate_tree(hear(fix, shot), OPEN) is None
    assert locate_tree(hear(mean, shot, *caliper(26_000, 300)), OPEN) is not None


def test_two_places_that_contradict_each_other_are_told() -> None:
    shot = HeightShot(0, horizontal_mm=20_000, azimuth_cd=9_000, station=STATION)
    heard = hear(shot, stop(60_000, 20_000, east_m=60.0), *caliper(50_000, 300))
    place = locate_tree(heard, OPEN)
    assert place is not None
    assert any("apart" in warning for warning in place.warnings)


@pytest.mark.parametrize(
    ("fix", "under_canopy", "error_m", "is_assumed"),
    [
        (GnssFix(0, 0, 0, 4, horizontal_error_mm=20), False, 0.02 / math.sqrt(2.0), False),
        (GnssFix(0, 0, 0, 1, east_error_mm=3_000, north_error_mm=4_000), False, 5.0 / math.sqrt(2.0), False),
        (GnssFix(0, 0, 0, 1, horizontal_error_mm=3_000), True, 6.0 / math.sqrt(2.0), False),
        (GnssFix(0, 0, 0, 2, hdop_c=80), True, 2.0, True),
        (GnssFix(0, 0, 0, 1, hdop_c=200), False, 6.0 / math.sqrt(2.0), True),
    ],
)
def test_errors_are_the_receivers_own_doubled_under_canopy_or_assumed(
    fix: GnssFix,
    under_canopy: bool,  # noqa: FBT001
    error_m: float,
    is_assumed: bool,  # noqa: FBT001
) -> None:
    error, assumed = tell_error(fix, is_under_canopy=under_canopy)
    assert error == pytest.approx(error_m)
    assert assumed is is_assumed


def test_an_assumed_error_under_canopy_is_a_warning() -> None:
    place = locate_tree(hear(stop(30_000, error_mm=None), enter(20_000)), PlaceSettings(to_plane))
    assert place is not None
    assert "under canopy" in place.warnings[0]
