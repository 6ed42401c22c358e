"""What became of each tree, told from known to found, whichever of both was there first.

Usually what is known is the earlier side. Where an older cloud is surveyed after a younger one, the comparison runs the
other way round, and is turned here; of such a cloud no tree is told to be gone.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from survey.resurvey.arrivals import NewTree
from survey.resurvey.cover import UNKNOWN
from survey.resurvey.growth import Growth
from survey.resurvey.result import Resurvey, SameTree
from survey.resurvey.unseen import Evidence, UnseenTree


@dataclass(frozen=True, slots=True)
class KnownAs:
    """Which known tree a found one is.

    Attributes
    ----------
    code
        The known tree's.
    probability
        That both are one tree.
    height_m
        Found less known; absent where it cannot be compared.
    """

    code: str
    probability: float
    height_m: Growth | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A known tree left unlinked.

    Attributes
    ----------
    code
        Which.
    choices
        Codes of found trees that it may be and the probability of each, likeliest first.
    alone
        Probability that it is none of them.
    """

    code: str
    choices: tuple[tuple[str, float], ...]
    alone: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of each tree.

    Attributes
    ----------
    links
        Which known tree each found one is, by the found one's own code.
    doubts, unseen
        Known trees that none is.
    merges
        Known trees that were found as one crown: the linked one, and the one without a partner.
    splits
        A known tree that was found as two: its code, and that of the found tree without a partner.
    undecided
        Found trees that wait for a decision on a doubtful one.
    is_backwards
        Whether what was found is older than what was known.
    """

    links: Mapping[str, KnownAs]
    doubts: tuple[Doubt, ...]
    unseen: tuple[UnseenTree, ...]
    merges: tuple[tuple[str, str], ...]
    splits: tuple[tuple[str, str], ...]
    undecided: int
    is_backwards: bool


def tell_verdicts(resurvey: Resurvey) -> Verdicts:
    """Return what became of each tree where known ones are the earlier side.

    Where the common shift is unclear, nothing is linked but what shares its evidence; pairs that would have been linked
    stay in doubt.
    """
    sure = [one for one in resurvey.same if _is_sure(resurvey, one)]
    unsure = [one for one in resurvey.same if not _is_sure(resurvey, one)]
    doubts = [
        Doubt(one.code, tuple((choice.key, choice.probability) for choice in one.choices), one.alone)
        for one in resurvey.doubtful
    ]
    doubts += [Doubt(one.code, ((one.key, one.probability),), 1.0 - one.probability) for one in unsure]
    is_clear = resurvey.unclear is None
    return Verdicts(
        links={one.key: KnownAs(one.code, one.probability, one.growth.height_m) for one in sure},
        doubts=tuple(sorted(doubts, key=lambda one: one.code)),
        unseen=resurvey.unseen,
        merges=tuple(one.codes for one in resurvey.merges) if is_clear else (),
        splits=tuple((one.code, one.keys[1]) for one in resurvey.splits) if is_clear else (),
        undecided=len(resurvey.open_keys) + len(unsure),
        is_backwards=False,
    )


def tell_verdicts_backwards(resurvey: Resurvey) -> Verdicts:
    """Return what became of each tree where known ones are the later side."""
    sure = [one for one in resurvey.same if _is_sure(resurvey, one)]
    choices: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    linked = {one.key for one in sure}
    for doubt in resurvey.doubtful:
        for choice in doubt.choices:
            # A known tree stands in one list: that it is linked settles it.
            if choice.key not in linked:
                choices[choice.key].append((doubt.code, choice.probability))
    unsure = [one for one in resurvey.same if not _is_sure(resurvey, one)]
    for one in unsure:
        choices[one.key].append((one.code, one.probability))
    for key in resurvey.open_keys:
        choices[key] += []
    is_clear = resurvey.unclear is None
    return Verdicts(
        links={one.code: KnownAs(one.key, one.probability, _turn(one.growth.height_m)) for one in sure},
        doubts=tuple(_order(code, choices[code]) for code in sorted(choices)),
        unseen=tuple(_miss(one) for one in resurvey.new),
        merges=tuple(one.keys for one in resurvey.splits) if is_clear else (),
        splits=tuple((one.key, one.codes[1]) for one in resurvey.merges) if is_clear else (),
        undecided=len(resurvey.doubtful) + len(unsure),
        is_backwards=True,
    )


def _is_sure(resurvey: Resurvey, same: SameTree) -> bool:
    return resurvey.unclear is None or math.isinf(same.odds)


def _turn(growth: Growth | None) -> Growth | None:
    if growth is None:
        return None
    return Growth(replace(growth.change, value=-growth.change.value), -growth.years)


def _order(code: str, choices: list[tuple[str, float]]) -> Doubt:
    ordered = tuple(sorted(choices, key=lambda one: -one[1]))
    return Doubt(code, ordered, max(0.0, 1.0 - math.fsum(probability for _, probability in ordered)))


def _miss(tree: NewTree) -> UnseenTree:
    """Return a known tree that an older cloud does not show: it may not have stood yet."""
    is_outside = tree.origin == "outside-earlier"
    seen = UNKNOWN if tree.missed_probability == UNKNOWN else 1.0 - tree.missed_probability
    evidence = Evidence(
        is_covered=not is_outside,
        seen_probability=seen,
        may_be_hidden=False,
        nearest=None,
        nearest_m=None,
        is_taken=False,
        gone_probability=0.0,
    )
    if is_outside:
        return UnseenTree(tree.key, "outside", "this older cloud does not cover its place", evidence)
    return UnseenTree(tree.key, "not-seen", "this cloud is older than its last record", evidence)
