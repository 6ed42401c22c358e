"""DAG-PB nodes have one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import DAG_PB, RAW, Cid
from ipfs.dag_pb import MAX_NODE_BYTES, Link, Node, decode_node, encode_node
from ipfs.errors import InvalidNode

LINK = Link(Cid.of(RAW, b"x"), 1, "")
GOOD = encode_node(Node((LINK,), b"\x08\x02"))

NODES = st.builds(
    Node,
    st.lists(
        st.builds(
            Link,
            st.builds(Cid, st.just(RAW), st.binary(min_size=32, max_size=32)),
            st.integers(0, 2**63 - 1),
            st.text(),
        )
    ).map(tuple),
    st.binary(),
)


def test_the_empty_directory_has_the_cid_that_every_ipfs_node_knows() -> None:
    # Source: Kubo's documentation; the empty UnixFS directory in CIDv1.
    block = encode_node(Node((), b"\x08\x01"))
    assert str(Cid.of(DAG_PB, block)) == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


@given(NODES)
def test_nodes_decode_to_what_was_encoded(node: Node) -> None:
    assert decode_node(encode_node(node)) == node


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GOOD[:-1], id="cut"),
        pytest.param(GOOD + b"\x00", id="trailing bytes"),
        pytest.param(b"\x0a\x02\x08\x02" + GOOD[:-4], id="data before links"),
        pytest.param(b"\x0a\x82\x00\x08\x02", id="long varint"),
        pytest.param(b"\x12\x03abc\x0a\x00", id="link without CID"),
        pytest.param(b"\x0a" + b"\xff" * 20, id="endless varint"),
        pytest.param(bytes(MAX_NODE_BYTES + 1), id="too large"),
    ],
)
def test_bytes_that_are_not_a_canonical_node_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidNode):
        decode_node(raw)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_raise_our_error(raw: bytes) -> None:
    try:
        node = decode_node(raw)
    except InvalidNode:
        return
    assert encode_node(node) == raw
