"""A crew's day joined with a flight, on simulated stands whose every tree is known, seeds 1 to 10.

Run: ``python -m benchmarks.field [--json]``. A hectare of mixed forest is flown over and surveyed; a crew measures 40
trees over 7 cm with hypsometer, caliper and a receiver that is off by half a metre, and enters their species. Its day
becomes tree records as on a server. Then the other way round: the crew comes first, and the flight two years later.
Settings were chosen on seeds 1000 to 1011. Only trees that the flight shows can be joined; hidden ones that are joined
all the same count as wrong.
"""

import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.report import Figure, parse_options, print_figures
from domain.cid import DAG_CBOR, RAW, Cid
from domain.records.field import Observation, Place
from domain.records.result import Tree
from sample_data.forest.campaign import grow_campaign
from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.scanner import scan_airborne
from sample_data.scoring.trees import score_trees
from survey.airborne.plot import survey_plot
from survey.files.las import write_cloud
from survey.parameters import PlotParameters
from survey.records.bodies import RecordContext, build_result, build_survey, build_trees
from survey.records.campaigns import Found, KnownForest, KnownSurvey
from survey.records.field import CrewSurvey, FieldContext, survey_day
from survey.records.field_day import FieldDay
from survey.records.field_join import FieldKnown
from survey.records.resurvey import match_records
from tests.cec.crews import read_stops, walk
from tests.cec.resurveying import place_trees

SEEDS: Final = tuple(range(1, 11))
TREES: Final = 40
YEARS: Final = 2.0
_ORG, _CAMPAIGN = "north-forest", "ridge"
_UNSIGNED: Final = Cid(DAG_CBOR, bytes(32))
_FLIGHT: Final = Cid.of(DAG_CBOR, b"flight")
_CREW: Final = Cid.of(DAG_CBOR, b"crew")
_TAKEN_MS: Final = 1_700_000_000_000
_YEAR_MS: Final = 31_556_952_000
_TWO_SIDED_95: Final = 1.959_964
_NOTHING: Final = FieldKnown(KnownForest({}, {}))


@dataclass(frozen=True, slots=True)
class Joined:
    """How a crew's trees were joined.

    Attributes
    ----------
    right, wrong
        With the tree that they are, and with another.
    shown
        Trees of the crew that the flight shows.
    """

    right: int
    wrong: int
    shown: int


@dataclass(frozen=True, slots=True)
class Heights:
    """Errors of heights of trees that both measured, metres.

    Attributes
    ----------
    flight, told
        Of the flight, and of the day's records.
    scaled
        Of the day's records, in their own standard errors.
    """

    flight: list[float]
    told: list[float]
    scaled: list[float]


def fly(stand: Stand, *, seed: int, years: float) -> tuple[Found, dict[str, int]]:
    """Return a flight's survey, and the true number of each of its trees."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cloud.laz"
        write_cloud(path, scan_airborne(stand, seed=seed), epsg=stand.epsg)
        plot = survey_plot(path, PlotParameters())
    root = Cid.of(RAW, f"cloud {seed} {years}".encode())
    taken_ms = round(_TAKEN_MS + years * _YEAR_MS)
    context = RecordContext(_ORG, _CAMPAIGN, root, root, bytes(32), taken_ms, taken_ms)
    found = Found(
        build_survey(plot, context), build_trees(plot, context, _FLIGHT), build_result(plot, context, _FLIGHT)
    )
    matches = score_trees(place_trees(found.trees), stand, min_height_m=0.0).matches
    return found, {found.trees[one].code: stand.trees[true].number for one, true in matches}


def measure(stand: Stand, seed: int, known: FieldKnown) -> tuple[CrewSurvey, dict[str, int]]:
    """Return a crew's day as it is told, and the true number of each of its trees."""
    stops = walk(stand, seed=seed, trees=TREES)
    observations = []
    true: dict[Cid, int] = {}
    for number, (stop, readings) in enumerate(zip(stops, read_stops(stand, stops), strict=True)):
        record = Cid.of(RAW, f"stop {seed} {number}".encode())
        place = Place(b"e" * 16, number, _TAKEN_MS, b"b" * 16, readings[0].mono_ms)
        observations.append((record, Observation(_ORG, "crew-1", _CAMPAIGN, place, tuple(readings))))
        true[record] = stand.trees[stop.tree].number
    context = FieldContext(_ORG, _CAMPAIGN, bytes(32), _TAKEN_MS, _TAKEN_MS, _UNSIGNED, region="europe")
    told = survey_day(FieldDay(tuple(observations)), known, context)
    if not isinstance(told, CrewSurvey):
        raise AssertionError("a crew that measured trees told some")  # noqa: TRY004  # a bug, not an input
    return told, {tree.code: true[(tree.readings or ())[0]] for tree in told.trees}


def know(trees: Sequence[Tree], survey: Cid, known: KnownSurvey) -> KnownForest:
    """Return trees as a register has them."""
    return KnownForest({Cid.of(DAG_CBOR, tree.code.encode()): tree for tree in trees}, {survey: known})


def count_joined(crew: Mapping[str, int], flight: Mapping[str, int], codes: set[str]) -> Joined:
    """Return how trees were joined: those of both that have one code."""
    shown = set(flight.values())
    right = sum(flight.get(code) == number for code, number in crew.items())
    return Joined(right, len(crew.keys() & codes) - right, sum(number in shown for number in crew.values()))


def measure_heights(stand: Stand, told: CrewSurvey, crew: Mapping[str, int], found: Found) -> Heights:
    """Return errors of heights of trees that were joined rightly or wrongly, as users meet them."""
    true = {tree.number: tree.height_m for tree in stand.trees}
    flown = {tree.code: tree.height_mm for tree in found.trees}
    heights = Heights([], [], [])
    for tree in told.trees:
        before, now = flown.get(tree.code), tree.height_mm
        if before is None or now is None:
            continue
        error = now.value / 1e3 - true[crew[tree.code]]
        heights.flight.append(before.value / 1e3 - true[crew[tree.code]])
        heights.told.append(error)
        heights.scaled.append(1e3 * error / math.hypot(now.own_error, now.shared_error))
    return heights


def run() -> list[Figure]:
    """Return all figures."""
    after, before = [], []
    heights = Heights([], [], [])
    for seed in SEEDS:
        stand = grow_stand(seed)
        found, flight = fly(stand, seed=seed, years=0.0)
        known = know(found.trees, _FLIGHT, KnownSurvey(found.survey, found.closing))
        told, crew = measure(stand, seed, FieldKnown(known))
        after.append(count_joined(crew, flight, {tree.code for tree in found.trees}))
        one = measure_heights(stand, told, crew, found)
        heights.flight.extend(one.flight)
        heights.told.extend(one.told)
        heights.scaled.extend(one.scaled)
        before.append(_fly_after(stand, seed))
    return [
        *_tell_joined("crew after the flight", after),
        *_tell_joined(f"flight {YEARS:g} years after the crew", before),
        Figure("height of joined trees, RMSE", _rms(heights.told), "m", None, "the flight alone", _rms(heights.flight)),
        Figure("height of joined trees, nominal 95 % cover", 100.0 * _share(heights.scaled), "%"),
    ]


def _fly_after(stand: Stand, seed: int) -> Joined:
    later = grow_campaign(stand, years=YEARS, seed=seed).after
    told, crew = measure(stand, seed, _NOTHING)
    trees = [replace(tree, survey=_CREW) for tree in told.trees]
    known = know(trees, _CREW, KnownSurvey(told.survey, told.closing))
    found, flight = fly(later, seed=seed, years=YEARS)
    matched = match_records(found, known, _FLIGHT)
    # Order is kept, so that a code given by the comparison is of the tree that the truth names.
    renamed = {one.code: two.code for one, two in zip(found.trees, matched.trees, strict=True)}
    truth = {renamed[code]: number for code, number in flight.items()}
    return count_joined(crew, truth, {tree.code for tree in matched.trees})


def _tell_joined(name: str, stands: Sequence[Joined]) -> list[Figure]:
    right, wrong, shown = (sum(getattr(one, part) for one in stands) for part in ("right", "wrong", "shown"))
    return [
        Figure(f"{name}: joined rightly, of trees that it shows", right / shown, "", ">= 0.85"),
        Figure(f"{name}: joined wrongly, of those joined", wrong / max(right + wrong, 1), "", "<= 0.05"),
    ]


def _rms(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def _share(scaled: Sequence[float]) -> float:
    return float(np.mean(np.abs(scaled) <= _TWO_SIDED_95))


if __name__ == "__main__":
    sys.exit(print_figures(run(), as_json=parse_options(__doc__).json))
