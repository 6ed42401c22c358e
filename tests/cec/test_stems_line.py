"""Clouds from within the forest through the whole server: from the agent's option to a tree's page, trace and proof."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import laspy
import numpy as np
import pytest
import pytest_asyncio

from cec.house import House, open_house
from cec.settings import HouseSettings
from domain.codes import format_code
from domain.envelope import open_envelope
from domain.records.field import Blob
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from edge.identity import import_enrolment, open_key
from ingest.jobs import FOLLOWED
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.scanning.cloud import Scan
from sample_data.scanning.scanner import scan_airborne
from sample_data.scanning.terrestrial import TerrestrialParameters, scan_terrestrial
from sample_data.scoring.stems import StemRule, score_stems
from tests.cec.resurveying import Line
from tests.cec.test_commands import cec
from tests.survey.files.files import write_e57
from tests.survey.records.stem_scenes import write_plot
from tests.survey.terrestrial.scenes import Cone

SCANS = Path(__file__).parents[3] / "shared" / "data" / "terrestrial"
PATIENCE_S = 180.0
PLACES = ((2.0, 2.1), (5.3, 1.6), (9.8, 2.9), (3.1, 5.2), (7.4, 4.8), (10.3, 7.7), (1.7, 9.4), (5.6, 8.3), (8.2, 10.4))
CONES = tuple(Cone(x, y, 0.09 + 0.012 * number) for number, (x, y) in enumerate(PLACES))


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(HouseSettings(tmp_path / "server", region="europe")) as opened:
        yield opened


async def upload(house: House, folder: Path, cloud: Path, *options: str) -> None:
    """Offer a cloud with the agent's own command, as a crew does, and wait until its survey is anchored."""
    if not (folder / "enrolment.cbor").exists():
        enrolment = await house.enrol(folder.name, open_key(folder).public.raw)
        import_enrolment(folder, enrolment.raw)
    row = await house.journal.last_row()
    command = ["edge", "run", "--folder", str(folder), "--port", str(house.broker.port), "--offer", str(cloud)]
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cec", *command, "--wait", "60", *options, stdout=asyncio.subprocess.DEVNULL
    )
    assert await agent.wait() == 0
    async with asyncio.timeout(PATIENCE_S):
        while not (await house.journal.failures(limit=1) or await is_anchored(house, row)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def is_anchored(house: House, row: int) -> bool:
    """Tell whether a survey came after a row, and all records stand on the chain."""
    entries = await house.journal.records_after(row, limit=100_000)
    is_closed = any(open_envelope(entry.raw).kind == Result.KIND for entry in entries)
    # After them: what came meanwhile has to be followed and anchored too.
    last = await house.journal.last_row()
    is_followed = await house.journal.mark(FOLLOWED) >= last
    return is_closed and is_followed and (await house.register.counts()).anchored >= last


async def read_bodies(house: House, row: int) -> list[object]:
    entries = await house.journal.records_after(row, limit=100_000)
    return [open_envelope(entry.raw).body for entry in entries]


def pick_trees(bodies: list[object]) -> list[Tree]:
    return [body for body in bodies if isinstance(body, Tree)]


async def check_shown(house: House, tree: Tree) -> None:
    """The portal shows tree and survey with their charts; the commands trace the tree and verify its proof."""
    entry = await house.register.tree(tree.code)
    async with httpx.AsyncClient(base_url=house.url, timeout=PATIENCE_S) as client:
        page = await client.get(f"/tree/{format_code(tree.code)}")
        assert page.status_code == 200
        assert "foot of the stem" in page.text
        assert "al-sharadqah2009" in page.text
        assert ("its top is hidden" in page.text) is bool(tree.is_top_hidden)
        survey = await client.get(f"/survey/{entry.survey}")
        assert survey.status_code == 200
        for chart in ("map", "heights", "stems"):
            drawn = await client.get(f"/survey/{entry.survey}/{chart}.svg")
            assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
        proof = await client.get(f"/api/proofs/{entry.record}")
        assert proof.status_code == 200
    folder = house.settings.folder
    traced = await asyncio.to_thread(cec, "trace", tree.code, "--data", str(folder), "--json")
    assert traced.returncode == 0, traced.stderr
    said = json.loads(traced.stdout.splitlines()[-1])
    (folder.parent / "tree.cecproof").write_bytes(proof.content)
    verified = await asyncio.to_thread(cec, "verify", str(folder.parent / "tree.cecproof"), "--pin", said["pin"])
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.slow
async def test_a_plot_off_the_map_and_its_next_scan_in_the_same_frame(house: House, tmp_path: Path) -> None:
    device = tmp_path / "rover-1"
    row = await house.journal.last_row()
    await upload(
        house, device, write_plot(tmp_path / "a.laz", CONES), "--scanned", "terrestrial", "--crs", "local:plot-7"
    )
    first = await read_bodies(house, row)
    (blob,) = [body for body in first if isinstance(body, Blob)]
    assert blob.scanned == "terrestrial"
    trees = pick_trees(first)
    assert len(trees) == len(CONES)
    assert {tree.position.crs for tree in trees} == {"local:plot-7"}
    await check_shown(house, trees[0])
    # Thicker by a centimetre, and the one in the middle is not there: nobody knows how likely it would have been seen.
    grown = tuple(replace(cone, radius_m=cone.radius_m + 0.005) for cone in CONES if cone is not CONES[4])
    row = await house.journal.last_row()
    again = write_plot(tmp_path / "b.laz", grown, seed=2_042)
    await upload(house, device, again, "--scanned", "terrestrial", "--crs", "local:plot-7")
    second = await read_bodies(house, row)
    before = {tree.code: tree for tree in trees}
    follow = pick_trees(second)
    assert len(follow) == len(grown)
    assert {tree.code for tree in follow} <= set(before)
    assert {tree.status for tree in follow} == {"alive"}
    for tree in follow:
        assert tree.stems is not None
        was = before[tree.code].stems
        assert was is not None
        assert tree.stems[0].diameter_mm.value - was[0].diameter_mm.value == pytest.approx(10.0, abs=4.0)
    (match,) = [body for body in second if isinstance(body, Match)]
    assert match.counts is not None
    assert (match.counts.same, match.counts.not_seen, match.counts.gone) == (len(grown), 1, 0)
    # The same scan in a frame of its own is other trees' as far as anybody knows.
    row = await house.journal.last_row()
    scan = laspy.read(write_plot(tmp_path / "c.laz", grown, seed=2_043))
    other = tmp_path / "c.e57"
    corner = np.array(scan.header.mins)
    write_e57(other, [(np.array(scan.xyz) - corner, [1.0, 0.0, 0.0, 0.0], corner.tolist())])
    await upload(house, device, other, "--scanned", "terrestrial", "--crs", "local:m")
    alone = await read_bodies(house, row)
    assert len(pick_trees(alone)) == len(grown)
    assert not {tree.code for tree in pick_trees(alone)} & set(before)
    (survey,) = [body for body in alone if isinstance(body, Survey)]
    assert any("the frame is this cloud's own" in warning for warning in survey.warnings or ())


@pytest.mark.slow
@pytest.mark.skipif(not SCANS.exists(), reason="the shared scans are not on this machine")
@pytest.mark.parametrize(
    ("name", "scanned", "fewest"),
    [("treels/pine_plot.laz", "terrestrial", 10), ("spanner/MLS_Clip.laz", "mobile", 15)],
)
async def test_a_real_scan_becomes_trees_that_can_be_proved(
    house: House, tmp_path: Path, *, name: str, scanned: str, fewest: int
) -> None:
    row = await house.journal.last_row()
    crs = "EPSG:26912" if scanned == "mobile" else "local:m"
    await upload(house, tmp_path / "rover-1", SCANS / name, "--scanned", scanned, "--crs", crs)
    assert await house.journal.failures(limit=3) == ()
    trees = pick_trees(await read_bodies(house, row))
    assert len(trees) >= fewest
    for is_hidden in (True, None):
        one = next((tree for tree in trees if tree.is_top_hidden is is_hidden), None)
        if one is not None:
            await check_shown(house, one)


@pytest.mark.slow
async def test_a_scan_from_within_after_one_from_above_keeps_the_codes_of_the_trees_it_sees(tmp_path: Path) -> None:
    stand = grow_stand(1_005, parameters=StandParameters(side_m=60.0))
    scan = scan_terrestrial(stand, seed=1_005, parameters=TerrestrialParameters(step_deg=0.22))
    async with Line.open(tmp_path) as line:
        above = await line.survey(scan_airborne(stand, seed=1_005), stand)
        await line.queue(
            line.write(scan.cloud, stand), years=1.0, name="rover-2", campaign="plot", scanned="terrestrial"
        )
        within = await line.finish(stand)
    assert within.gone == ()
    (match,) = within.matches
    assert match.counts is not None
    assert match.counts.gone == 0
    codes = score_codes(within.trees, stand, scan)
    shared = above.truth.keys() & codes.keys()
    right = sum(above.truth[code] == codes[code] for code in shared)
    both = {number for number in codes.values() if number in set(above.truth.values())}
    assert len(both) > 10
    assert match.counts.same >= right > 0
    assert right == len(shared)
    assert right >= 0.6 * len(both)
    assert {one.verdict for one in match.unseen or ()} <= {"not-seen", "outside"}


def score_codes(trees: Sequence[Tree], stand: Stand, scan: Scan) -> dict[str, int]:
    """Return which true tree each code is, by the places of stems."""
    places = [
        ((tree.position.x_mm or 0) / 1e3, (tree.position.y_mm or 0) / 1e3, tree.stems[0].diameter_mm.value / 10)
        for tree in trees
        if tree.stems
    ]
    rule = StemRule(min_dbh_cm=1.0, plot=(*scan.centre, scan.radius_m + 1.0))
    matches = score_stems(np.array(places), stand, rule=rule).matches
    return {trees[one].code: stand.trees[other].number for one, other in matches}
