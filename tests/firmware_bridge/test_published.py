"""Lines printed in manuals and kept in public archives give the readings that they state.

Sources: TruPulse 200 user's manual, 6th edition, pages 30 and 31 (``$PLTIT``, checksums included); NOAA Physical
Sciences Laboratory, ATOMIC 2020, RV Ronald H. Brown, gps02001420_raw.txt (GGA, RMC, GST of one second); Haglof Digitech
lines ``SPC,2,ABC`` and ``DIA,M,277`` and a Vertex Laser Geo 2's ``HVV``, as public projects quote them.
"""

import pytest

from domain.readings import GnssFix, HeightShot, StemDiameter
from firmware_bridge.driver import Event
from firmware_bridge.errors import UnknownSentence
from firmware_bridge.framing import LineReader, Skipped
from firmware_bridge.gnss.nmea import NmeaDriver
from firmware_bridge.lasers.routine import ROUTINE_MS
from firmware_bridge.lasers.sentences import LaserDriver

SECOND = (
    b"$GPGGA,195959.00,1541.31258893,N,05130.51204125,W,2,06,1.5,9.2,M,-37.6,M,4.0,0138*7E\r\n"
    b"$GPRMC,195959.00,A,1541.31258893,N,05130.51204125,W,0.26,147.44,140120,16.9,W,D*0B\r\n"
    b"$GPGST,195959.00,0.30,0.36,0.26,283.74,0.26,0.36,0.68*68\r\n"
)
ROUTINE = (
    b"$PLTIT,HV,16.00,F,0.00,D,-1.20,D,16.00,F*49\r\n"
    b"$PLTIT,HV,,,0.00,D,-19.10,D,,*73\r\n"
    b"$PLTIT,HV,,,0.00,D,32.40,D,,*52\r\n"
    b"$PLTIT,HT,15.70,F*0E\r\n"
)
DISTANCES = b"$PLTIT,HV,11.80,M,0.00,D,3.70,D,11.80,M*63\r\n$PLTIT,HV,7.01,M,0.00,D,3.00,D,7.01,M*64\r\n"
CALIPER = b"$PHGF,SPC,2,ABC,*2B\r\n$PHGF,DIA,M,277,*2A\r\n"
VERTEX = b"$PHGF,HVV,2.7,M,336.4,D,14.9,D,2.8,M,2.2,M,0.0,CM,*23\r\n"
PREFIX = bytes(range(0x80, 0x94))
LINES = [line for text in (SECOND, ROUTINE, DISTANCES, CALIPER, VERTEX) for line in text.splitlines(keepends=True)]


def in_pieces(reader: LaserDriver, data: bytes, piece: int) -> list[Event]:
    return [event for at in range(0, len(data), piece) for event in reader.feed(data[at : at + piece], mono_ms=7)]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("behind", [b"", PREFIX, b"\x00\xff noise"])
def test_a_published_line_is_framed_whole_in_bytes_and_with_garbage_behind(
    line: bytes, piece: int, behind: bytes
) -> None:
    reader, data = LineReader(), line.strip() + behind
    framed = [event for at in range(0, len(data), piece) for event in reader.feed(data[at : at + piece])]
    assert not isinstance(framed[0], Skipped)
    assert framed[0].raw == line.strip()


def test_a_second_of_a_ship_is_one_fix() -> None:
    (fix,) = NmeaDriver().feed(SECOND, mono_ms=3)
    assert isinstance(fix, GnssFix)
    # 15 degrees 41.31258893 minutes, by fractions: 15 + 41.31258893 / 60.
    assert (fix.lat_nd, fix.lon_nd) == (15_688_543_149, -51_508_534_021)
    assert (fix.altitude_mm, fix.geoid_mm, fix.hdop_c, fix.quality) == (9_200, -37_600, 150, 2)
    assert (fix.north_error_mm, fix.east_error_mm, fix.up_error_mm) == (260, 360, 680)
    assert fix.gnss_at_ms == 1_579_031_999_000  # 2020-01-14 19:59:59 UTC


@pytest.mark.parametrize("piece", [1, 50, 1000])
def test_a_height_routine_is_one_reading_with_all_its_lines(piece: int) -> None:
    (shot,) = in_pieces(LaserDriver(), ROUTINE, piece)
    assert isinstance(shot, HeightShot)
    # International feet: 304.8 mm each.
    assert (shot.horizontal_mm, shot.slope_mm, shot.height_mm) == (4_877, 4_877, 4_785)
    assert (shot.inclination_cd, shot.azimuth_cd) == (-120, 0)
    assert shot.raw == ROUTINE.strip()


def test_distances_without_a_height_are_readings_too() -> None:
    reader = LaserDriver()
    shots = reader.feed(DISTANCES, mono_ms=1) + reader.flush()
    assert [shot.horizontal_mm for shot in shots if isinstance(shot, HeightShot)] == [11_800, 7_010]


def test_a_routine_that_was_given_up_is_told_when_its_time_is_over() -> None:
    reader = LaserDriver()
    assert reader.feed(DISTANCES.splitlines(keepends=True)[0], mono_ms=1) == []
    (shot,) = reader.feed(b"", mono_ms=2 + ROUTINE_MS)
    assert isinstance(shot, HeightShot)
    assert shot.height_mm is None


def test_a_vertex_tells_distance_and_height_in_one_line() -> None:
    (shot,) = LaserDriver().feed(VERTEX, mono_ms=1)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.slope_mm, shot.height_mm) == (2_700, 2_800, 2_200)
    assert (shot.azimuth_cd, shot.inclination_cd) == (33_640, 1_490)


def test_a_calipers_species_goes_with_the_next_diameter_alone() -> None:
    first, second = LaserDriver().feed(CALIPER + CALIPER.splitlines(keepends=True)[1], mono_ms=1)
    assert isinstance(first, StemDiameter)
    assert isinstance(second, StemDiameter)
    assert (first.diameter_mm, first.species_code, first.raw) == (277, "ABC", CALIPER.strip())
    assert (second.diameter_mm, second.species_code) == (277, None)


@pytest.mark.parametrize("piece", [1, 20, 1000])
def test_binary_packets_glued_between_lines_cost_no_reading(piece: int) -> None:
    glued = PREFIX + VERTEX.strip() + PREFIX + VERTEX.strip() + PREFIX + VERTEX
    heights = [event for event in in_pieces(LaserDriver(), glued, piece) if isinstance(event, HeightShot)]
    assert [shot.height_mm for shot in heights] == [2_200] * 3


def test_a_line_that_an_instrument_should_not_send_is_told() -> None:
    (skipped,) = LaserDriver().feed(b"$PLTIT,ID,TP200*" + b"%02X\r\n" % _xor(b"PLTIT,ID,TP200"), mono_ms=1)
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, UnknownSentence)


def _xor(body: bytes) -> int:
    value = 0
    for byte in body:
        value ^= byte
    return value
