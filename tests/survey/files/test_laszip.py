"""What a LASzip file says of its compression, against records that another library makes."""

import io
import struct

import lazrs
import pytest

from survey.errors import InvalidLasHeader
from survey.files.las_records import STANDARD_BYTES
from survey.files.laszip import check_laszip, count_chunks, expect_chunks


def make_record(point_format: int = 6, extra: int = 0) -> bytearray:
    return bytearray(lazrs.LazVlr.new_for_compression(point_format, extra).record_data())


@pytest.mark.parametrize("extra", [0, 4, 31])
@pytest.mark.parametrize("form", [0, 1, 2, 3, 6, 7, 8])
def test_records_of_a_compressor_are_accepted(form: int, extra: int) -> None:
    check_laszip(bytes(make_record(form, extra)), form, STANDARD_BYTES[form] + extra)


@pytest.mark.parametrize(
    ("at", "raw", "field"),
    [
        (0, struct.pack("<H", 1), "LASzip compressor"),
        (0, struct.pack("<H", 9), "LASzip compressor"),
        (12, struct.pack("<I", 0), "LASzip chunk"),
        (12, struct.pack("<I", 1 << 31), "LASzip chunk"),
        (32, struct.pack("<H", 0), "LASzip items"),
        (32, struct.pack("<H", 400), "LASzip items"),
        (34, struct.pack("<H", 6), "LASzip items"),
        (36, struct.pack("<H", 29), "LASzip items"),
    ],
)
def test_one_wrong_number_is_refused_by_its_name(at: int, raw: bytes, field: str) -> None:
    record = make_record()
    record[at : at + len(raw)] = raw
    with pytest.raises(InvalidLasHeader) as caught:
        check_laszip(bytes(record), 6, 30)
    assert caught.value.field == field


def test_a_record_that_was_cut_off_is_refused() -> None:
    with pytest.raises(InvalidLasHeader):
        check_laszip(bytes(make_record()[:20]), 6, 30)


def test_chunks_are_counted_as_the_compressor_made_them() -> None:
    vlr = lazrs.LazVlr.new_for_compression(6, 0)
    out = io.BytesIO()
    compressor = lazrs.LasZipCompressor(out, vlr)
    compressor.compress_many(bytes(30 * 120_000))
    compressor.done()
    assert expect_chunks(bytes(vlr.record_data()), 120_000) == 3
    assert count_chunks(out, 0, len(out.getvalue())) == 3


def test_a_table_that_was_never_written_says_nothing_and_one_beyond_the_file_is_refused() -> None:
    assert count_chunks(io.BytesIO(struct.pack("<q", -1) + bytes(100)), 0, 108) is None
    with pytest.raises(InvalidLasHeader, match="chunk table"):
        count_chunks(io.BytesIO(struct.pack("<q", 5_000) + bytes(100)), 0, 108)
