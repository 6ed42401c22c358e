"""The billing right: a daily draw among equal bond units, each weighted by its own coin age.

The age of a unit is counted in whole days, and belongs to the unit and not to its holder: it grows by one for each day
on which the unit is bonded and its validator online, stops at `CAP_DAYS`, falls to zero when the unit is drawn, and
starts again after `REST_DAYS`. Since all units are of one size and each has an age of its own, how a holder spreads
them over keys changes no chance. At most one unit in `SHARE` is drawn a day, so the ages stay spread.

A day is closed in this order (`settle_day`): draw among the units frozen at the close before, age the units by this
day, set those drawn to zero, freeze them for the next close. The weights stand before the first output of the seed
that draws them, and nothing that happens later changes them: a validator that goes offline after the freeze may still
win, for else a rival who leaves out its votes would have a say. A unit that was drawn but has left its bond meanwhile
wins nothing and is not replaced: were it replaced, leaving would be a second draw for whoever saw the seed.

The draw is by hash and without floats: 512 bits times the sum of weights, divided by 2^512. No try is thrown away, and
the chance of each unit in each draw differs from its weight's share by less than 2^-512, since the number of digests
that fall on an interval of weights is its exact share rounded down or up.
"""

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chain.core.draw_errors import InvalidUnits, SeedTooOld
from chain.core.seed import Seed

CAP_DAYS: Final = 60
"""Age beyond which waiting adds nothing: hoarding has an end."""
REST_DAYS: Final = 1
"""Whole days after a draw, or after bonding, that add no age: the rest of the day on which it happened is no day."""
SHARE: Final = 30
"""One unit in so many may be drawn a day, so each waits half the cap or longer in the mean."""
ABSENCE_COST_DAYS: Final = 1
"""Age that a unit loses on a day on which its validator was absent."""
MAX_UNITS: Final = 1 << 20
"""Of one chain, so that closing a day stays a matter of seconds."""
_NUMBER_BITS: Final = 63
_TAG: Final = b"cec/draw/1"


@dataclass(frozen=True, slots=True)
class Unit:
    """One bond unit.

    Attributes
    ----------
    number
        Given once when it is bonded, from 0, below 2^63; never used again.
    validator
        Address of the validator that it backs.
    age
        Days that count, from 0 to `CAP_DAYS`.
    rest
        Whole days that must pass before age grows, from 0 to `REST_DAYS`.
    """

    number: int
    validator: bytes
    age: int
    rest: int


@dataclass(frozen=True, slots=True)
class FrozenUnits:
    """The weights of a draw, fixed before its seed exists.

    Attributes
    ----------
    height
        Of the block that froze them.
    numbers
        Of the units that were bonded and whose validator was online, ascending.
    weights
        Their ages in days, in the same order; zero cannot be drawn.
    """

    height: int
    numbers: tuple[int, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """What closing a day gives.

    Attributes
    ----------
    winners
        Units drawn and still bonded, in the order of the draw: each has earned one part of the pool.
    forfeited
        Numbers drawn whose unit has left its bond: their parts stay in the pool.
    units
        All units after the day, by number.
    frozen
        The weights of the next draw.
    """

    winners: tuple[Unit, ...]
    forfeited: tuple[int, ...]
    units: tuple[Unit, ...]
    frozen: FrozenUnits


def open_unit(number: int, validator: bytes) -> Unit:
    """Return a unit as it is bonded: without age, and not counting the day that has begun."""
    return Unit(number, validator, 0, REST_DAYS)


def settle_day(
    units: Iterable[Unit], frozen: FrozenUnits, seed: Seed, *, online: AbstractSet[bytes], draws: int
) -> ClosedDay:
    """Close a day: draw, age, set to zero, freeze.

    Parameters
    ----------
    units
        All that are bonded, in any order.
    frozen
        At the close before; `freeze_units` of none at the first.
    seed
        With the output of the block that closes the day.
    online
        Addresses of the validators that signed at least half of the day's blocks.
    draws
        The fixed number of draws a day, of which `compute_draw_count` may leave fewer.

    Raises
    ------
    InvalidUnits
        A unit breaks its bounds or stands twice.
    SeedTooOld
        The seed has no output later than the frozen units.
    """
    held = validate_units(units)
    drawn = draw_units(frozen, seed, draws)
    by_number = {unit.number: unit for unit in held}
    winners = tuple(by_number[number] for number in drawn if number in by_number)
    after = reset_units(age_units(held, online), frozenset(drawn))
    return ClosedDay(
        winners,
        tuple(number for number in drawn if number not in by_number),
        after,
        freeze_units(after, online, seed.height),
    )


def validate_units(units: Iterable[Unit]) -> tuple[Unit, ...]:
    """Return units by number; `InvalidUnits` when one breaks its bounds or stands twice, or there are too many."""
    few = tuple(islice(units, MAX_UNITS + 1))
    if len(few) > MAX_UNITS:
        raise InvalidUnits(f"at most {MAX_UNITS} of them")
    held = tuple(sorted(few, key=lambda unit: unit.number))
    last = -1
    for unit in held:
        if not last < unit.number < 1 << _NUMBER_BITS:
            raise InvalidUnits(f"number {unit.number} is below zero, above 2^63 or stands twice")
        if not (0 <= unit.age <= CAP_DAYS and 0 <= unit.rest <= REST_DAYS):
            raise InvalidUnits(f"unit {unit.number} has age {unit.age} and rest {unit.rest}")
        last = unit.number
    return held


def age_units(units: Iterable[Unit], online: AbstractSet[bytes]) -> tuple[Unit, ...]:
    """Return units after a day, in their order: older, rested, or set back by an absent validator."""
    return tuple(_age_unit(unit, is_online=unit.validator in online) for unit in units)


def reset_units(units: Iterable[Unit], drawn: AbstractSet[int]) -> tuple[Unit, ...]:
    """Return units in their order, those drawn without age."""
    return tuple(open_unit(unit.number, unit.validator) if unit.number in drawn else unit for unit in units)


def freeze_units(units: Iterable[Unit], online: AbstractSet[bytes], height: int) -> FrozenUnits:
    """Return the weights of the units whose validator is online; `InvalidUnits` as of `validate_units`."""
    held = [unit for unit in validate_units(units) if unit.validator in online]
    return FrozenUnits(height, tuple(unit.number for unit in held), tuple(unit.age for unit in held))


def compute_draw_count(frozen: FrozenUnits, draws: int) -> int:
    """Return how many units a day draws: the fixed number, at most one unit in `SHARE`, and none without age.

    Fewer than `SHARE` units have no draw at all.

    Examples
    --------
    >>> compute_draw_count(FrozenUnits(1, tuple(range(90)), (5,) * 90), draws=8)
    3
    """
    aged = sum(weight > 0 for weight in frozen.weights)
    return min(max(draws, 0), len(frozen.numbers) // SHARE, aged)


def draw_units(frozen: FrozenUnits, seed: Seed, draws: int) -> tuple[int, ...]:
    """Return the numbers drawn, in order: each by weight among those not yet drawn.

    Parameters
    ----------
    frozen
        The weights.
    seed
        With at least one output later than they are, else `SeedTooOld`.
    draws
        The fixed number; `compute_draw_count` may leave fewer.
    """
    if seed.height <= frozen.height:
        raise SeedTooOld(seed.height, frozen.height)
    places = draw_places(frozen.weights, seed.value, compute_draw_count(frozen, draws))
    return tuple(frozen.numbers[place] for place in places)


def draw_places(weights: Sequence[int], seed: bytes, count: int) -> tuple[int, ...]:
    """Return `count` different places of a list, each drawn by weight among those left.

    At least `count` weights must be above zero, and none below.

    Examples
    --------
    >>> draw_places([0, 7, 0], bytes(32), 1)
    (1,)
    """
    sums = _sum_weights(weights)
    total = sum(weights)
    places = []
    for turn in range(count):
        digest = hashlib.sha512(_TAG + seed + turn.to_bytes(4, "big")).digest()
        place = _find_place(sums, scale_digest(digest, total))
        _take_weight(sums, place, weights[place])
        total -= weights[place]
        places.append(place)
    return tuple(places)


def scale_digest(digest: bytes, total: int) -> int:
    """Return a number from 0 to below `total`, each from as many digests as any other, or one more or less.

    Examples
    --------
    >>> [scale_digest(bytes.fromhex(text), 10) for text in ("00", "80", "ff")]
    [0, 5, 9]
    """
    return int.from_bytes(digest, "big") * total >> 8 * len(digest)


def _age_unit(unit: Unit, *, is_online: bool) -> Unit:
    if not is_online:
        return Unit(unit.number, unit.validator, max(unit.age - ABSENCE_COST_DAYS, 0), unit.rest)
    if unit.rest:
        return Unit(unit.number, unit.validator, unit.age, unit.rest - 1)
    return Unit(unit.number, unit.validator, min(unit.age + 1, CAP_DAYS), 0)


def _sum_weights(weights: Sequence[int]) -> list[int]:
    """Return a tree of partial sums (Fenwick 1994, https://doi.org/10.1002/spe.4380240306), from place 1."""
    sums = [0, *weights]
    for place in range(1, len(sums)):
        above = place + (place & -place)
        if above < len(sums):
            sums[above] += sums[place]
    return sums


def _find_place(sums: Sequence[int], point: int) -> int:
    """Return the place, from 0, on whose interval of weights a point falls."""
    place, step = 0, 1 << len(sums).bit_length()
    while step := step >> 1:
        if place + step < len(sums) and sums[place + step] <= point:
            place += step
            point -= sums[place]
    return place


def _take_weight(sums: list[int], place: int, weight: int) -> None:
    index = place + 1
    while index < len(sums):
        sums[index] -= weight
        index += index & -index
