"""CRS by codes, WKT and keys; units by their definitions; positions by the geometry of a transverse Mercator."""

import re
import struct

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import CrsError, InvalidCrs, MissingCrs
from survey.files.crs import CONFLICT, full_crs, parse_crs, resolve_crs, to_world
from survey.files.geokeys import PROJECTED, parse_geokeys
from survey.files.las_header import GEO_KEYS, WKT_RECORD, LasHeader, read_header
from tests.survey.files.files import MALFORMED, needs_malformed

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


def test_two_crs_that_disagree_are_told() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 3005)), WKT_RECORD: make_wkt("EPSG:32633")}
    (told,) = (text for text in resolve_crs(make_header(records, prefers_wkt=True), None).warnings if CONFLICT in text)
    assert "EPSG:32633" in told
    assert "EPSG:3005" in told


def test_one_crs_said_twice_is_no_conflict() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 32633)), WKT_RECORD: make_wkt("EPSG:32633")}
    for prefers_wkt in (False, True):
        assert not any(
            CONFLICT in text for text in resolve_crs(make_header(records, prefers_wkt=prefers_wkt), None).warnings
        )


def test_the_same_projection_in_another_unit_is_a_conflict() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 2991)), WKT_RECORD: make_wkt("EPSG:2992")}
    crs = resolve_crs(make_header(records, prefers_wkt=True), None)
    assert crs.unit_m == pytest.approx(0.3048)
    assert any(CONFLICT in text for text in crs.warnings)


def test_a_record_that_cannot_be_read_gives_way_to_the_other_and_is_told() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 3005)), WKT_RECORD: b'PROJCS["broken'}
    crs = resolve_crs(make_header(records, prefers_wkt=True), None)
    assert crs.text == "EPSG:3005"
    assert any(CONFLICT in text for text in crs.warnings)


def test_keys_beside_wkt_give_the_vertical_unit_that_it_leaves_out() -> None:
    records = {GEO_KEYS: make_keys((PROJECTED, 2991), (4099, 9003)), WKT_RECORD: make_wkt("EPSG:2991")}
    crs = resolve_crs(make_header(records, prefers_wkt=True), None)
    assert crs.vertical_unit_m == pytest.approx(US_FOOT)
    assert crs.warnings == ()


def test_a_projection_defined_by_parameters_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidCrs, match="EPSG:n"):
        resolve_crs(make_header({GEO_KEYS: make_keys((PROJECTED, 32767), (3075, 8))}), None)


@pytest.mark.parametrize(("code", "unit_m"), [(9001, 1.0), (9036, 1000.0), (9080, 0.30479951024814694)])
def test_units_are_those_of_the_registry(code: int, unit_m: float) -> None:
    crs = resolve_crs(make_header({GEO_KEYS: make_keys((PROJECTED, 3005), (3076, code), (4099, 9001))}), None)
    assert crs.unit_m == pytest.approx(unit_m, rel=1e-12)


def test_a_unit_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidCrs, match="unit 8999"):
        resolve_crs(make_header({GEO_KEYS: make_keys((PROJECTED, 3005), (3076, 8999))}), None)


@pytest.mark.parametrize("code", [26917, 32633, 3005, 2903, 2992, 25832, 27700, 2154, 28992])
def test_wkt_without_codes_is_identified_in_the_registry(code: int) -> None:
    wkt = re.sub(r',(ID|AUTHORITY)\["EPSG","?\d+"?\]', "", pyproj.CRS.from_epsg(code).to_wkt("WKT1_ESRI"))
    assert "EPSG" not in wkt
    assert resolve_crs(make_header({WKT_RECORD: wkt.encode()}, prefers_wkt=True), None).text == f"EPSG:{code}"


def test_files_for_others_state_the_vertical_part_too() -> None:
    crs = resolve_crs(make_header({WKT_RECORD: make_wkt("EPSG:2991+6360")}, prefers_wkt=True), None)
    horizontal, vertical = full_crs(crs).sub_crs_list
    assert (horizontal.to_epsg(), vertical.to_epsg()) == (2991, 6360)


@needs_malformed
def test_the_shared_file_with_two_crs_is_in_us_feet_and_says_that_they_disagree() -> None:
    crs = resolve_crs(read_header(MALFORMED / "file_with_both_wkt_and_geotiff_vlrs.las"), None)
    assert crs.text == "EPSG:6880"
    assert crs.unit_m == pytest.approx(US_FOOT)
    assert any(CONFLICT in text for text in crs.warnings)


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
