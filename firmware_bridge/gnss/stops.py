"""A receiver's driver that also tells the mean of each stop: what a tree or plot centre is placed by."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from domain.readings import GnssFix, GnssMean
from firmware_bridge.driver import Driver, Event
from firmware_bridge.gnss.averaging import DEFAULT_STOP, StopAverager
from firmware_bridge.gnss.errors import MixedDatums

MAX_FIXES: Final = 3_600
"""Fixes of one mean: an hour at one a second, six minutes at ten; who stands longer gets one mean after another."""


class AveragedFixes:
    """A driver that tells every fix, and after each stop its mean.

    Parameters
    ----------
    driver
        Tells the fixes.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._parameters = replace(DEFAULT_STOP, max_fixes=MAX_FIXES)
        self._stops = StopAverager(self._parameters)
        self._last_ms: int | None = None

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return what these bytes complete; no bytes let time pass, and a long silence ends a stop."""
        found = self._average(self._driver.feed(data, mono_ms=mono_ms))
        if self._last_ms is not None and mono_ms - self._last_ms > self._parameters.max_gap_ms:
            self._last_ms = None
            found += _give_up_mixed(self._stops.flush)
        return found

    def flush(self) -> list[Event]:
        """Return what waits for bytes that will not come."""
        return [*self._average(self._driver.flush()), *_give_up_mixed(self._stops.flush)]

    def _average(self, events: list[Event]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            if isinstance(event, GnssFix):
                self._last_ms = event.mono_ms
                # Without the sentences: the fix itself carries them to its record.
                found += _give_up_mixed(partial(self._stops.feed, replace(event, raw=None)))
            found.append(event)
        return found


def _give_up_mixed(average: Callable[[], list[GnssMean]]) -> list[GnssMean]:
    """Return means; none where the receiver changed its datum on the way, which is better than one of two frames."""
    try:
        return average()
    except MixedDatums:
        return []
