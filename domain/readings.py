"""What field instruments say, in one form whatever the maker: the readings inside an observation."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from domain.cid import Cid
from domain.codes import CODE_PATTERN
from domain.quantities import (
    CentiDegrees,
    Count,
    DurationMs,
    ElevationMm,
    HeightMm,
    Id,
    LengthMm,
    Name,
    NanoDegrees,
    Ppm,
    Status,
    UtcMs,
)
from domain.schema import Length, OneOf, Pattern, Range

Raw: TypeAlias = Annotated[bytes, Length(1, 512)]
"""The device's own bytes behind a reading, so that anyone can read them again."""
Quality: TypeAlias = Annotated[int, Range(0, 9)]
"""NMEA quality of a fix: 0 none, 1 single, 2 differential, 3 PPS, 4 RTK fixed, 5 RTK float, 6 estimated, 7 manual, 8
simulated, 9 wide-area augmentation as some makers say it."""
DopC: TypeAlias = Annotated[int, Range(0, 10_000)]
"""Dilution of precision in hundredths."""


@dataclass(frozen=True, slots=True)
class GnssFix:
    """A position from a GNSS receiver.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the reading came.
    lon_nd, lat_nd
        Longitude and latitude in 10^-9 degree, in the receiver's datum.
    quality
        How it was made; see `Quality`.
    satellites
        Satellites used.
    altitude_mm
        Orthometric height (above the receiver's geoid); absent when not given.
    geoid_mm
        Geoid above the ellipsoid; ellipsoidal height is the sum.
    hdop_c, vdop_c, pdop_c
        Dilution of precision: horizontal, vertical, of position.
    east_error_mm, north_error_mm, up_error_mm
        Standard deviations (NMEA GST).
    horizontal_error_mm, vertical_error_mm
        The receiver's own accuracy estimates (UBX hAcc, vAcc).
    correction_age_ms, correction_station
        How old the corrections used were, and whose.
    gnss_at_ms
        UTC by the satellites.
    datum
        Name of the datum, if known.
    raw
        The sentences, joined.
    """

    TYPE: ClassVar[str] = "gnss"

    mono_ms: DurationMs
    lon_nd: NanoDegrees
    lat_nd: NanoDegrees
    quality: Quality
    satellites: Annotated[int, Range(0, 255)] | None = None
    altitude_mm: ElevationMm | None = None
    geoid_mm: ElevationMm | None = None
    hdop_c: DopC | None = None
    vdop_c: DopC | None = None
    pdop_c: DopC | None = None
    east_error_mm: LengthMm | None = None
    north_error_mm: LengthMm | None = None
    up_error_mm: LengthMm | None = None
    horizontal_error_mm: LengthMm | None = None
    vertical_error_mm: LengthMm | None = None
    correction_age_ms: DurationMs | None = None
    correction_station: Annotated[int, Range(0, 65_535)] | None = None
    gnss_at_ms: UtcMs | None = None
    datum: Name | None = None
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class GnssMean:
    """A position averaged over a stop: what a tree or plot centre is placed by.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the stop ended.
    lon_nd, lat_nd
        Mean longitude and latitude in 10^-9 degree, in the receiver's datum.
    quality
        The least good of the fixes used; only fixes of the best common quality are.
    fixes, left_out
        Fixes used, and fixes of the stop that were not: of lesser quality, or outliers.
    duration_ms
        From the first fix used to the last.
    east_sd_mm, north_sd_mm, up_sd_mm
        Standard deviations of the single fixes about the mean: scatter, not accuracy; neighbouring fixes are
        correlated.
    altitude_mm, geoid_mm
        As in `GnssFix`, averaged.
    hdop_c
        The largest of the fixes used.
    horizontal_error_mm, vertical_error_mm
        Root mean square of the receiver's own accuracy estimates.
    datum
        Name of the datum, if known.
    """

    TYPE: ClassVar[str] = "gnss-mean"

    mono_ms: DurationMs
    lon_nd: NanoDegrees
    lat_nd: NanoDegrees
    quality: Quality
    fixes: Annotated[int, Range(1, 1_000_000)]
    duration_ms: DurationMs
    left_out: Count = 0
    east_sd_mm: LengthMm | None = None
    north_sd_mm: LengthMm | None = None
    up_sd_mm: LengthMm | None = None
    altitude_mm: ElevationMm | None = None
    geoid_mm: ElevationMm | None = None
    hdop_c: DopC | None = None
    horizontal_error_mm: LengthMm | None = None
    vertical_error_mm: LengthMm | None = None
    datum: Name | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """Where the operator stood, as the instrument's own memory says it; never the target's place.

    Attributes
    ----------
    lon_nd, lat_nd
        Longitude and latitude in 10^-9 degree, WGS 84 by the instrument's own receiver.
    altitude_mm
        As the instrument says it.
    hdop_c
        Horizontal dilution of precision.
    """

    lon_nd: NanoDegrees
    lat_nd: NanoDegrees
    altitude_mm: ElevationMm | None = None
    hdop_c: DopC | None = None


@dataclass(frozen=True, slots=True)
class HeightShot:
    """A laser hypsometer's shot or set of shots: distances from the operator and the height of a target.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the reading came.
    horizontal_mm, slope_mm
        Distance on the level, and along the beam.
    inclination_cd, azimuth_cd
        Angle of the beam above the level, and from north, 1/100 degree.
    height_mm
        Height of the thing aimed at: as the instrument computed it, or the mean of a series' shots.
    shots_mm
        Each height of a series, where the instrument sends them one by one.
    instrument
        Make and model, as the device says it.
    target
        Number or id that the instrument gave the target.
    station
        Where the operator stood, where the instrument's memory tells it; the shot's vector leads from there to the
        target.
    raw
        The device's line.
    """

    TYPE: ClassVar[str] = "height"

    mono_ms: DurationMs
    horizontal_mm: LengthMm | None = None
    slope_mm: LengthMm | None = None
    inclination_cd: CentiDegrees | None = None
    azimuth_cd: CentiDegrees | None = None
    height_mm: HeightMm | None = None
    shots_mm: Annotated[tuple[HeightMm, ...], Length(1, 10)] | None = None
    instrument: Name | None = None
    target: Annotated[str, Length(1, 40)] | None = None
    station: Station | None = None
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class MissingLine:
    """A line between two targets, neither of which the operator stood at: crown width, distance of two stems.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the reading came.
    horizontal_mm, slope_mm
        Length on the level, and straight.
    inclination_cd, azimuth_cd
        Direction from the first target to the second, 1/100 degree.
    instrument
        Make and model, as the device says it.
    raw
        The device's line.
    """

    TYPE: ClassVar[str] = "missing-line"

    mono_ms: DurationMs
    horizontal_mm: LengthMm | None = None
    slope_mm: LengthMm | None = None
    inclination_cd: CentiDegrees | None = None
    azimuth_cd: CentiDegrees | None = None
    instrument: Name | None = None
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class StemDiameter:
    """A caliper's reading.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the reading came.
    diameter_mm
        Diameter over bark.
    at_height_mm
        Height on the stem, when the device or crew says it.
    species_code
        The caliper's own species entry.
    instrument
        Make and model.
    raw
        The device's line.
    """

    TYPE: ClassVar[str] = "diameter"

    mono_ms: DurationMs
    diameter_mm: Annotated[int, Range(1, 20_000)]
    at_height_mm: HeightMm | None = None
    species_code: Annotated[str, Length(1, 40)] | None = None
    instrument: Name | None = None
    raw: Raw | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Words of the crew about what they stand before.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when it was entered.
    text
        1 to 1,000 characters.
    topic
        What the words are about.
    """

    TYPE: ClassVar[str] = "note"

    mono_ms: DurationMs
    text: Annotated[str, Length(1, 1_000)]
    topic: Annotated[str, OneOf(("tree", "plot", "damage", "species", "other"))] = "other"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that the device holds: where and when it was taken, by its own metadata (EXIF).

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when the photo was taken in.
    root
        UnixFS root of the photo's file, declared by a blob record.
    lon_nd, lat_nd
        Of the camera, in 10^-9 degree; absent when the photo does not say.
    altitude_mm, ellipsoidal_mm
        Of the camera above sea level, and above the ellipsoid, as RTK drones say; neither is made of the other.
    above_ground_mm
        Height above the place of take-off, as drones say it.
    yaw_cd, pitch_cd, roll_cd
        Of the camera: from north, above the level (straight down: -9,000), about its axis.
    taken_ms
        UTC by the satellites; absent when the photo has local time alone.
    camera
        Make and model.
    """

    TYPE: ClassVar[str] = "photo"

    mono_ms: DurationMs
    root: Cid
    lon_nd: NanoDegrees | None = None
    lat_nd: NanoDegrees | None = None
    altitude_mm: ElevationMm | None = None
    ellipsoidal_mm: ElevationMm | None = None
    above_ground_mm: ElevationMm | None = None
    yaw_cd: CentiDegrees | None = None
    pitch_cd: CentiDegrees | None = None
    roll_cd: CentiDegrees | None = None
    taken_ms: UtcMs | None = None
    camera: Name | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """What the crew enters by hand at a tree.

    Attributes
    ----------
    mono_ms
        Monotonic clock of the device when it was entered.
    tree
        The tree's code, from its label; absent for one that has none yet.
    plot
        Area within which it stands.
    species, species_code
        Scientific name, and its code in the campaign's list.
    status
        Alive, dead, fallen, stump, gone.
    diameter_mm, at_height_mm
        Diameter over bark and the height on the stem where it was taken.
    height_mm
        Height of the tree.
    damage_agent, damage_ppm
        What harmed it, and how much of it.
    remark
        In the crew's words.
    """

    TYPE: ClassVar[str] = "visit"

    mono_ms: DurationMs
    tree: Annotated[str, Pattern(CODE_PATTERN, "17 symbols of a tree code")] | None = None
    plot: Id | None = None
    species: Name | None = None
    species_code: Annotated[str, Length(1, 40)] | None = None
    status: Status | None = None
    diameter_mm: Annotated[int, Range(1, 20_000)] | None = None
    at_height_mm: HeightMm | None = None
    height_mm: HeightMm | None = None
    damage_agent: Name | None = None
    damage_ppm: Ppm | None = None
    remark: Annotated[str, Length(1, 1_000)] | None = None


Reading: TypeAlias = GnssFix | GnssMean | HeightShot | MissingLine | StemDiameter | Photo | Visit | Note
"""Any one of them; in a record's bytes the key ``type`` tells which."""
