"""What became of each tree: start from a stand in which all grew, and change one thing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.cid import RAW, Cid
from survey.estimate import Estimate
from survey.resurvey.compare import resurvey_trees
from survey.resurvey.errors import InvalidCampaign
from survey.resurvey.result import Resurvey
from survey.resurvey.seen import CampaignSeen
from survey.resurvey.unseen import UnseenTree, judge_unseen
from tests.survey.resurvey.campaigns import (
    GROWTH_M,
    changed,
    grow,
    make_earlier,
    make_later,
    make_tree,
    with_trees,
    without,
)


def find_unseen(result: Resurvey, code: str) -> UnseenTree:
    return next(one for one in result.unseen if one.code == code)


def count_trees(result: Resurvey) -> tuple[int, int]:
    """Return how many earlier and later trees a result tells of."""
    earlier = len(result.same) + len(result.doubtful) + len(result.unseen)
    return earlier, len(result.same) + len(result.new) + len(result.open_keys)


def test_trees_keep_their_codes_and_grow() -> None:
    result = resurvey_trees(make_earlier(), make_later())
    assert {(one.code, one.key) for one in result.same} == {(one.code, f"L{one.code}") for one in make_earlier().trees}
    assert result.mean_height_m is not None
    assert result.mean_height_m.change.value == pytest.approx(GROWTH_M)
    assert result.mean_height_m.is_significant
    assert result.mean_crown_m is not None
    assert not result.mean_crown_m.is_significant
    assert (result.unseen, result.new, result.doubtful, result.open_keys) == ((), (), (), ())
    assert result.unclear is None


def test_the_last_record_is_pointed_back_to() -> None:
    record = Cid.of(RAW, b"a tree's record")
    result = resurvey_trees(changed(make_earlier(), "22", record=record), make_later())
    assert next(one.prev for one in result.same if one.code == "22") == record


def test_every_tree_of_both_campaigns_is_told_of_once() -> None:
    later = with_trees(without(make_later(), "L22", "L41"), make_tree("N", 31.0, 38.0, 9.0))
    assert count_trees(resurvey_trees(make_earlier(), later)) == (36, 35)


def test_a_tall_tree_missing_on_covered_ground_is_gone_and_its_evidence_stated() -> None:
    result = resurvey_trees(make_earlier(), without(make_later(), "L22"))
    gone = find_unseen(result, "22")
    assert gone.verdict == "gone"
    assert gone.evidence.is_covered
    assert gone.evidence.seen_probability == 0.98
    # Bayes by hand: 35 of 36 trees came, no more than the usual loss of 1 % a year, against a 2 % chance to be missed.
    lost = 1.0 - 0.99**5
    assert gone.evidence.gone_probability == pytest.approx(lost / (lost + (1.0 - lost) * 0.02))


def hide_under_a_crown(later: CampaignSeen) -> CampaignSeen:
    wide = Estimate(24.0, 2.0, 1.0, "crown")
    tall = grow(next(one.height_m for one in later.trees if one.code == "L32"), 12.0)
    return changed(changed(later, "L32", crown_m=wide), "L32", height_m=tall)


def cover_the_west_only(later: CampaignSeen) -> CampaignSeen:
    return replace(later, covered=(((0.0, 0.0), (24.0, 0.0), (24.0, 60.0), (0.0, 60.0), (0.0, 0.0)),))


@pytest.mark.parametrize(
    ("change", "verdict", "word"),
    [
        (lambda later: replace(later, covered=()), "not-seen", "covered"),
        (lambda later: replace(later, seen=()), "not-seen", "how likely"),
        (cover_the_west_only, "outside", "cover"),
        (hide_under_a_crown, "not-seen", "taller crown"),
    ],
)
def test_without_evidence_a_tree_is_not_gone(
    change: Callable[[CampaignSeen], CampaignSeen], verdict: str, word: str
) -> None:
    result = resurvey_trees(make_earlier(), change(without(make_later(), "L22")))
    unseen = find_unseen(result, "22")
    assert unseen.verdict == verdict
    assert word in unseen.reason


def test_a_small_tree_where_a_tall_one_stood_is_for_a_person_to_decide() -> None:
    later = with_trees(without(make_later(), "L22"), make_tree("N", 27.0, 25.3, 3.1))
    result = resurvey_trees(make_earlier(), later)
    assert [(one.code, one.choices[0].key) for one in result.doubtful] == [("22", "N")]
    assert result.open_keys == ("N",)


def test_a_tree_is_not_gone_where_another_that_nobody_is_stands_at_its_place() -> None:
    later = with_trees(without(make_later(), "L22"), make_tree("N", 27.6, 25.3, 3.1))
    fit = resurvey_trees(make_earlier(), make_later()).fit
    (tree,) = [one for one in make_earlier().trees if one.code == "22"]
    as_stated = replace(fit, place_scale=1.0)
    (unseen,) = judge_unseen([tree], later, as_stated, {one.code for one in make_later().trees}, survivors=[])
    assert (unseen.verdict, unseen.evidence.nearest, unseen.evidence.is_taken) == ("not-seen", "N", True)
    (unseen,) = judge_unseen([tree], later, as_stated, {one.code for one in later.trees}, survivors=[])
    assert (unseen.verdict, unseen.evidence.nearest) == ("gone", None)


def test_a_stand_that_lost_many_trees_makes_each_missing_one_likelier_gone() -> None:
    half = [one.code for one in make_later().trees][::2]
    calm = resurvey_trees(make_earlier(), without(make_later(), "L22"))
    felled = resurvey_trees(make_earlier(), without(make_later(), *half, "L22"))
    assert find_unseen(felled, "22").evidence.gone_probability > find_unseen(calm, "22").evidence.gone_probability
    # By hand: 18 of 36 came where 98 % were expected; with 20 trees' weight of the usual loss beside them.
    lost = ((1.0 - 18.0 / (36.0 * 0.98)) * 36.0 + (1.0 - 0.99**5) * 20.0) / 56.0
    expected = lost / (lost + (1.0 - lost) * 0.02)
    assert find_unseen(felled, "22").evidence.gone_probability == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"height_m": Estimate(12.0, 0.5, 0.2, "apex-return")}, "60 %"),
        ({"height_m": None}, "size"),
        ({"status": "fallen"}, "size"),
        ({"confidence": 0.7}, "70 %"),
    ],
)
def test_a_tree_that_is_easily_missed_or_was_never_sure_is_not_gone(fields: dict[str, object], word: str) -> None:
    result = resurvey_trees(changed(make_earlier(), "22", **fields), without(make_later(), "L22"))
    unseen = find_unseen(result, "22")
    assert unseen.verdict == "not-seen"
    assert word in unseen.reason


def test_where_the_shift_cannot_be_told_no_tree_is_gone() -> None:
    few = ("00", "05", "50", "55", "22")
    earlier = replace(make_earlier(), trees=tuple(one for one in make_earlier().trees if one.code in few[2:]))
    later = replace(make_later(), trees=tuple(one for one in make_later().trees if one.code[1:] in few[2:4]))
    result = resurvey_trees(earlier, later)
    assert result.unclear is not None
    assert all(one.verdict != "gone" for one in result.unseen)
    assert "cannot be told" in result.warnings[0]


@pytest.mark.parametrize(
    ("height_m", "origin"),
    [(3.2, "ingrowth"), (5.0, "unclear"), (12.0, "missed-earlier")],
)
def test_a_new_tree_is_told_apart_by_its_size(height_m: float, origin: str) -> None:
    # All others grew by 1.5 m and the earlier campaign left out trees below 3 m.
    later = with_trees(make_later(), make_tree("N", 31.0, 30.0, height_m, crown_m=None))
    (new,) = resurvey_trees(make_earlier(), later).new
    assert new.origin == origin
    assert new.then_m == pytest.approx(max(height_m - GROWTH_M, 0.0), abs=0.3)


def test_a_new_tree_beyond_the_earlier_ground_was_not_covered() -> None:
    later = with_trees(make_later(), make_tree("N", 75.0, 30.0, 20.0))
    (new,) = resurvey_trees(make_earlier(), later).new
    assert new.origin == "outside-earlier"


def test_states_are_passed_through_and_a_fallen_tree_has_no_growth() -> None:
    later = changed(make_later(), "L22", status="fallen", height_m=None)
    later = changed(changed(later, "L23", status="standing-dead"), "L24", is_leaning=True)
    same = {one.code: one for one in resurvey_trees(make_earlier(), later).same}
    assert (same["22"].status_before, same["22"].status) == ("alive", "fallen")
    assert same["22"].growth.height_m is None
    assert same["23"].status == "standing-dead"
    assert same["24"].is_leaning


def test_a_tree_far_lower_than_before_is_told_to_be_broken() -> None:
    later = changed(make_later(), "L22", height_m=Estimate(12.0, 0.5, 0.2, "apex-return"))
    same = {one.code: one for one in resurvey_trees(make_earlier(), later).same}
    assert same["22"].is_broken
    assert not same["23"].is_broken


def test_trees_gone_before_are_not_looked_for_again() -> None:
    result = resurvey_trees(changed(make_earlier(), "22", status="gone"), make_later())
    assert "22" not in {one.code for one in result.same} | {one.code for one in result.unseen}
    assert [one.key for one in result.new] == ["L22"]


def test_a_label_that_was_read_goes_before_any_likelihood() -> None:
    # The trees 22 and 23 changed places by what their labels say.
    later = changed(changed(make_later(), "L22", label="23"), "L23", label="22")
    same = {one.code: one for one in resurvey_trees(make_earlier(), later).same}
    assert (same["22"].key, same["23"].key) == ("L23", "L22")
    assert same["22"].probability == 1.0


def test_a_strange_label_is_a_warning_and_the_tree_is_matched() -> None:
    result = resurvey_trees(make_earlier(), changed(make_later(), "L22", label="ZZ"))
    assert any("ZZ" in warning for warning in result.warnings)
    assert "22" in {one.code for one in result.same}


def test_a_tree_that_the_earlier_campaign_missed_is_found_again_from_the_one_before() -> None:
    older = next(one.height_m for one in make_earlier().trees if one.code == "22")
    earlier = changed(make_earlier(), "22", at_year=2015.0, height_m=grow(older, -1.5))
    result = resurvey_trees(earlier, make_later())
    (growth,) = [one.growth.height_m for one in result.same if one.code == "22"]
    assert growth is not None
    assert growth.years == 10.0
    assert growth.change.value == pytest.approx(3.0)
    assert result.mean_height_m is not None
    assert result.mean_height_m.change.value == pytest.approx(GROWTH_M)


def test_two_crowns_grown_into_one_are_a_merge_and_none_is_gone() -> None:
    neighbour = make_tree("M", 28.8, 25.0, 22.0)
    earlier = with_trees(changed(make_earlier(), "22", height_m=Estimate(24.0, 0.5, 0.2, "apex-return")), neighbour)
    wide = {"crown_m": Estimate(7.2, 0.4, 0.3, "crown"), "height_m": Estimate(25.5, 0.5, 0.2, "apex-return")}
    result = resurvey_trees(earlier, changed(make_later(), "L22", **wide))
    assert [(one.codes, one.key) for one in result.merges] == [(("22", "M"), "L22")]
    assert find_unseen(result, "M").verdict == "not-seen"


def test_one_crown_seen_as_two_is_a_split() -> None:
    wide = {"crown_m": Estimate(7.2, 0.4, 0.3, "crown"), "height_m": Estimate(24.0, 0.5, 0.2, "apex-return")}
    later = changed(make_later(), "L22", height_m=Estimate(25.5, 0.5, 0.2, "apex-return"))
    result = resurvey_trees(changed(make_earlier(), "22", **wide), with_trees(later, make_tree("M", 28.8, 25.0, 22.0)))
    assert [(one.code, one.keys) for one in result.splits] == [("22", ("L22", "M"))]


def test_a_common_shift_is_warned_of() -> None:
    moved = tuple(replace(one, x_m=one.x_m + 2.0) for one in make_later().trees)
    result = resurvey_trees(make_earlier(), replace(make_later(), trees=moved))
    assert len(result.same) == 36
    assert any("2.0 m" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("earlier", "later", "field"),
    [
        (make_earlier(), replace(make_later(), at_year=2019.0), "at_year"),
        (with_trees(make_earlier(), make_earlier().trees[0]), make_later(), "code"),
        (changed(make_earlier(), "22", status="asleep"), make_later(), "status"),
        (changed(make_earlier(), "22", at_year=2021.0), make_later(), "at_year"),
        (make_earlier(), changed(changed(make_later(), "L22", label="22"), "L23", label="22"), "label"),
    ],
)
def test_a_campaign_that_breaks_a_rule_is_refused(earlier: CampaignSeen, later: CampaignSeen, field: str) -> None:
    with pytest.raises(InvalidCampaign) as caught:
        resurvey_trees(earlier, later)
    assert caught.value.field == field
