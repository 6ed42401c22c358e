"""Sentences that manuals print give the readings they state, whatever stands around them.

Sources: TruPulse 200 user's manual, 6th edition, pages 30 to 32 (``$PLTIT`` in metres, feet and yards); LaserAce Pocket
Series manual, issue 1.0, page 60 (``$PMDLA``); the ``$PTNLA`` sentences are a LaserAce 1000's, as the tests of two
public projects quote them; ``$PHGF,HVV``, ``SPC`` and ``DIA`` likewise, from a Vertex Laser Geo 2 and a Digitech
caliper. The checksums that page 32 of the first and the first example of the second print do not fit their own lines by
the rule that both manuals state (68, 5D, 74 and 5F in print); those four lines are taken with the checksum of the rule.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import HeightShot, MissingLine, StemDiameter
from firmware_bridge.driver import Event
from firmware_bridge.errors import LineTooLong, Noise, UnknownSentence, UnreadableField, WrongChecksum
from firmware_bridge.framing import Skipped, compute_checksum
from firmware_bridge.lasers.routine import ROUTINE_MS
from firmware_bridge.lasers.sentences import CALIPER, HAGLOF, LASERACE, TRUPULSE, LaserDriver

ROUTINE = (
    b"$PLTIT,HV,16.00,F,0.00,D,-1.20,D,16.00,F*49\r\n"
    b"$PLTIT,HV,,,0.00,D,-19.10,D,,*73\r\n"
    b"$PLTIT,HV,,,0.00,D,32.40,D,,*52\r\n"
    b"$PLTIT,HT,15.70,F*0E\r\n"
)
MISSING = (
    b"$PLTIT,HV,6.00,Y,0.00,D,7.20,D,6.10,Y*63\r\n"
    b"$PLTIT,HV,5.90,Y,0.00,D,11.60,D,6.00,Y*5B\r\n"
    b"$PLTIT,ML,8.10,Y,0.00,D,3.20,D,8.10,Y*79\r\n"
)
FLOATING = b"$PMDLA,HV,2.94,M,288.1,D,8.6,D,2.98,M*67\r\n"
FIXED = b"$PMDLA,HV,002.94,M,288.1,D,008.6,D,002.98,M*67\r\n"
TRIMBLE = b"$PTNLA,HV,1.87,M,343.2,D,17.02,D,1.96,M*77\r\n"
NO_TARGET = b"$PTNLA,HV,,M,287.5,D,-1.11,D,,M*61\r\n"
HVV = b"$PHGF,HVV,2.7,M,336.4,D,14.9,D,2.8,M,2.2,M,0.0,CM,*23\r\n"
HVV_WIDE = b"$PHGF,HVV,2.9,M,353.1,D,16.2,D,3.0,M,2.3,M,3.8,CM,*21\r\n"
DIAMETER = b"$PHGF,SPC,2,ABC,*2B\r\n$PHGF,DIA,M,277,*2A\r\n"
LINES = [
    line
    for text in (ROUTINE, MISSING, FLOATING, FIXED, TRIMBLE, NO_TARGET, HVV, HVV_WIDE, DIAMETER)
    for line in text.splitlines(keepends=True)
]


def sentence(body: str) -> bytes:
    return f"${body}*{compute_checksum(body.encode())}\r\n".encode()


def read(data: bytes, *, piece: int = 10_000, driver: LaserDriver | None = None) -> list[Event]:
    reader = driver or LaserDriver()
    found = [event for at in range(0, len(data), piece) for event in reader.feed(data[at : at + piece], mono_ms=7)]
    return found + reader.flush()


def readings(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Skipped)]


@pytest.mark.parametrize("piece", [1, 20, 10_000])
def test_a_height_routine_in_feet_is_one_reading_with_its_lines(piece: int) -> None:
    (shot,) = read(ROUTINE, piece=piece)
    assert isinstance(shot, HeightShot)
    # International feet: 304.8 mm each.
    assert (shot.horizontal_mm, shot.height_mm, shot.inclination_cd) == (4_877, 4_785, -120)
    assert shot.raw == ROUTINE.strip()


@pytest.mark.parametrize("piece", [1, 20, 10_000])
def test_a_missing_line_is_a_reading_beside_the_two_shots_that_made_it(piece: int) -> None:
    first, second, missing = read(MISSING, piece=piece)
    assert isinstance(first, HeightShot)
    assert isinstance(second, HeightShot)
    assert isinstance(missing, MissingLine)
    # International yards: 914.4 mm each.
    assert (first.horizontal_mm, second.horizontal_mm) == (5_486, 5_395)
    assert (missing.horizontal_mm, missing.slope_mm, missing.inclination_cd) == (7_407, 7_407, 320)
    assert missing.raw == MISSING.splitlines()[-1]


def test_a_missing_line_needs_one_of_its_two_lengths() -> None:
    (missing,) = read(sentence("PLTIT,ML,,,0.00,D,3.20,D,8.10,M"))
    assert isinstance(missing, MissingLine)
    assert (missing.horizontal_mm, missing.slope_mm) == (None, 8_100)


@pytest.mark.parametrize("line", [FLOATING, FIXED])
def test_a_laserace_says_the_same_in_floating_and_fixed_fields(line: bytes) -> None:
    (shot,) = LaserDriver(LASERACE).feed(line, mono_ms=7)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.slope_mm, shot.height_mm) == (2_940, 2_980, None)
    assert (shot.azimuth_cd, shot.inclination_cd) == (28_810, 860)


def test_a_trimble_variant_is_read_and_its_vector_closes() -> None:
    (shot,) = LaserDriver(LASERACE).feed(TRIMBLE, mono_ms=7)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.slope_mm) == (1_870, 1_960)
    assert shot.inclination_cd is not None
    assert shot.slope_mm is not None
    closed = shot.slope_mm * math.cos(math.radians(shot.inclination_cd / 100))
    assert closed == pytest.approx(1_870, abs=10)  # the sentence's two decimals


def test_angles_without_a_target_are_told_without_a_distance() -> None:
    (shot,) = LaserDriver(LASERACE).feed(NO_TARGET, mono_ms=7)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.slope_mm, shot.azimuth_cd, shot.inclination_cd) == (None, None, 28_750, -111)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("D", 100), ("d", 100), ("G", 90)],
)
def test_angles_are_degrees_or_gon_by_their_unit(unit: str, factor: int) -> None:
    (shot,) = read(sentence(f"PMDLA,HV,10.00,M,100.00,{unit},-20.00,{unit},10.64,M"))
    assert isinstance(shot, HeightShot)
    assert (shot.azimuth_cd, shot.inclination_cd) == (100 * factor, -20 * factor)


@pytest.mark.parametrize(("unit", "mm"), [("M", 10_000), ("F", 3_048), ("Y", 9_144)])
def test_lengths_are_metres_feet_or_yards_by_their_unit(unit: str, mm: int) -> None:
    (shot,) = read(sentence(f"PLTIT,HV,10.00,{unit},0.00,D,0.00,D,10.00,{unit}"))
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.slope_mm) == (mm, mm)


def test_a_remote_diameter_is_not_guessed_and_stays_in_the_lines_bytes() -> None:
    (shot,) = read(HVV_WIDE)
    assert isinstance(shot, HeightShot)
    assert shot.height_mm == 2_300
    assert shot.raw == HVV_WIDE.strip()


@pytest.mark.parametrize("piece", [1, 20, 10_000])
def test_a_binary_prefix_of_20_bytes_glued_to_a_sentence_costs_no_reading(piece: int) -> None:
    prefix = bytes(range(0x90, 0x90 + 20))
    heights = [shot.height_mm for shot in read((prefix + HVV.strip()) * 3, piece=piece) if isinstance(shot, HeightShot)]
    assert heights == [2_200] * 3


@given(prefix=st.binary(min_size=20, max_size=20), piece=st.integers(1, 60))
def test_any_20_bytes_before_a_sentence_cost_no_reading(prefix: bytes, piece: int) -> None:
    found = readings(read(prefix + HVV.strip() + prefix + FLOATING.strip(), piece=piece))
    assert [shot.horizontal_mm for shot in found if isinstance(shot, HeightShot)] == [2_700, 2_940]


@given(
    at=st.integers(2, len(HVV) - 5),
    noise=st.binary(min_size=1, max_size=30).filter(lambda raw: b"$" not in raw and any(byte > 0x7F for byte in raw)),
)
def test_noise_inside_a_sentence_costs_that_one_and_is_told_and_the_next_is_read(at: int, noise: bytes) -> None:
    found = read(HVV[:at] + noise + HVV[at:] + FLOATING)
    assert isinstance(found[-1], HeightShot)
    assert [shot.horizontal_mm for shot in found if isinstance(shot, HeightShot)] == [2_940]
    assert any(isinstance(event, Skipped) for event in found)


def test_noise_inside_a_sentence_names_its_rule() -> None:
    found = read(HVV[:12] + b"\xff\x00" + HVV[12:] + FLOATING)
    assert [type(event) for event in found] == [Skipped, HeightShot]
    assert isinstance(found[0], Skipped)
    assert isinstance(found[0].error, Noise)


def test_a_live_sentence_carries_no_position() -> None:
    shots = [event for line in LINES for event in read(line) if isinstance(event, HeightShot)]
    assert len(shots) > 5
    assert all(shot.station is None and shot.target is None for shot in shots)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (HVV.replace(b"2.7", b"2.8"), WrongChecksum),
        (b"garbage\r\n", Noise),
        (b"$" + b"A" * 400, LineTooLong),
        (sentence("PLTIT,HT,,M"), UnreadableField),
        (sentence("PLTIT,HT,5.50,X"), UnreadableField),
        (sentence("PLTIT,HT,-4.00,M"), UnreadableField),
        (sentence("PLTIT,HT"), UnreadableField),
        (sentence("PLTIT,HV,1,M,2,D,3,D,4"), UnreadableField),
        (sentence("PLTIT,HV,1,M,2,R,3,D,4,M"), UnreadableField),
        (sentence("PLTIT,HV,1,M,400,D,3,D,4,M"), UnreadableField),
        (sentence("PLTIT,ML,,,0.00,D,3.20,D,,"), UnreadableField),
        (sentence("PHGF,HVV,2.7,M,336.4,D,14.9,D,2.8,M,999,M"), UnreadableField),
        (sentence("PHGF,DIA,Q,277,"), UnreadableField),
        (sentence("PHGF,DIA,M,,"), UnreadableField),
        (sentence("PHGF,DIA,M,0,"), UnreadableField),
        (sentence("PMDLA,HT,5.50,M"), UnknownSentence),
        (sentence("PMDLB,HV,2.94,M,288.1,D,8.6,D,2.98,M"), UnknownSentence),
        (sentence("PLTIT,ID,TP200,1.02,"), UnknownSentence),
        (sentence("PLTIT"), UnknownSentence),
    ],
)
def test_what_is_not_a_reading_is_told_by_its_rule(data: bytes, error: type[Exception]) -> None:
    (skipped,) = read(data)
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, error)


@pytest.mark.parametrize(
    ("accepts", "line"),
    [(CALIPER, HVV), (HAGLOF, FLOATING), (TRUPULSE, HVV), (LASERACE, ROUTINE.splitlines(keepends=True)[0])],
)
def test_a_sentence_of_another_make_is_told(accepts: tuple[tuple[str, str], ...], line: bytes) -> None:
    (skipped,) = read(line, driver=LaserDriver(accepts))
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, UnknownSentence)


def test_a_species_goes_with_the_next_diameter_alone() -> None:
    first, second = read(DIAMETER + DIAMETER.splitlines(keepends=True)[1], driver=LaserDriver(CALIPER))
    assert isinstance(first, StemDiameter)
    assert isinstance(second, StemDiameter)
    assert (first.diameter_mm, first.species_code, first.raw) == (277, "ABC", DIAMETER.strip())
    assert (second.diameter_mm, second.species_code, second.raw) == (277, None, DIAMETER.splitlines()[1])


def test_hundredths_of_an_inch_are_converted() -> None:
    (diameter,) = read(sentence("PHGF,DIA,I,1000,"))
    assert isinstance(diameter, StemDiameter)
    assert diameter.diameter_mm == 254  # 10 inches of 25.4 mm


def test_a_routine_that_was_given_up_is_told_when_its_time_is_over() -> None:
    driver = LaserDriver()
    assert driver.feed(ROUTINE.splitlines(keepends=True)[0], mono_ms=1) == []
    assert driver.feed(b"", mono_ms=1 + ROUTINE_MS) == []
    (shot,) = driver.feed(b"", mono_ms=2 + ROUTINE_MS)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.height_mm) == (4_877, None)


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(LINES)), max_size=10))
def test_any_bytes_give_readings_or_reasons_and_the_same_in_any_pieces(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole = read(data)
    assert all(isinstance(event, HeightShot | MissingLine | StemDiameter | Skipped) for event in whole)
    assert readings(read(data, piece=1)) == readings(whole)
