"""Stems of simulated plots scanned from tripods and by a carried scanner, seeds 1 to 10, on which nothing was tuned.

Run: ``python -m benchmarks.terrestrial [--json]``, some eight minutes of CPU. Plots of 30 m diameter in mixed mountain
forest: four registered tripod scans, one scan, and a walk with a handheld scanner. Trees over 10 cm count. A tree has
one diameter here, that of its thickest stem. The peer in the same run is told which points are a tree's: the plain
least-squares circle (Kasa 1976) of its points between 1.25 and 1.35 m.
"""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, parse_options, print_figures
from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.cloud import Scan
from sample_data.scanning.mobile import scan_mobile
from sample_data.scanning.terrestrial import TerrestrialParameters, scan_terrestrial
from sample_data.scoring.stems import StemRule, score_stems
from survey.cloud import Points
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemPlot

SEEDS = range(1, 11)
_FEWEST = 3
Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Tally:
    """What was seen over all seeds."""

    off_cm: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    peer_cm: list[float] = field(default_factory=list)
    too_tall: list[bool] = field(default_factory=list)
    top_off_m: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    points: list[int] = field(default_factory=list)


def measure_four() -> list[Figure]:
    """Return the figures of four registered scans."""
    tally = _survey_all(lambda stand, seed: scan_terrestrial(stand, seed=seed))
    off = np.array(tally.off_cm)
    return [
        *_tell("four scans", tally, rmse="<= 1.0", found=">= 0.95"),
        Figure("four scans: diameter, bias without sign", float(abs(off.mean())), "cm", "<= 0.3"),
        Figure("four scans: nominal 95 % intervals", _cover(tally), "", ">= 0.92"),
        Figure("four scans: the same, at most", _cover(tally), "", "<= 0.98"),
        Figure("four scans: tops taken for seen, height error", _rms(tally.top_off_m), "m"),
        Figure("four scans: heights more than 1 m too great", float(np.mean(tally.too_tall)), ""),
        Figure("four scans: points", float(np.mean(tally.points)), ""),
        Figure("four scans: CPU a plot", float(np.median(tally.cpu_s)), "s", "<= 30"),
        Figure("peak memory, simulator included", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"),
    ]


def measure_mobile() -> list[Figure]:
    """Return the figures of a carried scanner."""
    tally = _survey_all(lambda stand, seed: scan_mobile(stand, seed=seed))
    return [
        *_tell("mobile", tally, rmse="<= 2.0", found=None),
        Figure("mobile: diameter, bias without sign", float(abs(np.mean(tally.off_cm))), "cm"),
        Figure("mobile: nominal 95 % intervals", _cover(tally), ""),
    ]


def measure_one() -> list[Figure]:
    """Return the figures of a single scan."""
    one = TerrestrialParameters(scans=1)
    tally = _survey_all(lambda stand, seed: scan_terrestrial(stand, seed=seed, parameters=one))
    return [
        *_tell("one scan", tally, rmse=None, found=None),
        Figure("one scan: nominal 95 % intervals", _cover(tally), ""),
    ]


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    sys.exit(print_figures([*measure_four(), *measure_mobile(), *measure_one()], as_json=options.json))


def _survey_all(scan: Callable[[Stand, int], Scan]) -> _Tally:
    tally = _Tally()
    for seed in SEEDS:
        stand = grow_stand(seed)
        seen = scan(stand, seed)
        before = _cpu_s()
        plot = _survey(seen)
        tally.cpu_s.append(_cpu_s() - before)
        tally.points.append(len(seen.cloud))
        _score(tally, plot, stand, seen)
    return tally


def _survey(scan: Scan) -> StemPlot:
    cloud = scan.cloud
    points = Points(
        cloud.x_m, cloud.y_m, cloud.z_m, cloud.return_number == 1, cloud.classification, np.arange(len(cloud))
    )
    passes = Passes(cloud.point_source_id.astype(np.int64), cloud.gps_time)
    # The truth holds at 1.3 m along the axis from the ground below it.
    return survey_stems(points, StemParameters(ground_side="axis"), passes=passes)


def _score(tally: _Tally, plot: StemPlot, stand: Stand, scan: Scan) -> None:
    found = np.array([(tree.stems[0].x_m, tree.stems[0].y_m, tree.stems[0].diameter_cm) for tree in plot.trees])
    score = score_stems(found, stand, rule=StemRule(plot=(*scan.centre, scan.radius_m)))
    tally.precision.append(score.precision)
    tally.recall.append(score.recall)
    for one, other in score.matches:
        tree, truth = plot.trees[one], stand.trees[other]
        off = tree.stems[0].diameter_cm - truth.dbh_cm
        tally.off_cm.append(off)
        tally.share.append(off / tree.stems[0].diameter_error_cm)
        tally.too_tall.append(tree.height_m > truth.height_m + 1.0)
        if tree.is_height_seen:
            tally.top_off_m.append(tree.height_m - truth.height_m)
        rise = scan.cloud.z_m - truth.ground_m
        slice_ = (scan.tree == other) & (rise >= 1.25) & (rise < 1.35)  # noqa: PLR2004 - about 1.3 m
        if slice_.sum() >= _FEWEST:
            tally.peer_cm.append(_fit_plain(scan.cloud.x_m[slice_], scan.cloud.y_m[slice_]) - truth.dbh_cm)


def _fit_plain(x_m: Floats, y_m: Floats) -> float:
    """Return the diameter in centimetres of the circle by linear least squares."""
    x, y = x_m - x_m.mean(), y_m - y_m.mean()
    a, b, c = np.linalg.lstsq(np.column_stack([x, y, np.ones_like(x)]), x * x + y * y, rcond=None)[0]
    return float(200.0 * np.sqrt(max(0.0, c + (a * a + b * b) / 4.0)))


def _tell(name: str, tally: _Tally, *, rmse: str | None, found: str | None) -> list[Figure]:
    peer = "plain circle, points of the tree known", _rms(tally.peer_cm)
    return [
        Figure(f"{name}: diameter, root mean square error", _rms(tally.off_cm), "cm", rmse, *peer),
        Figure(
            f"{name}: diameter, median absolute error",
            float(np.median(np.abs(tally.off_cm))),
            "cm",
            None,
            peer[0],
            float(np.median(np.abs(tally.peer_cm))),
        ),
        Figure(f"{name}: trees over 10 cm found", float(np.mean(tally.recall)), "", found),
        Figure(f"{name}: found ones that are trees", float(np.mean(tally.precision)), ""),
    ]


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


def _cover(tally: _Tally) -> float:
    return float((np.abs(tally.share) <= 1.96).mean())  # noqa: PLR2004 - the normal's 95 %


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
