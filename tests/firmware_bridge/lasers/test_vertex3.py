"""A Vertex III's block of five lines becomes one reading, by the data format of its manual (v1.5, page 21)."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import HeightShot
from firmware_bridge.driver import Event
from firmware_bridge.errors import LineTooLong, Noise, UnreadableField
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.errors import BrokenBlock
from firmware_bridge.lasers.vertex3 import BLOCK_MS, Vertex3Driver


def block(*numbers: int) -> bytes:
    r"""Write the manual's form: number, space, four digits, ``\r\n``; the fifth with its sign and three digits."""
    lines = [f"{at} {number:04d}\r\n" for at, number in enumerate(numbers[:4], start=1)]
    return "".join([*lines, f"5 {numbers[4]:+04d}\r\n"]).encode()


HEIGHTS = block(157, 159, 160, 1_600, 123)


def read(data: bytes, *, piece: int = 1_000, unit: Literal["M", "F"] = "M") -> list[Event]:
    driver = Vertex3Driver(unit)
    found = [event for at in range(0, len(data), piece) for event in driver.feed(data[at : at + piece], mono_ms=5)]
    return found + driver.flush()


def test_a_block_has_the_40_signs_that_the_manual_states() -> None:
    assert len(HEIGHTS) == 40


@pytest.mark.parametrize("piece", [1, 7, 1_000])
def test_three_heights_are_one_reading_with_its_shots(piece: int) -> None:
    (shot,) = read(HEIGHTS, piece=piece)
    assert isinstance(shot, HeightShot)
    assert shot.shots_mm == (15_700, 15_900, 16_000)
    assert (shot.height_mm, shot.horizontal_mm) == (15_867, 16_000)
    assert shot.inclination_cd == 1_107  # 12.3 gon of 0.9 degree
    assert shot.raw == HEIGHTS.strip()


def test_heights_that_were_not_taken_are_not_among_the_shots() -> None:
    (shot,) = read(block(157, 0, 0, 1_600, -50))
    assert isinstance(shot, HeightShot)
    assert (shot.height_mm, shot.shots_mm, shot.inclination_cd) == (15_700, None, -450)


@pytest.mark.parametrize("data", [block(1_234, 0, 0, 0, 0), b"1 1234\r\n2\r\n3\r\n4\r\n5 +000\r\n"])
def test_a_distance_in_centimetres_is_a_reading_without_a_height(data: bytes) -> None:
    (shot,) = read(data)
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.height_mm, shot.inclination_cd) == (12_340, None, 0)


def test_an_instrument_set_to_feet_counts_tenths_of_them() -> None:
    heights, distance = (read(data, unit="F")[0] for data in (block(500, 0, 0, 1_000, 0), block(1_000, 0, 0, 0, 0)))
    assert isinstance(heights, HeightShot)
    assert isinstance(distance, HeightShot)
    # International feet: 304.8 mm each.
    assert (heights.height_mm, heights.horizontal_mm) == (15_240, 30_480)
    assert distance.horizontal_mm == 30_480


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (HEIGHTS.replace(b"3 0160\r\n", b""), [BrokenBlock, BrokenBlock, BrokenBlock]),
        (HEIGHTS[:16], [BrokenBlock]),
        (HEIGHTS[8:], [BrokenBlock] * 4),
        (HEIGHTS.replace(b"2 0159", b"2 \x8059"), [Noise, BrokenBlock, BrokenBlock, BrokenBlock, BrokenBlock]),
        (b"hello\r\n", [Noise]),
        (b"A" * 41, [LineTooLong]),
        (block(2_500, 0, 0, 1_600, 0), [UnreadableField]),
    ],
)
def test_what_is_not_a_block_is_told_by_its_rule(data: bytes, errors: list[type[Exception]]) -> None:
    found = read(data)
    assert [type(event.error) for event in found if isinstance(event, Skipped)] == errors
    assert not any(isinstance(event, HeightShot) for event in found)


@pytest.mark.parametrize("before", [HEIGHTS[:20], b"noise\r\n", HEIGHTS[8:]])
def test_a_broken_block_does_not_cost_the_next_one(before: bytes) -> None:
    found = read(before + b"\r\n" + HEIGHTS)
    assert isinstance(found[0], Skipped)
    assert isinstance(found[-1], HeightShot)


def test_a_half_block_is_given_up_when_its_time_is_over() -> None:
    driver = Vertex3Driver()
    assert driver.feed(HEIGHTS[:16], mono_ms=0) == []
    (skipped,) = driver.feed(b"", mono_ms=BLOCK_MS + 1)
    assert isinstance(skipped, Skipped)
    assert isinstance(skipped.error, BrokenBlock)
    assert skipped.error.expected == 3
    assert isinstance(driver.feed(HEIGHTS, mono_ms=BLOCK_MS + 2)[0], HeightShot)


DIGITS = st.integers(0, 1_900)


@given(heights=st.lists(DIGITS, min_size=3, max_size=3), distance=st.integers(1, 9_999), angle=st.integers(-999, 999))
def test_any_block_gives_back_its_numbers(heights: list[int], distance: int, angle: int) -> None:
    (shot,) = read(block(*heights, distance, angle))
    assert isinstance(shot, HeightShot)
    shots = [number * 100 for number in heights if number]
    assert list(shot.shots_mm or ((shot.height_mm,) if shot.height_mm else ())) == shots
    assert (shot.horizontal_mm, shot.inclination_cd) == (distance * 10, angle * 9)


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([HEIGHTS, HEIGHTS[:8], b"\r\n"])), max_size=8))
def test_any_bytes_give_readings_or_reasons_and_the_same_in_any_pieces(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = read(data), read(data, piece=1)
    assert [event for event in single if isinstance(event, HeightShot)] == [
        event for event in whole if isinstance(event, HeightShot)
    ]
    assert [event.raw for event in single if isinstance(event, Skipped)] == [
        event.raw for event in whole if isinstance(event, Skipped)
    ]
