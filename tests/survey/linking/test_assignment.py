"""The best assignment and the probabilities of pairs, against all matchings counted out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.linking.assignment import assign_pairs
from survey.linking.marginals import compute_marginals
from tests.survey.linking.graphs import Edges, best_score, count_marginals

EDGES = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)), st.floats(-4.0, 6.0, width=32), min_size=1, max_size=9
).map(lambda some: [(one, two, score) for (one, two), score in some.items()])


def split(edges: Edges) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, two, score = (np.array(column) for column in zip(*edges, strict=True))
    return one.astype(np.int64), two.astype(np.int64), score.astype(np.float64)


@given(EDGES)
def test_the_assignment_is_the_best_of_all_matchings(edges: Edges) -> None:
    one, two, score = split(edges)
    chosen = assign_pairs(one, two, score, (5, 5))
    assert len(set(one[chosen].tolist())) == len(set(two[chosen].tolist())) == chosen.sum()
    assert float(score[chosen].sum()) == pytest.approx(best_score(edges), abs=1e-6)
    assert (score[chosen] > 0.0).all()


@given(EDGES)
def test_probabilities_are_near_those_of_all_matchings(edges: Edges) -> None:
    one, two, score = split(edges)
    found = compute_marginals(one, two, score, (5, 5))
    # With loops messages are an approximation; small dense graphs are its worst case.
    assert found.pair == pytest.approx(count_marginals(edges), abs=0.15)
    assert (found.earlier_alone + np.bincount(one, found.pair, 5)) == pytest.approx(1.0, abs=1e-3)
    assert (found.later_alone + np.bincount(two, found.pair, 5)) == pytest.approx(1.0, abs=1e-3)


@given(st.lists(st.floats(-8.0, 8.0, width=32), min_size=1, max_size=7), st.booleans())
def test_probabilities_are_exact_where_candidates_form_no_loop(scores: list[float], star: bool) -> None:  # noqa: FBT001
    # A star (one earlier tree, many later ones), or a path that alternates between both lists.
    edges = [(0 if star else (k + 1) // 2, k if star else k // 2, score) for k, score in enumerate(scores)]
    found = compute_marginals(*split(edges), (8, 8))
    assert found.pair == pytest.approx(count_marginals(edges), abs=1e-3)


def test_a_pair_far_below_any_doubt_has_no_probability_and_a_sure_one_all() -> None:
    found = compute_marginals(np.array([0, 1]), np.array([0, 1]), np.array([-500.0, 500.0]), (2, 2))
    assert found.pair.tolist() == pytest.approx([0.0, 1.0])


def test_nothing_is_assigned_where_there_are_no_pairs() -> None:
    none = np.empty(0, np.int64)
    assert assign_pairs(none, none, np.empty(0), (3, 0)).size == 0
    assert compute_marginals(none, none, np.empty(0), (3, 0)).earlier_alone.tolist() == [1.0, 1.0, 1.0]
