"""UBX frames against pyubx2, a second implementation: it builds messages, ours reads them."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyubx2 import GET, UBXMessage, calc_checksum

from domain.readings import GnssFix
from firmware_bridge.driver import Event, Passed, SkyView
from firmware_bridge.errors import SentenceError, UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.gnss.errors import InvalidMessage, WrongFrameChecksum
from firmware_bridge.gnss.receiver import ReceiverDriver
from firmware_bridge.gnss.ubx import (
    MAX_PAYLOAD,
    compute_fletcher,
    derive_quality,
    parse_dop,
    parse_frame,
    parse_hpposllh,
    parse_pvt,
    parse_rawx_header,
    parse_sat,
)

I32 = st.integers(-(2**31), 2**31 - 1)
U32 = st.integers(0, 2**32 - 1)
I8 = st.integers(-128, 127)
FIXED = {
    "iTOW": 130_519_000, "year": 2026, "month": 11, "day": 24, "hour": 12, "min": 35, "second": 19,
    "validDate": 1, "validTime": 1, "fullyResolved": 1, "nano": -400_000, "fixType": 3, "gnssFixOk": 1, "diffSoln": 1,
    "carrSoln": 2, "numSV": 21, "lon": 11.5166667, "lat": 48.1173, "height": 592_300, "hMSL": 545_400, "hAcc": 14,
    "vAcc": 21, "pDOP": 1.5, "lastCorrectionAge": 2,
}  # fmt: skip


def build(name: str, **fields: Any) -> bytes:  # noqa: ANN401  # pyubx2's own types
    return bytes(UBXMessage(name.split("-", maxsplit=1)[0], name, GET, **fields).serialize())


def pvt(**changes: Any) -> bytes:  # noqa: ANN401
    return build("NAV-PVT", **{**FIXED, **changes})


def read(*frames: bytes) -> list[Event]:
    driver = ReceiverDriver()
    return [event for frame in frames for event in driver.feed(frame, mono_ms=7)] + driver.flush()


@given(st.binary(max_size=400))
def test_the_checksum_is_a_second_implementations(data: bytes) -> None:
    assert compute_fletcher(data) == calc_checksum(data)


def test_a_position_is_a_fix_with_all_that_its_message_says() -> None:
    (fix,) = read(pvt())
    assert isinstance(fix, GnssFix)
    assert (fix.lon_nd, fix.lat_nd, fix.quality, fix.satellites) == (11_516_666_700, 48_117_300_000, 4, 21)
    assert (fix.altitude_mm, fix.geoid_mm, fix.pdop_c) == (545_400, 46_900, 150)
    assert (fix.horizontal_error_mm, fix.vertical_error_mm, fix.correction_age_ms) == (14, 21, 2_000)
    at = datetime(2026, 11, 24, 12, 35, 19, tzinfo=UTC)
    assert fix.gnss_at_ms == int(at.timestamp() * 1000)  # less 0.4 ms, rounded
    assert fix.raw == pvt()


def test_the_fine_digits_of_the_same_epoch_are_added() -> None:
    fine = build(
        "NAV-HPPOSLLH",
        iTOW=FIXED["iTOW"],
        lon=11.5166667,
        lat=48.1173,
        height=592_300,
        hMSL=545_400,
        hAcc=10.3,
        vAcc=12.5,
        _HPlon=12e-9,
        _HPlat=34e-9,
        _HPheight=0.4,
        _HPhMSL=0.9,
    )
    dop = build("NAV-DOP", iTOW=FIXED["iTOW"], hDOP=0.81, vDOP=1.22, pDOP=1.46)
    (fix,) = read(pvt(), fine, dop)
    assert isinstance(fix, GnssFix)
    assert (fix.lon_nd, fix.lat_nd) == (11_516_666_712, 48_117_300_034)
    assert (fix.altitude_mm, fix.horizontal_error_mm, fix.vertical_error_mm) == (545_401, 10, 13)
    assert fix.geoid_mm == 46_900  # 592,300.4 less 545,400.9 is 46,899.5
    assert (fix.hdop_c, fix.vdop_c) == (81, 122)


def test_fine_digits_of_another_epoch_are_not_mixed_in() -> None:
    fine = build("NAV-HPPOSLLH", iTOW=130_520_000, lon=12.0, lat=49.0, height=1, hMSL=1, hAcc=1, vAcc=1)
    (fix,) = read(pvt(), fine)
    assert isinstance(fix, GnssFix)
    assert fix.lon_nd == 11_516_666_700


def test_fine_digits_that_the_receiver_does_not_stand_by_are_left() -> None:
    fine = build("NAV-HPPOSLLH", invalidLlh=1, iTOW=FIXED["iTOW"], lon=12.0, lat=49.0)
    (fix,) = read(pvt(), fine)
    assert isinstance(fix, GnssFix)
    assert fix.lon_nd == 11_516_666_700


def test_a_fix_comes_with_the_last_message_that_its_receiver_sends() -> None:
    driver = ReceiverDriver()
    counts = []
    for epoch in range(4):
        tow_ms = 130_519_000 + 1_000 * epoch
        dop = build("NAV-DOP", iTOW=tow_ms, hDOP=0.81)
        counts.append([len(driver.feed(frame, mono_ms=epoch)) for frame in (pvt(iTOW=tow_ms), dop)])
    assert counts == [[0, 0], [1, 1], [0, 1], [0, 1]]


def test_the_end_of_an_epoch_ends_it() -> None:
    driver = ReceiverDriver()
    assert driver.feed(pvt(), mono_ms=1) == []
    assert len(driver.feed(build("NAV-EOE", iTOW=FIXED["iTOW"]), mono_ms=1)) == 1


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        ({}, 4),
        ({"carrSoln": 1}, 5),
        ({"carrSoln": 0}, 2),
        ({"carrSoln": 0, "diffSoln": 0}, 1),
        ({"carrSoln": 0, "diffSoln": 0, "fixType": 2}, 1),
        ({"carrSoln": 0, "diffSoln": 0, "fixType": 4}, 1),
        ({"carrSoln": 0, "fixType": 1}, 6),
        ({"gnssFixOk": 0}, 0),
        ({"fixType": 0}, 0),
        ({"fixType": 5}, 0),
        ({"invalidLlh": 1}, 0),
    ],
)
def test_the_quality_is_what_the_receivers_own_gga_would_say(changes: dict[str, int], quality: int) -> None:
    (event,) = read(pvt(**changes))
    if quality:
        assert isinstance(event, GnssFix)
        assert event.quality == quality
    else:
        assert isinstance(event, Skipped)
        assert isinstance(event.error, UnreadableField)


@pytest.mark.parametrize("flag", ["validDate", "validTime", "fullyResolved"])
def test_a_time_that_the_receiver_is_not_sure_of_is_left_out(flag: str) -> None:
    (fix,) = read(pvt(**{flag: 0}))
    assert isinstance(fix, GnssFix)
    assert fix.gnss_at_ms is None


def test_the_leap_second_is_the_next_days_first() -> None:
    (fix,) = read(pvt(month=12, day=31, hour=23, min=59, second=60, nano=0))
    assert isinstance(fix, GnssFix)
    assert fix.gnss_at_ms == int(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_a_week_that_rolled_over_is_resolved() -> None:
    old = datetime(2026, 11, 24, 12, 35, 19, tzinfo=UTC) - timedelta(weeks=1024)
    (fix,) = read(pvt(year=old.year, month=old.month, day=old.day, nano=0))
    assert isinstance(fix, GnssFix)
    assert fix.gnss_at_ms == int(datetime(2026, 11, 24, 12, 35, 19, tzinfo=UTC).timestamp() * 1000)


@given(st.tuples(I32, I32, I32, I32, U32, U32), st.integers(0, 65_535), st.integers(0, 255))
def test_any_position_reads_as_a_second_implementation_packs_it(
    place: tuple[int, ...], pdop: int, satellites: int
) -> None:
    raw = bytearray(parse_frame(pvt()).payload)
    struct.pack_into("<4i2I", raw, 24, *place)
    struct.pack_into("<H", raw, 76, pdop)
    raw[23] = satellites
    other = UBXMessage("NAV", "NAV-PVT", GET, payload=bytes(raw))
    told = parse_pvt(bytes(raw))
    assert told.lon_nd == pytest.approx(other.lon * 1e9, abs=1)
    assert told.lat_nd == pytest.approx(other.lat * 1e9, abs=1)
    assert (told.ellipsoidal_mm, told.altitude_mm, told.satellites) == (other.height, other.hMSL, other.numSV)
    assert (told.horizontal_error_mm, told.vertical_error_mm) == (other.hAcc, other.vAcc)
    assert told.pdop_c == (round(other.pDOP * 100) if other.pDOP <= 100 else None)


@given(st.tuples(I32, I32, I32, I32, I8, I8, I8, I8, U32, U32))
def test_any_fine_position_reads_as_a_second_implementation_packs_it(values: tuple[int, ...]) -> None:
    payload = struct.pack("<B2xBI4i4b2I", 0, 0, 1000, *values)
    other = UBXMessage("NAV", "NAV-HPPOSLLH", GET, payload=payload)
    told = parse_hpposllh(payload)
    assert told.lon_nd == pytest.approx(other.lon * 1e9, abs=2)
    assert told.lat_nd == pytest.approx(other.lat * 1e9, abs=2)
    assert told.ellipsoidal_tenth_mm == pytest.approx(other.height * 10, abs=1)
    assert told.altitude_tenth_mm == pytest.approx(other.hMSL * 10, abs=1)
    assert told.horizontal_error_tenth_mm == pytest.approx(other.hAcc * 10, abs=1)


@given(st.lists(st.tuples(st.integers(0, 63), st.booleans()), max_size=80))
def test_satellites_are_counted_as_they_are_sent(satellites: list[tuple[int, bool]]) -> None:
    groups: dict[str, int] = {}
    for index, (cno, used) in enumerate(satellites, start=1):
        groups |= {f"cno_{index:02d}": cno, f"svUsed_{index:02d}": int(used), f"svId_{index:02d}": index}
    frame = build("NAV-SAT", iTOW=1000, version=1, numSvs=len(satellites), **groups)
    told = parse_sat(parse_frame(frame).payload)
    assert (told.used, told.seen) == (sum(used for _, used in satellites), len(satellites))
    assert sorted(told.snr_db) == sorted(cno for cno, _ in satellites if cno)
    (sky,) = read(frame)
    assert isinstance(sky, SkyView)
    best = sorted((cno for cno, _ in satellites if cno), reverse=True)[:4]
    assert sky.best_snr_db == (round(sum(best) / len(best)) if best else None)


@pytest.mark.parametrize("count", [0, 1, 30, 255])
def test_raw_measurements_pass_whole(count: int) -> None:
    payload = struct.pack("<dHb2B3x", 130_519.0, 2446, 18, count, 1) + bytes(32 * count)
    frame = bytes(UBXMessage("RXM", "RXM-RAWX", GET, payload=payload).serialize())
    assert read(frame) == [Passed("UBX-RXM-RAWX", frame)]
    head = parse_rawx_header(payload)
    assert (head.tow_s, head.week, head.leap_s, head.measurements) == (130_519.0, 2446, 18, count)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        struct.pack("<dHb2B3x", 1.0, 2446, 18, 2, 1) + bytes(32),
        struct.pack("<dHb2B3x", float("nan"), 2446, 18, 0, 1),
        struct.pack("<dHb2B3x", 700_000.0, 2446, 18, 0, 1),
    ],
)
def test_raw_measurements_that_contradict_themselves_are_told(payload: bytes) -> None:
    frame = encode(0x02, 0x15, payload)
    (skipped,) = read(frame)
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, InvalidMessage)


def encode(group: int, number: int, payload: bytes) -> bytes:
    body = bytes([group, number]) + len(payload).to_bytes(2, "little") + payload
    return b"\xb5\x62" + body + bytes(calc_checksum(body))


def test_what_is_unknown_is_passed_by_its_numbers() -> None:
    frames = [encode(0x01, 0x7F, b"x"), encode(0x77, 0x01, b""), encode(0x0A, 0x04, bytes(40))]
    assert [event.name for event in read(*frames) if isinstance(event, Passed)] == [
        "UBX-NAV-7F",
        "UBX-77-01",
        "UBX-MON-VER",
    ]


def test_the_longest_frame_is_read_and_a_longer_is_none() -> None:
    assert [type(event) for event in read(encode(0x0A, 0x09, bytes(MAX_PAYLOAD)))] == [Passed]
    assert {type(event) for event in read(encode(0x0A, 0x09, bytes(MAX_PAYLOAD + 1)))} == {Skipped}


@given(st.integers(16, (len(pvt()) - 2) * 8 - 1))
def test_one_wrong_bit_is_always_found(bit: int) -> None:
    damaged = bytearray(pvt())
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongFrameChecksum):
        parse_frame(bytes(damaged))


@given(st.sampled_from([parse_pvt, parse_hpposllh, parse_dop, parse_sat, parse_rawx_header]), st.binary(max_size=120))
def test_any_payload_is_read_or_refused(parse: Any, payload: bytes) -> None:  # noqa: ANN401
    try:
        parse(payload)
    except SentenceError:
        return


def test_dead_reckoning_comes_before_what_the_carrier_says() -> None:
    assert derive_quality(1, 0b1000_0011) == 6
