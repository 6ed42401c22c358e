import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import merkle
from domain.errors import InvalidMerklePath, InvalidMerkleTree
from domain.merkle import MerklePath

# The leaves and roots that certificate-transparency implementations share (RFC 6962 reference tests).
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert merkle.build_tree(CT_LEAVES[:count]).root.hex() == CT_ROOTS[count - 1]


@given(st.integers(1, 200), st.data())
def test_every_path_leads_to_the_root(count: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) for n in range(count)]
    tree = merkle.build_tree(leaves)
    index = data.draw(st.integers(0, count - 1))
    merkle.verify_path(leaves[index], tree.path(index), tree.root)


@given(st.integers(2, 100), st.data())
def test_a_path_proves_no_other_leaf_index_or_count(count: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) for n in range(count)]
    tree = merkle.build_tree(leaves)
    index = data.draw(st.integers(0, count - 1))
    path = tree.path(index)
    wrong = data.draw(
        st.sampled_from(
            [
                (b"other", path),
                (leaves[index], MerklePath((index + 1) % count, count, path.hashes)),
                (leaves[index], MerklePath(index, count, path.hashes[:-1])),
                (leaves[index], MerklePath(index, count, (*path.hashes, bytes(32)))),
                (leaves[index], MerklePath(count, count, path.hashes)),
                (leaves[index], MerklePath(-1, count, path.hashes)),
            ]
        )
    )
    with pytest.raises(InvalidMerklePath):
        merkle.verify_path(*wrong, tree.root)


@pytest.mark.parametrize("leaves", [[], [b"b", b"a"], [b"a", b"a"]])
def test_leaves_of_a_set_must_ascend_and_differ(leaves: list[bytes]) -> None:
    with pytest.raises(InvalidMerkleTree):
        merkle.build_sorted_tree(leaves)
