"""A receiver's driver that also tells the mean of each stop: what a tree or plot centre is placed by."""

from dataclasses import replace
from typing import Final

from domain.readings import GnssFix, GnssMean
from firmware_bridge.driver import Driver, Event
from firmware_bridge.gnss.averaging import DEFAULT_STOP, StopAverager
from firmware_bridge.gnss.errors import MixedDatums

MAX_FIXES: Final = 3_600
"""Fixes of one stop: an hour at one a second, in 2 MB; a device that stands longer tells a mean each hour."""


class AveragedFixes:
    """A driver that tells every fix, and after each stop its mean.

    Parameters
    ----------
    driver
        Tells the fixes.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._stops = StopAverager(replace(DEFAULT_STOP, max_fixes=MAX_FIXES))

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return what these bytes complete; no bytes let time pass."""
        return self._average(self._driver.feed(data, mono_ms=mono_ms))

    def flush(self) -> list[Event]:
        """Return what waits for bytes that will not come."""
        return [*self._average(self._driver.flush()), *self._stops.flush()]

    def _average(self, events: list[Event]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            found += self._end_stop(event) if isinstance(event, GnssFix) else []
            found.append(event)
        return found

    def _end_stop(self, fix: GnssFix) -> list[GnssMean]:
        try:
            # Without the sentences: the fix itself carries them to its record.
            return self._stops.feed(replace(fix, raw=None))
        except MixedDatums:
            # The receiver changed its datum on the way: no mean is better than one of two frames.
            return []
