"""The VLP-16's driver: which hour it is, and what is skipped."""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.scan.driver import ClockState, ScanPoints, SkippedPacket
from firmware_bridge.scan.errors import InvalidPacket, OtherScanner
from firmware_bridge.scan.gps_time import to_gps_s, to_utc_s
from firmware_bridge.scan.vlp16 import BATCH, Vlp16Driver
from firmware_bridge.scan.vlp16_position import parse_position_packet
from tests.firmware_bridge.scan.test_vlp16_packet import make_packet

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


def make_position(at: float, *, pps: int = 2, status: str = "A", stamp: int | None = None) -> bytes:
    body = f"GPRMC,{datetime.fromtimestamp(at, tz=UTC):%H%M%S},{status},5224.6,N,01501.8,E,0.0,0.0,"
    body += f"{datetime.fromtimestamp(at, tz=UTC):%d%m%y},,,A"
    check = 0
    for byte in body.encode():
        check ^= byte
    return (
        bytes(198)
        + struct.pack("<IB3x", round(at % 3_600 * 1e6) if stamp is None else stamp, pps)
        + f"${body}*{check:02X}\r\n".encode()
    ).ljust(512, b"\0")


def place(driver: Vlp16Driver) -> tuple[float, str]:
    """Return the time of the first point that was kept back, UTC rounded to ten microseconds, and who said the hour."""
    points = [event for event in driver.flush() if isinstance(event, ScanPoints)]
    return round(to_utc_s(float(points[0].gps_s[0])), 5), points[0].clock


def make_data(stamp_s: float) -> bytes:
    return make_packet({(0, 0): (5_000, 1)}, stamp=round(stamp_s * 1e6))


def test_without_a_gnss_sentence_the_hour_is_the_computers_and_the_points_say_so() -> None:
    driver = Vlp16Driver()
    driver.feed(make_data(10.0), at=NOON + 10.4)
    assert place(driver) == (NOON + 10, "arrival")


@pytest.mark.parametrize("ahead_s", [0.0, 1_700.0, -7_200.0, 3_600.0 * 24 * 365 * 3])
def test_the_gnss_sentence_overrules_a_wrong_computer(ahead_s: float) -> None:
    driver = Vlp16Driver()
    driver.feed(make_data(10.0), at=NOON + 10.4 + ahead_s)
    driver.feed(make_position(NOON + 10), at=NOON + 10.5 + ahead_s)
    assert place(driver) == (NOON + 10, "gnss")


@pytest.mark.parametrize(
    ("stamp_s", "arrival_s", "expected_s"),
    [(3_599.9999, 3_600.2, 3_599.9999), (0.0001, 3_600.3, 3_600.0001), (0.0, 3_599.9, 3_600.0)],
)
def test_the_hour_rolls_over(stamp_s: float, arrival_s: float, expected_s: float) -> None:
    driver = Vlp16Driver()
    driver.feed(make_position(NOON + 3_599), at=NOON + 3_599.5)
    driver.feed(make_data(stamp_s), at=NOON + arrival_s)
    assert place(driver)[0] == pytest.approx(NOON + expected_s, abs=1e-6)


def test_a_receiver_that_lost_1024_weeks_is_set_right() -> None:
    driver = Vlp16Driver()
    driver.feed(make_position(NOON + 10 - 1_024 * 604_800), at=NOON + 10.5)
    driver.feed(make_data(10.0), at=NOON + 10.6)
    assert place(driver) == (NOON + 10, "gnss")


@pytest.mark.parametrize(("behind_s", "clock"), [(0.0, "gnss"), (-1.9, "gnss"), (400.0, "free"), (-1_700.0, "free")])
def test_a_clock_that_contradicts_its_receiver_is_told(behind_s: float, clock: str) -> None:
    driver = Vlp16Driver()
    driver.feed(make_position(NOON + 10, pps=0, stamp=round((10 - behind_s) % 3_600 * 1e6)), at=NOON + 10.5)
    driver.feed(make_data(10.0), at=NOON + 10.6)
    assert place(driver)[1] == clock


def test_a_sentence_that_warns_of_no_fix_names_no_hour() -> None:
    driver = Vlp16Driver()
    events = driver.feed(make_position(NOON - 99_999, status="V", pps=0), at=NOON)
    driver.feed(make_data(10.0), at=NOON + 10.4)
    assert events == [ClockState(None, (NOON - 99_999) % 3_600, "absent")]
    assert place(driver)[1] == "arrival"


def test_a_computer_without_a_clock_gives_no_points_until_a_gnss_sentence_comes() -> None:
    driver = Vlp16Driver()
    refused = driver.feed(make_data(10.0), at=42.0)
    assert [type(event) for event in refused] == [SkippedPacket]
    driver.feed(make_position(NOON + 10), at=42.5)
    driver.feed(make_data(11.0), at=43.5)
    assert place(driver)[0] == pytest.approx(NOON + 11, abs=1e-6)


def test_packets_are_given_in_batches_and_none_twice() -> None:
    driver = Vlp16Driver()
    events = [event for number in range(3 * BATCH) for event in driver.feed(make_data(number / 1e3), at=NOON)]
    events += driver.flush() + driver.flush()
    assert [len(event) for event in events if isinstance(event, ScanPoints)] == [BATCH] * 3


def test_a_change_of_the_return_mode_begins_a_new_batch() -> None:
    driver = Vlp16Driver()
    assert driver.feed(make_data(1.0), at=NOON) == []
    first = driver.feed(make_packet({(0, 0): (5_000, 1), (1, 0): (4_000, 1)}, mode=0x39), at=NOON)
    second = driver.flush()
    assert [event.returns.tolist() for event in first + second if isinstance(event, ScanPoints)] == [[1], [2, 2]]


def test_another_model_ends_the_reading() -> None:
    with pytest.raises(OtherScanner):
        Vlp16Driver().feed(make_packet({}, product=0x28), at=NOON)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (make_position(NOON)[:-1], "511 bytes"),
        (make_position(NOON, pps=4), "pulse state"),
        (make_position(NOON, stamp=3_600_000_000), "past the hour"),
        (make_position(NOON).replace(b"5224.6", b"5224.7"), "checksum"),
    ],
)
def test_a_damaged_position_packet_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidPacket, match=words):
        parse_position_packet(raw)


def test_a_position_packet_without_a_receiver_is_no_error() -> None:
    assert parse_position_packet(bytes(512)) == ClockState(None, 0.0, "absent")


@given(st.binary(max_size=600) | st.binary(min_size=306, max_size=306).map(lambda tail: bytes(206) + tail))
def test_any_position_packet_is_read_or_named(raw: bytes) -> None:
    try:
        parse_position_packet(raw)
    except InvalidPacket:
        return


@given(st.floats(min_value=0, max_value=3_599.999), st.integers(min_value=-1_700, max_value=1_700))
def test_clocks_may_differ_by_half_an_hour(stamp_s: float, error_s: int) -> None:
    driver = Vlp16Driver()
    driver.feed(make_data(stamp_s), at=NOON + stamp_s + error_s)
    assert place(driver)[0] == pytest.approx(NOON + stamp_s, abs=2e-5)


def test_gps_seconds_are_those_of_published_pairs() -> None:
    # IS-GPS-200: week 0 began 1980-01-06; GPS week 2048 began 2019-04-07 (second roll-over), 18 s before UTC midnight.
    assert to_gps_s(0.0 + 315_964_800) == 0.0
    assert to_utc_s(2_048 * 604_800.0) == datetime(2019, 4, 7, tzinfo=UTC).timestamp() - 18
    assert to_gps_s(datetime(1999, 8, 22, tzinfo=UTC).timestamp()) - 13 == 1_024 * 604_800


@given(st.floats(min_value=0, max_value=2e9))
def test_gps_time_round_trips(gps_s: float) -> None:
    utc_s = to_utc_s(gps_s)
    assert np.isclose(to_gps_s(utc_s), gps_s, rtol=0, atol=1e-6) or np.isclose(to_gps_s(utc_s), gps_s + 1, atol=1e-6)
