"""A survey that cannot tell who is who says how many trees it was compared with, those apart that are gone."""

from survey.records.resurvey import match_records
from tests.survey.records.test_resurvey import SIDE, UNSIGNED, grow, make_found, make_known, make_tree


def warn(ended: dict[int, str]) -> str:
    before = [make_tree("a", number, status=ended.get(number, "alive")) for number in range(SIDE**2)]
    matched = match_records(make_found(grow([7, 14, 21])), make_known(make_found(before, years=0.0)), UNSIGNED)
    (told,) = [one for one in matched.survey.warnings or () if "known on this ground" in one]
    return told


def test_trees_that_are_gone_are_told_apart_from_those_that_were_known() -> None:
    assert warn({3: "gone", 9: "stump", 11: "standing-dead"}).startswith("34 trees and 2 that are gone were known")


def test_where_none_is_gone_nothing_is_said_of_it() -> None:
    assert warn({}).startswith("36 trees were known on this ground")
