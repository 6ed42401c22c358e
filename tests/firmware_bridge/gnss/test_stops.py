"""Stops out of walks whose every step is known."""

import random
from collections.abc import Iterator

from domain.readings import GnssFix, GnssMean
from firmware_bridge.gnss.averaging import StopAverager, StopParameters

LON, LAT = 11_516_666_667, 48_117_300_000
NORTH_ND_PER_M = 8_993  # 10^9 / 111,200 m: a metre of the meridian at 48 degrees
SECOND = 1_000


def stand(north_m: float, seconds: int, *, begin_s: int, scatter_m: float = 0.3, seed: int = 1) -> Iterator[GnssFix]:
    chance = random.Random(seed)
    for second in range(seconds):
        at_m = north_m + chance.gauss(0, scatter_m)
        yield GnssFix((begin_s + second) * SECOND, LON, LAT + round(at_m * NORTH_ND_PER_M), 4)


def walk(from_m: float, seconds: int, *, begin_s: int, speed_m_s: float = 1.2) -> Iterator[GnssFix]:
    for second in range(seconds):
        north_m = from_m + speed_m_s * second
        yield GnssFix((begin_s + second) * SECOND, LON, LAT + round(north_m * NORTH_ND_PER_M), 4)


def take(fixes: list[GnssFix], parameters: StopParameters | None = None) -> list[GnssMean]:
    averager = StopAverager(parameters) if parameters else StopAverager()
    return [mean for fix in fixes for mean in averager.feed(fix)] + averager.flush()


def test_each_stop_of_a_walk_is_one_mean_at_its_place() -> None:
    fixes = [
        *stand(0, 60, begin_s=0, seed=1),
        *walk(1, 25, begin_s=60),
        *stand(31, 60, begin_s=85, seed=2),
        *walk(32, 25, begin_s=145),
        *stand(62, 60, begin_s=170, seed=3),
    ]
    means = take(fixes)
    assert len(means) == 3
    for mean, north_m in zip(means, (0, 31, 62), strict=True):
        # Sixty fixes of 0.3 m scatter: 0.04 m by the law of large numbers; a step of the walk at either end adds some.
        assert abs((mean.lat_nd - LAT) / NORTH_ND_PER_M - north_m) < 0.25
        assert 55 <= mean.fixes <= 66


def test_a_mean_comes_when_the_crew_moves_on_and_not_before() -> None:
    averager = StopAverager()
    told = [len(averager.feed(fix)) for fix in [*stand(0, 60, begin_s=0), *walk(1, 12, begin_s=60)]]
    assert sum(told) == 1
    assert 60 < told.index(1) < 72


def test_a_walk_without_a_stop_has_no_mean() -> None:
    assert take(list(walk(0, 200, begin_s=0))) == []


def test_a_pause_is_no_stop() -> None:
    assert take([*walk(0, 20, begin_s=0), *stand(24, 6, begin_s=20), *walk(25, 20, begin_s=26)]) == []


def test_a_jump_that_comes_back_stays_in_the_stop_and_out_of_its_mean() -> None:
    first, second = list(stand(0, 30, begin_s=0)), list(stand(0, 30, begin_s=33, seed=2))
    (mean,) = take([*first, *stand(20, 3, begin_s=30), *second])
    assert (mean.fixes, mean.left_out) == (60, 3)


def test_steps_on_the_way_to_a_stop_are_not_of_it() -> None:
    way = [next(stand(north_m, 1, begin_s=29 + step)) for step, north_m in enumerate((10, 20, 30, 40), start=1)]
    first, second = take([*stand(0, 30, begin_s=0), *way, *stand(50, 30, begin_s=34)])
    assert [(mean.fixes, mean.left_out) for mean in (first, second)] == [(30, 0), (30, 0)]


def test_a_silence_ends_a_stop() -> None:
    means = take([*stand(0, 30, begin_s=0), *stand(0, 30, begin_s=30 + 61)])
    assert [mean.fixes for mean in means] == [30, 30]


def test_a_stop_without_end_is_cut_so_that_memory_stays_bounded() -> None:
    means = take(list(stand(0, 250, begin_s=0)), StopParameters(max_fixes=100))
    assert [mean.fixes + mean.left_out for mean in means] == [100, 100, 50]


def test_what_is_no_place_is_not_taken() -> None:
    averager = StopAverager()
    assert averager.feed(GnssFix(0, 0, 0, 0)) == []
    assert averager.flush() == []


def test_the_end_of_a_walk_ends_its_stop() -> None:
    averager = StopAverager()
    assert [mean for fix in stand(0, 30, begin_s=0) for mean in averager.feed(fix)] == []
    (mean,) = averager.flush()
    assert mean.duration_ms == 29 * SECOND
    assert averager.flush() == []
