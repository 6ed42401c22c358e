"""Readings of a device, grouped by the tree that the crew stood at.

A crew measures and then enters what it saw: a visit closes its tree, and what the device heard since the visit before
belongs to it. Without any visit a stop of the receiver begins a new tree; without stops too, what is measured again
after something else was, or elsewhere, is the next tree's. A long pause parts trees either way; readings that no tree
takes are told. The mean of a stop comes when the receiver moves on, often after the visit was entered, so
it counts from its first fix; one that spans several trees is where the crew stood to shoot at all of them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from domain.cid import Cid
from domain.readings import GnssFix, GnssMean, HeightShot, Reading, StemDiameter, Visit
from domain.records.field import Observation
from survey.field.errors import DoubledEvidence

_MOVED_M: Final = 3.0
"""Trees that calipers measure seldom stand nearer to each other; a receiver at rest seldom wanders further in a
minute."""
_DEGREE_M: Final = 111_195.0
"""Of latitude, on a sphere."""
PAUSE_MS: Final = 15 * 60_000
"""Nobody takes longer between two readings of one tree; a walk to the next plot does."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One reading and where it is written.

    Attributes
    ----------
    record, index
        Observation record, and the reading's place in it, from 0.
    reading
        What was read.
    is_shared
        Whether it is a stop at which the crew stood for several trees.
    """

    record: Cid
    index: int
    reading: Reading
    is_shared: bool = False

    @property
    def began_ms(self) -> int:
        """Monotonic clock when it began; a mean began with the first fix used."""
        ended = self.reading.mono_ms
        return ended - self.reading.duration_ms if isinstance(self.reading, GnssMean) else ended


@dataclass(frozen=True, slots=True)
class TreeVisit:
    """What a crew read at one tree, in the order of time.

    Attributes
    ----------
    device
        Which device heard it.
    heard
        At least one reading; visits of the same label are joined.
    """

    device: str
    heard: tuple[Heard, ...]

    @property
    def label(self) -> str | None:
        """The tree's code, from its label."""
        return next((one.tree for one in self.visits if one.tree is not None), None)

    @property
    def visits(self) -> tuple[Visit, ...]:
        """What was entered."""
        return tuple(one.reading for one in self.heard if isinstance(one.reading, Visit))


@dataclass(frozen=True, slots=True)
class Grouped:
    """Readings by tree, and those without.

    Attributes
    ----------
    visits
        By device and time.
    strays
        Measurements that belong to no tree; streamed positions and notes between trees are not told.
    """

    visits: tuple[TreeVisit, ...]
    strays: tuple[Heard, ...]


def group_readings(observations: Iterable[tuple[Cid, Observation]]) -> Grouped:
    """Return a campaign's readings by tree.

    Parameters
    ----------
    observations
        Records with their CIDs, in any order; each device and each boot of it has a clock of its own.

    Raises
    ------
    DoubledEvidence
        When an observation is given twice.
    """
    streams: dict[tuple[str, bytes], list[Heard]] = {}
    known: set[Cid] = set()
    for record, body in observations:
        if record in known:
            raise DoubledEvidence(record)
        known.add(record)
        stream = streams.setdefault((body.device, body.place.boot), [])
        stream += [Heard(record, index, reading) for index, reading in enumerate(body.readings)]
    groups: list[TreeVisit] = []
    strays: list[Heard] = []
    for (device, _), stream in sorted(streams.items()):
        # Several trees may be entered in one record at one time: then their order in it counts.
        stream.sort(key=lambda one: one.began_ms)
        for heard in _share_stops(_part(stream)):
            if is_tree(heard):
                groups.append(TreeVisit(device, heard))
            else:
                strays += [one for one in heard if isinstance(one.reading, HeightShot | GnssMean)]
    return Grouped(_join_labels(groups), tuple(strays))


def is_tree(heard: Sequence[Heard]) -> bool:
    """Tell whether readings show a tree: something was entered, or its stem or height measured."""
    return any(
        isinstance(one.reading, Visit | StemDiameter)
        or (isinstance(one.reading, HeightShot) and one.reading.height_mm is not None)
        for one in heard
    )


def _part(stream: Sequence[Heard]) -> list[tuple[Heard, ...]]:
    """Return a stream cut after each visit, or before each stop where nothing was ever entered, and at pauses."""
    kinds = {type(one.reading) for one in stream}
    if Visit not in kinds and GnssMean not in kinds:
        return _part_bare(stream)
    parts: list[list[Heard]] = [[]]
    if stream:
        parts[-1].append(stream[0])
    for before, one in pairwise(stream):
        is_end = isinstance(before.reading, Visit) if Visit in kinds else isinstance(one.reading, GnssMean)
        if is_end or _is_pause(before, one):
            parts.append([])
        parts[-1].append(one)
    return [tuple(part) for part in parts if part]


def _is_pause(before: Heard, one: Heard) -> bool:
    return one.began_ms - max(before.began_ms, before.reading.mono_ms) > PAUSE_MS


def _part_bare(stream: Sequence[Heard]) -> list[tuple[Heard, ...]]:
    """Return a stream without visits and stops cut after the last measurement of each tree, and at pauses."""
    parts: list[tuple[Heard, ...]] = []
    begin, measured = 0, 0
    last: type | None = None
    seen: dict[type, GnssFix | None] = {}
    fix: GnssFix | None = None
    for index, one in enumerate(stream):
        if index > begin and _is_pause(stream[index - 1], one):
            parts.append(tuple(stream[begin:index]))
            begin, last, seen = index, None, {}
        if isinstance(one.reading, GnssFix):
            fix = one.reading if one.reading.quality else fix
        if not isinstance(one.reading, StemDiameter | HeightShot):
            continue
        kind = type(one.reading)
        if kind in seen and (kind is not last or _is_moved(seen[kind], fix)):
            parts.append(tuple(stream[begin : measured + 1]))
            begin, seen = measured + 1, {}
        seen[kind], last, measured = fix, kind, index
    parts.append(tuple(stream[begin:]))
    return [part for part in parts if part]


def _is_moved(before: GnssFix | None, now: GnssFix | None) -> bool:
    if before is None or now is None:
        return False
    north = (now.lat_nd - before.lat_nd) * 1e-9 * _DEGREE_M
    east = (now.lon_nd - before.lon_nd) * 1e-9 * _DEGREE_M * math.cos(math.radians(now.lat_nd * 1e-9))
    return math.hypot(east, north) > _MOVED_M


def _share_stops(parts: Sequence[tuple[Heard, ...]]) -> list[tuple[Heard, ...]]:
    """Return parts in which a stop that spans several trees belongs to each of them."""
    shared: list[tuple[Heard, ...]] = []
    standing: list[Heard] = []
    for number, part in enumerate(parts):
        standing = [one for one in standing if one.reading.mono_ms >= part[0].began_ms]
        after = parts[number + 1][0].began_ms if number + 1 < len(parts) else None
        own = [
            replace(one, is_shared=True)
            if isinstance(one.reading, GnssMean) and after is not None and one.reading.mono_ms > after
            else one
            for one in part
        ]
        shared.append((*standing, *own))
        standing += [one for one in own if one.is_shared]
    return shared


def _join_labels(groups: Sequence[TreeVisit]) -> tuple[TreeVisit, ...]:
    """Return groups, those of one device and one label as one, in the place of the first."""
    joined: dict[tuple[str, str], TreeVisit] = {}
    for number, group in enumerate(groups):
        key = (group.device, group.label or f"#{number}")
        first = joined.get(key)
        joined[key] = group if first is None else TreeVisit(group.device, first.heard + group.heard)
    return tuple(joined.values())
