"""A cloud from within the forest after one from above: what cannot be seen from below is neither gone nor grown."""

from dataclasses import replace
from typing import Any, Final

from domain.records.result import Estimate, Stem, Tree
from survey.records.campaigns import Found
from survey.records.resurvey import match_records
from tests.survey.records.test_resurvey import (
    KNOWN,
    LAST,
    SIDE,
    UNSIGNED,
    code_of,
    compare,
    make_found,
    make_known,
    make_tree,
)

ALL: Final = range(SIDE**2)
UNDER: Final = (0, 7, 14)
"""Trees that the scanner did not see: stems stand before them."""


def make_stem(number: int, **changes: Any) -> Tree:  # noqa: ANN401
    """Return a tree as seen from below: its foot to centimetres, its stem, the lowest two thirds of its height."""
    tree = make_tree("t", number)
    stem = Stem(Estimate(300, 5, 0, "al-sharadqah2009"), 1_300)
    assert tree.height_mm is not None
    body = replace(
        tree,
        position=replace(tree.position, of="stem", error_mm=10),
        height_mm=Estimate(tree.height_mm.value * 2 // 3, 0, 0, "highest-point-from-below"),
        is_top_hidden=True,
        crown=None,
        stems=(stem,),
        biomass_g=None,
    )
    return replace(body, **changes)


def see(trees: list[Tree], *, years: float = 2.0) -> Found:
    found = make_found(trees, years=years)
    return replace(found, closing=replace(found.closing, detection=None))


def test_stems_keep_the_codes_of_the_crowns_above_them() -> None:
    matched = compare(see([make_stem(number) for number in ALL]))
    assert [tree.code for tree in matched.trees] == [code_of("a", number) for number in ALL]
    assert [tree.prev for tree in matched.trees] == [LAST[tree.code] for tree in matched.trees]
    assert all(tree.is_top_hidden and tree.stems for tree in matched.trees)


def test_a_lower_bound_makes_no_growth_and_a_height_that_is_seen_does() -> None:
    bounds = [make_stem(number) for number in ALL]
    (match,) = compare(see(bounds)).matches
    assert match.height is None
    assert match.same is not None
    assert {one.height for one in match.same} == {None}
    first = make_tree("t", 0)
    assert first.height_mm is not None
    seen = Estimate(first.height_mm.value + 900, 700, 0, "highest-point-from-below")
    bounds[0] = make_stem(0, height_mm=seen, is_top_hidden=None)
    (match,) = compare(see(bounds)).matches
    assert match.same is not None
    grown = {one.code: one.height for one in match.same if one.height is not None}
    assert list(grown) == [code_of("a", 0)]
    (change,) = grown.values()
    assert change.change_mm == 900


def test_trees_that_the_scanner_did_not_see_are_not_gone() -> None:
    matched = compare(see([make_stem(number) for number in ALL if number not in UNDER]))
    assert matched.gone == ()
    (match,) = matched.matches
    assert match.counts is not None
    assert (match.counts.same, match.counts.not_seen, match.counts.gone) == (SIDE**2 - len(UNDER), len(UNDER), 0)
    assert match.unseen is not None
    assert {one.code for one in match.unseen} == {code_of("a", number) for number in UNDER}
    for one in match.unseen:
        assert one.verdict == "not-seen"
        assert one.reason == "the later campaign does not tell how likely it saw a tree"
        assert one.absence.seen_ppm is None


def test_a_cloud_from_above_after_one_from_within_keeps_its_codes_and_makes_no_growth_of_its_bounds() -> None:
    known = make_known(see([make_stem(number) for number in ALL], years=0.0))
    matched = match_records(make_found([make_tree("b", number) for number in ALL], years=3.0), known, UNSIGNED)
    assert [tree.code for tree in matched.trees] == [code_of("t", number) for number in ALL]
    (match,) = matched.matches
    assert match.height is None
    assert matched.gone == ()


def test_a_cloud_from_within_that_is_older_than_the_one_from_above_tells_no_end() -> None:
    matched = match_records(see([make_stem(number) for number in ALL[:20]], years=-3.0), KNOWN, UNSIGNED)
    assert {tree.code for tree in matched.trees} == {code_of("a", number) for number in ALL[:20]}
    assert matched.gone == ()


def test_a_plot_in_a_shared_frame_is_known_again_by_its_places() -> None:
    def off_the_map(tree: Tree) -> Tree:
        position = replace(
            tree.position, crs="local:plot-7", lon_nd=None, lat_nd=None, operation=None, operation_error_mm=None
        )
        return replace(tree, position=position)

    def stand_in(found: Found) -> Found:
        return replace(found, survey=replace(found.survey, crs="local:plot-7"))

    before = [off_the_map(make_stem(number)) for number in ALL]
    after = [off_the_map(make_stem(number, code=code_of("u", number))) for number in ALL]
    known = make_known(stand_in(see(before, years=0.0)))
    matched = match_records(stand_in(see(after)), known, UNSIGNED)
    assert [tree.code for tree in matched.trees] == [code_of("t", number) for number in ALL]
    elsewhere = replace(see(after), survey=replace(see(after).survey, crs="local:plot-8"))
    apart = match_records(elsewhere, known, UNSIGNED)
    assert [tree.code for tree in apart.trees] == [code_of("u", number) for number in ALL]
    assert apart.matches == ()
