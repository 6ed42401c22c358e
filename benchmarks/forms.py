"""How true it is what a survey says of dead, leaning and fallen trees, on simulated stands, and what it costs.

Run: ``python -m benchmarks.forms [--json]``. Stands have seeds 1 to 10, on which nothing was tuned: mountain, boreal,
beech and plantation in turn, 8 percent of trees dead, 6 percent leaning, 5 percent on the ground. Leans are asked of
clouds as a drone brings them, the others of a regional survey's. Costs are user CPU of the forms alone, on real tiles.
"""

import math
import resource
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmarks.report import Figure, parse_options, print_figures
from benchmarks.survey import TILES
from sample_data.forest.presets import PRESETS
from sample_data.forest.stand import Stand, grow_stand
from sample_data.forest.tree import TreeTruth
from sample_data.scanning.scanner import ScannerParameters, scan_airborne
from survey.airborne.forms import FallenStem
from survey.airborne.plot import enclose, survey_plot, take_signal, to_points
from survey.airborne.result import PlotResult, TreeEstimate
from survey.airborne.settings import CloudFacts, choose_settings
from survey.airborne.tile import find_tile_trees
from survey.coverage import measure_coverage
from survey.files.crs import resolve_crs
from survey.files.las import read_las, write_cloud
from survey.parameters import PlotParameters

SEEDS: Final = range(1, 11)
FORESTS: Final = ("mountain", "boreal", "beech", "plantation")
REGIONAL: Final = ScannerParameters()
DRONE: Final = ScannerParameters(
    pulses_per_m2=60.0, strips=5, height_m=120.0, beam_m=0.1, position_noise_m=0.04, strip_shift_m=0.02
)
"""Slow, low and from many sides, so that stems are hit below crowns."""
_DRONE_SIDE_M: Final = 60.0
_EDGE_M: Final = 5.0
_LEAST_HEIGHT_M: Final = 5.0
_APEX_M: Final = 1.5
"""A found tree is the true one whose apex lies this close, and whose height differs by less than a fifth."""
_HEIGHT_SHARE: Final = 0.2
_THICK_CM: Final = 30.0
_LEANS_DEG: Final = 5.0
_BESIDE_M: Final = 0.8
_ON_STEM: Final = 0.6
"""Share of a line that lies beside a true stem."""


@dataclass(slots=True)
class Tally:
    """How often something was said, was true, and both.

    Attributes
    ----------
    said, true, right, met
        Flags raised; what is so and could be seen; flags that are right; what is so and was flagged.
    """

    said: int = 0
    true: int = 0
    right: int = 0
    met: int = 0

    def count(self, *, said: bool, true: bool) -> None:
        """Add one tree."""
        both = said and true
        self.said, self.true, self.right, self.met = (
            self.said + said,
            self.true + true,
            self.right + both,
            self.met + both,
        )

    def tell(self, name: str, least_recall: float) -> list[Figure]:
        """Return precision, recall, whose goal is a little below what was reached, and number of flags."""
        return [
            Figure(f"{name}, precision", self.right / max(1, self.said), "", ">= 0.8"),
            Figure(f"{name}, recall", self.met / max(1, self.true), "", f">= {least_recall:g}"),
            Figure(f"{name}, flags raised", float(self.said), "flags"),
        ]


def measure_dead_and_fallen(folder: Path, seeds: Iterable[int] = SEEDS) -> list[Figure]:
    """Return how true flags of dead trees and fallen stems are in a regional survey's clouds."""
    dead, fallen, thick = Tally(), Tally(), Tally()
    for seed in seeds:
        stand, plot = _survey(folder, seed, REGIONAL, side_m=100.0)
        for tree, truth in _pair_up(plot, stand):
            if tree.form is not None and tree.form.status is not None:
                dead.count(said=tree.form.status == "standing-dead", true=truth.status == "standing-dead")
        _count_fallen(plot.fallen, stand, (fallen, thick))
    return [
        *dead.tell("dead trees among those found", 0.55),
        *fallen.tell("fallen stems", 0.04),
        Figure("fallen stems of 30 cm and more, recall", thick.met / max(1, thick.true), "", ">= 0.4"),
    ]


def measure_leans(folder: Path, seeds: Iterable[int] = SEEDS) -> list[Figure]:
    """Return how true leans are in clouds as a drone brings them."""
    leaning, told, errors = Tally(), 0, []
    for seed in seeds:
        stand, plot = _survey(folder, seed, DRONE, side_m=_DRONE_SIDE_M)
        for tree, truth in _pair_up(plot, stand):
            form = tree.form
            leaning.count(said=bool(form and form.is_leaning), true=truth.lean_deg >= _LEANS_DEG)
            if form is None or form.lean_deg is None or form.lean_error_deg is None:
                continue
            told += 1
            errors.append((form.lean_deg - _true_lean_deg(truth), form.lean_error_deg))
    error = np.array(errors).reshape(-1, 2)
    return [
        *leaning.tell("leaning trees, drone", 0.3),
        Figure("lean told, drone", float(told), "trees"),
        Figure("lean, median error without its sign", float(np.median(np.abs(error[:, 0]))), "degrees"),
        Figure("lean, within 1.96 stated errors", float((np.abs(error[:, 0]) <= 1.96 * error[:, 1]).mean()), ""),
    ]


def measure_tiles() -> list[Figure]:
    """Return what forms cost on each real tile, and which shares of its trees they flag."""
    figures, total_s = [], 0.0
    paths = sorted(TILES.glob("bcts_*.laz"))
    for path in paths:
        used_s, dead, fallen = _measure_tile(path)
        total_s += used_s
        figures.append(Figure(f"{path.stem}, trees called dead", 100.0 * dead, "%"))
        figures.append(Figure(f"{path.stem}, fallen stems", fallen, "per ha"))
    return [*figures, Figure("forms on 2.8 M points, user CPU", total_s, "s", "<= 0.4")] if paths else []


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        figures = [*measure_dead_and_fallen(Path(folder)), *measure_leans(Path(folder)), *measure_tiles()]
    sys.exit(print_figures(figures, as_json=options.json))


def _survey(folder: Path, seed: int, scanner: ScannerParameters, *, side_m: float) -> tuple[Stand, PlotResult]:
    forest = replace(
        PRESETS[FORESTS[seed % len(FORESTS)]],
        side_m=side_m,
        dead_share=0.08,
        leaning_share=0.06,
        fallen_share=0.05,
        vigour_scatter=0.15,
    )
    stand = grow_stand(seed, parameters=forest)
    path = folder / "forms.laz"
    write_cloud(path, scan_airborne(stand, seed=seed, parameters=scanner), epsg=stand.epsg)
    return stand, survey_plot(path)


def _pair_up(plot: PlotResult, stand: Stand) -> list[tuple[TreeEstimate, TreeTruth]]:
    """Return found canopy trees with the true ones whose apexes and heights they share, away from the border."""
    standing = [tree for tree in stand.trees if tree.status != "fallen" and _is_inside(tree.x_m, tree.y_m, stand)]
    found = [tree for tree in plot.trees if tree.form is not None and tree.height_m.value >= _LEAST_HEIGHT_M]
    apexes = KDTree(np.array([(tree.apex_x_m, tree.apex_y_m) for tree in standing]))
    apart, nearest = apexes.query(np.array([(tree.x_m, tree.y_m) for tree in found]))
    pairs = [(tree, standing[at]) for tree, at, near in zip(found, nearest, apart, strict=True) if near <= _APEX_M]
    return [
        (tree, truth)
        for tree, truth in pairs
        if abs(tree.height_m.value - truth.height_m) <= _HEIGHT_SHARE * truth.height_m
    ]


def _is_inside(x_m: float, y_m: float, stand: Stand) -> bool:
    west, south, east, north = stand.bounds
    return min(x_m - west, east - x_m, y_m - south, north - y_m) >= _EDGE_M


def _true_lean_deg(tree: TreeTruth) -> float:
    aside = math.hypot(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m)
    return math.degrees(math.atan2(aside, tree.height_m))


def _count_fallen(found: Sequence[FallenStem], stand: Stand, tallies: tuple[Tally, Tally]) -> None:
    every, thick = tallies
    stems = [tree for tree in stand.trees if tree.status == "fallen" and _is_inside(tree.x_m, tree.y_m, stand)]
    lying = [tree for tree in stand.trees if tree.status == "fallen"]
    hits = [{tree.number for tree in lying if _lies_on(stem, tree)} for stem in found]
    hit = set().union(*hits) if hits else set()
    every.said += len(found)
    every.right += sum(bool(one) for one in hits)
    every.true += len(stems)
    every.met += sum(tree.number in hit for tree in stems)
    thick.true += sum(tree.dbh_cm >= _THICK_CM for tree in stems)
    thick.met += sum(tree.dbh_cm >= _THICK_CM and tree.number in hit for tree in stems)


def _lies_on(stem: FallenStem, tree: TreeTruth) -> bool:
    """Tell whether most of a line lies beside a true stem."""
    length = math.hypot(tree.apex_x_m - tree.x_m, tree.apex_y_m - tree.y_m)
    east, north = (tree.apex_x_m - tree.x_m) / length, (tree.apex_y_m - tree.y_m) / length
    share: NDArray[np.float64] = np.linspace(0.0, 1.0, 21)
    x = stem.foot_x_m + share * (stem.top_x_m - stem.foot_x_m) - tree.x_m
    y = stem.foot_y_m + share * (stem.top_y_m - stem.foot_y_m) - tree.y_m
    along, across = x * east + y * north, np.abs(y * east - x * north)
    return bool(((along > -1.0) & (along < length + 1.0) & (across < _BESIDE_M)).mean() >= _ON_STEM)


def _measure_tile(path: Path) -> tuple[float, float, float]:
    """Return user CPU seconds of forms, the share of trees called dead, and fallen stems a hectare."""
    file = read_las(path, fields=("intensity",))
    points = to_points(file.cloud, resolve_crs(file.header, None))
    signal = take_signal(file.cloud, points)
    covered = measure_coverage(points)
    facts = CloudFacts(is_normalized=False, density=covered.density, first_density=covered.first_density)
    settings = choose_settings(PlotParameters(use_vendor_ground=True), facts)
    used = []
    for asked in (signal, None, signal, None, signal, None):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        trees = find_tile_trees(points, settings, enclose(points), signal=asked)
        used.append((resource.getrusage(resource.RUSAGE_SELF).ru_utime - before, trees))
    forms_s = max(0.0, min(one for one, _ in used[2::2]) - min(one for one, _ in used[1::2]))
    forms = [form for form in used[0][1].forms if form is not None and form.status is not None]
    dead = sum(form.status == "standing-dead" for form in forms) / max(1, len(forms))
    return forms_s, dead, len(used[0][1].fallen) / covered.area_m2 * 10_000.0


if __name__ == "__main__":
    main()
