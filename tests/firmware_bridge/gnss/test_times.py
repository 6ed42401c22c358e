"""Dates, leap seconds and the GPS week's roll-over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import UnreadableField
from firmware_bridge.gnss.times import (
    MOST_ROLLOVERS,
    PLAUSIBLE_MS,
    RELEASED_MS,
    ROLLOVER_MS,
    compute_utc_ms,
    parse_clock,
    resolve_rollover,
)

TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 12, 31))  # noqa: DTZ001


def test_the_release_is_the_first_of_november() -> None:
    assert datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000 == RELEASED_MS


def test_a_roll_over_is_1024_weeks() -> None:
    # The weeks that began on 1980-01-06, 1999-08-22 and 2019-04-07 were all numbered 0.
    weeks = [datetime(1980, 1, 6, tzinfo=UTC), datetime(1999, 8, 22, tzinfo=UTC), datetime(2019, 4, 7, tzinfo=UTC)]
    assert [(b - a) / timedelta(milliseconds=1) for a, b in pairwise(weeks)] == [ROLLOVER_MS] * 2


@given(st.integers(0, PLAUSIBLE_MS - 1), st.integers(0, MOST_ROLLOVERS))
def test_a_live_receivers_time_is_found_again(since_ms: int, rollovers: int) -> None:
    true_ms = RELEASED_MS + since_ms
    assert resolve_rollover(true_ms - rollovers * ROLLOVER_MS, RELEASED_MS) == true_ms


@pytest.mark.parametrize("year", [1994, 2013, 2020, 2026, 2033])
def test_other_logs_keep_their_time(year: int) -> None:
    at_ms = int(datetime(year, 1, 14, tzinfo=UTC).timestamp() * 1000)
    assert resolve_rollover(at_ms, RELEASED_MS) == at_ms


@given(TIMES)
def test_utc_is_what_python_says(at: datetime) -> None:
    at = at.replace(tzinfo=UTC, microsecond=at.microsecond // 1000 * 1000)
    told = compute_utc_ms((at.year, at.month, at.day), (at.hour, at.minute, at.second), at.microsecond // 1000)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=told) == at


@pytest.mark.parametrize(
    ("date", "clock"),
    [((2026, 2, 30), (0, 0, 0)), ((2026, 1, 1), (24, 0, 0)), ((2026, 1, 1), (12, 59, 60)), ((0, 1, 1), (0, 0, 0))],
)
def test_what_is_no_time_is_refused(date: tuple[int, int, int], clock: tuple[int, int, int]) -> None:
    with pytest.raises(UnreadableField):
        compute_utc_ms(date, clock, 0)


@given(st.text(max_size=20))
def test_any_clock_is_read_or_refused(text: str) -> None:
    try:
        clock, milliseconds = parse_clock(text)
    except UnreadableField:
        return
    assert len(clock) == 3
    assert 0 <= milliseconds < 1000
