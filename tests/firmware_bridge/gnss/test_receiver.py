"""One port that mixes NMEA, UBX and RTCM 3, with garbage between: nothing whole is lost, nothing broken is believed."""

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import GnssFix
from domain.schema import to_map
from firmware_bridge.driver import Event, Passed, SkyView
from firmware_bridge.errors import LineTooLong, Noise, WrongChecksum
from firmware_bridge.framing import MAX_LINE, Skipped
from firmware_bridge.gnss.errors import WrongFrameChecksum
from firmware_bridge.gnss.kinds import WAIT_MS
from firmware_bridge.gnss.receiver import UBX_LEADS_MS, ReceiverDriver
from firmware_bridge.gnss.stream import MAX_HELD, STALE_MS, StreamSplitter
from tests.firmware_bridge.gnss.sentences import burst, feed_in_pieces, sentence
from tests.firmware_bridge.gnss.test_rtcm import BIASES, frame
from tests.firmware_bridge.gnss.test_ubx import encode, pvt

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]
TEXT = sentence("GNTXT,01,01,02,hello")
VERSION = encode(0x0A, 0x04, bytes(range(40)))
# A frame whose content looks like the beginnings of others.
NESTED = encode(0x0A, 0x07, b"$GNGGA,\xd3\x00\x08\xb5\x62\x01\x07\x5c\x00")
WHOLE = [TEXT, VERSION, BIASES, NESTED, frame(b"\x43\x50\x00" + b"$" * 40), frame(b"")]
NOISE = st.one_of(
    st.binary(max_size=60).filter(lambda raw: not set(raw) & set(b"$\xb5\xd3")),
    st.sampled_from([b"\xb5", b"\xb5\x62\x01", b"\xd3\x00", b"$GPG", b"\xd3\x03\xff", b"\xb5\x62\x0a\x04\xf0\x1f"]),
)


def passed(events: list[Event]) -> list[bytes]:
    return [event.raw for event in events if isinstance(event, Passed)]


@given(st.lists(st.sampled_from(WHOLE), max_size=12), st.integers(1, 200))
def test_any_order_of_the_three_is_taken_apart_whole(parts: list[bytes], piece: int) -> None:
    events = feed_in_pieces(ReceiverDriver(), b"".join(parts), piece)
    assert passed(events) == [part.strip(b"\r\n") if part is TEXT else part for part in parts]
    assert not [event for event in events if isinstance(event, Skipped)]


@given(st.lists(st.tuples(NOISE, st.sampled_from(WHOLE)), max_size=10), st.integers(1, 200))
def test_garbage_between_costs_nothing_whole(parts: list[tuple[bytes, bytes]], piece: int) -> None:
    data = b"".join(noise + part for noise, part in parts)
    expected = [part.strip(b"\r\n") if part is TEXT else part for _, part in parts]
    assert passed(feed_in_pieces(ReceiverDriver(), data, piece)) == expected


@given(st.lists(st.one_of(NOISE, st.binary(max_size=300), st.sampled_from(WHOLE)), max_size=10), st.integers(1, 300))
def test_pieces_of_any_size_give_the_same_events(parts: list[bytes], piece: int) -> None:
    data = b"".join(parts)
    assert told(feed_in_pieces(ReceiverDriver(), data, piece)) == told(feed_in_pieces(ReceiverDriver(), data, 10**9))


def told(events: list[Event]) -> list[tuple[bool, bytes]]:
    return [(isinstance(event, Passed), event.raw) for event in events if isinstance(event, Skipped | Passed)]


@given(st.lists(st.one_of(st.binary(max_size=2_000), st.sampled_from(WHOLE)), max_size=8))
def test_no_byte_is_lost_and_few_are_held(parts: list[bytes]) -> None:
    splitter, found = StreamSplitter(), []
    for part in parts:
        found += splitter.feed(part, mono_ms=1)
        assert len(splitter._buffer) < MAX_HELD
        assert len(splitter._noise) < MAX_LINE
    found += splitter.flush()
    # Line ends at the edges of noise are not told; all other bytes are, once and in order.
    all_told = b"".join(one.raw for one in found).replace(b"\r", b"").replace(b"\n", b"")
    assert all_told == b"".join(parts).replace(b"\r", b"").replace(b"\n", b"")


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_readings_out_of_any_bytes_fit_their_records(parts: list[bytes]) -> None:
    driver = ReceiverDriver()
    found = [event for at, part in enumerate(parts) for event in driver.feed(part, mono_ms=at)] + driver.flush()
    for event in found:
        if not isinstance(event, Skipped | Passed | SkyView):
            to_map(event)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (TEXT.replace(b"hello", b"hallo"), WrongChecksum),
        (VERSION[:-1] + b"\x00", WrongFrameChecksum),
        (BIASES[:-1] + b"\x00", WrongFrameChecksum),
        (b"garbage\r\n", Noise),
        (b"$" + b"A" * 400, LineTooLong),
    ],
)
def test_what_is_broken_is_told_by_its_rule(data: bytes, error: type[Exception]) -> None:
    events = feed_in_pieces(ReceiverDriver(), data + TEXT, 7)
    assert isinstance(events[0], Skipped)
    assert isinstance(events[0].error, error)
    assert passed(events) == [TEXT.strip()]


def test_line_ends_alone_are_no_noise() -> None:
    assert feed_in_pieces(ReceiverDriver(), b"\r\n\r\n" + TEXT + b"\r\n", 3) == [Passed("GNTXT", TEXT.strip())]


def test_a_false_beginning_holds_nothing_back_for_long() -> None:
    driver = ReceiverDriver()
    assert driver.feed(b"\xb5\x62\x0a\x04\xf0\x1f" + TEXT, mono_ms=0) == []
    assert driver.feed(b"", mono_ms=STALE_MS) == []
    assert passed(driver.feed(b"", mono_ms=STALE_MS + 1)) == [TEXT.strip()]


def test_a_long_frame_that_comes_steadily_is_waited_for() -> None:
    driver, raw = ReceiverDriver(), encode(0x0A, 0x09, bytes(8_000))
    events = [event for at in range(0, len(raw), 100) for event in driver.feed(raw[at : at + 100], mono_ms=at // 4)]
    assert passed(events) == [raw]


def test_frames_that_come_steadily_are_never_called_stale() -> None:
    driver, raw = ReceiverDriver(), encode(0x0A, 0x09, bytes(500))
    data = raw * 20
    events = [event for at in range(0, len(data), 90) for event in driver.feed(data[at : at + 90], mono_ms=at)]
    assert passed(events) == [raw] * 20


def test_one_receivers_two_languages_give_one_fix_an_epoch() -> None:
    driver, found = ReceiverDriver(), []
    for second in range(10, 20):
        data = burst(f"1235{second}.00") + pvt(second=second, iTOW=130_500_000 + second * 1_000)
        found += driver.feed(data, mono_ms=second * 1_000)
    found += driver.flush()
    fixes = [event for event in found if isinstance(event, GnssFix)]
    # The first epoch's NMEA comes before anyone knows that UBX follows.
    times = [fix.gnss_at_ms for fix in fixes if fix.horizontal_error_mm is not None]
    assert len(times) == len(set(times)) == 10
    assert len(fixes) == 11


@pytest.mark.parametrize("data", [pvt(), burst("123519.00")[:90]], ids=["ubx", "nmea"])
def test_a_fix_does_not_wait_for_ever(data: bytes) -> None:
    driver = ReceiverDriver()
    assert driver.feed(data, mono_ms=100) == []
    assert driver.feed(b"", mono_ms=100 + WAIT_MS) == []
    (fix,) = driver.feed(b"", mono_ms=101 + WAIT_MS)
    assert isinstance(fix, GnssFix)
    assert fix.mono_ms == 100
    assert driver.flush() == []


def test_nmea_takes_over_when_ubx_stops() -> None:
    driver = ReceiverDriver()
    driver.feed(pvt() + pvt(iTOW=1), mono_ms=0)
    first = driver.feed(burst("123520.00"), mono_ms=UBX_LEADS_MS)
    second = driver.feed(burst("123524.00"), mono_ms=UBX_LEADS_MS + 1)
    assert [type(event) for event in first + second] == [Passed, GnssFix]


@pytest.mark.parametrize(
    "hostile",
    [
        random.Random(7).randbytes(50_000),
        b"\xd3\x03" * 25_000,
        b"\xb5\x62\x01\x07\xf0\x1f" * 8_334,
        b"\xb5" * 50_000,
        b"$" * 50_000,
        b"$GPGGA,1" * 6_250,
        TEXT * 2_250,
    ],
    ids=["random", "rtcm", "ubx", "sync", "dollars", "begun", "lines"],
)
@pytest.mark.parametrize("piece", [64, 100_000])
def test_work_grows_with_the_stream_alone(hostile: bytes, piece: int) -> None:
    half, whole = (count_lines(hostile[:size], piece) for size in (25_000, 50_000))
    # Work that grew with the square of the stream would be four times as much.
    assert whole < 2.5 * half + 1_000


def count_lines(data: bytes, piece: int) -> int:
    """Return how many interpreted lines run for a stream; what C does in one of them is timed by a benchmark."""
    lines = 0

    def count(_frame: FrameType, event: str, _argument: object) -> TraceFunction:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        feed_in_pieces(ReceiverDriver(), data, piece)
    finally:
        sys.settrace(before)
    return lines
