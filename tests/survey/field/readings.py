"""Observations for these tests: what a device would have signed."""

from collections.abc import Sequence

from domain.cid import RAW, Cid
from domain.readings import GnssMean, HeightShot, Reading, StemDiameter, Visit
from domain.records.field import Observation, Place
from survey.field.visits import Heard

LON_DEG, LAT_DEG = 13.4, 49.0
MINUTE_MS = 60_000


def observe(seq: int, *readings: Reading, device: str = "rover-1", boot: bytes = b"b" * 16) -> tuple[Cid, Observation]:
    """Return an observation and its CID."""
    place = Place(b"e" * 16, seq, 1_700_000_000_000, boot, readings[0].mono_ms)
    body = Observation("north-forest", device, "ridge", place, readings)
    return Cid.of(RAW, f"{device}/{boot.hex()}/{seq}".encode()), body


def hear(*readings: Reading) -> tuple[Heard, ...]:
    """Return readings of one record."""
    record = Cid.of(RAW, b"one record")
    return tuple(Heard(record, index, reading) for index, reading in enumerate(readings))


def stop(ended_ms: int, lasted_ms: int = 30_000, *, east_m: float = 0.0, error_mm: int | None = 1_000) -> GnssMean:
    """Return the mean of a stop some metres east of the origin."""
    lon = LON_DEG + east_m / (111_320.0 * 0.656_059)
    return GnssMean(
        ended_ms, round(lon * 1e9), round(LAT_DEG * 1e9), 1, 30, lasted_ms, hdop_c=120, horizontal_error_mm=error_mm
    )


def shots(mono_ms: int, *heights_mm: int) -> HeightShot:
    """Return a series of heights of one target."""
    return HeightShot(mono_ms, height_mm=round(sum(heights_mm) / len(heights_mm)), shots_mm=heights_mm)


def caliper(mono_ms: int, *diameters_mm: int, at_height_mm: int | None = 1_300) -> list[StemDiameter]:
    """Return readings of one stem, a second apart."""
    return [
        StemDiameter(mono_ms + 1_000 * number, diameter, at_height_mm) for number, diameter in enumerate(diameters_mm)
    ]


def kinds(heard: Sequence[Heard]) -> list[str]:
    """Return what kinds of readings these are."""
    return [type(one.reading).__name__ for one in heard]


def enter(mono_ms: int, tree: str | None = None, species: str | None = "Picea abies") -> Visit:
    """Return what a crew enters."""
    return Visit(mono_ms, tree=tree, species=species)
