import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.core.draw_errors import InvalidPoint
from chain.core.edwards25519 import (
    IDENTITY,
    ORDER,
    PRIME,
    Point,
    add_points,
    clear_cofactor,
    decode_point,
    double_point,
    encode_point,
    is_identity,
    multiply,
    multiply_base,
    multiply_two,
    negate_point,
)

SMALL_ORDER = (
    # The eight points whose order divides 8, in their canonical encodings, as libsodium's list of refused keys has
    # them (https://github.com/jedisct1/libsodium, ed25519_ref10.c) and C2SP's CCTV vectors do.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)
SECRETS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, ORDER - 1)


def clamp(secret: bytes) -> int:
    """Return the number that RFC 7748 and RFC 8032 read from 32 bytes."""
    return int.from_bytes(secret, "little") & (1 << 254) - 8 | 1 << 254


def to_montgomery(point: Point) -> bytes:
    """Return the u of curve25519 that belongs to a point (RFC 7748, 4.1)."""
    y = int.from_bytes(encode_point(point), "little") & (1 << 255) - 1
    return ((1 + y) * pow(1 - y, -1, PRIME) % PRIME).to_bytes(32, "little")


def derive_public_key(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


@settings(max_examples=25, deadline=None)
@given(SECRETS)
def test_multiples_of_the_base_point_are_openssls(seed: bytes) -> None:
    assert encode_point(multiply_base(clamp(hashlib.sha512(seed).digest()[:32]))) == derive_public_key(seed)


@settings(max_examples=25, deadline=None)
@given(SECRETS, SECRETS)
def test_multiples_of_any_point_are_openssls_on_the_curve_of_x25519(secret: bytes, seed: bytes) -> None:
    point = decode_point(derive_public_key(seed))
    theirs = X25519PrivateKey.from_private_bytes(secret).exchange(
        X25519PublicKey.from_public_bytes(to_montgomery(point))
    )
    assert to_montgomery(multiply(clamp(secret), point)) == theirs


@settings(max_examples=15, deadline=None)
@given(SECRETS, st.binary(max_size=40))
def test_two_multiples_at_once_give_back_the_first_half_of_openssls_signature(seed: bytes, message: bytes) -> None:
    key = derive_public_key(seed)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    number = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    scalar = int.from_bytes(signature[32:], "little")
    found = multiply_two(scalar, multiply_base(1), number, negate_point(decode_point(key)))
    assert encode_point(found) == signature[:32]


@settings(max_examples=15, deadline=None)
@given(NUMBERS, NUMBERS)
def test_multiples_add_up(first: int, second: int) -> None:
    point = multiply_base(7)
    total = add_points(multiply(first, point), multiply(second, point))
    assert encode_point(total) == encode_point(multiply((first + second) % ORDER, point))


@settings(max_examples=15, deadline=None)
@given(NUMBERS)
def test_a_point_doubled_is_the_point_added_to_itself_and_less_itself_is_nothing(number: int) -> None:
    point = multiply_base(number)
    assert encode_point(double_point(point)) == encode_point(add_points(point, point))
    assert is_identity(add_points(point, negate_point(point)))
    assert encode_point(add_points(point, IDENTITY)) == encode_point(point)


def test_short_numbers_need_only_their_own_digits() -> None:
    point = multiply_base(3)
    assert encode_point(multiply((1 << 128) - 5, point, digits=32)) == encode_point(multiply((1 << 128) - 5, point))


def test_the_points_of_small_order_are_eight_that_eight_clears_and_close_under_addition() -> None:
    points = [decode_point(bytes.fromhex(text)) for text in SMALL_ORDER]
    assert all(is_identity(clear_cofactor(point)) for point in points)
    sums = {encode_point(add_points(first, second)).hex() for first in points for second in points}
    assert sums == set(SMALL_ORDER)


def test_the_order_of_the_base_point_is_the_order() -> None:
    assert is_identity(multiply_base(ORDER))
    assert not is_identity(clear_cofactor(multiply_base(1)))


BAD = (
    (b"", "expected 32 bytes"),
    (bytes(31), "expected 32 bytes"),
    (bytes(33), "expected 32 bytes"),
    *((number.to_bytes(32, "little"), "y must be below") for number in range(PRIME, 1 << 255)),
    *(((number | 1 << 255).to_bytes(32, "little"), "y must be below") for number in range(PRIME, 1 << 255)),
    ((1 | 1 << 255).to_bytes(32, "little"), "x is zero"),
    ((PRIME - 1 | 1 << 255).to_bytes(32, "little"), "x is zero"),
    ((2).to_bytes(32, "little"), "no point"),
)


@pytest.mark.parametrize(("data", "reason"), BAD)
def test_a_second_encoding_or_none_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidPoint, match=reason):
        decode_point(data)


@settings(deadline=None)
@given(st.binary(max_size=34) | SECRETS)
def test_bytes_are_a_point_that_encodes_to_them_or_refused(data: bytes) -> None:
    try:
        point = decode_point(data)
    except InvalidPoint:
        return
    x, y, _, _ = point
    d = -121665 * pow(121666, -1, PRIME)
    assert (y * y - x * x - 1 - d * x * x * y * y) % PRIME == 0
    assert encode_point(point) == data
