"""What may be without a receipt follows what the link carries, so that a cut costs little."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from domain.records.receipt import Answer, Receipt
from edge.post import AT_RISK, FIRST_CARRIED, LEAST_RECORDS, WINDOW_RECORDS, Post
from edge.settings import EdgeSettings
from edge.spool import open_spool
from tests.edge.test_spool import AT_MS, enrol, observe


def test_a_cut_puts_at_most_a_small_part_of_what_the_last_connection_carried_at_risk(tmp_path: Path) -> None:
    identity = enrol(tmp_path)
    with open_spool(tmp_path, identity) as spool:
        post = Post(EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge"), spool, identity)
        for _ in range(300):
            spool.append(observe)
        post.begin()
        first = post.choose()
        assert len(first) == FIRST_CARRIED // AT_RISK
        post.note_leaving(first, 1)
        assert post.choose() == []
        answers = tuple(Answer(item.cid, "stored") for item in first)
        post.take_receipt(Receipt("north-forest", "rover-1", AT_MS, answers))
        assert post.carried == len(first)
        post.begin()
        assert post.compute_window() == LEAST_RECORDS
        assert len(post.choose()) == LEAST_RECORDS


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_the_window_stays_within_its_bounds_and_never_falls_while_a_connection_lasts(before: int, carried: int) -> None:
    post = Post.__new__(Post)
    post.carried, post.carried_before = carried, before
    window = post.compute_window()
    assert LEAST_RECORDS <= window <= WINDOW_RECORDS
    post.carried += 1
    assert post.compute_window() >= window
