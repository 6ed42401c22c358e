"""Two campaigns through the real line: whoever is seen twice keeps the code, and no tree is there twice."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from domain.envelope import open_envelope
from domain.records.match import Match
from domain.records.result import Result
from ingest.pipeline.anchoring import Anchorer
from ingest.pipeline.pipeline import Pipeline
from sample_data.forest.campaign import Campaign, CampaignParameters, grow_campaign
from sample_data.forest.losses import FellingParameters
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from tests.cec.resurveying import Line, Surveyed
from tests.ingest.pipeline.test_pipeline import Chain

YEARS: Final = 5.0
SIDE_M: Final = 50.0
SEED: Final = 1004


def grow(seed: int = SEED, *, side_m: float = SIDE_M) -> Campaign:
    """Return a stand before and after five years in which its largest trees were thinned."""
    stand = grow_stand(seed, parameters=StandParameters(side_m=side_m))
    felling = CampaignParameters(felling=FellingParameters("above", share=0.15))
    return grow_campaign(stand, years=YEARS, seed=seed, parameters=felling)


def score(before: Surveyed, after: Surveyed) -> tuple[float, int]:
    """Return the share of trees seen twice that kept their code, and how many codes went to another tree."""
    code_of = {number: code for code, number in before.truth.items()}
    twice = code_of.keys() & set(after.truth.values())
    kept = sum(after.truth.get(code_of[number]) == number for number in twice)
    shared = before.truth.keys() & after.truth.keys()
    return kept / len(twice), sum(before.truth[code] != after.truth[code] for code in shared)


async def test_trees_seen_in_two_campaigns_keep_their_codes_and_felled_ones_are_told(tmp_path: Path) -> None:
    campaign = grow()
    async with Line.open(tmp_path) as line:
        before = await line.survey(scan_airborne(campaign.before, seed=1), campaign.before)
        assert before.matches == ()
        after = await line.survey(
            scan_airborne(campaign.after, seed=2), campaign.after, years=YEARS, campaign="ridge-again"
        )
        share, wrong = score(before, after)
        assert share >= 0.9
        assert wrong <= 0.02 * len(after.trees)
        await check_register(line, before, after)
    check_felled(campaign, before, after)
    check_counts(before, after)


async def check_register(line: Line, before: Surveyed, after: Surveyed) -> None:
    """Every tree stands once in the register, with all of its history."""
    counts = await line.register.counts()
    assert counts.trees + counts.gone == len(before.codes | after.codes)
    assert counts.gone == len(after.gone)
    for tree in after.trees:
        entry = await line.register.tree(tree.code)
        assert len(entry.history) == 1 + (tree.code in before.codes)
        assert (tree.prev is not None) == (tree.code in before.codes)


def check_felled(campaign: Campaign, before: Surveyed, after: Surveyed) -> None:
    """Hardly a felled tree lives on, and what is gone was felled or fell."""
    felled = {code for code, number in before.truth.items() if campaign.fates[number] == "felled"}
    assert felled
    assert len(felled & after.codes) <= 0.1 * len(felled)
    assert after.gone
    fates = Counter(campaign.fates.get(before.truth.get(tree.code, -1), "none") for tree in after.gone)
    # Gone is told from even odds on, so now and then one is not.
    assert fates["felled"] + fates["fallen"] >= 0.8 * len(after.gone)


def check_counts(before: Surveyed, after: Surveyed) -> None:
    """What the records count is what they hold."""
    counts = after.matches[0].counts
    assert counts is not None
    assert counts.same == len(before.codes & after.codes)
    assert counts.same + counts.new + counts.undecided == len(after.trees)
    assert counts.same + counts.doubtful + counts.not_seen + counts.outside + counts.gone == len(before.trees)
    assert counts.gone == len(after.gone)
    assert after.result.count == len(after.trees) + len(after.gone)
    assert after.result.matches is not None
    assert len(after.result.matches) == len(after.matches)
    assert after.matches[0].height is not None
    assert after.matches[0].height.change_mm > 3 * after.matches[0].height.error_mm


@pytest.mark.slow
async def test_two_campaigns_that_come_at_once_are_compared_all_the_same(tmp_path: Path) -> None:
    campaign = grow()
    async with Line.open(tmp_path) as line:
        for cloud, stand, years in ((1, campaign.before, 0.0), (2, campaign.after, YEARS)):
            content = line.write(scan_airborne(stand, seed=cloud), stand)
            await line.queue(content, years=years, name=f"rover-{cloud}", campaign="ridge")
        anchorer = Anchorer(line.journal, line.blocks, line.register, Chain())
        pipeline = Pipeline(line.journal, line.worker, line.follower, anchorer, anchor_every_s=0.1)
        async with pipeline.open(), asyncio.timeout(120):
            while (await line.register.counts()).surveys < 2 or await line.is_behind():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.2)
        later, earlier = await line.register.surveys()
        assert later.result is not None
        result = open_envelope(await line.register.record(later.result)).expect(Result)
        assert result.matches is not None
        match = open_envelope(await line.register.record(result.matches[0])).expect(Match)
        assert match.earlier == (earlier.record,)
        assert match.counts is not None
        assert match.counts.same > 0.5 * earlier.trees
        counts = await line.register.counts()
        assert counts.gone == match.counts.gone
        assert counts.trees + counts.gone == earlier.trees + match.counts.new + match.counts.undecided


@pytest.mark.slow
async def test_the_same_cloud_again_and_an_older_one_double_no_tree(tmp_path: Path) -> None:
    campaign = grow()
    old, young = scan_airborne(campaign.before, seed=1), scan_airborne(campaign.after, seed=2)
    async with Line.open(tmp_path) as line:
        first = await line.survey(old, campaign.before)
        again = await line.survey(old, campaign.before, name="rover-2")
        assert again.codes == first.codes
        assert (await line.register.counts()).trees == len(first.codes)
        later = await line.survey(young, campaign.after, years=YEARS, name="rover-3")
        known = first.codes | later.codes
        older = await line.survey(old, campaign.before, name="rover-4")
        assert older.codes == first.codes
        assert older.gone == ()
        counts = await line.register.counts()
        assert counts.trees + counts.gone == len(known)
        # What the younger cloud told to be gone is not alive again because the older one was surveyed last.
        assert counts.gone == len(later.gone)
        assert counts.aside == 0


@pytest.mark.slow
async def test_campaigns_that_lie_apart_are_shifted_before_they_are_compared(tmp_path: Path) -> None:
    campaign = grow(1005)
    cloud = scan_airborne(campaign.after, seed=2)
    shifted = replace(cloud, x_m=cloud.x_m + 1.6, y_m=cloud.y_m - 1.2)
    async with Line.open(tmp_path) as line:
        before = await line.survey(scan_airborne(campaign.before, seed=1), campaign.before)
        after = await line.survey(shifted, campaign.after, years=YEARS)
        shift = after.matches[0].shift
        assert shift is not None
        assert abs(shift.east_mm - 1_600) < 300
        assert abs(shift.north_mm + 1_200) < 300
        share, wrong = score(before, after)
        assert share >= 0.85
        assert wrong <= 0.03 * len(after.trees)
