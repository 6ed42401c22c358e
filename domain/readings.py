"""What field instruments say, in one form whatever the maker: the readings inside an observation."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from domain.quantities import (
    CentiDegrees,
    DurationMs,
    ElevationMm,
    HeightMm,
    LengthMm,
    Name,
    NanoDegrees,
    UtcMs,
)
from domain.schema import Length, OneOf, Range

Raw: TypeAlias = Annotated[bytes, Length(1, 512)]
"""The device's own bytes behind a reading, so that anyone can read them again."""


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
        NMEA quality: 0 none, 1 single, 2 differential, 4 RTK fixed, 5 RTK float, 6 estimated, 7 manual, 8
        simulated.
    satellites
        Satellites used.
    altitude_mm
        Orthometric height (above the receiver's geoid); absent when not given.
    geoid_mm
        Geoid above the ellipsoid; ellipsoidal height is the sum.
    hdop_c
        Horizontal dilution of precision, hundredths.
    east_error_mm, north_error_mm, up_error_mm
        Standard deviations (NMEA GST).
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
    quality: Annotated[int, Range(0, 9)]
    satellites: Annotated[int, Range(0, 255)] | None = None
    altitude_mm: ElevationMm | None = None
    geoid_mm: ElevationMm | None = None
    hdop_c: Annotated[int, Range(0, 10_000)] | None = None
    east_error_mm: LengthMm | None = None
    north_error_mm: LengthMm | None = None
    up_error_mm: LengthMm | None = None
    gnss_at_ms: UtcMs | None = None
    datum: Name | None = None
    raw: Raw | None = None


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
        Height that the instrument computed, of the thing it aimed at.
    shots_mm
        Each height of a series, where the instrument sends them one by one.
    instrument
        Make and model, as the device says it.
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


Reading: TypeAlias = GnssFix | HeightShot | StemDiameter | Note
"""Any one of them; in a record's bytes the key ``type`` tells which."""
