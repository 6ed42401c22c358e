"""Loops over rays and voxels that are compiled at their first call, and chance that is a function of place."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
Array: TypeAlias = NDArray[Any]
"""An array whose element type the caller fixes."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function compiled by numba, on one thread, so that a seed gives the same points on any machine."""
    return cast("Callable[P, R]", numba.njit(cache=True)(function))


@compiled
def draw_at(one: int, two: int, three: int, seed: int) -> float:
    """Return a number in [0, 1) that looks random but belongs to a cell of a lattice.

    A leaf or a furrow must be where it is for every ray and every scan; a generator in the order of the rays would
    move it. Shifts and multiplications of 32 bits as in the finalizer of MurmurHash3 (A. Appleby, public domain), with
    multipliers searched for low bias (C. Wellons, public domain).
    """
    mixed = (one * 73_856_093) ^ (two * 19_349_663) ^ (three * 83_492_791) ^ (seed * 2_654_435_761)
    mixed &= 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    mixed ^= mixed >> 16
    return mixed / 4_294_967_296.0
