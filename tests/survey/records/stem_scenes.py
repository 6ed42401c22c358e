"""A plot of cones as a file: every diameter, foot and lean is known in closed form."""

from pathlib import Path
from typing import Final

import numpy as np

from domain.cid import DAG_CBOR, RAW, Cid
from sample_data.scanning.cloud import PointCloud
from survey.files.las import write_cloud
from survey.records.bodies import RecordContext
from tests.survey.terrestrial.scenes import Cone, make_plot

EAST: Final = 383_000.0
NORTH: Final = 5_428_000.0
UP: Final = 700.0
CONES: Final = (
    Cone(3.0, 3.0, 0.15),
    Cone(8.0, 4.0, 0.20),
    Cone(5.0, 9.0, 0.11),
    Cone(9.5, 9.5, 0.13, lean=0.06),
)
UNSIGNED: Final = Cid(DAG_CBOR, bytes(32))
CLOUD: Final = Cid.of(RAW, b"a plot")
CONTEXT: Final = RecordContext("north-forest", "ridge", CLOUD, CLOUD, b"s" * 32, 1_790_000_000_000)


def write_plot(path: Path, cones: tuple[Cone, ...] = CONES, *, seed: int = 2_041) -> Path:
    """Write a plot as LAZ in EPSG:32633; the same arguments give the same bytes."""
    x, y, z = make_plot(cones, seed=seed).T
    ones, nothing = np.ones(x.size, dtype=np.uint8), np.zeros(x.size)
    strip = np.zeros(x.size, dtype=np.uint16)
    points = PointCloud(x + EAST, y + NORTH, z + UP, strip, ones, ones, ones, nothing, nothing, strip)
    write_cloud(path, points, epsg=32633)
    return path
