"""Heights of one tree, measured several times, as one reading with its shots.

Instruments send each height by itself. Crews measure a tree two or three times; those are one reading. The rule: a
height joins the one before it when it came within `JOIN_MS` of it and was shot at the same target, which is so when

- it brings no distance of its own (the crew aimed again from the distance shot before), or
- its horizontal distance differs by at most `SAME_DISTANCE_MM` and its azimuth by at most `SAME_AZIMUTH_CD` (no azimuth
  on either side counts as equal).

Two heights that both came without a distance are not joined: nothing says that they are of one tree. The joined
reading's height is the mean of its shots, rounded to the millimetre; `shots_mm` keeps each as the instrument said
it; distance and angles are those of the first shot, the time that of the last.

A height therefore waits until another target is measured, `JOIN_MS` are over, or the stream ends; what must not be lost
meanwhile is in the recorded log.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Final

from domain.readings import HeightShot, MissingLine
from firmware_bridge.driver import Driver, Event
from firmware_bridge.lasers.vector import join_raw

JOIN_MS: Final = 20_000
"""Longest time between two heights of one tree: to aim again takes 5 to 10 s."""
MAX_SHOTS: Final = 10
"""Heights of one reading (`domain.readings.HeightShot.shots_mm`)."""
SAME_DISTANCE_MM: Final = 100
"""These instruments resolve 0.1 m (or 0.1 ft, 0.1 yd)."""
SAME_AZIMUTH_CD: Final = 100
"""Their compasses read true to 1 degree: at 15 m that is the breadth of a stem."""
_CIRCLE_CD: Final = 36_000


class JoinedHeights:
    """A driver whose heights of one tree are one reading.

    Parameters
    ----------
    driver
        Tells each height for itself.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._held: HeightShot | None = None

    def feed(self, data: bytes, *, mono_ms: int) -> list[Event]:
        """Return what these bytes complete; no bytes let time pass."""
        found = self._join(self._driver.feed(data, mono_ms=mono_ms))
        if self._held is not None and mono_ms - self._held.mono_ms > JOIN_MS:
            found += self._release()
        return found

    def flush(self) -> list[Event]:
        """Return what waits for bytes that will not come."""
        return [*self._join(self._driver.flush()), *self._release()]

    def _join(self, events: list[Event]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            if isinstance(event, HeightShot) and event.height_mm is not None:
                found += self._take(event)
            elif isinstance(event, HeightShot | MissingLine):
                # Another target was shot: the tree before it is done.
                found += [*self._release(), event]
            else:
                found.append(event)
        return found

    def _take(self, shot: HeightShot) -> list[Event]:
        found: list[Event] = []
        if self._held is not None and is_same_target(self._held, shot):
            self._held = join_shots(self._held, shot)
        else:
            found = self._release()
            self._held = shot
        if len(self._held.shots_mm or ()) == MAX_SHOTS:
            found += self._release()
        return found

    def _release(self) -> list[Event]:
        held, self._held = self._held, None
        return [] if held is None else [held]


def is_same_target(first: HeightShot, second: HeightShot) -> bool:
    """Tell whether a height was shot at the target of the one before it, by the rule of this module."""
    if second.mono_ms - first.mono_ms > JOIN_MS or first.horizontal_mm is None:
        return False
    if second.horizontal_mm is None:
        return True
    if abs(first.horizontal_mm - second.horizontal_mm) > SAME_DISTANCE_MM:
        return False
    if first.azimuth_cd is None or second.azimuth_cd is None:
        return True
    turn = (first.azimuth_cd - second.azimuth_cd) % _CIRCLE_CD
    return min(turn, _CIRCLE_CD - turn) <= SAME_AZIMUTH_CD


def join_shots(first: HeightShot, second: HeightShot) -> HeightShot:
    """Return two readings of one target as one, by the rule of this module."""
    shots = _list_shots(first) + _list_shots(second)
    return replace(
        first,
        mono_ms=second.mono_ms,
        height_mm=round(Fraction(sum(shots), len(shots))),
        shots_mm=shots,
        raw=join_raw(first.raw, second.raw),
    )


def _list_shots(shot: HeightShot) -> tuple[int, ...]:
    if shot.shots_mm is not None:
        return shot.shots_mm
    return () if shot.height_mm is None else (shot.height_mm,)
