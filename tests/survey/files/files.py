"""Small clouds in every format, written by other people's libraries, with the coordinates that they must give back."""

import struct
from pathlib import Path

import laspy
import numpy as np
import pye57
import pytest
from numpy.typing import NDArray

from tests.survey.scenes import SHARED

Floats = NDArray[np.float64]

MALFORMED = SHARED / "malformed"
needs_malformed = pytest.mark.skipif(not MALFORMED.is_dir(), reason="the shared malformed files are not here")
NAMES_14 = ("intensity", "user_data", "point_source_id", "gps_time")


def make_xyz(count: int, seed: int, side: float = 50.0) -> Floats:
    """Return places in a cube, on whole millimetres so that LAS holds them exactly."""
    rng = np.random.default_rng(seed)
    return np.round(rng.random((count, 3)) * side, 3)


def write_las(path: Path, count: int, *, version: str = "1.4", point_format: int = 6) -> laspy.LasData:
    """Write random points by laspy, and return its view of them."""
    rng = np.random.default_rng(1)
    header = laspy.LasHeader(version=version, point_format=point_format)
    header.scales, header.offsets = np.full(3, 0.001), np.zeros(3)
    las = laspy.LasData(header)
    las.x, las.y, las.z = make_xyz(count, 1).T
    las.intensity = rng.integers(0, 65536, count)
    las.number_of_returns = rng.integers(1, 6, count)
    las.return_number = rng.integers(1, 6, count)
    las.classification = rng.integers(0, 32, count)
    las.user_data = rng.integers(0, 256, count)
    las.point_source_id = rng.integers(0, 65536, count)
    las.withheld = rng.integers(0, 2, count)
    if "gps_time" in las.point_format.dimension_names:
        las.gps_time = rng.random(count) * 1e6
    if "red" in las.point_format.dimension_names:
        las.red, las.green, las.blue = rng.integers(0, 65536, (3, count))
    las.write(path)
    return las


def write_ply(path: Path, xyz: Floats, order: str, *, kind: str = "double") -> None:
    """Write a PLY file by the words of its format."""
    head = f"ply\nformat {order} 1.0\ncomment a tree\nelement vertex {len(xyz)}\n"
    head += "".join(f"property {kind} {axis}\n" for axis in "xyz") + "property uchar red\n"
    head += "property uchar green\nproperty uchar blue\nelement face 0\nproperty list uchar int vertex_indices\n"
    with path.open("wb") as file:
        file.write(head.encode() + b"end_header\n")
        for at, (x, y, z) in enumerate(xyz):
            colour = (at % 256, 0, 255)
            if order == "ascii":
                file.write(f"{x} {y} {z} {colour[0]} {colour[1]} {colour[2]}\n".encode())
            else:
                form = ("<" if "little" in order else ">") + ("3d3B" if kind == "double" else "3f3B")
                file.write(struct.pack(form, x, y, z, *colour))


def write_e57(path: Path, scans: list[tuple[Floats, list[float], list[float]]]) -> None:
    """Write scans, each with points in its own frame, a quaternion and a translation, by pye57."""
    file = pye57.E57(str(path), mode="w")
    for number, (xyz, rotation, translation) in enumerate(scans):
        data = {
            "cartesianX": xyz[:, 0].copy(),
            "cartesianY": xyz[:, 1].copy(),
            "cartesianZ": xyz[:, 2].copy(),
            "intensity": np.linspace(0.0, 1.0, len(xyz)),
        }
        file.write_scan_raw(
            data, name=f"station {number}", rotation=np.array(rotation), translation=np.array(translation)
        )
    file.close()
