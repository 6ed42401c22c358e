"""One airborne tile, and how many trees of simulated stands are found beside a plain filter.

Run: ``python -m benchmarks.survey [--json]``. The tile is a real one (824 k points) and is left out where the shared
data are absent. Stands have seeds 1 to 10, on which nothing was tuned.
"""

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, parse_options, print_figures
from sample_data.plain_filter import fixed_window_filter, normalize_by_truth
from sample_data.scanner import scan_airborne
from sample_data.scoring import score_trees
from sample_data.stand import grow_stand
from survey.airborne.plot import survey_plot
from survey.files.las import write_cloud

TILE = Path(__file__).parent.parent.parent / "shared" / "data" / "als" / "bcts" / "bcts_2.laz"
SEEDS = range(1, 11)


def measure_tile() -> list[Figure]:
    """Return time and memory of the real tile, with kernels compiled and cached."""
    if not TILE.exists():
        print(f"not measured: the tile {TILE.name} is not on this machine (see TILE)", file=sys.stderr)
        return []
    survey_plot(TILE)
    before = _cpu_s()
    plot = survey_plot(TILE)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Figure("tile of 824 k points, CPU", _cpu_s() - before, "s", "<= 10"),
        Figure("tile of 824 k points, peak memory", peak_mb, "MB", "<= 600"),
        Figure("tile of 824 k points, trees", len(plot.trees), "trees"),
    ]


def measure_stands(folder: Path) -> list[Figure]:
    """Return how many trees over 5 m are found, and how well they are measured."""
    ours, theirs, heights, crowns = [], [], [], []
    for seed in SEEDS:
        stand = grow_stand(seed)
        cloud = scan_airborne(stand, seed=seed)
        write_cloud(folder / "stand.laz", cloud, epsg=stand.epsg)
        plot = survey_plot(folder / "stand.laz")
        found = np.array([(tree.x_m, tree.y_m, tree.height_m.value) for tree in plot.trees])
        score = score_trees(found, stand)
        ours.append(score.f1)
        theirs.append(score_trees(fixed_window_filter(normalize_by_truth(cloud, stand.terrain)), stand).f1)
        for one, other in score.matches:
            tree, truth = plot.trees[one], stand.trees[other]
            heights.append(tree.height_m.value - truth.height_m)
            if tree.crown_diameter_m is not None:
                crowns.append(tree.crown_diameter_m.value - truth.crown_diameter_m)
    plain = float(np.mean(theirs))
    return [
        Figure("F1 of trees over 5 m", float(np.mean(ours)), "", f">= {plain + 0.05:.4f}", "plain filter", plain),
        Figure("height, root mean square error", float(np.sqrt(np.mean(np.square(heights)))), "m"),
        Figure("crown diameter, root mean square error", float(np.sqrt(np.mean(np.square(crowns)))), "m"),
    ]


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures([*measure_tile(), *measure_stands(Path(folder))], as_json=options.json))


def _cpu_s() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    main()
