"""One airborne cloud to trees: time on real tiles, terrain, trees of simulated stands beside a plain filter.

Run: ``python -m benchmarks.survey [--json] [--out FOLDER]``. With a folder, maps of where the terrain errs are drawn in
it (SVG: the real tiles, and of each kind of simulated stands the worst), and the figures stand beside them, a JSON
object a line. The tiles are real ones (2.8 million points) and are left out where the shared data are absent. Stands
have seeds 1 to 10, on which nothing was tuned. Times are user CPU of finding trees alone, kernels compiled and cached;
files are read before and nothing is written (`benchmarks.catalogue` goes the whole way).
"""

import argparse
import json
import re
import resource
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.report import Figure, print_figures
from sample_data.forest.stand import Stand, StandParameters, grow_stand
from sample_data.forest.terrain import TerrainParameters, elevation_m
from sample_data.scanning.cloud import PointCloud
from sample_data.scanning.scanner import scan_airborne
from sample_data.scoring.plain_filter import fixed_window_filter, normalize_by_truth
from sample_data.scoring.trees import score_by_class, score_trees
from survey.airborne.plot import enclose, survey_plot, to_points
from survey.airborne.result import PlotResult
from survey.airborne.tile import CloudFacts, TileSettings, choose_settings, find_tile_trees
from survey.cloud import Points, select_points
from survey.coverage import measure_coverage
from survey.files.crs import resolve_crs
from survey.files.las import read_las, write_cloud
from survey.ground.classify import VendorClass, classify_ground
from survey.ground.noise import find_noise
from survey.ground.terrain import TerrainModel, rasterize_terrain
from survey.parameters import PlotParameters
from survey.report.columns import ErrorColumns
from survey.report.maps import draw_error_map

TILES: Final = Path(__file__).parent.parent.parent / "shared" / "data" / "als" / "bcts"
DRAWN: Final = TILES.parent / "neon" / "SJER_052.laz"
_DRAWN_CORNER: Final = (257_958.0, 4_110_509.0)
"""Easting and northing of the photo's north-west corner: the cloud's own, on whole metres."""
_PIXEL_M: Final = 0.1
_FITS: Final = 0.4
SEEDS: Final = range(1, 11)
STEEP: Final = TerrainParameters(max_slope=0.84, roughness=2.0)
"""Slopes to 40 degrees, and hillocks twice as high."""
_NOMINAL: Final = 1.96
"""Standard errors to either side of an interval of 95 percent."""
_LEVELS: Final = ((0.0, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.0))
"""Classes of stated confidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Trees found on one stand.

    Attributes
    ----------
    f1, plain_f1
        Of trees over 5 m, ours and the plain filter's on the same cloud.
    f1_of_class
        Ours by crown class.
    height, crown
        Error and its stated standard error of each matched tree, shape (n, 2), metres.
    confidence
        Stated probability of being a tree, and whether it was one, of found trees over 5 m; shape (m, 2).
    """

    f1: float
    plain_f1: float
    f1_of_class: dict[str, float]
    height: NDArray[np.float64]
    crown: NDArray[np.float64]
    confidence: NDArray[np.float64]


def measure_tiles() -> list[Figure]:
    """Return the time for the real tiles' trees, ground given and own, with the memory of the second."""
    points = _read_tiles()
    if points is None:
        return []
    covered = measure_coverage(points)
    facts = CloudFacts(is_normalized=False, density=covered.density, first_density=covered.first_density)
    figures = []
    for name, given, goal in (("ground given", True, "<= 2"), ("own ground", False, "<= 8")):
        settings = choose_settings(PlotParameters(use_vendor_ground=given), facts)
        cold = _time_trees(points, settings)
        warm, trees = _time_trees(points, settings)
        figures += [
            Figure(f"2.8 M points, {name}, user CPU", warm, "s", goal),
            Figure(f"2.8 M points, {name}, first call in a process", cold[0], "s"),
            Figure(f"2.8 M points, {name}, trees", trees, "trees"),
        ]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*figures, Figure("2.8 M points, peak memory of the process", peak_mb, "MB")]


def measure_real_terrain(out: Path | None = None) -> list[Figure]:
    """Return how our own terrain fits the vendor's in cells within 2 m of one of its ground points; draw where.

    Our classifier does not look at the vendor's class. How far two halves of the vendor's ground differ is the floor.
    """
    points = _read_tiles()
    if points is None:
        return []
    points = select_points(points, ~find_noise(points))
    vendor = classify_ground(points, VendorClass())
    reference, ours = rasterize_terrain(points, vendor), rasterize_terrain(points, classify_ground(points))
    near = _is_near(reference, select_points(points, vendor))
    half = np.random.default_rng(1).random(len(points)) < 0.5  # noqa: PLR2004
    one, other = (rasterize_terrain(points, vendor & part).elevation_m for part in (half, ~half))
    difference = ours.elevation_m - reference.elevation_m
    if out is not None:
        of = "Terrain less the vendor's, near its ground points"
        _draw_errors(out / "terrain-real.svg", _Mistaken(ours, np.where(near, difference, np.nan)), of, "EPSG:3005")
    error = difference[near]
    return [
        Figure(
            "terrain of real tiles, RMSE", _rms(error), "m", "<= 0.25", "vendor's halves", _rms((one - other)[near])
        ),
        Figure("terrain of real tiles, bias without its sign", abs(float(error.mean())), "m", "<= 0.15"),
    ]


def measure_true_terrain(out: Path | None = None) -> list[Figure]:
    """Return the terrain's error in all cells of simulated stands, gentle and steep; draw where, of the worst."""
    figures = []
    for name, terrain in (("slopes to 17 degrees", TerrainParameters()), ("slopes to 40 degrees, rough", STEEP)):
        stands = [_measure_terrain(seed, terrain) for seed in SEEDS]
        errors = [one.error[np.isfinite(one.error)] for one in stands]
        worst = int(np.argmax([_rms(one) for one in errors]))
        if out is not None:
            of = f"Terrain less truth, stand {SEEDS[worst]}"
            place = out / f"terrain-{name.replace(',', '').replace(' ', '-')}.svg"
            _draw_errors(place, stands[worst], of, "simulated")
        figures.append(Figure(f"terrain of stands, {name}, RMSE", _rms(np.concatenate(errors)), "m", "<= 0.2"))
        figures.append(Figure(f"terrain of stands, {name}, worst stand", _rms(errors[worst]), "m"))
    return figures


def measure_stands(folder: Path) -> list[Figure]:
    """Return how many trees over 5 m are found, how well they are measured, and whether stated errors hold."""
    matched = [_match_stand(seed, folder) for seed in SEEDS]
    plain = float(np.mean([one.plain_f1 for one in matched]))
    f1 = float(np.mean([one.f1 for one in matched]))
    figures = [Figure("F1 of trees over 5 m", f1, "", f">= {plain + 0.05:.4f}", "plain filter", plain)]
    by_class = {name: float(np.mean([one.f1_of_class[name] for one in matched])) for name in matched[0].f1_of_class}
    figures += [Figure(f"F1, {name}", one, "") for name, one in by_class.items()]
    height, crown = (np.concatenate([getattr(one, what) for one in matched]) for what in ("height", "crown"))
    figures += _tell_errors("height", height, "<= 0.7") + _tell_errors("crown diameter", crown, "<= 1.0")
    return [*figures, *_tell_confidence(np.concatenate([one.confidence for one in matched]))]


def measure_drawn_crowns() -> list[Figure]:
    """Return how many boxes that people drew around crowns on a photo a found crown's box fits, IoU over 0.4.

    Pixels of 0.1 m count from the north-west corner of a square of 40 m. The settings are those of simulated stands.
    """
    if not DRAWN.exists():
        print(f"not measured: {DRAWN.name} is not on this machine (see DRAWN)", file=sys.stderr)
        return []
    text = DRAWN.with_suffix(".xml").read_text()
    sides = [np.array(re.findall(rf"<{name}>(\d+)<", text), float) for name in ("xmin", "ymin", "xmax", "ymax")]
    left, top, right, bottom = (_PIXEL_M * side for side in sides)
    plot = survey_plot(DRAWN, PlotParameters(crs="EPSG:32611"))
    crowns = np.array([shapely.Polygon(tree.crown_outline).envelope for tree in plot.trees if tree.crown_outline])
    west, north = _DRAWN_CORNER
    boxes = shapely.box(west + left, north - bottom, west + right, north - top)[:, None]
    shared = shapely.area(shapely.intersection(boxes, crowns))
    fits = shared / (shapely.area(boxes) + shapely.area(crowns) - shared)
    return [
        Figure("crowns drawn by hand, boxes fitted", float((fits.max(axis=1) > _FITS).sum()), f"of {len(boxes)}"),
        Figure("crowns drawn by hand, crowns found", float(len(crowns)), "crowns"),
    ]


def main() -> None:
    """Measure, draw where a folder is named, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--out", type=Path, help="a folder for maps of the terrain's errors and for the figures")
    options = parser.parse_args()
    out: Path | None = options.out
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            *measure_tiles(),
            *measure_real_terrain(out),
            *measure_true_terrain(out),
            *measure_stands(Path(folder)),
            *measure_drawn_crowns(),
        ]
    if out is not None:
        lines = "".join(f"{json.dumps(asdict(figure))}\n" for figure in figures)
        (out / "figures.jsonl").write_text(lines, encoding="utf-8")
    sys.exit(print_figures(figures, as_json=options.json))


def _read_tiles() -> Points | None:
    paths = sorted(TILES.glob("bcts_*.laz"))
    if not paths:
        print(f"not measured: the tiles are not on this machine (see TILES: {TILES.name})", file=sys.stderr)
        return None
    files = [read_las(path) for path in paths]
    parts = [to_points(file.cloud, resolve_crs(file.header, None)) for file in files]
    columns = {name: np.concatenate([getattr(one, name) for one in parts]) for name in Points.__slots__}
    return Points(**columns)


def _time_trees(points: Points, settings: TileSettings) -> tuple[float, int]:
    """Return user CPU seconds and the number of trees."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    found = find_tile_trees(points, settings, enclose(points))
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before, int(found.apex.size)


def _centres(terrain: TerrainModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    grid = terrain.grid
    east = grid.west_m + (np.arange(grid.columns) + 0.5) * grid.cell_m
    north = grid.south_m + (np.arange(grid.rows) + 0.5) * grid.cell_m
    x, y = np.meshgrid(east, north)
    return x, y


def _is_near(terrain: TerrainModel, ground: Points) -> NDArray[np.bool_]:
    x, y = _centres(terrain)
    places = np.column_stack([x.ravel(), y.ravel()])
    apart, _ = KDTree(np.column_stack([ground.x_m, ground.y_m])).query(places, distance_upper_bound=2.0)
    near: NDArray[np.bool_] = np.isfinite(apart).reshape(terrain.grid.shape)
    return near


@dataclass(frozen=True, slots=True, eq=False)
class _Mistaken:
    """A terrain and its error in each cell, NaN where there is nothing to compare it with."""

    terrain: TerrainModel
    error: NDArray[np.float64]


def _measure_terrain(seed: int, terrain: TerrainParameters) -> _Mistaken:
    stand = grow_stand(seed, parameters=StandParameters(terrain=terrain))
    points = _take(scan_airborne(stand, seed=seed))
    points = select_points(points, ~find_noise(points))
    found = rasterize_terrain(points, classify_ground(points))
    x, y = _centres(found)
    west, south, east, north = stand.bounds
    inside = (x > west) & (x < east) & (y > south) & (y < north)
    return _Mistaken(found, np.where(inside, found.elevation_m - elevation_m(stand.terrain, x, y), np.nan))


def _draw_errors(path: Path, mistaken: _Mistaken, of: str, crs: str) -> None:
    x, y = _centres(mistaken.terrain)
    columns = ErrorColumns(x.ravel(), y.ravel(), mistaken.error.ravel(), of)
    path.write_text(draw_error_map(columns, crs), encoding="utf-8")


def _take(cloud: PointCloud) -> Points:
    first = cloud.return_number <= 1
    return Points(cloud.x_m, cloud.y_m, cloud.z_m, first, cloud.classification, np.arange(len(cloud)))


def _match_stand(seed: int, folder: Path) -> Matched:
    stand = grow_stand(seed)
    cloud = scan_airborne(stand, seed=seed)
    write_cloud(folder / "stand.laz", cloud, epsg=stand.epsg)
    plot = survey_plot(folder / "stand.laz")
    found = np.array([(tree.x_m, tree.y_m, tree.height_m.value) for tree in plot.trees])
    score = score_trees(found, stand)
    plain = score_trees(fixed_window_filter(normalize_by_truth(cloud, stand.terrain)), stand)
    heights, crowns = _compare(plot, stand, score.matches)
    sure = np.array([tree.confidence for tree in plot.trees])
    is_tree = np.zeros(len(sure))
    is_tree[[one for one, _ in score.matches]] = 1.0
    return Matched(
        score.f1,
        plain.f1,
        {name: one.f1 for name, one in score_by_class(found, stand).items()},
        heights,
        crowns,
        np.column_stack([sure, is_tree])[_counts(found, stand)],
    )


def _counts(found: NDArray[np.float64], stand: Stand) -> NDArray[np.bool_]:
    """Return which found trees count: over 5 m, and no nearer to the border than 5 m."""
    west, south, east, north = stand.bounds
    edge = np.minimum.reduce([found[:, 0] - west, east - found[:, 0], found[:, 1] - south, north - found[:, 1]])
    counts: NDArray[np.bool_] = (edge >= 5.0) & (found[:, 2] >= 5.0)  # noqa: PLR2004 - the scoring's own edge and height
    return counts


def _compare(
    plot: PlotResult, stand: Stand, matches: Iterable[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    heights, crowns = [], []
    for one, other in matches:
        tree, truth = plot.trees[one], stand.trees[other]
        tall, wide = tree.height_m, tree.crown_diameter_m
        heights.append((tall.value - truth.height_m, np.hypot(tall.own_error, tall.shared_error)))
        if wide is not None:
            crowns.append((wide.value - truth.crown_diameter_m, np.hypot(wide.own_error, wide.shared_error)))
    return np.array(heights), np.array(crowns)


def _tell_errors(what: str, error: NDArray[np.float64], goal: str) -> list[Figure]:
    covered = float((np.abs(error[:, 0]) <= _NOMINAL * error[:, 1]).mean())
    return [
        Figure(f"{what}, root mean square error", _rms(error[:, 0]), "m", goal),
        Figure(f"{what}, bias", float(error[:, 0].mean()), "m"),
        Figure(f"{what}, share within nominal 95 % intervals", covered, "", ">= 0.92"),
        Figure(f"{what}, the same, from above", covered, "", "<= 0.98"),
    ]


def _tell_confidence(confidence: NDArray[np.float64]) -> list[Figure]:
    """Return a reliability table: of trees stated to be so sure, how many were trees."""
    figures = []
    for low, high in _LEVELS:
        within = (confidence[:, 0] >= low) & (confidence[:, 0] < high)
        if within.any():
            stated, true = confidence[within].mean(axis=0)
            name = f"trees stated {low:.2f} to {high:.2f} sure: share that were trees"
            figures.append(Figure(name, float(true), "", None, "stated", float(stated)))
    return figures


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


if __name__ == "__main__":
    main()
