"""Signed records as columns, so that a server draws what a surveyor drew."""

from collections.abc import Iterable, Sequence

import numpy as np

from domain.records import result as bodies
from domain.records.measured import is_stem_measured
from survey.coverage import Ring
from survey.report.columns import StandColumns

_MILLI = 1_000.0


def read_records(trees: Sequence[bodies.Tree], closing: bodies.Result, crs: str) -> StandColumns:
    """Return a survey's tree records as columns, in their order; trees without easting are left out.

    Parameters
    ----------
    trees
        Of one survey.
    closing
        Its result record, for the area.
    crs
        Of the survey's positions.
    """
    placed = [tree for tree in trees if tree.position.x_mm is not None and tree.position.y_mm is not None]
    stems = [_thickest(tree) for tree in placed]
    return StandColumns(
        x_m=_column(tree.position.x_mm for tree in placed),
        y_m=_column(tree.position.y_mm for tree in placed),
        height_m=_values(_known_height(tree) for tree in placed),
        height_error_m=_errors(_known_height(tree) for tree in placed),
        dbh_cm=100.0 * _values(stems),
        dbh_error_cm=100.0 * _errors(stems),
        crown_diameter_m=_values(tree.crown.diameter_mm if tree.crown else None for tree in placed),
        # A crown without outline was not seen from above.
        is_hidden=np.array([not (tree.crown and tree.crown.outline) for tree in placed], dtype=np.bool_),
        outlines=tuple(_read_ring(tree) for tree in placed),
        crs=crs,
        area_m2=closing.area_cm2 / 10_000.0,
        is_dbh_measured=bool(placed) and all(is_stem_measured(tree) for tree in placed if tree.stems),
    )


def read_covered(closing: bodies.Result) -> tuple[Ring, ...]:
    """Return the outline of the ground that a survey covered, metres."""
    return tuple(_pair(ring) for ring in closing.covered)


def _read_ring(tree: bodies.Tree) -> Ring | None:
    return _pair(tree.crown.outline) if tree.crown and tree.crown.outline else None


def _pair(flat: Sequence[int]) -> Ring:
    return tuple((x / _MILLI, y / _MILLI) for x, y in zip(flat[::2], flat[1::2], strict=True))


def _known_height(tree: bodies.Tree) -> bodies.Estimate | None:
    """Return a tree's height; one that is only a lower bound would draw trees too small."""
    return None if tree.is_top_hidden else tree.height_mm


def _thickest(tree: bodies.Tree) -> bodies.Estimate | None:
    return max((stem.diameter_mm for stem in tree.stems or ()), key=lambda one: one.value, default=None)


def _column(values: Iterable[int | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value / _MILLI for value in values])


def _values(estimates: Iterable[bodies.Estimate | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if one is None else one.value / _MILLI for one in estimates])


def _errors(estimates: Iterable[bodies.Estimate | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(
        [np.nan if one is None else np.hypot(one.own_error, one.shared_error) / _MILLI for one in estimates]
    )
