"""Means against closed forms: arcs of the ellipsoid, poles, the 180th meridian, and known scatters.

An arc of the meridian is M times its angle and one of a parallel N cos(latitude) times its angle, with the radii of
curvature M = a (1 - e^2) / (1 - e^2 sin^2)^(3/2) and N = a / (1 - e^2 sin^2)^(1/2); pyproj, a second implementation of
the ellipsoid, checks places.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from domain.readings import GnssFix
from domain.schema import to_map
from firmware_bridge.gnss.averaging import average_fixes, choose_fixes, find_outliers
from firmware_bridge.gnss.errors import MixedDatums, NoFixes
from firmware_bridge.gnss.geodesy import to_earth_centred, to_geographic

A, E2 = 6_378_137.0, 0.00669437999014
LON, LAT = 11_516_666_667, 48_117_300_000


def place(lon_nd: int, lat_nd: int, at: int = 0, quality: int = 4, **more: int) -> GnssFix:
    return GnssFix(1_000 * at, lon_nd, lat_nd, quality, **more)  # type: ignore[arg-type]


def arcs_nd(east_m: float, north_m: float, lat_nd: int) -> tuple[int, int]:
    """Return the angles in 10^-9 degree of short arcs at a latitude."""
    lat = math.radians(lat_nd / 1e9)
    curve = 1 - E2 * math.sin(lat) ** 2
    meridian, normal = A * (1 - E2) / curve**1.5, A / curve**0.5
    return round(math.degrees(east_m / (normal * math.cos(lat))) * 1e9), round(math.degrees(north_m / meridian) * 1e9)


def test_the_mean_of_a_square_is_its_middle_and_its_scatter_is_the_closed_form() -> None:
    east, north = arcs_nd(3.0, 4.0, LAT)
    corners = [(LON + x * east, LAT + y * north) for x in (-1, 1) for y in (-1, 1)]
    mean = average_fixes([place(lon, lat, at) for at, (lon, lat) in enumerate(corners)], mono_ms=9_000)
    assert (mean.lon_nd, mean.lat_nd) == pytest.approx((LON, LAT), abs=2)
    # Four values of -3 and 3: the sum of squares is 36, the standard deviation (36 / 3)^(1/2).
    assert mean.east_sd_mm == round(math.sqrt(4 * 9 / 3) * 1000)
    assert mean.north_sd_mm == round(math.sqrt(4 * 16 / 3) * 1000)
    assert (mean.fixes, mean.left_out, mean.duration_ms, mean.mono_ms, mean.quality) == (4, 0, 3_000, 9_000, 4)


def test_distances_are_those_of_the_ground_not_of_the_sea() -> None:
    east, _ = arcs_nd(100.0, 0.0, LAT)
    fixes = [place(LON + x * east, LAT, altitude_mm=4_000_000, geoid_mm=47_000) for x in (-1, 1)]
    mean = average_fixes(fixes, mono_ms=0)
    lat = math.radians(LAT / 1e9)
    normal = A / math.sqrt(1 - E2 * math.sin(lat) ** 2)
    # 100 m each way at sea level are wider by (N + h) / N at a height of 4,047 m.
    assert mean.east_sd_mm == pytest.approx(100_000 * math.sqrt(2) * (normal + 4_047) / normal, abs=1)


@pytest.mark.parametrize("lat_nd", [0, 60_000_000_000, -33_000_000_000])
def test_the_180th_meridian_is_a_meridian_as_others(lat_nd: int) -> None:
    fixes = [place(179_999_990_000, lat_nd), place(-179_999_990_000, lat_nd)]
    mean = average_fixes(fixes, mono_ms=0)
    assert abs(mean.lon_nd) == pytest.approx(180_000_000_000, abs=2)
    assert mean.lat_nd == pytest.approx(lat_nd, abs=1)
    assert mean.east_sd_mm is not None
    assert mean.east_sd_mm < 2_000


@pytest.mark.parametrize("sign", [1, -1])
def test_fixes_around_a_pole_have_the_pole_as_mean(sign: int) -> None:
    fixes = [place(lon * 1_000_000_000, sign * 89_999_900_000) for lon in (0, 90, 180, -90)]
    mean = average_fixes(fixes, mono_ms=0)
    assert mean.lat_nd == pytest.approx(sign * 90_000_000_000, abs=2)
    # 10^-4 degree of the meridian is 11.17 m at the pole: two at -r and r, two at 0, along each axis.
    radius_mm = math.radians(1e-4) * A / math.sqrt(1 - E2) * 1000
    assert mean.east_sd_mm == pytest.approx(radius_mm * math.sqrt(2 / 3), abs=2)
    assert mean.north_sd_mm == pytest.approx(radius_mm * math.sqrt(2 / 3), abs=2)


def test_east_is_east_of_the_mean_even_where_meridians_meet() -> None:
    # Two places as far from the pole, a quarter turn apart: between them the line runs due east of the mean.
    mean = average_fixes([place(0, 89_999_900_000), place(90_000_000_000, 89_999_900_000)], mono_ms=0)
    radius_mm = math.radians(1e-4) * A / math.sqrt(1 - E2) * 1000
    assert mean.lon_nd == pytest.approx(45_000_000_000, abs=10_000)
    assert mean.east_sd_mm == pytest.approx(radius_mm, abs=2)
    assert mean.north_sd_mm == pytest.approx(0, abs=2)


LONS, LATS = st.integers(-180_000_000_000, 180_000_000_000), st.integers(-90_000_000_000, 90_000_000_000)


@given(LONS, LATS, st.integers(1, 20))
def test_the_mean_of_one_place_is_that_place(lon_nd: int, lat_nd: int, count: int) -> None:
    mean = average_fixes([place(lon_nd, lat_nd, at) for at in range(count)], mono_ms=0)
    assert mean.lat_nd == pytest.approx(lat_nd, abs=1)
    if abs(lat_nd) < 89_999_999_000:
        assert abs(mean.lon_nd - lon_nd) % 360_000_000_000 <= max(1, 2 / math.cos(math.radians(lat_nd / 1e9)))
    assert mean.east_sd_mm == (None if count == 1 else 0)


@given(
    LONS,
    st.integers(-85_000_000_000, 85_000_000_000),
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=2, max_size=20),
)
def test_the_mean_is_where_a_second_implementation_finds_it(
    lon_nd: int, lat_nd: int, offsets: list[tuple[float, float]]
) -> None:
    geod = Geod(ellps="WGS84")
    ends = [
        geod.fwd(lon_nd / 1e9, lat_nd / 1e9, math.degrees(math.atan2(x, y)), math.hypot(x, y))[:2] for x, y in offsets
    ]
    fixes = [place(round(lon * 1e9), round(lat * 1e9)) for lon, lat in ends]
    mean = average_fixes(fixes, mono_ms=0)
    kept = [
        offset
        for offset, *out in zip(offsets, *(find_outliers(axis) for axis in zip(*offsets, strict=True)), strict=True)
        if not any(out)
    ] or offsets
    if mean.fixes != len(kept):
        return  # a fix that stands at the bound of being an outlier, decided by its last digit
    east, north = (math.fsum(axis) / len(kept) for axis in zip(*kept, strict=True))
    azimuth, _, distance = geod.inv(lon_nd / 1e9, lat_nd / 1e9, mean.lon_nd / 1e9, mean.lat_nd / 1e9)
    assert distance * math.sin(math.radians(azimuth)) == pytest.approx(east, abs=1e-3)
    assert distance * math.cos(math.radians(azimuth)) == pytest.approx(north, abs=1e-3)


@given(LONS, LATS, st.floats(-400, 9_000))
def test_earth_centred_coordinates_are_a_second_implementations(lon_nd: int, lat_nd: int, height_m: float) -> None:
    ours = to_earth_centred(lon_nd, lat_nd, height_m)
    theirs = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(
        lon_nd / 1e9, lat_nd / 1e9, height_m
    )
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert to_geographic(ours)[1] == pytest.approx(lat_nd, abs=1)


def test_one_wild_fix_is_left_out() -> None:
    east, _ = arcs_nd(1.0, 0.0, LAT)
    good = [place(LON + step * east // 100, LAT, step) for step in range(20)]
    mean = average_fixes([*good, place(LON + 40 * east, LAT, 20)], mono_ms=0)
    assert (mean.fixes, mean.left_out, mean.duration_ms) == (20, 1, 19_000)
    assert mean.lon_nd == pytest.approx(LON + 9.5 * east / 100, abs=2)


def test_a_wild_height_is_left_out_too() -> None:
    fixes = [place(LON, LAT, step, altitude_mm=500_000 + step) for step in range(9)]
    mean = average_fixes([*fixes, place(LON, LAT, 9, altitude_mm=530_000)], mono_ms=0)
    assert (mean.altitude_mm, mean.left_out) == (500_004, 1)


def test_the_rule_for_outliers_is_the_published_one() -> None:
    # Median 3, absolute deviations 2 1 0 1 2 x: their median 1.5 (x large); 3.5 x 1.5 / 0.6745 = 7.78.
    assert find_outliers([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 3.0 + 5.18]) == [False] * 7
    assert find_outliers([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 3.0 + 5.20]) == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("qualities", "used", "quality"),
    [
        ((4, 4, 5, 2, 1), 2, 4),
        ((5, 5, 2, 1, 1), 2, 5),
        ((2, 2, 1, 1), 2, 2),
        ((1, 1, 6, 0), 2, 1),
        ((9, 2, 1), 1, 2),
        ((0, 8), 1, 8),
    ],
)
def test_only_the_best_quality_counts(qualities: tuple[int, ...], used: int, quality: int) -> None:
    mean = average_fixes([place(LON, LAT, at, quality) for at, quality in enumerate(qualities)], mono_ms=0)
    assert (mean.fixes, mean.quality, mean.left_out) == (used, quality, len(qualities) - used)


def test_one_lucky_fix_does_not_stand_for_the_stop() -> None:
    chosen = choose_fixes([place(LON, LAT, 0, 4), *(place(LON, LAT, at, 1) for at in range(1, 100))])
    assert len(chosen) == 100
    assert average_fixes(chosen, mono_ms=0).quality == 1


def test_one_fix_in_ten_is_common() -> None:
    fixes = [place(LON, LAT, 0, 4), *(place(LON, LAT, at, 1) for at in range(1, 10))]
    assert [fix.quality for fix in choose_fixes(fixes)] == [4]
    assert len(choose_fixes([*fixes, place(LON, LAT, 10, 1)])) == 11


@pytest.mark.parametrize("qualities", [(), (0,), (0, 0)])
def test_a_stop_without_a_place_has_no_mean(qualities: tuple[int, ...]) -> None:
    with pytest.raises(NoFixes):
        average_fixes([place(LON, LAT, 0, quality) for quality in qualities], mono_ms=0)


def test_two_datums_have_no_mean() -> None:
    fixes = [GnssFix(0, LON, LAT, 4, datum="WGS 84"), GnssFix(1, LON, LAT, 4, datum="PZ-90")]
    with pytest.raises(MixedDatums, match="PZ-90, WGS 84"):
        average_fixes(fixes, mono_ms=0)
    assert average_fixes([*fixes[:1], GnssFix(1, LON, LAT, 4)], mono_ms=0).datum == "WGS 84"


def test_the_receivers_own_estimates_are_told_as_their_root_mean_square() -> None:
    fixes = [place(LON, LAT, at, horizontal_error_mm=error, hdop_c=error) for at, error in enumerate((30, 40))]
    mean = average_fixes(fixes, mono_ms=0)
    assert (mean.horizontal_error_mm, mean.hdop_c) == (round(math.sqrt((900 + 1600) / 2)), 40)
    assert mean.vertical_error_mm is None


@given(st.lists(st.tuples(LONS, LATS, st.integers(0, 9)), max_size=12))
def test_any_fixes_have_a_mean_that_fits_its_record_or_none(fixes: list[tuple[int, int, int]]) -> None:
    try:
        mean = average_fixes([place(lon, lat, at, quality) for at, (lon, lat, quality) in enumerate(fixes)], mono_ms=0)
    except NoFixes:
        assert not any(quality for _, _, quality in fixes)
        return
    if max(mean.east_sd_mm or 0, mean.north_sd_mm or 0) <= 10_000_000:  # a stop is not wider than a record's lengths
        to_map(mean)
    assert mean.fixes + mean.left_out == len(fixes)
