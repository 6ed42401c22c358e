"""What a survey of one cloud returns: plain values that travel between processes."""

from dataclasses import dataclass

from survey.airborne.detection import DetectionClass
from survey.airborne.forms_records import FallenStem, TreeForm
from survey.algorithm import StepDone
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import CloudCrs


@dataclass(frozen=True, slots=True)
class TreeEstimate:
    """One tree. Positions are in the cloud's CRS, converted to metres.

    Attributes
    ----------
    x_m, y_m
        Easting and northing of the apex.
    position_error_m
        Horizontal standard error of the stem's foot being there, each axis.
    longitude_deg, latitude_deg
        WGS 84; absent in a local frame.
    apex_z_m
        Elevation of the apex return, or its height where the cloud is normalised.
    ground_m
        Elevation of the ground below the apex; absent where the cloud is normalised.
    apex_xyz_units
        Integers of the apex return as stored in the file; the tree's code comes from them.
    is_hidden
        Whether its top lies below the canopy.
    confidence
        Probability that this is one tree, 0 to 1.
    form
        Whether it is dead or leans; absent for hidden trees, and where nothing was asked.
    height_m
        Apex above the ground.
    crown_diameter_m
        Of the circle with the crown's area; absent where it cannot be told.
    crown_outline
        Closed ring of easting and northing; absent for hidden trees, whose crowns cannot be seen from above.
    dbh_cm, volume_m3, biomass_kg, carbon_kg
        Stem diameter at 1.3 m; stem volume; dry biomass above ground; carbon above and below ground. Absent where there
        is no crown diameter to derive them from.
    """

    x_m: float
    y_m: float
    position_error_m: float
    longitude_deg: float | None
    latitude_deg: float | None
    apex_z_m: float
    ground_m: float | None
    apex_xyz_units: tuple[int, int, int]
    is_hidden: bool
    confidence: float
    height_m: Estimate
    crown_diameter_m: Estimate | None
    crown_outline: Ring | None
    dbh_cm: Estimate | None
    volume_m3: Estimate | None
    biomass_kg: Estimate | None
    carbon_kg: Estimate | None
    form: TreeForm | None = None


@dataclass(frozen=True, slots=True)
class PointCounts:
    """What became of a file's points.

    Attributes
    ----------
    read
        In the file.
    used
        After noise, withheld points and man-made things were left out.
    noise
        Left out as noise.
    ground
        Found to be ground; 0 where the cloud is normalised.
    """

    read: int
    used: int
    noise: int
    ground: int


@dataclass(frozen=True, slots=True)
class PlotResult:
    """A survey of one cloud.

    Attributes
    ----------
    trees
        Canopy trees, tallest first, then hidden ones.
    crs
        In which positions stand.
    is_normalized
        Whether elevations were heights above ground.
    operation, operation_accuracy_m
        How longitude and latitude were derived; absent in a local frame, the accuracy also where none is registered.
    covered, area_m2
        Ground that the cloud covers: rings of easting and northing, metres, and their area.
    density, first_density
        Points and first echoes a square metre.
    counts
        What became of the points.
    detection
        How likely trees were found, by height; empty where no such figure holds for this kind of cloud.
    steps
        What was done, in order.
    warnings
        What a reader of the figures must know.
    stage_s
        Wall-clock seconds of each stage.
    fallen
        Stems on the ground, as far as they show: of one cloud the surest first, of a catalogue from west to east.
    """

    trees: tuple[TreeEstimate, ...]
    crs: CloudCrs
    is_normalized: bool
    operation: str | None
    operation_accuracy_m: float | None
    covered: tuple[Ring, ...]
    area_m2: float
    density: float
    first_density: float
    counts: PointCounts
    detection: tuple[DetectionClass, ...]
    steps: tuple[StepDone, ...]
    warnings: tuple[str, ...]
    stage_s: tuple[tuple[str, float], ...]
    fallen: tuple[FallenStem, ...] = ()
