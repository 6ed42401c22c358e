"""Every way to pair two small sets of trees, counted out: the second implementation of what linking computes."""

import math
from collections.abc import Iterator

Edges = list[tuple[int, int, float]]
"""Earlier tree, later tree, score."""


def list_matchings(edges: Edges) -> Iterator[Edges]:
    """Yield each set of edges in which no tree occurs twice, the empty one included."""
    if not edges:
        yield []
        return
    first, rest = edges[0], edges[1:]
    yield from list_matchings(rest)
    for others in list_matchings([one for one in rest if one[0] != first[0] and one[1] != first[1]]):
        yield [first, *others]


def count_marginals(edges: Edges) -> list[float]:
    """Return each edge's probability: the weight of the matchings that hold it over that of all."""
    weights = [(frozenset(one[:2] for one in some), math.exp(sum(one[2] for one in some))) for some in _all(edges)]
    total = math.fsum(weight for _, weight in weights)
    return [math.fsum(weight for some, weight in weights if edge[:2] in some) / total for edge in edges]


def best_score(edges: Edges) -> float:
    """Return the greatest sum of scores of any matching."""
    return max(sum(one[2] for one in some) for some in _all(edges))


def _all(edges: Edges) -> list[Edges]:
    return list(list_matchings(edges))
