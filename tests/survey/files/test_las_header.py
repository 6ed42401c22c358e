"""Headers that must be refused, one change each, and the law "parses or raises our error"."""

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import CloudTooLarge, InvalidCloudFile, InvalidLasHeader
from survey.files.las_header import CRS_USER, GEO_KEYS, MAX_POINTS, parse_header

POINTS_AT = 227 + 54 + 16
KEYS = struct.pack("<8H", 1, 1, 0, 1, 3072, 0, 1, 3005)


def make_las(points: int = 3) -> bytearray:
    """Return a LAS 1.2 file of format 0 by the standard's table 3, with one record of GeoTIFF keys."""
    head = bytearray(227)
    head[:4], head[24], head[25] = b"LASF", 1, 2
    struct.pack_into("<HIIBHI", head, 94, 227, POINTS_AT, 1, 0, 20, points)
    struct.pack_into("<12d", head, 131, 0.01, 0.01, 0.01, 0.0, 0.0, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 0.0)
    record = struct.pack("<H16sHH32s", 0, CRS_USER.encode(), GEO_KEYS, len(KEYS), b"") + KEYS
    return head + record + bytes(20 * points)


def parse(raw: bytes) -> object:
    return parse_header(io.BytesIO(raw))


def test_a_header_by_the_standard_is_read_with_its_crs_record() -> None:
    header = parse_header(io.BytesIO(make_las()))
    assert (header.version, header.point_format, header.point_count, header.points_at) == ((1, 2), 0, 3, POINTS_AT)
    assert header.scale == (0.01, 0.01, 0.01)
    assert header.crs_records == {GEO_KEYS: KEYS}
    assert not header.is_compressed
    assert header.warnings == ()


def put(form: str, at: int, value: float) -> Callable[[bytearray], None]:
    return lambda raw: struct.pack_into(form, raw, at, value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (put("<B", 0, 0), "signature"),
        (put("<B", 24, 2), "version"),
        (put("<B", 25, 5), "version"),
        (put("<H", 94, 226), "header size"),
        (put("<I", 96, 1 << 31), "offset to points"),
        (put("<I", 96, 100), "offset to points"),
        (put("<I", 100, 1_069_128_089), "number of records"),
        (put("<I", 100, 2), "number of records"),
        (put("<B", 104, 11), "point data format"),
        (put("<B", 104, 0x80), "point data format"),
        (put("<H", 105, 19), "point length"),
        (put("<I", 107, 4), "number of points"),
        (put("<d", 131, 0.0), "scale factors"),
        (put("<d", 139, float("nan")), "scale factors"),
        (put("<d", 155, float("inf")), "offsets"),
        (put("<d", 179, float("nan")), "bounds"),
        (put("<H", 227 + 20, 60_000), "record length"),
    ],
)
def test_one_wrong_field_is_refused_by_its_name(change: Callable[[bytearray], None], field: str) -> None:
    raw = make_las()
    change(raw)
    with pytest.raises(InvalidLasHeader) as caught:
        parse(bytes(raw))
    assert caught.value.field == field


def test_more_points_than_a_survey_takes_are_refused_before_anything_is_read() -> None:
    raw = make_las()
    struct.pack_into("<I", raw, 107, MAX_POINTS + 1)
    with pytest.raises(CloudTooLarge):
        parse(bytes(raw))


def test_inverted_bounds_are_read_with_a_warning() -> None:
    raw = make_las()
    struct.pack_into("<d", raw, 179, -1.0)
    assert "inverted" in parse_header(io.BytesIO(raw)).warnings[0]


@given(st.lists(st.tuples(st.integers(0, 312), st.integers(0, 255)), max_size=12), st.integers(0, 357))
def test_a_mutated_header_parses_or_raises_our_error(changes: list[tuple[int, int]], length: int) -> None:
    raw = make_las()
    for at, value in changes:
        raw[at] = value
    try:
        parse(bytes(raw[: len(raw) - length // 4]))
    except InvalidCloudFile:
        return


@given(st.binary(max_size=600))
def test_any_bytes_parse_or_raise_our_error(raw: bytes) -> None:
    try:
        parse(b"LASF" + raw)
    except InvalidCloudFile:
        return
