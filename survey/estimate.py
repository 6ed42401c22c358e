"""A quantity with two errors: its own, which averages out in sums, and the model's, which does not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate; the unit stands in the name of the field that holds it.

    Attributes
    ----------
    value
        The estimate.
    own_error
        Standard error that is this tree's own.
    shared_error
        Standard error that all trees of the model share.
    model
        Id of the equation or measurement.
    """

    value: float
    own_error: float
    shared_error: float
    model: str

    @property
    def own_share(self) -> float:
        """Own error over value."""
        return self.own_error / self.value

    @property
    def shared_share(self) -> float:
        """Shared error over value."""
        return self.shared_error / self.value


def sum_estimates(estimates: Sequence[Estimate], model: str) -> Estimate:
    """Return the sum over trees: own errors add as squares, shared ones as they are.

    Examples
    --------
    >>> sum_estimates([Estimate(3.0, 0.3, 0.1, "m"), Estimate(4.0, 0.4, 0.1, "m")], "m")
    Estimate(value=7.0, own_error=0.5, shared_error=0.2, model='m')
    """
    return Estimate(
        math.fsum(one.value for one in estimates),
        math.hypot(*(one.own_error for one in estimates)),
        math.fsum(one.shared_error for one in estimates),
        model,
    )
