"""Sizes and stocks of many trees as arrays: one place for each tree, not a number where nothing is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.allometry.errors import InvalidSizes
from survey.cloud import Floats
from survey.estimate import Estimate

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """One size of many trees, arrays of shape (n,).

    Attributes
    ----------
    value
        In the unit of the name that holds it; not a number where the tree has none.
    own_error
        Standard error that is each tree's own.
    shared_error
        Standard error that all trees share.
    """

    value: Floats
    own_error: Floats
    shared_error: Floats


@dataclass(frozen=True, slots=True, eq=False)
class TreeColumns:
    """What was measured of many trees.

    Attributes
    ----------
    height_m, crown_m, dbh_cm
        Height, diameter of the circle with the crown's area, stem diameter at breast height where it was measured.
    """

    height_m: Sizes
    crown_m: Sizes
    dbh_cm: Sizes

    def __len__(self) -> int:
        return int(self.height_m.value.size)


@dataclass(frozen=True, slots=True, eq=False)
class EstimateColumn:
    """Estimates of one quantity for many trees, arrays of shape (n,).

    Attributes
    ----------
    value, own_error, shared_error
        As of `Estimate`; not a number where there is none.
    models
        Ids of the equations or measurements.
    which
        Index among `models` for each tree; -1 where there is no estimate.
    """

    value: Floats
    own_error: Floats
    shared_error: Floats
    models: tuple[str, ...]
    which: NDArray[np.int8]

    @property
    def is_known(self) -> Mask:
        """Where there is an estimate, shape (n,)."""
        return self.which >= 0

    def at(self, number: int) -> Estimate | None:
        """Return one tree's estimate, if it has one."""
        which = int(self.which[number])
        if which < 0:
            return None
        return Estimate(
            float(self.value[number]),
            float(self.own_error[number]),
            float(self.shared_error[number]),
            self.models[which],
        )

    def to_list(self) -> list[Estimate | None]:
        """Return every tree's estimate, in order."""
        rows = zip(
            self.value.tolist(), self.own_error.tolist(), self.shared_error.tolist(), self.which.tolist(), strict=True
        )
        return [
            None if which < 0 else Estimate(value, own, shared, self.models[which])
            for value, own, shared, which in rows
        ]


@dataclass(frozen=True, slots=True)
class Stocks:
    """What stands in one tree; absent where it is not available, `notes` then say why.

    Attributes
    ----------
    dbh_cm, volume_m3, biomass_kg, carbon_kg
        Stem diameter at 1.3 m; stem volume over bark; dry biomass above ground; carbon above and below ground.
    notes
        What is not available, what lies outside the range of its equation.
    """

    dbh_cm: Estimate | None
    volume_m3: Estimate | None
    biomass_kg: Estimate | None
    carbon_kg: Estimate | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StockColumns:
    """What stands in many trees.

    Attributes
    ----------
    dbh_cm, basal_area_m2, volume_m3, biomass_kg, carbon_kg
        As of `Stocks`, and the area of the stem's section at 1.3 m.
    is_outside
        Whether a tree's stem diameter lies outside the range of an equation used, shape (n,).
    notes
        What is not available and why, and how many trees lie outside a range.
    """

    dbh_cm: EstimateColumn
    basal_area_m2: EstimateColumn
    volume_m3: EstimateColumn
    biomass_kg: EstimateColumn
    carbon_kg: EstimateColumn
    is_outside: Mask
    notes: tuple[str, ...]

    def at(self, number: int) -> Stocks:
        """Return one tree's stocks."""
        return Stocks(
            self.dbh_cm.at(number),
            self.volume_m3.at(number),
            self.biomass_kg.at(number),
            self.carbon_kg.at(number),
            self.notes,
        )


def gather_sizes(estimates: Sequence[Estimate | None]) -> Sizes:
    """Return estimates as arrays; not a number where there is none.

    Examples
    --------
    >>> gather_sizes([Estimate(25.0, 0.5, 0.1, "h"), None]).value
    array([25., nan])
    """
    rows = [(one.value, one.own_error, one.shared_error) if one else (np.nan, 0.0, 0.0) for one in estimates]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Sizes(table[:, 0], table[:, 1], table[:, 2])


def check_trees(trees: TreeColumns) -> None:
    """Raise `InvalidSizes` unless all columns have one length and every known size is finite and above zero."""
    for name, sizes in (("height_m", trees.height_m), ("crown_m", trees.crown_m), ("dbh_cm", trees.dbh_cm)):
        for part in (sizes.value, sizes.own_error, sizes.shared_error):
            if part.shape != (len(trees),):
                raise InvalidSizes(name, part.shape, f"each column has shape ({len(trees)},)")
        known = sizes.value[~np.isnan(sizes.value)]
        if known.size and not (np.isfinite(known).all() and known.min() > 0.0):
            raise InvalidSizes(name, float(known.min()), "sizes are finite and above zero")
        errors = np.concatenate([sizes.own_error, sizes.shared_error])
        if errors.size and not (np.isfinite(errors).all() and errors.min() >= 0.0):
            raise InvalidSizes(f"error of {name}", float(errors.min()), "errors are finite and not below zero")
