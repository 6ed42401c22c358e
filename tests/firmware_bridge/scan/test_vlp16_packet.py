"""VLP-16 data packets against the manual's formulas, worked one point at a time."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.scan.errors import InvalidPacket, OtherScanner
from firmware_bridge.scan.vlp16_packet import check_data_packet, decode_packets, read_stamp_us

# VLP-16 User Manual 63-9243 Rev. D, table 9-1: laser, vertical angle, vertical correction in millimetres.
TABLE_9_1 = (
    (0, -15, 11.2),
    (1, 1, -0.7),
    (2, -13, 9.7),
    (3, 3, -2.2),
    (4, -11, 8.1),
    (5, 5, -3.7),
    (6, -9, 6.6),
    (7, 7, -5.1),
    (8, -7, 5.1),
    (9, 9, -6.6),
    (10, -5, 3.7),
    (11, 11, -8.1),
    (12, -3, 2.2),
    (13, 13, -9.7),
    (14, -1, 0.7),
    (15, 15, -11.2),
)


def make_packet(
    channels: dict[tuple[int, int], tuple[int, int]],
    *,
    mode: int = 0x37,
    product: int = 0x22,
    azimuth: int = 0,
    gap: int = 40,
    stamp: int = 0,
) -> bytes:
    """Return a packet whose channels, by (block, channel 0 to 31), hold distance and intensity; others are empty."""
    raw = b""
    for block in range(12):
        step = block // 2 if mode == 0x39 else block
        raw += b"\xff\xee" + struct.pack("<H", (azimuth + step * gap) % 36_000)
        for channel in range(32):
            raw += struct.pack("<HB", *channels.get((block, channel), (0, 0)))
    return raw + struct.pack("<IBB", stamp, mode, product)


GOOD = make_packet({(0, 0): (5_000, 100)})


@pytest.mark.parametrize(("laser", "angle_deg", "lift_mm"), TABLE_9_1)
def test_a_point_lies_where_the_manual_says(laser: int, angle_deg: int, lift_mm: float) -> None:
    # 9.2: X = R cos(w) sin(a), Y = R cos(w) cos(a), Z = R sin(w), then the vertical correction.
    returns = decode_packets([make_packet({(3, 16 + laser): (12_345, 77)}, azimuth=9_000)], is_dual=False)
    azimuth_cd = 9_000 + 3 * 40 + 40 * (55.296 + 2.304 * laser) / (2 * 55.296)
    range_m, angle, azimuth = 12_345 * 0.002, math.radians(angle_deg), math.radians(azimuth_cd / 100)
    expected = (
        range_m * math.cos(angle) * math.sin(azimuth),
        range_m * math.cos(angle) * math.cos(azimuth),
        range_m * math.sin(angle) + lift_mm / 1000,
    )
    assert returns.xyz_m[0] == pytest.approx(expected, abs=1e-9)
    assert returns.intensity.tolist() == [77]


@pytest.mark.parametrize("laser", range(16))
def test_rings_count_from_the_lowest_laser(laser: int) -> None:
    angles = sorted(angle for _, angle, _ in TABLE_9_1)
    returns = decode_packets([make_packet({(0, laser): (1_000, 1)})], is_dual=False)
    assert angles[returns.ring[0]] == TABLE_9_1[laser][1]


@pytest.mark.parametrize("mode", [0x37, 0x39])
def test_times_are_those_of_the_manuals_table(mode: int) -> None:
    # 9.4 gives this program for the table of figures 9-9 and 9-10, in microseconds.
    is_dual = mode == 0x39
    for block in range(12):
        for channel in range(32):
            sequence = (block - block % 2 if is_dual else 2 * block) + channel // 16
            expected = 55.296 * sequence + 2.304 * (channel % 16)
            returns = decode_packets([make_packet({(block, channel): (1_000, 1)}, mode=mode)], is_dual=is_dual)
            assert returns.offset_s.tolist() == [pytest.approx(expected * 1e-6, abs=1e-12)]


def test_azimuths_pass_north() -> None:
    returns = decode_packets([make_packet({(1, 1): (500, 1)}, azimuth=35_990, gap=20)], is_dual=False)
    azimuth = math.degrees(math.atan2(returns.xyz_m[0, 0], returns.xyz_m[0, 1])) % 360
    assert azimuth == pytest.approx(0.10 + 0.20 * 2.304 / (2 * 55.296), abs=1e-9)


def test_a_jump_of_the_azimuth_within_a_packet_does_not_smear_its_points() -> None:
    raw = bytearray(make_packet({(5, 16): (500, 1)}))
    for block in range(6, 12):
        raw[100 * block + 2 : 100 * block + 4] = struct.pack("<H", 20_000 + 40 * block)
    returns = decode_packets([bytes(raw)], is_dual=False)
    assert math.degrees(math.atan2(*returns.xyz_m[0, :2])) == pytest.approx(2.0 + 0.20, abs=1e-9)


@pytest.mark.parametrize(
    ("last", "other", "expected"),
    [
        ((2_000, 10), (2_000, 10), [(2_000, 10, 1, 1)]),
        ((2_000, 10), (1_500, 90), [(1_500, 90, 1, 2), (2_000, 10, 2, 2)]),
        ((2_000, 90), (1_500, 10), [(1_500, 10, 1, 2), (2_000, 90, 2, 2)]),
        ((2_000, 10), (0, 0), [(2_000, 10, 1, 1)]),
        ((0, 0), (1_500, 10), [(1_500, 10, 1, 1)]),
        ((0, 0), (0, 0), []),
    ],
)
def test_dual_returns_are_counted_from_the_nearest(
    last: tuple[int, int], other: tuple[int, int], expected: list[tuple[int, int, int, int]]
) -> None:
    # 9.3.2: even blocks hold the last return, odd ones the strongest or second strongest; one return is sent twice.
    packet = make_packet({(4, 1): last, (5, 1): other}, mode=0x39)
    got = decode_packets([packet], is_dual=True)
    ranges = np.linalg.norm(got.xyz_m + np.array((0, 0, 0.0007)), axis=1) / 0.002
    shown = zip(ranges.round().astype(int), got.intensity, got.return_number, got.returns, strict=True)
    assert [tuple(int(value) for value in entry) for entry in shown] == expected


def test_packets_decoded_together_are_those_decoded_alone() -> None:
    raws = [make_packet({(block, 7): (800 + block, block)}, azimuth=100 * block) for block in range(12)]
    together = decode_packets(raws, is_dual=False)
    alone = [decode_packets([raw], is_dual=False) for raw in raws]
    assert np.array_equal(together.xyz_m, np.concatenate([entry.xyz_m for entry in alone]))
    assert together.packet.tolist() == list(range(12))


def test_a_good_packet_tells_its_mode_and_stamp() -> None:
    assert check_data_packet(GOOD) == 0x37
    assert read_stamp_us(make_packet({}, stamp=3_599_999_999)) == 3_599_999_999


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (GOOD[:-1], "1205 bytes"),
        (GOOD + b"\0", "1207 bytes"),
        (b"\0" + GOOD[1:], "FF EE"),
        (GOOD[:1_100] + b"\xff\xdd" + GOOD[1_102:], "FF EE"),
        (make_packet({}, mode=0x40), "return mode"),
        (GOOD[:2] + b"\xa0\x8c" + GOOD[4:], "azimuth"),
        (make_packet({}, stamp=3_600_000_000), "past the hour"),
    ],
)
def test_a_damaged_packet_is_named(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidPacket, match=words):
        check_data_packet(raw)


@pytest.mark.parametrize(
    ("product", "model"), [(0x21, "HDL-32E"), (0x24, "Puck Hi-Res"), (0x28, "VLP-32C"), (0x63, "VLS-128"), (0, "0x00")]
)
def test_another_model_is_refused_by_name(product: int, model: str) -> None:
    with pytest.raises(OtherScanner, match=model) as refused:
        check_data_packet(make_packet({}, product=product))
    assert model in refused.value.model


@given(st.binary(max_size=1_300) | st.binary(min_size=1_206, max_size=1_206))
def test_any_bytes_are_checked_or_named(raw: bytes) -> None:
    try:
        check_data_packet(raw)
    except (InvalidPacket, OtherScanner):
        return
    decode_packets([raw], is_dual=False)
