"""The difference of two estimates of one tree, with its error.

Own errors are taken for independent: they add as squares. Shared errors of one model act alike both times, so that most
of them cancels: with correlation r the difference keeps sqrt(s1 ** 2 + s2 ** 2 - 2 r s1 s2). Of an error that is the
same length both times (what echoes miss of a tip) little is left; of one that is a share of the size (a diameter's
equation) the share of the growth is. Two different models share nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from survey.estimate import Estimate, sum_estimates
from survey.resurvey.seen import STANDING, TreeSeen

SAME_MODEL_CORRELATION: Final = 0.8
"""Of a model's error in two campaigns. Flight, season and density differ, so not all of it returns: a judgement."""
TWO_SIDED_95: Final = 1.959_964
"""Standard errors of a 95 % interval of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Later less earlier of one quantity; the unit stands in the name of the field that holds it.

    Attributes
    ----------
    change
        Difference, with own error and what is left of the shared one; its model names both.
    years
        Between both.
    """

    change: Estimate
    years: float

    @property
    def error(self) -> float:
        """Standard error of the difference, own and shared together."""
        return math.hypot(self.change.own_error, self.change.shared_error)

    @property
    def is_significant(self) -> bool:
        """Whether the 95 % interval leaves out zero."""
        return abs(self.change.value) > TWO_SIDED_95 * self.error


@dataclass(frozen=True, slots=True)
class TreeGrowth:
    """What of a tree can be compared; absent where either campaign does not tell it, or the tree does not stand.

    Attributes
    ----------
    height_m, crown_m, dbh_cm
        Growth in height, crown diameter and stem diameter.
    """

    height_m: Growth | None = None
    crown_m: Growth | None = None
    dbh_cm: Growth | None = None


def measure_growth(earlier: TreeSeen, later: TreeSeen, years: float) -> TreeGrowth:
    """Return how a tree changed between two campaigns."""
    if earlier.status not in STANDING or later.status not in STANDING:
        return TreeGrowth()
    return TreeGrowth(
        _subtract_known(earlier.height_m, later.height_m, years),
        _subtract_known(earlier.crown_m, later.crown_m, years),
        _subtract_known(earlier.dbh_cm, later.dbh_cm, years),
    )


def subtract(earlier: Estimate, later: Estimate, years: float) -> Growth:
    """Return later less earlier.

    Examples
    --------
    >>> growth = subtract(Estimate(20.0, 0.3, 0.2, "apex"), Estimate(22.0, 0.4, 0.2, "apex"), 5.0)
    >>> growth.change.value, growth.change.own_error, round(growth.change.shared_error, 3), growth.is_significant
    (2.0, 0.5, 0.126, True)
    """
    is_same = earlier.model == later.model
    shared = SAME_MODEL_CORRELATION if is_same else 0.0
    squared = earlier.shared_error**2 + later.shared_error**2 - 2.0 * shared * earlier.shared_error * later.shared_error
    change = Estimate(
        later.value - earlier.value,
        math.hypot(earlier.own_error, later.own_error),
        math.sqrt(max(squared, 0.0)),
        earlier.model if is_same else f"{later.model} less {earlier.model}",
    )
    return Growth(change, years)


def average_growth(growths: Sequence[Growth]) -> Growth | None:
    """Return the mean growth of trees, own errors averaged out and shared ones not; none where there is no tree."""
    if not growths:
        return None
    models = {growth.change.model for growth in growths}
    total = sum_estimates([growth.change for growth in growths], models.pop() if len(models) == 1 else "several models")
    count = len(growths)
    mean = Estimate(total.value / count, total.own_error / count, total.shared_error / count, total.model)
    return Growth(mean, growths[0].years)


def _subtract_known(earlier: Estimate | None, later: Estimate | None, years: float) -> Growth | None:
    return None if earlier is None or later is None else subtract(earlier, later, years)
