"""Signed comparisons as columns of growth."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from domain.records.match import Match
from domain.records.result import Tree
from survey.report.columns import GrowthColumns

_MILLI: Final = 1_000.0
_DAYS_YEAR: Final = 365.2425


def read_growth(trees: Sequence[Tree], matches: Iterable[Match]) -> GrowthColumns:
    """Return the heights of trees seen twice; those last seen at another time than most are left out.

    Parameters
    ----------
    trees
        Of the later survey.
    matches
        Its comparison, part by part.

    Raises
    ------
    InvalidPicture
        When the surveys do not lie apart.
    """
    changes = {one.code: one.height for match in matches for one in match.same or () if one.height is not None}
    times = Counter(one.days for one in changes.values())
    days = max(times, key=lambda one: (times[one], one), default=0)
    pairs = [(tree.height_mm.value, changes[tree.code]) for tree in trees if tree.code in changes and tree.height_mm]
    chosen = [(height, change) for height, change in pairs if change.days == days]
    after = np.array([height for height, _ in chosen], dtype=np.float64) / _MILLI
    change = np.array([one.change_mm for _, one in chosen], dtype=np.float64) / _MILLI
    error = np.array([one.error_mm for _, one in chosen], dtype=np.float64) / _MILLI
    return GrowthColumns(after - change, after, error, days / _DAYS_YEAR)
