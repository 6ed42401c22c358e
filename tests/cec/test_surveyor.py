"""The survey's worker outlives clouds that it refuses, and is replaced when one kills it."""

import asyncio
import os
import signal
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cec.errors import CloudRefused
from cec.surveyor import PoolSurveyor, draft_survey
from domain.cid import RAW, Cid
from ingest.pipeline.ports import Known, KnownSurvey, SurveyRequest
from ingest.pipeline.surveying import sign_draft
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.files.las import write_cloud
from tests.domain.samples import KEY
from tests.survey.records.stem_scenes import CONES, write_plot

ROOT = Cid.of(RAW, b"a cloud")


def request(path: Path) -> SurveyRequest:
    return SurveyRequest(path, ROOT, ROOT, "north-forest", "first", None, 1_790_000_000_000)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    stand = grow_stand(1003, parameters=StandParameters(side_m=40.0))
    write_cloud(tmp_path / "good.laz", scan_airborne(stand, seed=1), epsg=stand.epsg)
    return tmp_path / "good.laz"


async def test_a_cloud_that_is_refused_does_not_cost_the_next_one(tmp_path: Path, good: Path) -> None:
    (tmp_path / "bad.laz").write_bytes(b"LASF" + bytes(400))
    async with PoolSurveyor.open(bytes(32)) as surveyor:
        with pytest.raises(CloudRefused, match="damaged") as refusal:
            await surveyor.survey(request(tmp_path / "bad.laz"))
        assert refusal.value.rule == "InvalidLasHeader"
        assert len((await surveyor.survey(request(good))).trees) > 5


async def test_a_comparison_that_is_refused_is_told_and_the_draft_can_be_compared_again(good: Path) -> None:
    async with PoolSurveyor.open(bytes(32)) as surveyor:
        draft = await surveyor.survey(request(good))
        assert draft.ground is not None
        places = [tree.position for tree in draft.trees]
        assert all(draft.ground.west_nd < (place.lon_nd or 0) < draft.ground.east_nd for place in places)
        assert all(draft.ground.south_nd < (place.lat_nd or 0) < draft.ground.north_nd for place in places)
        with pytest.raises(CloudRefused):
            await surveyor.compare(draft, Known((b"no envelope",), ()))
        records = sign_draft(draft, KEY)
        trees = tuple(record.raw for record in records if record.kind == "tree")
        again = await surveyor.compare(draft, Known(trees, (KnownSurvey(records[0].raw, records[-1].raw),)))
        assert [tree.code for tree in again.trees] == [tree.code for tree in draft.trees]
        assert {tree.prev for tree in again.trees} == {record.cid for record in records if record.kind == "tree"}


def test_the_same_cloud_of_two_organisations_has_codes_of_each(good: Path) -> None:
    one, again, other = (
        {tree.code for tree in draft_survey(replace(request(good), org=org), bytes(32)).trees}
        for org in ("north-forest", "north-forest", "south-forest")
    )
    assert one == again
    assert len(one) > 5
    assert not one & other


async def test_a_worker_that_died_is_replaced(good: Path) -> None:
    async with PoolSurveyor.open(bytes(32)) as surveyor:
        surveying = asyncio.create_task(surveyor.survey(request(good)))
        await asyncio.sleep(0.3)
        for worker in list(surveyor._worker._pool._processes):
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            await surveying
        assert len((await surveyor.survey(request(good))).trees) > 5


async def test_a_cloud_from_within_gives_stems_and_one_from_above_is_refused_as_such(
    tmp_path: Path, good: Path
) -> None:
    plot = write_plot(tmp_path / "plot.laz")
    async with PoolSurveyor.open(bytes(32)) as surveyor:
        for scanned in ("terrestrial", "mobile"):
            draft = await surveyor.survey(replace(request(plot), scanned=scanned))
            assert {tree.position.of for tree in draft.trees} == {"stem"}
            assert len(draft.trees) == len(CONES)
            assert draft.result.detection is None
            assert draft.ground is not None
        with pytest.raises(CloudRefused, match="survey clouds from aircraft and drones as airborne ones") as refusal:
            await surveyor.survey(replace(request(good), scanned="terrestrial"))
        assert refusal.value.rule == "NotTerrestrial"
        (tmp_path / "bad.laz").write_bytes(b"LASF" + bytes(400))
        with pytest.raises(CloudRefused, match="damaged"):
            await surveyor.survey(replace(request(tmp_path / "bad.laz"), scanned="mobile"))
        own = await surveyor.survey(replace(request(plot), scanned="terrestrial", crs="local:m"))
        assert own.ground is None
        above = await surveyor.survey(replace(request(good), scanned="drone"))
        assert {tree.position.of for tree in above.trees} == {"apex"}
