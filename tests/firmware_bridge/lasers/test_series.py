"""A height measured three times is one reading with its shots; another tree's is not among them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import HeightShot, MissingLine
from domain.schema import to_map
from firmware_bridge.driver import Event
from firmware_bridge.framing import compute_checksum
from firmware_bridge.lasers.drivers import LASER_DRIVERS
from firmware_bridge.lasers.sentences import LaserDriver
from firmware_bridge.lasers.series import JOIN_MS, MAX_SHOTS, SAME_AZIMUTH_CD, SAME_DISTANCE_MM, JoinedHeights


def sentence(body: str) -> bytes:
    return f"${body}*{compute_checksum(body.encode())}\r\n".encode()


def hvv(distance: str, azimuth: str, height: str) -> bytes:
    return sentence(f"PHGF,HVV,{distance},M,{azimuth},D,14.9,D,{distance},M,{height},M,0.0,CM,")


def routine(height: str) -> bytes:
    return (
        sentence("PLTIT,HV,16.00,M,0.00,D,-1.20,D,16.00,M")
        + sentence("PLTIT,HV,,,0.00,D,-19.10,D,,")
        + sentence("PLTIT,HV,,,0.00,D,32.40,D,,")
        + sentence(f"PLTIT,HT,{height},M")
    )


def feed(*timed: tuple[int, bytes]) -> list[Event]:
    driver = JoinedHeights(LaserDriver())
    return [event for at_ms, data in timed for event in driver.feed(data, mono_ms=at_ms)] + driver.flush()


def heights(events: list[Event]) -> list[tuple[int | None, tuple[int, ...] | None]]:
    return [(shot.height_mm, shot.shots_mm) for shot in events if isinstance(shot, HeightShot)]


@pytest.mark.parametrize("make", [routine, lambda height: hvv("16.0", "336.4", height)])
def test_a_height_measured_three_times_is_one_reading_with_its_shots(make: Callable[[str], bytes]) -> None:
    found = feed((0, make("15.70")), (8_000, make("15.90")), (16_000, make("16.00")))
    # The mean of 15.70, 15.90 and 16.00 m is 15.8666… m.
    assert heights(found) == [(15_867, (15_700, 15_900, 16_000))]


def test_the_joined_reading_has_the_first_shots_vector_the_last_ones_time_and_all_lines() -> None:
    (shot,) = feed((0, hvv("16.0", "10.0", "15.7")), (9_000, hvv("16.1", "10.5", "15.9")))
    assert isinstance(shot, HeightShot)
    assert (shot.horizontal_mm, shot.azimuth_cd, shot.mono_ms) == (16_000, 1_000, 9_000)
    assert shot.raw == (hvv("16.0", "10.0", "15.7") + hvv("16.1", "10.5", "15.9")).strip()


def test_a_height_once_measured_has_no_list_of_shots() -> None:
    assert heights(feed((0, routine("15.70")))) == [(15_700, None)]


def test_heights_aimed_again_from_one_distance_are_of_one_tree() -> None:
    again = sentence("PLTIT,HT,15.90,M")
    assert heights(feed((0, routine("15.70")), (5_000, again))) == [(15_800, (15_700, 15_900))]


def test_heights_without_any_distance_are_not_joined() -> None:
    assert heights(feed((0, sentence("PLTIT,HT,15.70,M")), (1, sentence("PLTIT,HT,15.90,M")))) == [
        (15_700, None),
        (15_900, None),
    ]


@pytest.mark.parametrize(
    ("distance", "azimuth", "wait_ms"),
    [
        ("16.2", "10.0", 5_000),  # 0.2 m farther
        ("16.0", "11.1", 5_000),  # 1.1 degrees beside
        ("16.0", "10.0", JOIN_MS + 1),  # too late
    ],
)
def test_another_target_or_a_late_one_is_a_reading_of_its_own(distance: str, azimuth: str, wait_ms: int) -> None:
    found = feed((0, hvv("16.0", "10.0", "15.7")), (wait_ms, hvv(distance, azimuth, "15.9")))
    assert heights(found) == [(15_700, None), (15_900, None)]


def test_north_is_no_border() -> None:
    found = feed((0, hvv("16.0", "359.6", "15.7")), (1, hvv("16.0", "0.4", "15.9")))
    assert heights(found) == [(15_800, (15_700, 15_900))]


def test_a_height_is_told_once_its_time_is_over_without_further_bytes() -> None:
    driver = JoinedHeights(LaserDriver())
    assert driver.feed(routine("15.70"), mono_ms=0) == []
    assert driver.feed(b"", mono_ms=JOIN_MS) == []
    assert heights(driver.feed(b"", mono_ms=JOIN_MS + 1)) == [(15_700, None)]


def test_a_full_series_is_told_at_once_and_fits_its_record() -> None:
    driver = JoinedHeights(LaserDriver())
    found = [event for at in range(MAX_SHOTS) for event in driver.feed(routine("15.70"), mono_ms=at)]
    assert heights(found) == [(15_700, (15_700,) * MAX_SHOTS)]
    assert isinstance(found[0], HeightShot)
    to_map(found[0])


def test_readings_of_other_targets_come_after_the_tree_before_them() -> None:
    distance = sentence("PLTIT,HV,7.01,M,0.00,D,3.00,D,7.01,M")
    missing = sentence("PLTIT,ML,8.10,M,0.00,D,3.20,D,8.10,M")
    first, second, third = feed((0, routine("15.70")), (1, distance), (2, missing))
    assert isinstance(first, HeightShot)
    assert isinstance(second, HeightShot)
    assert (first.height_mm, second.height_mm, second.horizontal_mm) == (15_700, None, 7_010)
    assert isinstance(third, MissingLine)


SHOTS = st.builds(
    HeightShot,
    mono_ms=st.integers(0, 3 * JOIN_MS),
    horizontal_mm=st.none() | st.integers(10_000, 10_000 + 2 * SAME_DISTANCE_MM),
    azimuth_cd=st.none() | st.integers(0, 2 * SAME_AZIMUTH_CD),
    height_mm=st.none() | st.integers(1_000, 40_000),
    raw=st.binary(min_size=1, max_size=200),
)


class Told:
    """A driver that tells readings by their number, given as the byte fed."""

    def __init__(self, shots: list[HeightShot]) -> None:
        self.shots = shots

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        assert mono_ms >= 0
        return [self.shots[byte] for byte in data]

    def flush(self) -> list[Event]:
        return []


@given(st.lists(SHOTS, max_size=30))
def test_no_height_is_lost_or_told_twice_whatever_is_joined(shots: list[HeightShot]) -> None:
    shots.sort(key=lambda shot: shot.mono_ms)
    driver = JoinedHeights(Told(shots))
    found = [event for at, shot in enumerate(shots) for event in driver.feed(bytes([at]), mono_ms=shot.mono_ms)]
    found += driver.flush()
    told = [event for event in found if isinstance(event, HeightShot)]
    each = [height for shot in told for height in (shot.shots_mm or (shot.height_mm,)) if height is not None]
    assert each == [shot.height_mm for shot in shots if shot.height_mm is not None]
    for shot in told:
        to_map(shot)


def test_every_driver_that_tells_heights_one_by_one_joins_them() -> None:
    for spec in LASER_DRIVERS:
        if spec.name not in {"hypsometer", "haglof", "trupulse"}:
            continue
        driver = spec.make()
        found = driver.feed(routine("15.70"), mono_ms=0) + driver.feed(routine("15.90"), mono_ms=9) + driver.flush()
        assert heights(found) == [(15_800, (15_700, 15_900))]
