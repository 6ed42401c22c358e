"""A simulated crew's walk, from readings to trees joined with what a simulated flight saw."""

from datetime import datetime

import numpy as np
import pyproj
import pytest

from domain.cid import Cid
from domain.readings import GnssFix, GnssMean, HeightShot, Reading, StemDiameter, Visit
from domain.records.field import Observation
from sample_data.field.crew import CrewStop, walk_plot
from sample_data.forest.campaign import observe_campaign
from sample_data.forest.stand import Stand, grow_stand
from survey.estimate import Estimate
from survey.field.join import CloudTree, Joined, join_field
from survey.field.place import PlaceSettings
from survey.field.trees import FieldSettings, FieldTree, build_field_trees
from tests.survey.field.readings import observe
from tests.survey.field.test_place import to_plane

TO_WORLD = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
SEED = 1_004


def to_geographic(x_m: float, y_m: float) -> tuple[float, float]:
    longitude, latitude = TO_WORLD.transform(x_m, y_m)
    return float(longitude), float(latitude)


def read_stop(stand: Stand, stop: CrewStop, began: datetime, *, as_mean: bool) -> list[Reading]:
    """Return what the device heard at one tree, and what the crew entered after it."""

    def mono(at: datetime) -> int:
        return round((at - began).total_seconds() * 1e3)

    fixes: list[Reading] = [
        GnssFix(mono(fix.at), round(fix.longitude_deg * 1e9), round(fix.latitude_deg * 1e9), 2, horizontal_error_mm=780)
        for fix in stop.fixes
    ]
    last = stop.fixes[-1]
    mean = GnssMean(
        mono(last.at),
        round(float(np.mean([fix.longitude_deg for fix in stop.fixes])) * 1e9),
        round(float(np.mean([fix.latitude_deg for fix in stop.fixes])) * 1e9),
        2,
        len(fixes),
        mono(last.at) - mono(stop.fixes[0].at),
        horizontal_error_mm=780,
    )
    shot = HeightShot(
        mono(stop.sight.at),
        horizontal_mm=round(stop.sight.distance_m * 1e3),
        height_mm=round(stop.sight.height_m * 1e3),
    )
    caliper = StemDiameter(mono(stop.caliper.at), stop.caliper.diameter_mm, 1_300)
    entry = Visit(mono(stop.caliper.at) + 4_000, species=stand.trees[stop.tree].species)
    return [*([mean] if as_mean else fixes), shot, caliper, entry]


def walk(*, as_mean: bool) -> tuple[Stand, tuple[CrewStop, ...], tuple[FieldTree, ...]]:
    """Return a stand, a crew's walk through it, and the trees that its readings give."""
    stand = grow_stand(SEED)
    stops = walk_plot(stand, seed=SEED, to_geographic=to_geographic, trees=30)
    began = stops[0].fixes[0].at
    records: list[tuple[Cid, Observation]] = [
        observe(number, *read_stop(stand, stop, began, as_mean=as_mean)) for number, stop in enumerate(stops)
    ]
    return stand, stops, build_field_trees(records, FieldSettings(PlaceSettings(to_plane))).trees


@pytest.mark.parametrize("as_mean", [True, False])
def test_each_stop_of_a_walk_is_one_tree_with_honest_errors(as_mean: bool) -> None:  # noqa: FBT001
    stand, stops, trees = walk(as_mean=as_mean)
    assert len(trees) == len(stops)
    places, heights, stems = [], [], []
    for stop, tree in zip(stops, trees, strict=True):
        truth = stand.trees[stop.tree]
        assert tree.species == truth.species
        assert tree.place is not None
        assert tree.height is not None
        places += [(tree.place.x_m - truth.x_m) / tree.place.error_m, (tree.place.y_m - truth.y_m) / tree.place.error_m]
        heights.append((tree.height.height_m.value - truth.height_m) / tree.height.height_m.own_error)
        stems.append((tree.stems[0].diameter_cm.value - truth.dbh_cm) / tree.stems[0].diameter_cm.own_error)
    # Stated errors cover what happened; the simulated crew makes none of the slips that they also allow for.
    for scores in (places, heights, stems):
        assert 0.3 < float(np.sqrt(np.mean(np.square(scores)))) < 1.2


def join(stand: Stand, trees: tuple[FieldTree, ...]) -> tuple[Joined, dict[str, int]]:
    """Return the walk joined with a flight, and the true number of each of the flight's trees."""
    seen = observe_campaign(stand, seed=SEED)
    cloud = [
        CloudTree(
            f"{index}", float(seen.x_m[index]), float(seen.y_m[index]), 0.55, height_m=Estimate(height, 0.5, 0.2, "a")
        )
        for index, height in enumerate(seen.height_m.tolist())
    ]
    return join_field(trees, cloud), {f"{index}": int(number) for index, number in enumerate(seen.number)}


def test_a_walk_is_joined_with_a_flight() -> None:
    stand, stops, trees = walk(as_mean=True)
    joined, number = join(stand, trees)
    true = {tree.key: stand.trees[stop.tree].number for stop, tree in zip(stops, trees, strict=True)}
    right = sum(number[one.cloud.key] == true[one.crew.key] for one in joined.trees)
    shown = sum(one in set(number.values()) for one in true.values())
    assert right >= 0.85 * shown
    assert len(joined.trees) - right <= 0.05 * len(trees) + 1
