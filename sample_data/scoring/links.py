"""How well trees of two campaigns are linked."""

from collections.abc import Iterable
from dataclasses import dataclass

from sample_data.errors import InvalidLinks
from sample_data.forest.observation import ObservedTrees


@dataclass(frozen=True, slots=True)
class LinkScore:
    """How links fit the truth."""

    seen_twice: int
    """Trees that both campaigns report."""
    right: int
    """Links between reports of one tree."""
    wrong: int
    """Links between reports of two trees, or of a tree and of none."""
    right_share: float
    """Right links over trees seen twice; 0 where none was."""
    wrong_share: float
    """Wrong links over all links; 0 where there is none."""


def score_links(links: Iterable[tuple[int, int]], before: ObservedTrees, after: ObservedTrees) -> LinkScore:
    """Return how links between two campaigns' reports fit the truth.

    Parameters
    ----------
    links
        Index of the earlier and of the later report of each link.
    before, after
        Reports of both campaigns.

    Raises
    ------
    InvalidLinks
        An index that names no report, or a report in two links.

    Examples
    --------
    >>> from sample_data.forest.observation import observe_campaign
    >>> from sample_data.forest.stand import StandParameters, grow_stand
    >>> seen = observe_campaign(grow_stand(7, parameters=StandParameters(side_m=30.0)), seed=1, false_share=0.0)
    >>> score_links([(i, i) for i in range(len(seen))], seen, seen).right_share
    1.0
    """
    pairs = _check_links(links, len(before), len(after))
    first, second = before.number.tolist(), after.number.tolist()
    seen_twice = len((set(first) & set(second)) - {-1})
    right = sum(first[one] == second[other] != -1 for one, other in pairs)
    wrong = len(pairs) - right
    return LinkScore(
        seen_twice,
        right,
        wrong,
        right / seen_twice if seen_twice else 0.0,
        wrong / len(pairs) if pairs else 0.0,
    )


def _check_links(links: Iterable[tuple[int, int]], before: int, after: int) -> list[tuple[int, int]]:
    pairs = [(int(one), int(other)) for one, other in links]
    for pair in pairs:
        if not (0 <= pair[0] < before and 0 <= pair[1] < after):
            raise InvalidLinks(pair, f"it must join one of {before} reports to one of {after}")
    for side in (0, 1):
        taken: set[int] = set()
        for pair in pairs:
            if pair[side] in taken:
                raise InvalidLinks(pair, "each report may be in one link only")
            taken.add(pair[side])
    return pairs
