"""CRS by codes, WKT and keys; units by their definitions; positions by the geometry of a transverse Mercator."""

import struct

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import CrsError, InvalidCrs, MissingCrs
from survey.files.crs import parse_crs, resolve_crs, to_world
from survey.files.geokeys import PROJECTED, parse_geokeys
from survey.files.las_header import GEO_KEYS, WKT_RECORD, LasHeader

US_FOOT = 1200.0 / 3937.0


def make_header(records: dict[int, bytes], *, prefers_wkt: bool = False) -> LasHeader:
    scale = (0.01, 0.01, 0.01)
    return LasHeader((1, 2), 0, 20, 1, 227, False, scale, (0.0, 0.0, 0.0), prefers_wkt, records, ())  # noqa: FBT003


def make_keys(*pairs: tuple[int, int]) -> bytes:
    words = [1, 1, 0, len(pairs)]
    for key, value in pairs:
        words += [key, 0, 1, value]
    return struct.pack(f"<{len(words)}H", *words)


def make_wkt(epsg: str) -> bytes:
    return pyproj.CRS.from_user_input(epsg).to_wkt("WKT1_GDAL").encode() + b"\0"


@pytest.mark.parametrize(
    ("given_crs", "unit_m"),
    [("EPSG:3005", 1.0), ("EPSG:2994", 0.3048), ("EPSG:2903", US_FOOT), ("local:m", 1.0)],
)
def test_a_given_crs_has_the_unit_of_its_definition(given_crs: str, unit_m: float) -> None:
    crs = parse_crs(given_crs)
    assert crs.text == given_crs
    assert crs.source == "user"
    assert crs.unit_m == pytest.approx(unit_m, rel=1e-9)


@pytest.mark.parametrize("bad", ["EPSG:4326", "EPSG:4978", "nonsense", "", "local:", "local:Feet", "EPSG:99999999"])
def test_a_crs_that_cannot_carry_a_survey_is_refused(bad: str) -> None:
    with pytest.raises(InvalidCrs):
        parse_crs(bad)


def test_a_file_without_crs_is_refused_with_the_remedy() -> None:
    with pytest.raises(MissingCrs, match="--crs"):
        resolve_crs(make_header({}), None)


def test_a_given_crs_goes_before_the_file() -> None:
    header = make_header({GEO_KEYS: make_keys((PROJECTED, 3005))})
    assert resolve_crs(header, "EPSG:32633").text == "EPSG:32633"


def test_keys_name_crs_vertical_datum_and_units() -> None:
    crs = resolve_crs(make_header({GEO_KEYS: make_keys((PROJECTED, 2903), (4096, 5103), (4099, 9003))}), None)
    assert (crs.text, crs.source, crs.vertical) == ("EPSG:2903", "file", "EPSG:5103")
    assert crs.vertical_unit_m == pytest.approx(US_FOOT)
    assert crs.warnings == ()


def test_an_unstated_vertical_unit_is_assumed_and_told() -> None:
    crs = resolve_crs(make_header({GEO_KEYS: make_keys((PROJECTED, 2994))}), None)
    assert crs.vertical_unit_m == pytest.approx(0.3048)
    assert "assumed" in crs.warnings[0]


def test_of_two_crs_the_one_that_the_header_calls_valid_counts() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 3005)), WKT_RECORD: make_wkt("EPSG:32633")}
    assert resolve_crs(make_header(records, prefers_wkt=True), None).text == "EPSG:32633"
    assert resolve_crs(make_header(records), None).text == "EPSG:3005"


def test_a_compound_crs_gives_its_vertical_part() -> None:
    crs = resolve_crs(make_header({WKT_RECORD: make_wkt("EPSG:2991+6360")}, prefers_wkt=True), None)
    assert (crs.text, crs.vertical, crs.unit_m) == ("EPSG:2991", "EPSG:6360", 1.0)
    assert crs.vertical_unit_m == pytest.approx(US_FOOT)


def test_the_central_meridian_at_the_equator_is_where_a_zone_begins() -> None:
    world = to_world(parse_crs("EPSG:32633"), np.array([500_000.0]), np.array([0.0]))
    assert world.longitude_deg[0] == pytest.approx(15.0, abs=1e-12)
    assert world.latitude_deg[0] == pytest.approx(0.0, abs=1e-12)
    assert world.operation


def test_feet_lead_to_the_same_place_as_metres() -> None:
    # EPSG:2991 and EPSG:2992 are one projection of one datum, in metres and in international feet.
    x, y = np.array([400_000.0, 410_000.0]), np.array([100_000.0, 120_000.0])
    metres, feet = to_world(parse_crs("EPSG:2991"), x, y), to_world(parse_crs("EPSG:2992"), x, y)
    assert np.abs(metres.longitude_deg - feet.longitude_deg).max() < 1e-9
    assert np.abs(metres.latitude_deg - feet.latitude_deg).max() < 1e-9


def test_positions_far_outside_of_a_crs_are_refused() -> None:
    with pytest.raises(InvalidCrs):
        to_world(parse_crs("EPSG:3005"), np.array([1e300]), np.array([1e300]))


@given(st.binary(max_size=400))
def test_any_key_directory_is_read_or_refused(raw: bytes) -> None:
    parse_geokeys(raw)
    try:
        resolve_crs(make_header({GEO_KEYS: raw}), None)
    except CrsError:
        return


@given(st.binary(max_size=200))
def test_any_wkt_is_read_or_refused(raw: bytes) -> None:
    try:
        resolve_crs(make_header({WKT_RECORD: raw}, prefers_wkt=True), None)
    except CrsError:
        return
