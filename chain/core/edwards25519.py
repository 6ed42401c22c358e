"""The curve edwards25519: strict encoding of its points, and their sums and multiples.

Source: RFC 8032, sections 5.1.1 to 5.1.4. Points stand in extended homogeneous coordinates (Hisil and others 2008,
https://doi.org/10.1007/978-3-540-89255-7_20), whose addition holds for all pairs of points without exception. It is
written here because the libraries that the chain keeps sign on this curve but do not give its points.

Multiples of one point take the same steps whatever the number is. Python's integers themselves are not of constant
time, so a secret belongs on a machine that nobody else can time.
"""

from functools import cache
from typing import Final, TypeAlias

from chain.core.draw_errors import InvalidPoint

PRIME: Final = 2**255 - 19
"""Of the field."""
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of the subgroup that the base point makes; prime."""
ENCODED_BYTES: Final = 32
"""Of a point, and of a number below `ORDER`."""

Point: TypeAlias = tuple[int, int, int, int]
"""X, Y, Z, T with x = X/Z, y = Y/Z, x y = T/Z."""

IDENTITY: Final[Point] = (0, 1, 1, 0)
_D: Final = -121665 * pow(121666, -1, PRIME) % PRIME
_2D: Final = 2 * _D % PRIME
_ROOT: Final = pow(2, (PRIME - 1) // 4, PRIME)
"""A square root of -1."""
_Y_BITS: Final = 255
_DIGITS: Final = 64
"""Hexadecimal digits of a number that multiplies: below 2^256."""


def decode_point(data: bytes) -> Point:
    """Return the point that 32 bytes encode.

    Raises
    ------
    InvalidPoint
        The length is wrong, y is not below the prime, no x belongs to it, or x is zero and its sign is not.

    Examples
    --------
    >>> decode_point(bytes([1]) + bytes(31)) == IDENTITY
    True
    """
    if len(data) != ENCODED_BYTES:
        raise InvalidPoint(data, f"expected {ENCODED_BYTES} bytes")
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << _Y_BITS) - 1, number >> _Y_BITS
    if y >= PRIME:
        raise InvalidPoint(data, "y must be below 2^255 - 19")
    x = _find_x(data, y)
    if x == 0 and sign:
        raise InvalidPoint(data, "x is zero, which has no sign")
    if x & 1 != sign:
        x = PRIME - x
    return x, y, 1, x * y % PRIME


def encode_point(point: Point) -> bytes:
    """Return the 32 bytes of a point: y, and the lowest bit of x in the last bit."""
    x, y, z, _ = point
    inverse = pow(z, -1, PRIME)
    return (y * inverse % PRIME | (x * inverse % PRIME & 1) << _Y_BITS).to_bytes(ENCODED_BYTES, "little")


def is_identity(point: Point) -> bool:
    """Tell whether a point is the neutral one."""
    x, y, z, _ = point
    return x % PRIME == 0 and (y - z) % PRIME == 0


def add_points(first: Point, second: Point) -> Point:
    """Return the sum of two points, equal or not (RFC 8032, 5.1.4)."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % PRIME
    b = (y1 + x1) * (y2 + x2) % PRIME
    c = t1 * _2D % PRIME * t2 % PRIME
    d = 2 * z1 * z2 % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def double_point(point: Point) -> Point:
    """Return twice a point (RFC 8032, 5.1.4)."""
    x, y, z, _ = point
    a, b = x * x % PRIME, y * y % PRIME
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    f = 2 * z * z + g
    e, f = e % PRIME, f % PRIME
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def negate_point(point: Point) -> Point:
    """Return the point that gives the neutral one when added."""
    x, y, z, t = point
    return PRIME - x, y, z, PRIME - t


def clear_cofactor(point: Point) -> Point:
    """Return eight times a point, which lies in the subgroup of prime order."""
    return double_point(double_point(double_point(point)))


def multiply(number: int, point: Point, *, digits: int = _DIGITS) -> Point:
    """Return a multiple of a point; `number` is from 0 to below 16^digits, and may be secret.

    Examples
    --------
    >>> is_identity(multiply(ORDER, multiply_base(1)))
    True
    """
    assert number >> 4 * digits == 0, number  # noqa: S101  # a higher digit would be lost
    table = _tabulate(point)
    total = IDENTITY
    for digit in _split(number)[_DIGITS - digits :]:
        total = add_points(_times_16(total), table[digit])
    return total


def multiply_base(number: int) -> Point:
    """Return a multiple of the base point; `number` is from 0 to below 2^256, and may be secret."""
    total = IDENTITY
    for table, digit in zip(_tabulate_base(), reversed(_split(number)), strict=True):
        total = add_points(total, table[digit])
    return total


def multiply_two(first: int, point: Point, second: int, other: Point) -> Point:
    """Return the sum of two multiples faster than one by one; the numbers are public, from 0 to below 2^256.

    Straus's way: both share their doublings.
    """
    table, other_table = _tabulate(point), _tabulate(other)
    total = IDENTITY
    for digit, other_digit in zip(_split(first), _split(second), strict=True):
        total = _times_16(total)
        if digit:
            total = add_points(total, table[digit])
        if other_digit:
            total = add_points(total, other_table[other_digit])
    return total


def _find_x(data: bytes, y: int) -> int:
    u, v = (y * y - 1) % PRIME, (_D * y * y + 1) % PRIME
    x = u * pow(u * v, (PRIME - 5) // 8, PRIME) % PRIME  # v x^2 is u times a fourth root of 1, where a root exists
    square = v * x * x % PRIME
    if square == u:
        return x
    if square == PRIME - u:
        return x * _ROOT % PRIME
    raise InvalidPoint(data, "no point of the curve has this y")


def _split(number: int) -> bytes:
    assert 0 <= number < 1 << 4 * _DIGITS, number  # noqa: S101  # callers reduce or decode 32 bytes
    packed = number.to_bytes(_DIGITS // 2, "big")
    return bytes(digit for byte in packed for digit in (byte >> 4, byte & 15))


def _times_16(point: Point) -> Point:
    return double_point(double_point(double_point(double_point(point))))


def _tabulate(point: Point) -> tuple[Point, ...]:
    table = [IDENTITY, point]
    while len(table) < 16:  # noqa: PLR2004  # one for each hexadecimal digit
        table.append(add_points(table[-1], point))
    return tuple(table)


@cache
def _tabulate_base() -> tuple[tuple[Point, ...], ...]:
    """Return for each digit, the lowest first, what it stands for: 64 tables of 16 points, made once."""
    y = 4 * pow(5, -1, PRIME) % PRIME
    base = decode_point(y.to_bytes(ENCODED_BYTES, "little"))
    tables = []
    for _ in range(_DIGITS):
        tables.append(_tabulate(base))
        base = _times_16(base)
    return tuple(tables)
