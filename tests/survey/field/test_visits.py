"""Readings fall to the tree at which they were taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import GnssFix, Note, Reading, Visit
from survey.field.errors import DoubledEvidence
from survey.field.visits import PAUSE_MS, group_readings
from tests.survey.field.readings import LAT_DEG, LON_DEG, MINUTE_MS, caliper, enter, kinds, observe, shots, stop

A, B = "0" * 17, "1" * 17


def test_a_visit_closes_its_tree() -> None:
    grouped = group_readings(
        [
            observe(0, *caliper(1_000, 300, 310), shots(20_000, 24_000)),
            observe(1, enter(40_000, A)),
            observe(2, *caliper(90_000, 200)),
            observe(3, enter(120_000, B)),
        ]
    )
    assert [visit.label for visit in grouped.visits] == [A, B]
    assert kinds(grouped.visits[0].heard) == ["StemDiameter", "StemDiameter", "HeightShot", "Visit"]
    assert kinds(grouped.visits[1].heard) == ["StemDiameter", "Visit"]


def test_records_may_come_in_any_order() -> None:
    records = [observe(0, *caliper(1_000, 300)), observe(1, enter(40_000, A)), observe(2, enter(90_000, B))]
    assert group_readings(reversed(records)) == group_readings(records)


def test_a_stop_that_ends_after_the_entry_belongs_to_its_tree() -> None:
    grouped = group_readings(
        [observe(0, enter(40_000, A)), observe(1, stop(60_000, 55_000)), observe(2, enter(200_000, B))]
    )
    assert [kinds(visit.heard) for visit in grouped.visits] == [["GnssMean", "Visit"], ["Visit"]]
    assert not grouped.visits[0].heard[0].is_shared


def test_a_stop_that_spans_several_trees_belongs_to_each() -> None:
    grouped = group_readings(
        [observe(0, enter(40_000, A)), observe(1, enter(70_000, B)), observe(2, stop(90_000, 85_000))]
    )
    for visit in grouped.visits:
        assert kinds(visit.heard) == ["GnssMean", "Visit"]
        assert visit.heard[0].is_shared


def test_without_entries_a_new_stop_is_a_new_tree() -> None:
    grouped = group_readings(
        [
            observe(0, stop(30_000), shots(50_000, 24_000), *caliper(70_000, 300)),
            observe(1, stop(130_000), shots(150_000, 21_000), *caliper(170_000, 200)),
        ]
    )
    assert [kinds(visit.heard) for visit in grouped.visits] == [["GnssMean", "HeightShot", "StemDiameter"]] * 2


def test_a_long_pause_parts_trees() -> None:
    late = 10_000 + PAUSE_MS + 1_000
    grouped = group_readings(
        [observe(0, *caliper(10_000, 300)), observe(1, *caliper(late, 200), enter(late + 9_000, A))]
    )
    assert [visit.label for visit in grouped.visits] == [None, A]


def test_two_visits_of_one_label_are_one_tree() -> None:
    grouped = group_readings([observe(0, enter(1_000, A)), observe(1, enter(9_000, B)), observe(2, enter(20_000, A))])
    assert [kinds(visit.heard) for visit in grouped.visits] == [["Visit", "Visit"], ["Visit"]]


def test_each_boot_and_device_has_a_clock_of_its_own() -> None:
    grouped = group_readings(
        [
            observe(0, *caliper(1_000, 300)),
            observe(0, enter(2_000, A), device="rover-2"),
            observe(1, *caliper(1_500, 200), boot=b"c" * 16),
        ]
    )
    assert [kinds(visit.heard) for visit in grouped.visits] == [["StemDiameter"], ["StemDiameter"], ["Visit"]]


def test_a_stop_without_a_tree_is_a_stray_and_a_note_is_nothing() -> None:
    grouped = group_readings([observe(0, stop(30_000)), observe(1, Note(40_000 + 2 * PAUSE_MS, "lunch"))])
    assert grouped.visits == ()
    assert kinds(grouped.strays) == ["GnssMean"]


def test_one_observation_given_twice_is_refused() -> None:
    record = observe(0, enter(1_000, A))
    with pytest.raises(DoubledEvidence):
        group_readings([record, record])


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["caliper", "visit", "shot", "stop"])), min_size=1))
def test_every_measurement_is_told_of_once(told: list[tuple[int, str]]) -> None:
    records = []
    for seq, (minute, kind) in enumerate(told):
        at = minute * MINUTE_MS
        reading: dict[str, Reading] = {
            "caliper": caliper(at, 300)[0],
            "visit": Visit(at, remark="x"),
            "shot": shots(at, 20_000),
            "stop": stop(at, 0),
        }
        records.append(observe(seq, reading[kind]))
    grouped = group_readings(records)
    places = [(one.record, one.index) for visit in grouped.visits for one in visit.heard if not one.is_shared]
    places += [(one.record, one.index) for one in grouped.strays]
    assert sorted(places) == sorted((record, 0) for record, _ in records)


def fix(mono_ms: int, east_m: float) -> GnssFix:
    """Return a single position some metres east of the origin."""
    lon = LON_DEG + east_m / (111_320.0 * 0.656_059)
    return GnssFix(mono_ms, round(lon * 1e9), round(LAT_DEG * 1e9), 1, horizontal_error_mm=900)


def walk(order: str, *, trees: int = 3) -> list[Reading]:
    """Return a walk in which nothing was entered and no stop was heard: F is a position, H a shot, D the caliper."""
    readings: list[Reading] = []
    for tree in range(trees):
        for letter in order:
            at = 10_000 * (len(readings) + 1)
            if letter == "F":
                readings.append(fix(at, 8.0 * tree))
            else:
                readings += caliper(at, 300 + tree) if letter == "D" else [shots(at, 20_000)]
    return readings


@pytest.mark.parametrize("order", ["FFHD", "FDH", "HD", "FHHD", "FDD", "FD", "FDFD"])
def test_without_entries_and_stops_what_is_measured_again_is_the_next_trees(order: str) -> None:
    grouped = group_readings([observe(0, *walk(order))])
    assert [len(visit.heard) for visit in grouped.visits] == [len(order)] * 3


def test_two_diameters_of_one_place_are_of_one_tree() -> None:
    readings: list[Reading] = [
        fix(1_000, 0.0),
        *caliper(10_000, 300),
        fix(15_000, 0.8),
        *caliper(20_000, 312),
        shots(40_000, 20_000),
    ]
    (visit,) = group_readings([observe(0, *readings)]).visits
    assert len(visit.heard) == 5


@given(st.lists(st.sampled_from("FHD"), min_size=1, max_size=40))
def test_no_reading_of_a_bare_stream_is_lost_or_doubled(letters: list[str]) -> None:
    readings = walk("".join(letters), trees=1)
    grouped = group_readings([observe(0, *readings)])
    taken = [one.index for visit in grouped.visits for one in visit.heard]
    assert len(taken) == len(set(taken))
    measured = {index for index, one in enumerate(readings) if not isinstance(one, GnssFix)}
    assert measured <= set(taken) | {one.index for one in grouped.strays}
