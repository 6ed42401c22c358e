"""The demo's field: a stand, a drone's cloud of it, a crew's day in it, all from one seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyproj import Transformer

from sample_data.field.crew import CrewParameters, CrewStop, walk_plot
from sample_data.field.device_log import encode_log
from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.files.las import write_cloud

CREW_TREES = 12


@dataclass(frozen=True, slots=True)
class Field:
    """What the demo's devices bring home.

    Attributes
    ----------
    cloud, log
        The drone's LAZ file and the crew's recorded day.
    readings
        Readings in the log.
    trees
        Trees that truly stand there; nothing for a cloud of one's own.
    """

    cloud: Path
    log: Path
    readings: int
    trees: int | None


def make_field(folder: Path, seed: int, cloud: Path | None) -> Field:
    """Return a field's files, written to `folder`; a cloud given takes the place of the simulated scan."""
    folder.mkdir(parents=True, exist_ok=True)
    stand = grow_stand(seed)
    log = folder / "crew.log"
    stops = _walk(stand, seed)
    log.write_bytes(encode_log(stops))
    # Each stop: five fixes, one height, one diameter.
    readings = sum(len(stop.fixes) + 2 for stop in stops)
    if cloud is not None:
        return Field(cloud, log, readings, None)
    path = folder / "drone.laz"
    _scan(stand, seed, path)
    return Field(path, log, readings, len(stand.trees))


def _walk(stand: Stand, seed: int) -> tuple[CrewStop, ...]:
    to_geographic = Transformer.from_crs(stand.epsg, 4326, always_xy=True)
    # The drone's file says no time, so it counts as of today; a crew of years ago would have measured other heights.
    yesterday = datetime.now(UTC).replace(hour=7, minute=30, second=0, microsecond=0) - timedelta(days=1)
    return walk_plot(
        stand,
        seed=seed,
        to_geographic=to_geographic.transform,
        trees=CREW_TREES,
        parameters=CrewParameters(begins_at=yesterday),
    )


def _scan(stand: Stand, seed: int, path: Path) -> None:
    cloud = scan_airborne(stand, seed=seed)
    write_cloud(path, cloud, epsg=stand.epsg)
