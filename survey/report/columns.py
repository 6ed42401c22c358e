"""What pictures are drawn from: plain columns, so that a survey, a register and a simulator can be drawn alike."""

from dataclasses import dataclass

import numpy as np
import shapely

from survey.airborne.result import PlotResult
from survey.cloud import Bools, Floats, Labels
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.report.errors import InvalidPicture


@dataclass(frozen=True, slots=True, eq=False)
class StandColumns:
    """Trees of one stand, n of them; NaN where a figure is not available.

    Attributes
    ----------
    x_m, y_m
        Easting and northing, shape (n,).
    height_m, height_error_m
        Height and its standard error, shape (n,).
    dbh_cm, dbh_error_cm
        Stem diameter at breast height and its standard error, shape (n,).
    crown_diameter_m
        Of the circle with the crown's area, shape (n,).
    is_hidden
        Whether the top lies below the canopy, shape (n,).
    outlines
        Each tree's crown as a closed ring; absent where it was not seen.
    crs
        Of the positions, for the axes.
    area_m2
        Ground covered, for figures a hectare.
    is_dbh_measured
        Whether diameters were measured; else they were modelled from height and crown.
    """

    x_m: Floats
    y_m: Floats
    height_m: Floats
    height_error_m: Floats
    dbh_cm: Floats
    dbh_error_cm: Floats
    crown_diameter_m: Floats
    is_hidden: Bools
    outlines: tuple[Ring | None, ...]
    crs: str
    area_m2: float
    is_dbh_measured: bool = False

    def __post_init__(self) -> None:
        columns = (self.y_m, self.height_m, self.height_error_m, self.dbh_cm, self.dbh_error_cm, self.crown_diameter_m)
        lengths = {len(self), len(self.is_hidden), len(self.outlines), *map(len, columns)}
        if len(lengths) != 1:
            raise InvalidPicture(f"columns of {sorted(lengths)} trees", "all must have the same number")
        if not self.area_m2 > 0.0:
            raise InvalidPicture(f"area of {self.area_m2} m2", "figures a hectare need ground")

    def __len__(self) -> int:
        return int(self.x_m.size)


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Points within a thin upright slice of a cloud, m of them, and trees that it meets.

    Attributes
    ----------
    along_m
        Distance along the slice, shape (m,).
    z_m
        Elevation, or height above ground, shape (m,).
    tree
        Number of each point's tree, -1 for none, shape (m,).
    width_m
        Thickness of the slice.
    is_above_ground
        Whether `z_m` is a height above ground.
    """

    along_m: Floats
    z_m: Floats
    tree: Labels
    width_m: float
    is_above_ground: bool


@dataclass(frozen=True, slots=True, eq=False)
class GrowthColumns:
    """Trees seen in two surveys, k of them.

    Attributes
    ----------
    before_m, after_m
        Heights, shape (k,).
    error_m
        Standard error of each difference, shape (k,).
    years
        Between the surveys.
    """

    before_m: Floats
    after_m: Floats
    error_m: Floats
    years: float

    def __post_init__(self) -> None:
        if not len(self.before_m) == len(self.after_m) == len(self.error_m):
            raise InvalidPicture("growth columns", "heights before, after and errors must be of the same trees")
        if not self.years > 0.0:
            raise InvalidPicture(f"growth over {self.years} years", "the surveys must lie apart")


@dataclass(frozen=True, slots=True, eq=False)
class ErrorColumns:
    """Differences from a reference, k of them: ours less the reference.

    Attributes
    ----------
    x_m, y_m
        Where, shape (k,).
    error_m
        Shape (k,).
    of
        What was compared with what: ``terrain less vendor ground points``.
    """

    x_m: Floats
    y_m: Floats
    error_m: Floats
    of: str


def read_columns(plot: PlotResult) -> StandColumns:
    """Return a surveyed plot's trees as columns, in its order."""
    trees = plot.trees
    return StandColumns(
        x_m=np.array([tree.x_m for tree in trees]),
        y_m=np.array([tree.y_m for tree in trees]),
        height_m=np.array([tree.height_m.value for tree in trees]),
        height_error_m=np.array([_error(tree.height_m) for tree in trees]),
        dbh_cm=np.array([_value(tree.dbh_cm) for tree in trees]),
        dbh_error_cm=np.array([_error(tree.dbh_cm) for tree in trees]),
        crown_diameter_m=np.array([_value(tree.crown_diameter_m) for tree in trees]),
        is_hidden=np.array([tree.is_hidden for tree in trees], dtype=np.bool_),
        outlines=tuple(tree.crown_outline for tree in trees),
        crs=plot.crs.text,
        area_m2=plot.area_m2,
    )


def cut_section(
    points_xyz: Floats,
    tree: Labels,
    line: tuple[tuple[float, float], tuple[float, float]],
    *,
    width_m: float,
    is_above_ground: bool,
) -> Section:
    """Return the points of a slice along a line.

    Parameters
    ----------
    points_xyz
        Easting, northing, elevation or height above ground, shape (n, 3), metres.
    tree
        Number of each point's tree, -1 for none, shape (n,).
    line
        Easting and northing of both ends.
    width_m
        Thickness of the slice, half to each side.
    is_above_ground
        Whether the third column is a height above ground.

    Raises
    ------
    InvalidPicture
        When the line has no length.

    Examples
    --------
    >>> points = np.array([[0.5, 0.2, 9.0], [0.5, 3.0, 9.0]])
    >>> tree = np.array([0, 1], np.int32)
    >>> cut_section(points, tree, ((0, 0), (1, 0)), width_m=1.0, is_above_ground=True).along_m.tolist()
    [0.5]
    """
    start, end = line
    east, north = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(east, north))
    if length == 0.0:
        raise InvalidPicture("section of length 0", "its ends must lie apart")
    from_start = points_xyz[:, :2] - start
    along = from_start @ np.array([east, north]) / length
    across = from_start @ np.array([-north, east]) / length
    inside = (np.abs(across) <= width_m / 2.0) & (along >= 0.0) & (along <= length)
    return Section(along[inside], points_xyz[inside, 2], tree[inside], width_m, is_above_ground)


def find_owners(stand: StandColumns, x_m: Floats, y_m: Floats) -> Labels:
    """Return the number of the tree whose crown holds each place, -1 for none, shape (n,)."""
    numbers = np.array([number for number, ring in enumerate(stand.outlines) if ring is not None], dtype=np.int32)
    crowns = shapely.STRtree([shapely.Polygon(stand.outlines[number]) for number in numbers])
    place, crown = crowns.query(shapely.points(x_m, y_m), predicate="within")
    owners = np.full(x_m.size, -1, dtype=np.int32)
    owners[place] = numbers[crown]
    return owners


def _value(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None else estimate.value


def _error(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None else float(np.hypot(estimate.own_error, estimate.shared_error))
