"""Between two campaigns every tree has one fate, and it shows."""

import pickle

import numpy as np
import pytest

from sample_data.errors import InvalidParameter
from sample_data.forest.campaign import Campaign, CampaignParameters, grow_campaign
from sample_data.forest.crown import build_bodies
from sample_data.forest.growth import GrowthParameters
from sample_data.forest.losses import FellingParameters, MortalityParameters
from sample_data.forest.presets import MOUNTAIN, with_density
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.storm import StormParameters

STORMY = CampaignParameters(felling=FellingParameters("above", 0.15, 0.05), storm=StormParameters())
QUIET = CampaignParameters(
    growth=GrowthParameters(ingrowth_per_ha_year=0.0),
    mortality=MortalityParameters(base_per_year=0.0, snag_falls_per_year=0.0),
)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return grow_stand(3900)


@pytest.fixture(scope="module")
def campaign(stand: Stand) -> Campaign:
    return grow_campaign(stand, years=5.0, seed=2, parameters=STORMY)


def test_same_seed_gives_the_same_campaign(stand: Stand, campaign: Campaign) -> None:
    assert grow_campaign(stand, years=5.0, seed=2, parameters=STORMY) == campaign


def test_campaign_can_be_handed_to_another_process(campaign: Campaign) -> None:
    assert pickle.loads(pickle.dumps(campaign)) == campaign  # noqa: S301 - our own bytes


def test_other_seed_gives_another(stand: Stand, campaign: Campaign) -> None:
    assert grow_campaign(stand, years=5.0, seed=3, parameters=STORMY).fates != campaign.fates


def test_first_campaign_is_the_stand_as_it_was(stand: Stand, campaign: Campaign) -> None:
    assert campaign.before == stand


def test_every_tree_of_both_campaigns_has_a_fate_and_no_other(campaign: Campaign) -> None:
    numbers = {tree.number for tree in (*campaign.before.trees, *campaign.after.trees)}
    assert numbers == set(campaign.fates)


def test_all_fates_happen_in_a_managed_stand_after_a_storm(campaign: Campaign) -> None:
    assert set(campaign.fates.values()) == {"grown", "felled", "fallen", "dead", "new"}


def test_fates_show_in_the_second_campaign(campaign: Campaign) -> None:
    before = {tree.number: tree for tree in campaign.before.trees}
    after = {tree.number: tree for tree in campaign.after.trees}
    status = {"grown": "alive", "new": "alive", "dead": "standing-dead", "fallen": "fallen"}
    for number, fate in campaign.fates.items():
        assert (number in after) == (fate != "felled")
        assert (number in before) == (fate != "new")
        assert number not in after or after[number].status == status[fate]


def test_numbers_are_given_once(campaign: Campaign) -> None:
    numbers = [tree.number for tree in campaign.after.trees]
    assert len(set(numbers)) == len(numbers)


def test_trees_stay_where_they_stood(campaign: Campaign) -> None:
    before = {tree.number: tree for tree in campaign.before.trees}
    for tree in campaign.after.trees:
        if campaign.fates[tree.number] != "new":
            assert (tree.x_m, tree.y_m) == (before[tree.number].x_m, before[tree.number].y_m)


def test_fallen_trees_are_low(campaign: Campaign) -> None:
    assert all(tree.height_m < 6.0 for tree in campaign.after.trees if tree.status == "fallen")


def test_some_trees_lean_after_a_storm() -> None:
    storm = CampaignParameters(storm=StormParameters(swaths=3))
    leaning = 0
    for seed in range(3):
        after = grow_campaign(grow_stand(3901 + seed), years=2.0, seed=seed, parameters=storm).after
        leaning += sum(tree.status == "alive" and tree.lean_deg >= 10.0 for tree in after.trees)
    assert leaning > 0


def test_quiet_time_changes_no_tree_but_by_growth(stand: Stand) -> None:
    quiet = grow_campaign(stand, years=5.0, seed=1, parameters=QUIET)
    assert set(quiet.fates.values()) == {"grown"}


def test_tree_keeps_the_shape_of_its_crown(stand: Stand) -> None:
    felled = CampaignParameters(felling=FellingParameters("above", 0.3), mortality=QUIET.mortality, growth=QUIET.growth)
    campaign = grow_campaign(stand, years=0.0, seed=1, parameters=felled)
    before, after = build_bodies(campaign.before), build_bodies(campaign.after)
    old = {tree.number: index for index, tree in enumerate(campaign.before.trees)}
    for index, tree in list(enumerate(campaign.after.trees))[::25]:
        mine, was = after.tree == index, before.tree == old[tree.number]
        assert after.radius_m[mine] == pytest.approx(before.radius_m[was], rel=1e-5)


def test_campaigns_can_follow_one_another(campaign: Campaign) -> None:
    later = grow_campaign(campaign.after, years=5.0, seed=4)
    lying = {number for number, fate in campaign.fates.items() if fate == "fallen"}
    assert {number for number, fate in later.fates.items() if fate == "fallen"} >= lying
    new = [number for number, fate in later.fates.items() if fate == "new"]
    assert min(new) > max(campaign.fates)


def test_most_trees_of_a_dense_stand_can_be_seen_twice_after_five_years() -> None:
    # 600 stems a hectare over five years at the usual mortality of 0.4 to 1.5 % a year keep over nine in ten.
    stand = grow_stand(3902, parameters=with_density(MOUNTAIN, 600.0))
    campaign = grow_campaign(stand, years=5.0, seed=1)
    assert np.mean([fate == "grown" for number, fate in campaign.fates.items() if number < len(stand.trees)]) > 0.85


@pytest.mark.parametrize(
    ("years", "seed", "parameters"),
    [
        (-1.0, 1, None),
        (50.0, 1, None),
        (float("nan"), 1, None),
        (5.0, -1, None),
        (5.0, 1, CampaignParameters(felling=FellingParameters("below", 1.5))),
        (5.0, 1, CampaignParameters(mortality=MortalityParameters(base_per_year=-0.1))),
        (5.0, 1, CampaignParameters(storm=StormParameters(severity=-1.0))),
    ],
)
def test_impossible_campaign_is_refused(years: float, seed: int, parameters: CampaignParameters | None) -> None:
    with pytest.raises(InvalidParameter):
        grow_campaign(
            grow_stand(1, parameters=StandParameters(side_m=20.0)), years=years, seed=seed, parameters=parameters
        )
