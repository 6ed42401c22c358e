"""Shares of the shards cover every device once, and ask a broker for them in small packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.topics import UPLINK, Topic
from ingest.broker.errors import InvalidShards
from ingest.broker.shards import FILTERS_AT_ONCE, SHARDS, Shards, list_filters


@given(st.integers(1, SHARDS), st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32))
def test_a_device_is_of_exactly_one_share(count: int, device: str) -> None:
    assert [Shards(index, count).holds(device) for index in range(count)].count(True) == 1


@given(st.integers(2, SHARDS))
def test_shares_are_even_runs_of_all_256_shards(count: int) -> None:
    shares = [Shards(index, count).digits for index in range(count)]
    assert [digits for share in shares for digits in share] == [f"{number:02x}" for number in range(256)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_server_alone_subscribes_to_each_channel_with_one_wildcard_births_and_questions_first() -> None:
    assert list(list_filters(Shards())) == [
        (f"cec/v1/+/+/+/{channel}",) for channel in ("birth", "ask", "rec", "blob", "will")
    ]


@given(st.integers(2, 16).flatmap(lambda of: st.builds(Shards, st.integers(0, of - 1), st.just(of))))
def test_a_share_subscribes_to_its_shards_in_every_channel_once(share: Shards) -> None:
    packets = list(list_filters(share))
    filters = [name for packet in packets for name in packet]
    assert sorted(filters) == sorted(f"cec/v1/{digits}/+/+/{name}" for digits in share.digits for name in UPLINK)
    assert max(map(len, packets)) <= FILTERS_AT_ONCE
    channels = [name.rsplit("/", 1)[1] for name in filters]
    assert channels == sorted(channels, key=("birth", "ask", "rec", "blob", "will").index)


def test_what_a_device_publishes_is_in_its_shares_filters() -> None:
    # From the vector in domain.topics: the shard of rover-1 is 3e, the 63rd of 256.
    topic = str(Topic("north-forest", "rover-1", "rec"))
    assert topic.split("/")[2] == "3e"
    assert [Shards(index, 4).holds("rover-1") for index in range(4)] == [True, False, False, False]


@pytest.mark.parametrize(("index", "of"), [(0, 0), (1, 1), (-1, 2), (2, 2), (0, 257), (0, -1)])
def test_a_share_that_does_not_exist_is_refused(index: int, of: int) -> None:
    with pytest.raises(InvalidShards):
        Shards(index, of)
