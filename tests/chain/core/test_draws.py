import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chisquare

from chain.core import draws
from chain.core.draw_errors import InvalidUnits, SeedTooOld
from chain.core.draws import CAP_DAYS, ClosedDay, FrozenUnits, Unit
from chain.core.seed import Seed

ALICE, BOB = b"a" * 20, b"b" * 20
SEEDS = st.binary(min_size=32, max_size=32)
WEIGHTS = st.lists(st.integers(0, CAP_DAYS), max_size=70)
UNITS = st.lists(
    st.builds(
        Unit, st.integers(0, 1 << 40), st.sampled_from([ALICE, BOB]), st.integers(0, CAP_DAYS), st.integers(0, 1)
    ),
    max_size=100,
    unique_by=lambda unit: unit.number,
)


def make_seed(number: int, height: int = 1) -> Seed:
    return Seed(height, hashlib.sha256(b"test" + number.to_bytes(8, "big")).digest())


def compute_chances(weights: Sequence[int], count: int) -> dict[tuple[int, ...], Fraction]:
    """Return the exact chance of each ordered draw without replacement: the closed form, term by term."""
    chances = {}
    for places in permutations([place for place, weight in enumerate(weights) if weight], count):
        chance, left = Fraction(1), sum(weights)
        for place in places:
            chance *= Fraction(weights[place], left)
            left -= weights[place]
        chances[places] = chance
    return chances


def walk_places(weights: Sequence[int], seed: bytes, count: int) -> tuple[int, ...]:
    """Draw as `draw_places` does, by a plain walk along the list: a second implementation."""
    left, places = list(weights), []
    for turn in range(count):
        digest = hashlib.sha512(b"cec/draw/1" + seed + bytes([0, 0, 0, turn])).digest()
        point, place = int.from_bytes(digest, "big") * sum(left) // 2**512, 0
        while point >= left[place]:
            point -= left[place]
            place += 1
        left[place] = 0
        places.append(place)
    return tuple(places)


@given(WEIGHTS, SEEDS, st.integers(0, 70))
def test_the_tree_of_sums_draws_what_a_walk_along_the_list_draws(weights: list[int], seed: bytes, count: int) -> None:
    count = min(count, sum(weight > 0 for weight in weights))
    places = draws.draw_places(weights, seed, count)
    assert places == walk_places(weights, seed, count)
    assert len(set(places)) == count
    assert all(weights[place] for place in places)


@pytest.mark.parametrize("weights", [(1, 2, 3, 4), (60, 1, 1, 1, 0), (5, 5, 5, 5, 5)])
def test_ordered_draws_come_as_often_as_the_closed_form_says(weights: tuple[int, ...]) -> None:
    rounds = 12_000
    found = Counter(draws.draw_places(weights, make_seed(number).value, 2) for number in range(rounds))
    chances = compute_chances(weights, 2)
    assert sum(chances.values()) == 1
    assert set(found) <= set(chances)
    expected = [float(chance) * rounds for chance in chances.values()]
    assert chisquare([found[places] for places in chances], expected).pvalue > 0.001


@given(st.integers(1, 255))
def test_each_number_comes_from_as_many_digests_as_any_other_or_one_more(total: int) -> None:
    found = Counter(draws.scale_digest(bytes([byte]), total) for byte in range(256))
    assert set(found) == set(range(total))
    assert max(found.values()) - min(found.values()) <= 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 999), st.integers(0, 998), st.integers(0, 999))
def test_an_interval_has_its_share_of_digests_but_for_less_than_one(total: int, low: int, high: int) -> None:
    low, high = sorted((low % (total + 1), high % (total + 1)))
    inside = sum(low <= draws.scale_digest(number.to_bytes(2, "big"), total) < high for number in range(65536))
    assert abs(inside - Fraction(65536 * (high - low), total)) < 1


@settings(deadline=None)
@given(UNITS, SEEDS, st.randoms(use_true_random=False))
def test_the_order_in_which_units_come_changes_nothing(units: list[Unit], seed: bytes, shuffler: random.Random) -> None:
    mixed = list(units)
    shuffler.shuffle(mixed)
    online = {ALICE}
    frozen = draws.freeze_units(units, online, 1)
    assert draws.freeze_units(mixed, online, 1) == frozen
    days = [draws.settle_day(some, frozen, Seed(2, seed), online=online, draws=3) for some in (units, mixed)]
    assert days[0] == days[1]


@settings(deadline=None)
@given(UNITS, SEEDS, st.data())
def test_spreading_units_over_more_keys_changes_no_draw(units: list[Unit], seed: bytes, data: st.DataObject) -> None:
    keys = [bytes([number]) * 20 for number in range(5)]
    spread = [Unit(unit.number, data.draw(st.sampled_from(keys)), unit.age, unit.rest) for unit in units]
    results = []
    for some in (units, spread):
        online = {unit.validator for unit in some}
        day = draws.settle_day(some, draws.freeze_units(some, online, 1), Seed(2, seed), online=online, draws=3)
        results.append(([unit.number for unit in day.winners], day.frozen))
    assert results[0] == results[1]


def run_days(units: Sequence[Unit], days: int, online: set[bytes], count: int) -> list[ClosedDay]:
    closed = []
    frozen = draws.freeze_units(units, online, 0)
    for day in range(1, days + 1):
        result = draws.settle_day(units, frozen, make_seed(day, day), online=online, draws=count)
        units, frozen = result.units, result.frozen
        closed.append(result)
    return closed


def test_a_tenth_of_the_units_wins_a_tenth_of_the_draws_over_years() -> None:
    units = [draws.open_unit(number, ALICE if number % 10 == 0 else BOB) for number in range(200)]
    winners = [unit for day in run_days(units, 800, {ALICE, BOB}, 6) for unit in day.winners]
    won = sum(unit.validator == ALICE for unit in winners)
    assert len(winners) > 4_700
    low, high = binom.ppf([0.001, 0.999], len(winners), 0.1)
    assert low <= won <= high


def test_invariants_hold_on_each_of_many_days() -> None:
    units = [draws.open_unit(number, ALICE) for number in range(90)]
    days = run_days(units, 150, {ALICE}, 9)
    assert sum(len(day.winners) for day in days) > 400
    for before, day in pairwise(days):
        ages = {unit.number: unit.age for unit in before.units}
        assert len(day.winners) <= 3
        assert all(ages[unit.number] > 0 for unit in day.winners)
        zeroed = {unit.number for unit in day.units if (unit.age, unit.rest) == (0, draws.REST_DAYS)}
        assert zeroed == {unit.number for unit in day.winners}
        assert [unit.number for unit in day.units] == list(range(90))


def test_a_unit_ages_after_a_day_of_rest_up_to_the_cap() -> None:
    unit = draws.open_unit(1, ALICE)
    ages = []
    for _ in range(CAP_DAYS + 4):
        (unit,) = draws.age_units([unit], {ALICE})
        ages.append(unit.age)
    assert ages == [0, *range(1, CAP_DAYS + 1), CAP_DAYS, CAP_DAYS, CAP_DAYS]


def test_a_drawn_unit_falls_to_zero_rests_a_day_and_starts_again() -> None:
    units = [Unit(number, ALICE, 60 if number == 7 else 0, 0) for number in range(30)]
    units = [unit if unit.age else Unit(unit.number, BOB, 0, 0) for unit in units]
    frozen = draws.freeze_units(units, {ALICE, BOB}, 0)
    held: Sequence[Unit] = units
    seen = []
    for day in range(1, 5):
        result = draws.settle_day(held, frozen, make_seed(day, day), online={ALICE}, draws=int(day == 1))
        held, frozen = result.units, result.frozen
        seen.append((held[7].age, held[7].rest))
    assert seen == [(0, 1), (0, 0), (1, 0), (2, 0)]


def test_absence_costs_age_and_the_place_in_the_draw() -> None:
    units = (Unit(0, ALICE, 5, 0), Unit(1, BOB, 5, 0), Unit(2, BOB, 0, 1))
    after = draws.age_units(units, {ALICE})
    assert [(unit.age, unit.rest) for unit in after] == [(6, 0), (4, 0), (0, 1)]
    assert draws.freeze_units(after, {ALICE}, 3) == FrozenUnits(3, (0,), (6,))


def test_a_unit_that_left_its_bond_wins_nothing_and_no_other_in_its_place() -> None:
    units = [Unit(number, ALICE, int(number in {3, 4}), 0) for number in range(60)]
    frozen = draws.freeze_units(units, {ALICE}, 0)
    whole = draws.settle_day(units, frozen, make_seed(1), online={ALICE}, draws=2)
    less = draws.settle_day(units[:3] + units[4:], frozen, make_seed(1), online={ALICE}, draws=2)
    assert {unit.number for unit in whole.winners} == {3, 4}
    assert [unit.number for unit in less.winners] == [4]
    assert less.forfeited == (3,)
    assert 3 not in less.frozen.numbers


def test_going_offline_after_the_freeze_changes_no_draw() -> None:
    units = [Unit(number, ALICE if number % 2 else BOB, 9, 0) for number in range(60)]
    frozen = draws.freeze_units(units, {ALICE, BOB}, 0)
    days = [
        draws.settle_day(units, frozen, make_seed(1), online=online, draws=2)
        for online in ({ALICE}, {BOB}, {ALICE, BOB})
    ]
    assert days[0].winners == days[1].winners == days[2].winners


@pytest.mark.parametrize(
    ("units", "aged", "fixed", "expected"),
    [
        (29, 29, 9, 0),
        (30, 30, 9, 1),
        (59, 59, 9, 1),
        (300, 300, 9, 9),
        (300, 300, 11, 10),
        (300, 4, 9, 4),
        (90, 90, -1, 0),
    ],
)
def test_a_day_draws_the_fixed_number_but_at_most_a_thirtieth(units: int, aged: int, fixed: int, expected: int) -> None:
    frozen = FrozenUnits(1, tuple(range(units)), (3,) * aged + (0,) * (units - aged))
    assert draws.compute_draw_count(frozen, fixed) == expected
    assert len(draws.draw_units(frozen, make_seed(5, 2), fixed)) == expected


@pytest.mark.parametrize("height", [6, 7])
def test_a_seed_that_was_there_before_the_freeze_is_refused(height: int) -> None:
    with pytest.raises(SeedTooOld) as caught:
        draws.draw_units(FrozenUnits(7, (1,), (1,)), make_seed(1, height), 1)
    assert (caught.value.seed_height, caught.value.frozen_height) == (height, 7)


GOOD = Unit(4, ALICE, 10, 0)


@pytest.mark.parametrize(
    "units",
    [
        (GOOD, GOOD),
        (Unit(-1, ALICE, 10, 0),),
        (Unit(1 << 63, ALICE, 10, 0),),
        (Unit(4, ALICE, -1, 0),),
        (Unit(4, ALICE, 61, 0),),
        (Unit(4, ALICE, 10, 2),),
        (Unit(4, ALICE, 10, -1),),
    ],
)
def test_units_that_break_their_bounds_or_stand_twice_are_refused(units: tuple[Unit, ...]) -> None:
    with pytest.raises(InvalidUnits):
        draws.validate_units(units)
    assert draws.validate_units([GOOD]) == (GOOD,)


def test_units_are_bounded_in_number() -> None:
    with pytest.raises(InvalidUnits, match="at most 1048576"):
        draws.validate_units(repeat(GOOD))
