"""Which scan, or which time a carried scanner came by, each point is from: between passes a stem is shifted.

Scans are registered to millimetres; a carried scanner that comes by again minutes later has drifted by centimetres and
writes a second wall beside the first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from survey.cloud import Floats
from survey.kernel import Array

_GAP_S: Final = 6.0
"""A stem that was out of sight this long is seen in a new pass."""
_LONGEST_S: Final = 12.0
"""A pass that lasts longer is cut: the drift goes on."""
MOST_PASSES: Final = 16
"""Of one stem: those with the most points."""


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """When, and in which scan, points were taken.

    Attributes
    ----------
    station
        Scan or strip, any whole number, shape (n,).
    time_s
        Any clock in seconds, all equal where unknown; shape (n,).
    """

    station: Array
    time_s: Floats


def label_passes(passes: Passes, rows: Array) -> Array:
    """Return the pass of each of some points, from 0, those with the most points first; -1 beyond the sixteenth.

    Examples
    --------
    >>> passes = Passes(np.array([1, 1, 1, 2]), np.array([0.0, 1.0, 60.0, 60.5]))
    >>> label_passes(passes, np.arange(4)).tolist()
    [0, 0, 1, 2]
    """
    station, time = passes.station[rows], passes.time_s[rows]
    order = np.lexsort((time, station))
    steps = np.diff(time[order])
    is_new = (np.diff(station[order]) != 0) | (steps > _GAP_S)
    run = np.concatenate([[0], np.cumsum(is_new)])[: rows.size]
    first = time[order][np.searchsorted(run, run)]
    part = np.floor((time[order] - first) / _LONGEST_S)
    _, label, count = np.unique(run * 1_000_000 + part, return_inverse=True, return_counts=True)
    rank = np.empty(count.size, dtype=np.int64)
    rank[np.argsort(-count, kind="stable")] = np.arange(count.size)
    found = np.empty(rows.size, dtype=np.int64)
    found[order] = rank[label]
    return np.where(found < MOST_PASSES, found, -1)
