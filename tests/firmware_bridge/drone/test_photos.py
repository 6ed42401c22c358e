"""Photos made by Pillow, with the metadata that drones write."""

import io
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from domain.readings import Photo
from domain.schema import from_map, to_map
from firmware_bridge.drone.errors import InvalidPhotoField, UnreadablePhoto
from firmware_bridge.drone.exif import parse_exif
from firmware_bridge.drone.jpeg import read_metadata
from firmware_bridge.drone.photos import PhotoFacts, read_photo
from tests.domain.samples import CLOUD

GPS = ExifTags.GPS
# 52 deg 24' 36.54" N, 15 deg 1' 48.09" W: the degrees below are worked by hand.
GOOD_GPS: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (IFDRational(52), IFDRational(24), IFDRational(3654, 100)),
    GPS.GPSLongitudeRef: "W",
    GPS.GPSLongitude: (IFDRational(15), IFDRational(1), IFDRational(4809, 100)),
    GPS.GPSAltitudeRef: b"\0",
    GPS.GPSAltitude: IFDRational(123456, 1000),
    GPS.GPSDateStamp: "2026:08:02",
    GPS.GPSTimeStamp: (IFDRational(11), IFDRational(59), IFDRational(58250, 1000)),
}
# The names and forms that DJI's cameras write (attributes; older firmware writes elements).
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" '
    'drone-dji:AltitudeType="{altitude}" drone-dji:RelativeAltitude="+39.839" drone-dji:GimbalRollDegree="+0.00" '
    'drone-dji:GimbalYawDegree="-57.20" drone-dji:GimbalPitchDegree="-89.90"/></rdf:RDF></x:xmpmeta>'
)
GPS_FUSION = XMP.format(altitude="GpsFusionAlt")


def make_photo(
    path: Path, gps: dict[int, Any] | None = None, *, xmp: str = "", make: str = "DJI", model: str = "FC6310"
) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, model
    if gps:
        exif[ExifTags.IFD.GPSInfo] = gps
    Image.new("RGB", (64, 48), (30, 90, 40)).save(path, "JPEG", exif=exif, xmp=xmp.encode())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "DJI_0001.JPG"


def test_a_photo_says_where_when_and_which_way(path: Path) -> None:
    facts = read_photo(make_photo(path, GOOD_GPS, xmp=GPS_FUSION))
    assert facts == PhotoFacts(
        lon_nd=-15_030_025_000,
        lat_nd=52_410_150_000,
        altitude_mm=123_456,
        above_ground_mm=39_839,
        yaw_cd=-5_720,
        pitch_cd=-8_990,
        roll_cd=0,
        taken_ms=1_785_671_998_250,  # date -u -d '2026-08-02 11:59:58' +%s
        camera="DJI FC6310",
    )


def test_the_facts_fit_a_record(path: Path) -> None:
    facts = asdict(read_photo(make_photo(path, GOOD_GPS, xmp=GPS_FUSION)))
    assert facts.pop("ellipsoidal_mm") is None
    photo = Photo(mono_ms=5, root=CLOUD, **facts)
    fields = to_map(photo)
    assert fields.pop("type") == "photo"
    assert from_map(Photo, fields) == photo


@pytest.mark.parametrize(
    ("reference", "altitude_type", "expected"),
    [
        (b"\0", "GpsFusionAlt", (123_456, None)),
        (b"\1", "GpsFusionAlt", (-123_456, None)),
        (b"\0", "RtkAlt", (None, 123_456)),
        (b"\2", "", (None, 123_456)),
        (b"\3", "", (None, -123_456)),
    ],
)
def test_a_height_above_the_ellipsoid_is_never_one_above_the_sea(
    path: Path, reference: bytes, altitude_type: str, expected: tuple[int | None, int | None]
) -> None:
    gps = GOOD_GPS | {GPS.GPSAltitudeRef: reference}
    facts = read_photo(make_photo(path, gps, xmp=XMP.format(altitude=altitude_type)))
    assert (facts.altitude_mm, facts.ellipsoidal_mm) == expected


def test_fields_written_as_elements_are_read(path: Path) -> None:
    xmp = "<drone-dji:GimbalYawDegree>+101.50</drone-dji:GimbalYawDegree>"
    assert read_photo(make_photo(path, xmp=xmp)).yaw_cd == 10_150


@pytest.mark.parametrize("text", ["2026-08-02T11:59:58.250000", "2026-08-02T13:59:58.250+02:00"])
def test_the_makers_time_of_exposure_serves_where_exif_has_none(path: Path, text: str) -> None:
    xmp = f'drone-dji:UTCAtExposure="{text}"'
    assert read_photo(make_photo(path, xmp=xmp)).taken_ms == 1_785_671_998_250


def test_local_time_alone_is_no_time(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2026:08:02 13:59:58"
    Image.new("RGB", (8, 8)).save(path, "JPEG", exif=exif)
    assert read_photo(path).taken_ms is None


def test_a_photo_without_metadata_says_nothing(path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path, "JPEG")
    assert read_photo(path) == PhotoFacts()


@pytest.mark.parametrize("tag", [GPS.GPSLatitude, GPS.GPSLongitude])
def test_numbers_over_zero_are_no_position(path: Path, tag: GPS) -> None:
    unknown = (IFDRational(0, 0), IFDRational(0, 0), IFDRational(0, 0))
    facts = read_photo(make_photo(path, GOOD_GPS | {tag: unknown}))
    assert (facts.lon_nd, facts.lat_nd, facts.altitude_mm) == (None, None, 123_456)


def test_zeros_are_no_position(path: Path) -> None:
    zero = (IFDRational(0), IFDRational(0), IFDRational(0))
    facts = read_photo(make_photo(path, GOOD_GPS | {GPS.GPSLatitude: zero, GPS.GPSLongitude: zero}))
    assert (facts.lon_nd, facts.lat_nd) == (None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({GPS.GPSLatitude: (IFDRational(91), IFDRational(0), IFDRational(0))}, "GPSLatitude"),
        ({GPS.GPSLongitude: (IFDRational(180), IFDRational(0), IFDRational(1, 100))}, "GPSLongitude"),
        ({GPS.GPSLongitudeRef: "X"}, "GPSLongitudeRef"),
        ({GPS.GPSAltitudeRef: b"\7"}, "GPSAltitudeRef"),
        ({GPS.GPSAltitude: IFDRational(200_000_000, 1)}, "GPSAltitude"),
        ({GPS.GPSDateStamp: "2026:13:02"}, "GPSDateStamp"),
        ({GPS.GPSDateStamp: "1899:12:31"}, "time"),
        ({GPS.GPSDateStamp: "2200:01:01"}, "time"),
        ({GPS.GPSTimeStamp: (IFDRational(2**31 + 11), IFDRational(0), IFDRational(0))}, "GPSDateStamp"),
        ({GPS.GPSTimeStamp: (IFDRational(25), IFDRational(0), IFDRational(0))}, "GPSDateStamp"),
        ({GPS.GPSTimeStamp: (IFDRational(1), IFDRational(0))}, "GPSTimeStamp"),
    ],
)
def test_a_field_that_cannot_be_is_named(path: Path, change: dict[int, Any], field: str) -> None:
    with pytest.raises(InvalidPhotoField) as refused:
        read_photo(make_photo(path, GOOD_GPS | change))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("xmp", "field"),
    [
        ('drone-dji:GimbalYawDegree="east"', "GimbalYawDegree"),
        ('drone-dji:GimbalPitchDegree="-361"', "GimbalPitchDegree"),
        ('drone-dji:RelativeAltitude="nan"', "RelativeAltitude"),
        ('drone-dji:RelativeAltitude="1e9"', "RelativeAltitude"),
        ('drone-dji:UTCAtExposure="yesterday"', "UTCAtExposure"),
    ],
)
def test_a_makers_field_that_cannot_be_is_named(path: Path, xmp: str, field: str) -> None:
    with pytest.raises(InvalidPhotoField) as refused:
        read_photo(make_photo(path, xmp=xmp))
    assert refused.value.field == field


def test_a_picture_of_four_gigapixels_costs_nothing(path: Path) -> None:
    # A bomb: the header claims 65,500 by 65,500 pixels, which opening by Pillow would refuse or decode.
    raw = bytearray(make_photo(path, GOOD_GPS).read_bytes())
    frame = raw.index(b"\xff\xc0")
    raw[frame + 5 : frame + 9] = (65_500).to_bytes(2) * 2
    path.write_bytes(raw)
    assert read_photo(path).lat_nd == 52_410_150_000


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "like a JPEG"),
        (b"\x89PNG\r\n\x1a\n", "like a JPEG"),
        (b"\xff\xd8", "where a segment should begin"),
        (b"\xff\xd8\xff", "ends before"),
        (b"\xff\xd8\xff\xe1\0\x10half", "cut off"),
        (b"\xff\xd8\xff\xe1\0\1", "cut off"),
        (b"\xff\xd8" + b"\xff\xe2\0\2" * 513, "more than 512"),
        (b"\xff\xd8" + (b"\xff\xe2\xff\xff" + bytes(65_533)) * 300, "too long"),
    ],
)
def test_what_is_no_whole_jpeg_is_named(path: Path, raw: bytes, words: str) -> None:
    path.write_bytes(raw)
    with pytest.raises(UnreadablePhoto, match=words):
        read_photo(path)


def test_a_photo_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhoto, match="cannot be read"):
        read_photo(tmp_path / "none.jpg")


def test_a_damaged_exif_is_named(path: Path) -> None:
    raw = b"Exif\0\0II*\0\xff\xff\xff\xff"
    path.write_bytes(b"\xff\xd8\xff\xe1" + (len(raw) + 2).to_bytes(2) + raw + b"\xff\xd9")
    assert read_metadata(path).exif == raw
    with pytest.raises(InvalidPhotoField, match="damaged"):
        read_photo(path)


def test_exif_of_either_byte_order_is_read() -> None:
    for order, mark in (("<", b"II*\0"), (">", b"MM\0*")):
        entries = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"DJI\0") + struct.pack(order + "HHII", 0x8825, 4, 1, 38)
        main = struct.pack(order + "IH", 8, 2) + entries + bytes(4)
        height = struct.pack(order + "HHHII", 1, 6, 5, 1, 56) + bytes(4) + struct.pack(order + "II", 247, 2)
        raw = b"Exif\0\0" + mark + main + height
        tags = parse_exif(raw, main=frozenset({0x010F}), gps=frozenset({6}))
        assert (tags.main, tags.gps) == ({0x010F: "DJI"}, {6: (123.5,)})


def make_bytes() -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = GOOD_GPS
    Image.new("RGB", (8, 8)).save(stream, "JPEG", exif=exif, xmp=GPS_FUSION.encode())
    return stream.getvalue()


WHOLE = make_bytes()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(WHOLE)))
def test_any_damage_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], size: int
) -> None:
    raw = bytearray(WHOLE)
    for at, value in changes:
        raw[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.jpg"
    path.write_bytes(raw[: size if size % 4 == 0 else len(raw)])
    try:
        read_photo(path)
    except (UnreadablePhoto, InvalidPhotoField):
        return
