"""What a code's records come to, against a second telling that tries every line of links there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from register.settling import BEGUN_TWICE, BEHIND_ONE_ASIDE, FOLLOWED_TWICE, REASONS, Link, settle


@st.composite
def histories(draw: st.DrawFn) -> list[Link]:
    """Records that each go on from an earlier one or from none, some dated, in any order."""
    names = draw(st.lists(st.binary(min_size=2, max_size=2), min_size=1, max_size=9, unique=True))
    dates = st.none() | st.integers(0, 3)
    links = [
        Link(name, draw(st.none() | st.sampled_from([b"elsewhere", *names[:number]])), draw(dates))
        for number, name in enumerate(names)
    ]
    return draw(st.permutations(links))


def list_lines(links: list[Link]) -> list[list[Link]]:
    names = {link.cid for link in links}
    lines = [[link] for link in links if link.prev not in names]
    for line in lines:
        lines += [[*line, link] for link in links if link.prev == line[-1].cid]
    return lines


@given(histories())
def test_the_longest_line_stands_and_of_equally_long_ones_that_with_the_smaller_names(links: list[Link]) -> None:
    settled = settle(links)
    best = min(list_lines(links), key=lambda line: (-len(line), [link.cid for link in line]))
    assert settled.last == best[-1].cid
    assert set(settled.life) == {link.cid for link in best}
    assert settled.aside.keys() == {link.cid for link in links} - set(settled.life)
    assert set(settled.aside.values()) <= REASONS.keys()


@given(histories())
def test_the_life_runs_along_the_evidence_and_the_links_break_ties(links: list[Link]) -> None:
    settled = settle(links)
    line = next(line for line in list_lines(links) if line[-1].cid == settled.last)
    place = {link.cid: number for number, link in enumerate(line)}
    dated = [link for link in line if link.seen_ms is not None]
    along = [(link.seen_ms, place[link.cid]) for cid in settled.life for link in dated if link.cid == cid]
    assert along == sorted(along, key=lambda one: (one[0] or 0, one[1]))
    assert settled.latest == settled.life[-1]
    if len(dated) == len(line):
        newest = max(link.seen_ms or 0 for link in line)
        assert settled.latest == [link.cid for link in line if link.seen_ms == newest][-1]


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_records_came_does_not_matter(links: list[Link], chance: object) -> None:
    shuffled = list(links)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle(shuffled) == settle(links)


@pytest.mark.parametrize(
    ("links", "life", "aside"),
    [
        ([("a", "", 5), ("b", "a", 3)], "ba", {}),
        ([("a", "", 5), ("b", "a", 5)], "ab", {}),
        ([("a", "", 5), ("b", "a", None), ("c", "b", 4)], "cab", {}),
        ([("a", "", 1), ("b", "", 2)], "a", {"b": BEGUN_TWICE}),
        ([("a", "", 1), ("c", "a", 9), ("b", "a", 2)], "ab", {"c": FOLLOWED_TWICE}),
        (
            [("a", "", 1), ("b", "a", 2), ("c", "a", 3), ("d", "c", 4), ("e", "d", 5), ("f", "b", 6)],
            "acde",
            {"b": FOLLOWED_TWICE, "f": BEHIND_ONE_ASIDE},
        ),
    ],
)
def test_cases_a_person_can_follow(links: list[tuple[str, str, int | None]], life: str, aside: dict[str, str]) -> None:
    settled = settle([Link(cid.encode(), prev.encode() or None, seen_ms) for cid, prev, seen_ms in links])
    assert b"".join(settled.life).decode() == life
    assert {cid.decode(): rule for cid, rule in settled.aside.items()} == aside


def test_a_line_of_many_records_is_no_deeper_than_its_list() -> None:
    links = [Link(b"%d" % number, b"%d" % (number - 1), number) for number in range(5_000)]
    assert settle(links).life == tuple(link.cid for link in links)
