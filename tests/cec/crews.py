"""A server's line for crews: a simulated walk through a stand as signed readings in, signed records out."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyproj

from cec.fielder import PoolFielder
from domain.envelope import Record, open_envelope
from domain.readings import GnssMean, HeightShot, Reading, StemDiameter, Visit
from domain.records.field import Observation, Place
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from ingest.pipeline import field_days
from ingest.pipeline.fielding import FieldWorker
from sample_data.field.crew import CrewStop, walk_plot
from sample_data.forest.stand import Stand
from tests.cec.resurveying import YEAR_MS, Line
from tests.ingest.devices import AT_MS, INGEST_KEY, POLICY, Device

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Told:
    """One survey of a crew's day as it was signed."""

    survey: Record
    trees: tuple[Tree, ...]
    matches: tuple[Match, ...]
    result: Result

    @property
    def body(self) -> Survey:
        return self.survey.expect(Survey)


class CrewLine:
    """A line with a worker for crews' days, stepped by hand."""

    def __init__(self, line: Line, fielder: PoolFielder) -> None:
        self.line = line
        self.worker = FieldWorker(line.journal, line.register, fielder, INGEST_KEY, lambda: None, quiet_s=0.0)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> "AsyncIterator[CrewLine]":
        async with Line.open(folder) as line, PoolFielder.open(bytes(32)) as fielder:
            await line.journal.write(field_days.prepare)
            yield cls(line, fielder)

    async def measure(self, stops: Sequence[Sequence[Reading]], *, name: str = "crew-1", years: float = 0.0) -> None:
        """Send readings, one record a stop, as a device does that was enrolled."""
        journal = self.line.journal
        device = Device(name=name, seq=await journal.last_row())
        at_ms = AT_MS - 10 * YEAR_MS + round(years * YEAR_MS)
        records = []
        for readings in stops:
            place: Place = replace(device.place(), at_ms=at_ms + readings[0].mono_ms)
            records.append(device.sign(Observation(device.org, device.name, "ridge", place, tuple(readings))))
        answers = await journal.admit(device.send(device.enrol, *records), POLICY)
        assert {answer.verdict for answer in answers if answer} == {"stored"}

    async def tell(self) -> Told | None:
        """Take steps until there is nothing to do; return the survey that came of it, if one did."""
        journal, follower = self.line.journal, self.line.follower
        row = await journal.last_row()
        while sum([await self.worker.step(), await follower.step()]):
            pass
        assert await journal.failures(limit=9) == ()
        entries = await journal.records_after(row, limit=100_000)
        return read_told([open_envelope(entry.raw) for entry in entries])


def read_told(records: Sequence[Record]) -> Told | None:
    """Return the one survey among records."""
    surveys = [record for record in records if isinstance(record.body, Survey)]
    if not surveys:
        return None
    (survey,), (result,) = surveys, [record.body for record in records if isinstance(record.body, Result)]
    trees = tuple(record.body for record in records if isinstance(record.body, Tree))
    return Told(survey, trees, tuple(record.body for record in records if isinstance(record.body, Match)), result)


def lead_to_world(stand: Stand) -> Callable[[float, float], tuple[float, float]]:
    """Return the way from a stand's coordinates to longitude and latitude."""
    way = pyproj.Transformer.from_crs(stand.epsg, 4326, always_xy=True)

    def lead(x_m: float, y_m: float) -> tuple[float, float]:
        longitude, latitude = way.transform(x_m, y_m)
        return float(longitude), float(latitude)

    return lead


def walk(stand: Stand, *, seed: int, trees: int) -> tuple[CrewStop, ...]:
    """Return a crew's walk through a stand."""
    return walk_plot(stand, seed=seed, to_geographic=lead_to_world(stand), trees=trees)


def read_stops(stand: Stand, stops: Sequence[CrewStop], **entered: Any) -> list[list[Reading]]:  # noqa: ANN401  # of a visit
    """Return what a device heard at each stop, and what the crew entered after it."""
    began = stops[0].fixes[0].at
    return [read_stop(stand, stop, began, **entered) for stop in stops]


def read_stop(stand: Stand, stop: CrewStop, began: datetime, **entered: Any) -> list[Reading]:  # noqa: ANN401  # of a visit
    """Return what a device heard at one tree: the stop's mean, a shot, the caliper, what was entered."""

    def mono(at: datetime) -> int:
        return round((at - began).total_seconds() * 1e3)

    last = mono(stop.fixes[-1].at)
    longitude, latitude = (
        float(np.mean([getattr(fix, name) for fix in stop.fixes])) for name in ("longitude_deg", "latitude_deg")
    )
    mean = GnssMean(
        last,
        round(longitude * 1e9),
        round(latitude * 1e9),
        2,
        len(stop.fixes),
        last - mono(stop.fixes[0].at),
        horizontal_error_mm=780,
    )
    sight = stop.sight
    shot = HeightShot(
        mono(sight.at), horizontal_mm=round(sight.distance_m * 1e3), height_mm=round(sight.height_m * 1e3)
    )
    caliper = StemDiameter(mono(stop.caliper.at), stop.caliper.diameter_mm, 1_300)
    visit = Visit(mono(stop.caliper.at) + 4_000, **({"species": stand.trees[stop.tree].species} | entered))
    return [mean, shot, caliper, visit]
