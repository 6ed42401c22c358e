"""Crews and flights over one stand through the real line: one tree has one code, whoever came first."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from cec.commands.field import read_days, read_open
from cec.house import House, open_house
from cec.settings import HouseSettings
from chain.proof import verify_proof
from domain.codes import format_code
from domain.envelope import open_envelope
from domain.readings import Reading, StemDiameter
from domain.records.field import Observation, Place
from domain.records.result import Tree
from edge.identity import import_enrolment, open_key
from edge.spool import open_spool
from ingest.beside import open_beside
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from tests.cec.crews import CrewLine, Told, read_stops, walk
from tests.cec.test_commands import ROOT, cec

SEED: Final = 1004
SIDE_M: Final = 50.0
TREES: Final = 20


def grow(seed: int = SEED) -> Stand:
    return grow_stand(seed, parameters=StandParameters(side_m=SIDE_M))


def name_trees(stand: Stand, told: Told, *, trees: int = TREES) -> dict[str, int]:
    """Return which true tree each of the crew's is, by the diameter that was read."""
    stops = walk(stand, seed=stand.seed, trees=trees)
    true = {stop.caliper.diameter_mm: stand.trees[stop.tree].number for stop in stops}
    assert len(true) == len(stops)
    return {tree.code: true[tree.stems[0].diameter_mm.value] for tree in told.trees if tree.stems}


async def test_a_crews_trees_are_joined_with_those_of_a_flight(tmp_path: Path) -> None:
    stand = grow()
    stops = read_stops(stand, walk(stand, seed=SEED, trees=TREES))
    async with CrewLine.open(tmp_path) as crew:
        flight = await crew.line.survey(scan_airborne(stand, seed=1), stand)
        await crew.measure(stops)
        told = await crew.tell()
        assert told is not None
        named = name_trees(stand, told)
        shown = set(flight.truth.values())
        right = sum(flight.truth.get(code) == number for code, number in named.items())
        joined = named.keys() & flight.codes
        able = sum(number in shown for number in named.values())
        assert able > 0.5 * TREES
        assert right >= 0.85 * able
        assert len(joined) - right <= 0.05 * TREES + 1
        assert told.body.clouds is None
        assert told.result.count == len(told.trees) == TREES
        assert (await crew.line.register.counts()).trees == len(flight.codes | named.keys())
        for tree in told.trees:
            entry = await crew.line.register.tree(tree.code)
            assert len(entry.history) == 1 + (tree.code in joined)
            assert tree.species is not None
        assert await crew.tell() is None
        check_days(tmp_path, told, joined)


def check_days(folder: Path, told: Told, joined: set[str]) -> None:
    """What `cec field` reads beside the server is what was told."""
    with open_beside(folder / "j") as db:
        (day,) = read_days(db)
        assert list(read_open(db)) == []
    assert day.survey == str(told.survey.cid)
    assert {tree.code for tree in day.trees if tree.was_known} == {format_code(code) for code in joined}
    heights = {format_code(tree.code): tree.height_mm for tree in told.trees}
    for tree in day.trees:
        height = heights[tree.code]
        assert height is not None
        assert tree.height_m == height.value / 1e3
        assert (tree.height_before_m is not None) == tree.was_known
    shown = [words for tree in day.trees for words in tree.warnings] + list(day.warnings)
    assert len(shown) == len(told.body.warnings or ())


@pytest.mark.slow
async def test_trees_that_a_crew_measured_first_keep_their_codes_in_a_flight_after_it(tmp_path: Path) -> None:
    stand = grow(1001)
    async with CrewLine.open(tmp_path) as crew:
        await crew.measure(read_stops(stand, walk(stand, seed=1001, trees=TREES)))
        told = await crew.tell()
        assert told is not None
        named = name_trees(stand, told)
        flight = await crew.line.survey(scan_airborne(stand, seed=1), stand, years=0.1)
        shown = set(flight.truth.values())
        right = [code for code, number in named.items() if flight.truth.get(code) == number]
        able = sum(number in shown for number in named.values())
        assert able > 0.5 * TREES
        assert len(right) >= 0.8 * able
        assert len(named.keys() & flight.codes) - len(right) <= 0.05 * TREES + 1
        assert flight.gone == ()
        before = {tree.code: tree for tree in told.trees}
        for tree in flight.trees:
            if tree.code in before:
                assert tree.position.of == "apex"
                assert tree.species == before[tree.code].species
                assert tree.prev is not None


@pytest.mark.slow
async def test_late_readings_of_a_day_go_on_from_what_was_told(tmp_path: Path) -> None:
    stand = grow()
    stops = read_stops(stand, walk(stand, seed=SEED, trees=12))
    async with CrewLine.open(tmp_path) as crew:
        flight = await crew.line.survey(scan_airborne(stand, seed=1), stand)
        await crew.measure(stops[:9])
        first = await crew.tell()
        assert first is not None
        # Three trees more, and a second diameter of the first one, which the device had kept.
        extra: list[Reading] = [StemDiameter(stops[0][-1].mono_ms - 1_000, 410, 300)]
        await crew.measure([*stops[9:], extra])
        second = await crew.tell()
        assert second is not None
        assert len(second.trees) == 4
        (again,) = (tree for tree in second.trees if len(tree.stems or ()) == 2)
        (before,) = (tree for tree in first.trees if tree.code == again.code)
        assert again.height_mm == before.height_mm
        entry = await crew.line.register.tree(again.code)
        assert len(entry.history) == 2 + (again.code in flight.codes)
        codes = flight.codes | {tree.code for tree in (*first.trees, *second.trees)}
        assert (await crew.line.register.counts()).trees == len(codes)
        assert len({tree.code for tree in (*first.trees, *second.trees)}) == 12


@pytest.mark.slow
async def test_a_label_is_followed_wherever_the_receiver_thinks_it_is(tmp_path: Path) -> None:
    stand = grow()
    async with CrewLine.open(tmp_path) as crew:
        flight = await crew.line.survey(scan_airborne(stand, seed=1), stand)
        code = min(flight.codes)
        stops = walk(stand, seed=SEED, trees=1)
        await crew.measure(read_stops(stand, stops, tree=code))
        told = await crew.tell()
        assert told is not None
        assert [tree.code for tree in told.trees] == [code]


@pytest.mark.slow
async def test_a_crews_day_goes_from_the_device_to_a_proof(tmp_path: Path) -> None:
    """Agent, broker, server, field survey, register, anchor and proof, all real."""
    stand = grow()
    stops = read_stops(stand, walk(stand, seed=SEED, trees=8))
    settings = HouseSettings(tmp_path / "server", quiet_s=1.0, region="europe")
    async with open_house(settings) as house, asyncio.timeout(90):
        await send(house, tmp_path / "device", stops)
        while not house.tally.crew_days:  # noqa: ASYNC110  # the house has no event for it
            await asyncio.sleep(0.1)
        entries = await house.journal.records_after(0, limit=1_000)
        trees = [open_envelope(entry.raw) for entry in entries if entry.kind == "tree"]
        assert len(trees) == 8
        while (await house.register.counts()).anchored < len(entries):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        raw = await house.proofs.proof(trees[0].cid)
        verdict = verify_proof(raw, house.reader.pin)
        assert verdict.root == (await house.register.anchor_of(trees[0].cid))[0].root
        assert trees[0].expect(Tree).biomass_g is not None
        done = await asyncio.to_thread(cec, "field", "--data", str(settings.folder), "--json")
        (day,) = json.loads(done.stdout.splitlines()[-1])["days"]
        assert len(day["trees"]) == 8
        assert day["campaign"] == settings.campaign
    done = cec("field", "--data", str(settings.folder))
    assert "8 trees, 0 known before, 8 new" in done.stdout


async def send(house: House, folder: Path, stops: list[list[Reading]]) -> None:
    """Enrol a device, put a crew's readings into its spool, and run its agent until all is signed for."""
    enrolment = await house.enrol("crew-1", open_key(folder).public.raw)
    identity = import_enrolment(folder, enrolment.raw)
    with open_spool(folder, identity) as spool:
        for readings in stops:

            def observe(place: Place, readings: list[Reading] = readings) -> Observation:
                body = identity.body
                at = replace(place, boot=b"b" * 16)
                return Observation(body.org, body.device, house.settings.campaign, at, tuple(readings))

            spool.append(observe, readings=len(readings))
    command = ["edge", "run", "--folder", str(folder), "--port", str(house.broker.port), "--wait", "60", "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cec", *command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    assert json.loads(output.decode().splitlines()[-1])["queued"] == 0
