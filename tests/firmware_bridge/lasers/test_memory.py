"""A memory file's rows are heights with the operator's station; what is not documented is refused.

The header is that of a Vertex Laser Geo 2's ``DATA.CSV`` as public projects quote it; their example gives ID 10001, LAT
23.9814233, LON 120.5366472, HD 4.5 and H 12.3. The other cells are made up here, in the form that the header asks for.
"""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import HeightShot, Station
from firmware_bridge.errors import UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.errors import InvalidMemory, UnknownShot
from firmware_bridge.lasers.memory import MAX_BYTES, parse_memory

HEADER = (
    "MARK;STATUS;TYPE;PROD;VER;SNR;ID;UNIT;TRPH;REFH;P.OFF;DECL;LAT;N/S;LON;E/W;ALTITUDE;HDOP;DATE;UTC;SEQ;AREA;VOL;"
    "SD;HD;H;DIA;PITCH;AZ;X(m);Y(m);Z(m);UTM ZONE;"
)
CELLS = {
    "TYPE": "3P",
    "PROD": "VLGEO2",
    "SNR": "3190",
    "ID": "10001",
    "UNIT": "METRIC",
    "LAT": "23.9814233",
    "N/S": "N",
    "LON": "120.5366472",
    "E/W": "E",
    "ALTITUDE": "31.5",
    "HDOP": "0.9",
    "SD": "4.6",
    "HD": "4.5",
    "H": "12.3",
    "PITCH": "12.0",
    "AZ": "90.0",
}


def memory(**changed: str) -> bytes:
    cells = CELLS | {name.replace("_", "/"): text for name, text in changed.items()}
    row = ";".join(cells.get(name, "") for name in HEADER.split(";"))
    return f"{HEADER}\r\n{row}\r\n".encode()


def test_station_target_and_offset_stay_apart() -> None:
    (shot,) = parse_memory(memory(), angle_unit="D", mono_ms=5)
    assert isinstance(shot, HeightShot)
    assert shot.station == Station(120_536_647_200, 23_981_423_300, altitude_mm=31_500, hdop_c=90)
    assert (shot.target, shot.instrument) == ("10001", "VLGEO2")
    assert (shot.horizontal_mm, shot.slope_mm, shot.azimuth_cd, shot.inclination_cd) == (4_500, 4_600, 9_000, 1_200)
    assert shot.height_mm == 12_300


def test_a_height_has_no_position_field_but_the_station() -> None:
    names = {field.name for field in dataclasses.fields(HeightShot)}
    assert {name for name in names if name.startswith(("lon", "lat", "position"))} == set()


def test_the_southern_and_western_halves_are_negative() -> None:
    (shot,) = parse_memory(memory(N_S="S", E_W="W"), angle_unit="D", mono_ms=5)
    assert isinstance(shot, HeightShot)
    assert shot.station is not None
    assert (shot.station.lon_nd, shot.station.lat_nd) == (-120_536_647_200, -23_981_423_300)


def test_a_row_without_a_fix_has_no_station() -> None:
    (shot,) = parse_memory(memory(LAT="", LON="", N_S="", E_W=""), angle_unit="D", mono_ms=5)
    assert isinstance(shot, HeightShot)
    assert shot.station is None


def test_gon_and_feet_are_converted_as_told() -> None:
    (shot,) = parse_memory(memory(UNIT="FEET", HD="10", H="50", AZ="100"), angle_unit="G", mono_ms=5)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.height_mm, shot.azimuth_cd) == (3_048, 15_240, 9_000)
    assert shot.station is not None
    assert shot.station.altitude_mm is None


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (memory(TYPE="ML"), UnknownShot),
        (memory(UNIT="X"), UnreadableField),
        (memory(UNIT=""), UnreadableField),
        (memory(H=""), UnreadableField),
        (memory(H="-1"), UnreadableField),
        (memory(H="900"), UnreadableField),
        (memory(LAT="91"), UnreadableField),
        (memory(LAT="-23"), UnreadableField),
        (memory(N_S="E"), UnreadableField),
        (memory(N_S=""), UnreadableField),
        (memory(HD="x"), UnreadableField),
        (memory().rstrip() + b"9;\r\n", UnreadableField),
        (memory(VER="1" * 500), UnreadableField),
    ],
)
def test_a_row_that_cannot_be_is_told(data: bytes, error: type[Exception]) -> None:
    (skipped,) = parse_memory(data, angle_unit="D", mono_ms=5)
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, error)


@pytest.mark.parametrize(
    "data", [b"", b"ID;LAT;LON\r\n", memory().replace(b"PITCH", b"AZ", 1), b"\x00" * (MAX_BYTES + 1)]
)
def test_a_file_that_is_no_memory_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMemory, match=r"DATA\.CSV"):
        parse_memory(data, angle_unit="D", mono_ms=5)


@given(st.binary(max_size=300))
def test_any_rows_give_heights_or_reasons(rows: bytes) -> None:
    for found in parse_memory(f"{HEADER}\n".encode() + rows, angle_unit="D", mono_ms=5):
        assert isinstance(found, HeightShot | Skipped)
