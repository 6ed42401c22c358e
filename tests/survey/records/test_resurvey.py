"""A survey of known ground becomes records in which known trees have their codes, whatever side is the older one."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cid import DAG_CBOR, RAW, Cid
from domain.codes import mint_cloud_code
from domain.envelope import MAX_ENVELOPE, Body, open_envelope, seal
from domain.keys import SigningKey
from domain.records.match import Match
from domain.records.result import Crown, Detection, Estimate, Position, Result, Stem, Step, Survey, Tree
from survey.records.campaigns import Found, KnownForest, KnownSurvey, enclose_ground, read_found, read_known, tell_year
from survey.records.resurvey import Matched, match_records

KEY: Final = SigningKey.from_seed(b"s" * 32)
UNSIGNED: Final = Cid(DAG_CBOR, bytes(32))
YEAR_MS: Final = round(365.2425 * 86_400_000)
BEGIN_MS: Final = 1_500_000_000_000
SIDE: Final = 6
"""Trees of a row; they stand 10 m apart."""
EAST, NORTH = 383_000_000, 5_428_000_000
SQUARE: Final = (
    *(EAST, NORTH, EAST + 60_000, NORTH, EAST + 60_000, NORTH + 60_000),
    *(EAST, NORTH + 60_000, EAST, NORTH),
)
TO_WORLD: Final = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)


def code_of(side: str, number: int) -> str:
    return mint_cloud_code(bytes(32), Cid.of(RAW, side.encode()), (number, 0, 0))


def make_tree(side: str, number: int, *, grown_mm: int = 0, east_mm: int = 0, **changes: Any) -> Tree:  # noqa: ANN401
    """Return one tree of a wide grid: heights differ, so that who is who is beyond doubt."""
    column, row = divmod(number, SIDE)
    x = EAST + 5_000 + 10_000 * column + 700 * (row % 3) + east_mm
    y = NORTH + 5_000 + 10_000 * row
    longitude, latitude = TO_WORLD.transform(x / 1e3, y / 1e3)
    position = Position(
        "apex",
        "EPSG:32633",
        400,
        x_mm=x,
        y_mm=y,
        lon_nd=round(longitude * 1e9),
        lat_nd=round(latitude * 1e9),
        operation="Inverse of UTM zone 33N",
        operation_error_mm=0,
    )
    height = 18_000 + 300 * (7 * number % SIDE**2) + grown_mm
    body = Tree(
        org="north-forest",
        campaign="first",
        code=code_of(side, number),
        survey=UNSIGNED,
        position=position,
        height_mm=Estimate(height, 500, 200, "apex"),
        status="alive",
        confidence_ppm=980_000,
        crown=Crown(Estimate(5_000, 400, 300, "equal-area")),
        biomass_g=Estimate(400_000, 90_000, 40_000, "a model"),
    )
    return replace(body, **changes)


def make_found(
    trees: Iterable[Tree], *, years: float = 5.0, crs: str = "EPSG:32633", covered: tuple[int, ...] = SQUARE
) -> Found:
    survey = Survey(
        "north-forest",
        "second",
        (UNSIGNED,),
        (Step("locate_trees", "chazal2013"),),
        "cec-survey",
        crs,
        "file",
        BEGIN_MS + 20 * YEAR_MS,
        (Cid.of(RAW, f"{years}".encode()),),
        taken_ms=round(BEGIN_MS + years * YEAR_MS),
    )
    detection = (Detection(3_000, 15_000, 600_000, "simulated"), Detection(15_000, 60_000, 980_000, "simulated"))
    closing = Result("north-forest", "second", UNSIGNED, 0, 36_000_000, (covered,), detection=detection)
    return Found(survey, tuple(trees), closing)


def make_known(found: Found) -> KnownForest:
    """Return what is known once a survey was signed."""
    survey = seal(found.survey, KEY)
    trees = [seal(replace(tree, survey=survey.cid), KEY) for tree in found.trees]
    closing = replace(found.closing, survey=survey.cid)
    return KnownForest({one.cid: one.expect(Tree) for one in trees}, {survey.cid: KnownSurvey(found.survey, closing)})


EARLIER: Final = make_found([make_tree("a", number) for number in range(SIDE**2)], years=0.0)
KNOWN: Final = make_known(EARLIER)
LAST: Final = {tree.code: cid for cid, tree in KNOWN.trees.items()}


def grow(numbers: Iterable[int], **changes: Any) -> list[Tree]:  # noqa: ANN401
    return [make_tree("b", number, grown_mm=1_500, **changes) for number in numbers]


def compare(found: Found, known: KnownForest = KNOWN) -> Matched:
    matched = match_records(found, known, UNSIGNED)
    bodies: list[Body] = [matched.survey, *matched.trees, *matched.gone, *matched.matches]
    for body in bodies:
        assert open_envelope(seal(body, KEY).raw).body == body
    return matched


def test_trees_seen_again_keep_their_codes_and_link_their_last_records() -> None:
    matched = compare(make_found(grow(range(SIDE**2))))
    assert [tree.code for tree in matched.trees] == [code_of("a", number) for number in range(SIDE**2)]
    assert [tree.prev for tree in matched.trees] == [LAST[tree.code] for tree in matched.trees]
    (match,) = matched.matches
    assert match.earlier == tuple(KNOWN.surveys)
    assert match.days == 1_826
    assert match.counts is not None
    assert (match.counts.same, match.counts.new, match.counts.gone) == (SIDE**2, 0, 0)
    assert match.same is not None
    assert {one.code for one in match.same} == set(LAST)
    for one in match.same:
        assert one.height is not None
        # Own errors of 0.5 m add as squares; of shared ones of 0.2 m, four fifths return both times.
        assert one.height.error_mm == round(1e3 * math.sqrt(2 * 0.5**2 + 2 * 0.2**2 * 0.2))
        assert (one.height.change_mm, one.height.days) == (1_500, 1_826)
    assert match.height is not None
    assert match.height.change_mm == 1_500
    assert matched.survey.steps[-1].task == "match_trees"


def test_a_felled_tree_is_recorded_as_gone_with_its_evidence_and_nothing_that_counts() -> None:
    matched = compare(make_found(grow(number for number in range(SIDE**2) if number != 14)))
    (gone,) = matched.gone
    before = next(tree for tree in EARLIER.trees if tree.code == code_of("a", 14))
    assert (gone.code, gone.prev, gone.status, gone.campaign) == (before.code, LAST[before.code], "gone", "second")
    assert (gone.position, gone.height_mm) == (before.position, before.height_mm)
    assert (gone.crown, gone.biomass_g) == (None, None)
    assert gone.absence is not None
    assert gone.absence.is_covered
    assert gone.absence.seen_ppm == 980_000
    assert gone.absence.gone_ppm > 500_000
    (match,) = matched.matches
    assert match.unseen is not None
    assert [(one.code, one.verdict, one.absence) for one in match.unseen] == [(gone.code, "gone", gone.absence)]


def test_a_new_tree_keeps_its_new_code_and_begins_a_history() -> None:
    young = make_tree("b", 99, position=replace(make_tree("a", 0).position, x_mm=EAST + 10_400, y_mm=NORTH + 10_300))
    matched = compare(make_found([*grow(range(SIDE**2)), replace(young, height_mm=Estimate(5_000, 500, 0, "apex"))]))
    (new,) = [tree for tree in matched.trees if tree.prev is None]
    assert new.code == code_of("b", 99)
    assert matched.matches[0].counts is not None
    assert matched.matches[0].counts.new == 1


def test_the_common_shift_of_a_survey_is_told_and_does_not_cost_a_code() -> None:
    matched = compare(make_found(grow(range(SIDE**2), east_mm=2_000)))
    assert all(tree.prev == LAST[tree.code] for tree in matched.trees)
    shift = matched.matches[0].shift
    assert shift is not None
    assert abs(shift.east_mm - 2_000) <= 3 * shift.east_error_mm
    assert any("lies 2.0 m" in warning for warning in matched.survey.warnings or ())


def test_where_the_shift_cannot_be_told_codes_are_new_and_the_survey_says_so() -> None:
    matched = compare(make_found(grow([7, 14, 21])))
    assert [tree.code for tree in matched.trees] == [code_of("b", number) for number in (7, 14, 21)]
    assert all(tree.prev is None for tree in matched.trees)
    (match,) = matched.matches
    assert match.shift is None
    assert match.unclear is not None
    assert matched.gone == ()
    assert any("could not be told" in warning for warning in matched.survey.warnings or ())
    assert match.counts is not None
    assert (match.counts.same, match.counts.doubtful) == (0, len(match.doubtful or ()))


def test_the_same_cloud_surveyed_again_gives_the_same_trees() -> None:
    again = replace(EARLIER, survey=replace(EARLIER.survey, campaign="second"))
    matched = compare(again)
    assert [(tree.code, tree.prev) for tree in matched.trees] == [(code, LAST[code]) for code in LAST]
    assert matched.matches[0].days == 0
    step = matched.survey.steps[-1]
    assert [one.name for one in step.parameters or ()] == ["shift", "least_odds"]
    assert matched.gone == ()


def test_a_cloud_surveyed_again_ends_no_tree_that_it_showed_before() -> None:
    fewer = [make_tree("a", number) for number in range(12, SIDE**2)]
    again = make_found(fewer, years=0.0)
    other = replace(again, survey=replace(again.survey, clouds=(Cid.of(RAW, b"another"),)))
    assert len(compare(other).gone) > 6
    matched = compare(again)
    assert matched.gone == ()
    assert {one.verdict for one in matched.matches[0].unseen or ()} == {"not-seen"}


def test_the_same_evidence_is_the_same_tree_also_where_nothing_else_can_be_told() -> None:
    few = replace(EARLIER, trees=EARLIER.trees[:2])
    matched = compare(few)
    assert [tree.prev for tree in matched.trees] == [LAST[tree.code] for tree in few.trees]


def test_an_older_cloud_surveyed_later_finds_the_known_trees_and_ends_none() -> None:
    known = make_known(make_found(grow(range(SIDE**2)), years=5.0))
    older = make_found([make_tree("a", number) for number in range(SIDE**2) if number != 14], years=0.0)
    matched = compare(older, known)
    last = {tree.code: cid for cid, tree in known.trees.items()}
    assert [(tree.code, tree.prev) for tree in matched.trees] == [
        (code_of("b", number), last[code_of("b", number)]) for number in range(SIDE**2) if number != 14
    ]
    (match,) = matched.matches
    assert match.days == -1_826
    assert matched.gone == ()
    assert match.unseen is not None
    assert [(one.code, one.verdict) for one in match.unseen] == [(code_of("b", 14), "not-seen")]
    assert match.same is not None
    assert {one.height.change_mm for one in match.same if one.height} == {-1_500}
    assert any("taken before" in warning for warning in matched.survey.warnings or ())


def test_known_trees_in_another_crs_are_brought_over() -> None:
    """UTM zone 32 and 33 of one place differ by hundreds of kilometres; the trees are the same."""
    way = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:32632", always_xy=True)
    moved = []
    for tree in EARLIER.trees:
        x, y = way.transform((tree.position.x_mm or 0) / 1e3, (tree.position.y_mm or 0) / 1e3)
        position = replace(tree.position, crs="EPSG:32632", x_mm=round(x * 1e3), y_mm=round(y * 1e3))
        moved.append(replace(tree, position=position))
    x, y = way.transform(np.array(SQUARE[::2]) / 1e3, np.array(SQUARE[1::2]) / 1e3)
    covered = tuple(round(1e3 * value) for point in zip(x, y, strict=True) for value in point)
    known = make_known(make_found(moved, years=0.0, crs="EPSG:32632", covered=covered))
    matched = compare(make_found(grow(number for number in range(SIDE**2) if number != 14)), known)
    assert all(tree.prev is not None for tree in matched.trees)
    assert len(matched.gone) == 1
    seen = read_known(known, "EPSG:32633", ())
    native = read_found(EARLIER, ())
    for one, other in zip(seen.trees, native.trees, strict=True):
        assert math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) < 0.002


def test_a_neighbouring_cloud_is_compared_with_nothing() -> None:
    """Trees known 10 m beyond its ground and farther are none of its business."""
    away = 55_000 + 10_000
    covered = tuple(value + (away if axis % 2 == 0 else 0) for axis, value in enumerate(SQUARE))
    found = make_found(grow(range(SIDE**2), east_mm=away), covered=covered)
    matched = compare(found)
    assert matched == Matched(found.survey, found.trees, (), ())


def test_known_trees_far_beyond_its_ground_are_left_out_of_a_comparison() -> None:
    half = (*(EAST, NORTH, EAST + 30_000, NORTH, EAST + 30_000, NORTH + 60_000), *(EAST, NORTH + 60_000, EAST, NORTH))
    matched = compare(make_found(grow(range(SIDE**2 // 2)), covered=half))
    (match,) = matched.matches
    lots = {one.code for kind in list_lots(match) for one in kind}
    # Three rows of six stand on it, the fourth 5 m beyond, the others more than 15 m.
    assert lots == {code_of("a", number) for number in range(4 * SIDE)}
    assert {one.verdict for one in match.unseen or ()} == {"outside"}


def test_ground_covered_twice_is_covered_once() -> None:
    first, second = make_found([make_tree("a", 0)], years=0.0), make_found([make_tree("c", 9)], years=1.0)
    known = [make_known(one) for one in (first, second)]
    both = KnownForest({**known[0].trees, **known[1].trees}, {**known[0].surveys, **known[1].surveys})
    seen = read_known(both, "EPSG:32633", ())
    (ring,) = seen.covered
    assert len(ring) == 5
    assert [tree.at_year for tree in seen.trees] == [tell_year(BEGIN_MS), None]


@pytest.mark.parametrize(
    "changes",
    [
        {"height_mm": Estimate(250_000, 500, 200, "apex")},
        {"height_mm": Estimate(18_000, 0, 0, "apex")},
        {"crown": Crown(Estimate(3_000_000, 400, 300, "equal-area"))},
        {"stems": (Stem(Estimate(0, 5, 0, "caliper"), 1_300),), "readings": (UNSIGNED,)},
    ],
    ids=["taller than any tree", "no error", "a crown of three kilometres", "no diameter"],
)
def test_one_record_that_says_the_impossible_stops_no_comparison(changes: dict[str, Any]) -> None:
    odd = replace(make_tree("a", 3), **changes)
    odd = replace(odd, position=replace(odd.position, error_mm=2_000_000))
    earlier = [odd if number == 3 else make_tree("a", number) for number in range(SIDE**2)]
    known = make_known(make_found(earlier, years=0.0))
    found = {tree.code for tree in compare(make_found(grow(range(SIDE**2))), known).trees}
    assert {code_of("a", number) for number in range(SIDE**2) if number != 3} <= found


def test_a_comparison_that_outgrows_an_envelope_is_told_in_parts() -> None:
    side = 55
    numbers = range(side**2)

    def stand(name: str, by_mm: int) -> list[Tree]:
        return [
            replace(tree, position=spread(tree.position, n, side))
            for n, tree in ((n, make_tree(name, n % SIDE**2, code=code_of(name, n), grown_mm=by_mm)) for n in numbers)
        ]

    covered = (EAST, NORTH, EAST + 600_000, NORTH, EAST + 600_000, NORTH + 600_000, EAST, NORTH + 600_000, EAST, NORTH)
    known = make_known(make_found(stand("a", 0), years=0.0, covered=covered))
    matched = match_records(make_found(stand("b", 1_500), covered=covered), known, UNSIGNED)
    assert len(matched.matches) > 1
    sizes = [len(seal(match, KEY).raw) for match in matched.matches]
    assert max(sizes) < MAX_ENVELOPE
    assert [match.part for match in matched.matches] == list(range(len(sizes)))
    assert {match.parts for match in matched.matches} == {len(sizes)}
    assert [match.counts is not None for match in matched.matches] == [True] + [False] * (len(sizes) - 1)
    listed = [one.code for match in matched.matches for one in match.same or ()]
    assert sorted(listed) == sorted(tree.code for tree in known.trees.values())


def spread(position: Position, number: int, side: int) -> Position:
    column, row = divmod(number, side)
    return replace(position, x_mm=EAST + 5_000 + 10_500 * column, y_mm=NORTH + 5_000 + 10_500 * row)


def test_the_ground_to_look_at_holds_every_tree_with_room_for_a_shift() -> None:
    box = enclose_ground(EARLIER.closing, "EPSG:32633")
    assert box is not None
    west, south, east, north = box
    edge = [TO_WORLD.transform(x / 1e3, y / 1e3) for x, y in zip(SQUARE[::2], SQUARE[1::2], strict=True)]
    for longitude, latitude in edge:
        # 20 m are at least 0.00017 degrees.
        assert west + 170_000 < longitude * 1e9 < east - 170_000
        assert south + 170_000 < latitude * 1e9 < north - 170_000
    assert enclose_ground(EARLIER.closing, "local:m") is None


@settings(max_examples=10)
@given(st.sets(st.integers(0, SIDE**2 - 1), max_size=8), st.sets(st.integers(100, 108), max_size=4))
def test_every_known_tree_has_one_lot_and_no_code_stands_twice(felled: set[int], young: set[int]) -> None:
    here = [
        make_tree("b", number, position=spread(make_tree("a", 0).position, number - 98, 4)) for number in sorted(young)
    ]
    matched = match_records(make_found([*grow(set(range(SIDE**2)) - felled), *here]), KNOWN, UNSIGNED)
    codes = [tree.code for tree in (*matched.trees, *matched.gone)]
    assert len(codes) == len(set(codes))
    lots = [one.code for match in matched.matches for kind in list_lots(match) for one in kind]
    assert sorted(lots) == sorted(LAST)


def list_lots(match: Match) -> tuple[tuple[Any, ...], ...]:
    return match.same or (), match.doubtful or (), match.unseen or ()


@pytest.mark.parametrize("ms", [0, BEGIN_MS, BEGIN_MS + 20 * YEAR_MS])
def test_a_year_is_as_long_as_the_calendar_has_it(ms: int) -> None:
    assert tell_year(ms + YEAR_MS) - tell_year(ms) == pytest.approx(1.0)


def locate_locally(tree: Tree) -> Tree:
    position = Position("apex", "local:m", 400, x_mm=tree.position.x_mm, y_mm=tree.position.y_mm)
    return replace(tree, position=position)


@pytest.mark.parametrize("is_local_first", [True, False])
def test_a_frame_that_is_corrected_begins_no_code_twice(*, is_local_first: bool) -> None:
    local = make_found(map(locate_locally, EARLIER.trees), years=0.0, crs="local:m")
    first, second = (local, EARLIER) if is_local_first else (EARLIER, local)
    known = make_known(first)
    matched = compare(second, known)
    last = {tree.code: cid for cid, tree in known.trees.items()}
    assert {tree.code: tree.prev for tree in matched.trees} == last


def test_a_crs_that_was_wrong_is_told_and_costs_no_code() -> None:
    to_world = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)

    def place(tree: Tree) -> Tree:
        # The same integers, read in the neighbouring zone.
        position = tree.position
        assert position.x_mm is not None
        assert position.y_mm is not None
        longitude, latitude = to_world.transform(position.x_mm / 1e3, position.y_mm / 1e3)
        return replace(
            tree,
            position=replace(position, crs="EPSG:32632", lon_nd=round(longitude * 1e9), lat_nd=round(latitude * 1e9)),
        )

    known = make_known(make_found(map(place, EARLIER.trees), years=0.0, crs="EPSG:32632"))
    matched = compare(EARLIER, known)
    assert {tree.code: tree.prev for tree in matched.trees} == {tree.code: cid for cid, tree in known.trees.items()}
    assert matched.matches[0].shift is None
    assert any("one of the two CRS was wrong" in warning for warning in matched.survey.warnings or ())


def test_a_neighbours_newer_survey_changes_nothing_about_this_ground() -> None:
    beside = tuple(value + (75_000 if at % 2 == 0 else 0) for at, value in enumerate(SQUARE))
    row = [make_tree("c", number, east_mm=75_000) for number in range(SIDE)]
    neighbour = make_known(make_found(row, years=6.0, covered=beside))
    both = KnownForest({**KNOWN.trees, **neighbour.trees}, {**KNOWN.surveys, **neighbour.surveys})
    found = make_found(grow(number for number in range(SIDE**2) if number != 14))
    assert compare(found, both) == compare(found)


def test_each_known_tree_counts_from_when_it_was_last_seen_also_by_an_older_cloud() -> None:
    half = SIDE**2 // 2
    newer = make_known(make_found([make_tree("a", number) for number in range(half)], years=5.0))
    older = KnownForest(
        {
            cid: tree
            for cid, tree in KNOWN.trees.items()
            if tree.code not in {code_of("a", number) for number in range(half)}
        },
        KNOWN.surveys,
    )
    both = KnownForest({**older.trees, **newer.trees}, {**older.surveys, **newer.surveys})
    matched = compare(make_found([make_tree("b", number, grown_mm=600) for number in range(SIDE**2)], years=2.0), both)
    days = {one.code: one.height.days for match in matched.matches for one in match.same or () if one.height}
    assert {days[code_of("a", number)] for number in range(half)} == {-1_096}
    assert {days[code_of("a", number)] for number in range(half, SIDE**2)} == {730}


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_in_a_dense_stand_an_older_cloud_puts_no_known_tree_in_two_lists(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 60_000, (600, 2))

    def scatter(side: str, noise_mm: int) -> list[Tree]:
        made = []
        for number, (east, north) in enumerate(places + rng.normal(0.0, noise_mm, places.shape).astype(int)):
            base = make_tree(side, 0)
            x, y = EAST + int(east), NORTH + int(north)
            longitude, latitude = TO_WORLD.transform(x / 1e3, y / 1e3)
            position = replace(
                base.position, x_mm=x, y_mm=y, lon_nd=round(longitude * 1e9), lat_nd=round(latitude * 1e9)
            )
            made.append(replace(base, code=code_of(side, number), position=position))
        return made

    known = make_known(make_found(scatter("a", 0), years=5.0))
    matched = compare(make_found(scatter("b", 500), years=2.0), known)
    same = [one.code for match in matched.matches for one in match.same or ()]
    doubtful = [one.code for match in matched.matches for one in match.doubtful or ()]
    unseen = [one.code for match in matched.matches for one in match.unseen or ()]
    assert same
    assert len(same) + len(doubtful) + len(unseen) == len({*same, *doubtful, *unseen})
