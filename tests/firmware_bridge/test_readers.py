"""Published sentences become readings, whole or in pieces, and anything else is told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import GnssFix, HeightShot, StemDiameter
from firmware_bridge.driver import Event
from firmware_bridge.errors import InvalidLog, LineTooLong, Noise, UnreadableField, WrongChecksum
from firmware_bridge.framing import MAX_LINE, LineReader, Skipped
from firmware_bridge.gnss.nmea import NmeaDriver
from firmware_bridge.lasers.sentences import LaserDriver
from firmware_bridge.replay import Delivery, parse_log, play
from sample_data.field.crew import walk_plot
from sample_data.field.device_log import encode_log
from sample_data.forest.stand import StandParameters, grow_stand

# Sources: GGA and RMC as on gpsd's NMEA page; GST from the u-blox 8 / M8 receiver description; PLTIT from the TruPulse
# 200 user's manual, section 8.
GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
HT = b"$PLTIT,HT,5.50,M*36\r\n"
DIA = b"$PHGF,DIA,M,277,*2A\r\n"


def sentence(body: str) -> bytes:
    value = 0
    for byte in body.encode():
        value ^= byte
    return f"${body}*{value:02X}\r\n".encode()


GST = sentence("GPGST,123519,0.006,0.023,0.020,273.6,0.023,0.020,0.031")
HV = sentence("PLTIT,HV,12.50,M,90.00,D,-4.20,D,12.53,M")


def read_gnss(data: bytes, *, piece: int = 10_000) -> list[Event]:
    reader = NmeaDriver()
    found = [one for at in range(0, len(data), piece) for one in reader.feed(data[at : at + piece], mono_ms=5)]
    return found + reader.flush()


def test_a_fix_joins_the_sentences_of_its_time() -> None:
    (fix,) = read_gnss(GGA + RMC + GST)
    assert isinstance(fix, GnssFix)
    assert (fix.lat_nd, fix.lon_nd) == (48_117_300_000, 11_516_666_667)
    assert (fix.altitude_mm, fix.geoid_mm, fix.hdop_c, fix.satellites, fix.quality) == (545_400, 46_900, 90, 8, 1)
    assert (fix.east_error_mm, fix.north_error_mm, fix.up_error_mm) == (20, 23, 31)
    assert fix.gnss_at_ms == 764_426_119_000  # 1994-03-23 12:35:19 UTC
    assert fix.raw == (GGA + RMC + GST).strip()


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_pieces_of_any_size_give_the_same_fix(piece: int) -> None:
    assert read_gnss(GGA + RMC + GST, piece=piece) == read_gnss(GGA + RMC + GST)


def test_a_position_alone_is_a_fix_too() -> None:
    (fix,) = read_gnss(GGA)
    assert isinstance(fix, GnssFix)
    assert fix.gnss_at_ms is None


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (GGA.replace(b"4807", b"4808"), WrongChecksum),
        (b"garbage\r\n", Noise),
        (b"\xb5\x62\x01\x07\n", Noise),
        (b"$" + b"A" * 400, LineTooLong),
        (sentence("GPGGA,123519,,,,,0,00,99.9,,M,,M,,"), UnreadableField),
        (sentence("GPGGA,123519,9907.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"), UnreadableField),
        (sentence("GPGGA,123519,4867.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"), UnreadableField),
        (sentence("GPGGA,123519,NaN,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"), UnreadableField),
        (sentence("GPGGA,123519"), UnreadableField),
    ],
)
def test_what_is_not_a_fix_is_told_by_its_rule(data: bytes, error: type[Exception]) -> None:
    skipped = [one for one in read_gnss(data) if isinstance(one, Skipped)]
    assert isinstance(skipped[0].error, error)


def test_noise_within_does_not_cost_the_next_fix() -> None:
    found = read_gnss(b"\x00\xffnoise" + GGA[:30] + GGA)
    assert isinstance(found[-1], GnssFix)


def test_a_height_carries_the_shot_behind_it() -> None:
    (shot,) = LaserDriver().feed(HV + HT, mono_ms=9)
    assert isinstance(shot, HeightShot)
    assert (shot.height_mm, shot.horizontal_mm, shot.slope_mm) == (5_500, 12_500, 12_530)
    assert (shot.azimuth_cd, shot.inclination_cd) == (9_000, -420)


def test_feet_and_gon_are_converted() -> None:
    hv = sentence("PLTIT,HV,100.00,F,100.00,G,10.00,G,100.00,F")
    (shot,) = LaserDriver().feed(hv + sentence("PLTIT,HT,50.00,F"), mono_ms=9)
    assert isinstance(shot, HeightShot)
    assert (shot.height_mm, shot.horizontal_mm, shot.azimuth_cd, shot.inclination_cd) == (15_240, 30_480, 9_000, 900)


def test_a_diameter_behind_a_binary_prefix_is_read() -> None:
    found = LaserDriver().feed(bytes(range(20)) + DIA, mono_ms=9)
    diameters = [one for one in found if isinstance(one, StemDiameter)]
    assert [one.diameter_mm for one in diameters] == [277]


def test_hundredths_of_an_inch_and_species_are_taken() -> None:
    data = sentence("PHGF,SPC,PIAB") + sentence("PHGF,DIA,I,1000,")
    (diameter,) = LaserDriver().feed(data, mono_ms=9)
    assert isinstance(diameter, StemDiameter)
    assert (diameter.diameter_mm, diameter.species_code) == (254, "PIAB")


@pytest.mark.parametrize("body", ["PLTIT,HT,5.50,X", "PHGF,DIA,M,,", "PHGF,DIA,Q,10,", "PLTIT,HV,1", "PLTIT,HT,-4,M"])
def test_a_line_that_cannot_be_is_told(body: str) -> None:
    (skipped,) = LaserDriver().feed(sentence(body), mono_ms=9)
    assert isinstance(skipped, Skipped)


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([GGA, RMC, GST, HV, HT, DIA])), max_size=8))
def test_any_bytes_give_readings_or_reasons_and_memory_stays_bounded(parts: list[bytes]) -> None:
    gnss, laser, lines = NmeaDriver(), LaserDriver(), LineReader()
    for part in parts:
        gnss.feed(part, mono_ms=1)
        laser.feed(part, mono_ms=1)
        lines.feed(part)
        assert len(lines._buffer) <= MAX_LINE
    gnss.flush()


def test_a_simulated_walk_reads_back_what_the_crew_measured(tmp_path: Path) -> None:
    stand = grow_stand(3401, parameters=StandParameters(side_m=60.0))
    stops = walk_plot(stand, seed=1, to_geographic=lambda x, y: (x / 1e6, y / 1e6), trees=5)
    (tmp_path / "log").write_bytes(encode_log(stops))
    gnss, laser = NmeaDriver(), LaserDriver()
    found: list[object] = []
    for delivery in parse_log(tmp_path / "log"):
        reader = gnss if delivery.port == "gnss" else laser
        found += reader.feed(delivery.data, mono_ms=delivery.at_ms)
    heights = [one.height_mm for one in found if isinstance(one, HeightShot)]
    diameters = [one.diameter_mm for one in found if isinstance(one, StemDiameter)]
    fixes = [one.lat_nd for one in found if isinstance(one, GnssFix)]
    assert heights == [round(round(stop.sight.height_m, 2) * 1000) for stop in stops]
    assert diameters == [stop.caliper.diameter_mm for stop in stops]
    # Five decimals of a minute of arc: 167 10^-9 degree.
    truth = [round(fix.latitude_deg * 1e9) for stop in stops for fix in stop.fixes]
    assert fixes == pytest.approx(truth, abs=100)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1\tgnss\n",
        "1\tgnss\tzz",
        "1\tsonar\t00",
        "-1\tgnss\t00",
        "5\tgnss\t00\n4\tgnss\t00",
        "9999999999\tgnss\t00",
    ],
)
def test_a_log_that_cannot_be_played_names_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(InvalidLog, match="line"):
        list(parse_log(tmp_path / "log"))


async def test_a_log_is_played_in_its_own_time(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("0\tgnss\t24\n300\tcaliper\t0a\n")
    assert [delivery async for delivery in play(tmp_path / "log", speed=100)] == [
        Delivery(0, "gnss", b"$"),
        Delivery(300, "caliper", b"\n"),
    ]
