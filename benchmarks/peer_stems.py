"""The peer of `benchmarks.terrestrial`: the stems that dendromatics finds, run in a Python of its own.

The benchmark calls ``PEER_PYTHON peer_stems.py CLOUD.npy TREES.json SETTINGS``. The cloud has shape (n, 3), metres. One
JSON object is written: the library's version, the CPU seconds from points to trees, and a row for each tree: easting,
northing, diameter at breast height (0 where the library gives none), height above ground, metres.

The calls are those of the library's documented example in their order. ``shipped`` settings are the defaults of 3DFin
0.6, the program that foresters run it with; they are made for scans of tens of millions of points. ``thin`` and
``noisy`` ones ask for fewer points and bridge wider gaps; they were chosen for the library's sake on simulated plots of
seeds 1000 and 1003, thin ones for tripods, noisy ones for carried scanners.
"""

import importlib.metadata
import json
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dendromatics as peer  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CLOTH_M: Final = 0.45
_STRIPE_M: Final = (0.7, 3.5)
_SECTIONS_M, _SECTIONS_APART_M, _SECTION_M = (0.3, 25.0), 0.2, 0.05
_SEARCH_M: Final = 1.0
_RADII_M: Final = (0.045, 0.5)
_WIDTH_M: Final = 0.02


@dataclass(frozen=True, slots=True)
class Settings:
    """What depends on how dense a cloud is.

    Attributes
    ----------
    voxel_m
        Side of voxels that are clustered to stems.
    least_voxels
        Of a stem.
    section_points
        Fewest in a section.
    apart_m
        Greatest distance of neighbouring points of a section.
    """

    voxel_m: float = 0.02
    least_voxels: int = 1000
    section_points: int = 80
    apart_m: float = 0.02


SETTINGS: Final = {
    "shipped": Settings(),
    "thin": Settings(0.05, 100, 20, 0.10),
    "noisy": Settings(0.04, 200, 20, 0.06),
}


def find_stems(xyz_m: Floats, settings: Settings) -> Floats:
    """Return easting, northing, diameter and height of each tree, shape (k, 4), metres.

    Parameters
    ----------
    xyz_m
        A cloud, shape (n, 3).
    settings
        For its density.
    """
    ground = peer.clean_cloth(peer.generate_dtm(xyz_m, cloth_resolution=_CLOTH_M))
    cloud = np.column_stack([xyz_m, peer.normalize_heights(xyz_m, ground)])
    stripe = _cluster(cloud[(cloud[:, 3] > _STRIPE_M[0]) & (cloud[:, 3] < _STRIPE_M[1])], settings)
    assigned, axes, tops = peer.individualize_trees(
        cloud, stripe, stripe_lower_limit=_STRIPE_M[0], stripe_upper_limit=_STRIPE_M[1], h_range=0.7, d=1.5, d_max=15.0
    )
    low, high = _SECTIONS_M
    near = (assigned[:, 5] < _SEARCH_M) & (assigned[:, 3] > low) & (assigned[:, 3] < high + _SECTION_M)
    stems = _cluster(assigned[near], settings)[:, :6]
    # A tree whose points are all dropped here has no sections: its axis must go too, or rows would not be of one tree.
    kept = np.isin(axes[:, 0], np.unique(stems[:, 4]))
    return np.column_stack([_measure(stems, axes[kept], settings), tops[kept, 3]])


def _cluster(points: Floats, settings: Settings) -> Floats:
    found: Floats = peer.verticality_clustering(
        points, n_points=settings.least_voxels, resolution_xy=settings.voxel_m, resolution_z=settings.voxel_m
    )
    return found


def _measure(stems: Floats, axes: Floats, settings: Settings) -> Floats:
    """Return easting, northing and diameter at breast height of each tree, shape (k, 3)."""
    heights = np.arange(*_SECTIONS_M, _SECTIONS_APART_M)
    east, north, radius, _, _, covered, _ = peer.compute_sections(
        stems,
        heights,
        section_width=_SECTION_M,
        R_min=_RADII_M[0],
        R_max=_RADII_M[1],
        max_dist=settings.apart_m,
        n_points_section=settings.section_points,
        width=_WIDTH_M,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        outliers = peer.tilt_detection(east, north, radius, heights, w_1=3, w_2=1)
    diameters, places = peer.tree_locator(heights, east, north, axes, covered, radius, outliers)
    found: Floats = np.column_stack([places[:, :2], diameters[:, 0]])
    return found


def main() -> None:
    """Read a cloud and write its trees; none where the library finds none."""
    xyz_m = np.load(sys.argv[1])
    before = _cpu_s()
    try:
        found = find_stems(xyz_m, SETTINGS[sys.argv[3]])
    except ValueError as error:  # the library's way to say so, and the only one
        if "n_points" not in str(error):
            raise
        found = np.empty((0, 4))
    told = {"version": importlib.metadata.version("dendromatics"), "cpu_s": _cpu_s() - before, "trees": found.tolist()}
    Path(sys.argv[2]).write_text(json.dumps(told), encoding="utf-8")


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
