"""What a survey from the ground returns: plain values that travel between processes."""

from dataclasses import dataclass

from survey.algorithm import StepDone
from survey.coverage import Ring


@dataclass(frozen=True, slots=True)
class TaperPoint:
    """A stem's section at a height.

    Attributes
    ----------
    height_m
        Above the ground from which breast height counts.
    x_m, y_m
        Axis: easting and northing.
    diameter_cm, diameter_error_cm
        And its standard error.
    coverage
        Share of the circumference that has points, 0 to 1.
    """

    height_m: float
    x_m: float
    y_m: float
    diameter_cm: float
    diameter_error_cm: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Stem:
    """One stem of a tree.

    Attributes
    ----------
    x_m, y_m
        Axis at breast height: easting and northing.
    position_error_m
        Standard error of each, within the cloud's frame.
    diameter_cm, diameter_error_cm
        At breast height and its standard error.
    at_height_m
        Height above ground where the diameter holds.
    lean_deg
        Angle of the axis at breast height from the vertical.
    out_of_round
        Longest over shortest width of the section, less 1.
    taper
        Sections from the foot upward, where they are seen; diameters never grow upward.
    volume_m3
        From the ground to the highest section.
    coverage
        Share of the circumference about breast height that has points, 0 to 1.
    noise_m
        Root of the mean square distance of points from the fitted surface.
    points
        That the diameter rests on.
    layers
        Layers between 0.5 and 4.5 m, of 20, in which the stem is seen as a circle.
    """

    x_m: float
    y_m: float
    position_error_m: float
    diameter_cm: float
    diameter_error_cm: float
    at_height_m: float
    lean_deg: float
    out_of_round: float
    taper: tuple[TaperPoint, ...]
    volume_m3: float
    coverage: float
    noise_m: float
    points: int
    layers: int


@dataclass(frozen=True, slots=True)
class StemTree:
    """One tree. Positions are in the cloud's frame, metres.

    Attributes
    ----------
    x_m, y_m
        Foot of the thickest stem: easting and northing.
    position_error_m
        Standard error of each, within the cloud's frame.
    ground_m
        Elevation of the ground from which breast height counts.
    stems
        The thickest first; several where they part below breast height.
    height_m
        Of the tree's top above the ground, or of the highest point that is surely its own where the top is not seen.
    height_error_m
        Standard error; absent where the top is not seen.
    is_height_seen
        Else the tree is at least that tall: its top is hidden from below.
    crown_outline
        Closed ring of easting and northing around what is seen of the crown from above; absent where little is.
    crown_diameter_m
        Of the circle with its area; absent as it is.
    evidence_point
        Index in the file of the point of the stem nearest to breast height: the tree's code comes from it.
    """

    x_m: float
    y_m: float
    position_error_m: float
    ground_m: float
    stems: tuple[Stem, ...]
    height_m: float
    height_error_m: float | None
    is_height_seen: bool
    crown_outline: Ring | None
    crown_diameter_m: float | None
    evidence_point: int


@dataclass(frozen=True, slots=True)
class StemPlot:
    """A survey of one cloud from within the forest.

    Attributes
    ----------
    trees
        The thickest first.
    noise_m
        Of the cloud: how far points of stems lie from smooth surfaces.
    shift_m
        Of the cloud: how far passes of the scanner are off one another, each axis; where they are not told, a guess.
    spacing_m
        Median level distance of a point's third neighbour between 1.2 and 1.4 m above ground.
    points, ground_points
        In the cloud, and taken for ground among the lowest of small columns.
    steps
        What was done, in order.
    warnings
        What a reader of the figures must know.
    """

    trees: tuple[StemTree, ...]
    noise_m: float
    shift_m: float
    spacing_m: float
    points: int
    ground_points: int
    steps: tuple[StepDone, ...]
    warnings: tuple[str, ...]
