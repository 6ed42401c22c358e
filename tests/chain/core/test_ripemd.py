import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.core.ripemd import compute_ripemd160, hash_ripemd160

# The authors' own test values, https://homes.esat.kuleuven.be/~bosselae/ripemd160.html.
VECTORS = (
    (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
    (b"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
    (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
    (b"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
    (b"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
    (b"1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
)


@pytest.mark.parametrize(("data", "digest"), VECTORS)
def test_published_values_come_out(data: bytes, digest: str) -> None:
    assert compute_ripemd160(data).hex() == hash_ripemd160(data).hex() == digest


@pytest.mark.skipif("ripemd160" not in hashlib.algorithms_available, reason="this OpenSSL has no RIPEMD-160")
@given(st.binary(max_size=200))
def test_ours_is_openssls(data: bytes) -> None:
    assert compute_ripemd160(data) == hashlib.new("ripemd160", data).digest()
