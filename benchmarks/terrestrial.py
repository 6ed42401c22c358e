"""Stems of simulated plots scanned from tripods and by a carried scanner, seeds 1 to 10, on which nothing was tuned.

Run: ``python -m benchmarks.terrestrial [--json] [--peer-python PATH]``, some eight minutes of CPU, with a peer about
twice that. Plots of 30 m diameter in mixed mountain forest: four registered tripod scans, one scan, and a walk with a
handheld scanner. Trees over 10 cm count. A tree has one diameter here, that of its thickest stem.

Two peers run on the same clouds. The plain least-squares circle (Kasa 1976) of a tree's points between 1.25 and 1.35 m
is always there; it is told which points are a tree's. The library dendromatics, the engine of 3DFin, finds its trees
itself, where it is installed in an environment of its own whose Python is named: ``uv venv FOLDER``, ``uv pip install
--python FOLDER/bin/python dendromatics==0.7.0``, ``--peer-python FOLDER/bin/python``. See `benchmarks.peer_stems` for
the settings it runs with. Without it, its figures are absent.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, print_figures
from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.cloud import Scan
from sample_data.scanning.mobile import scan_mobile
from sample_data.scanning.terrestrial import TerrestrialParameters, scan_terrestrial
from sample_data.scoring.stems import StemRule, StemScore, score_stems
from survey.cloud import Points
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.plot import survey_stems
from survey.terrestrial.result import StemPlot

SEEDS: Final = range(1, 11)
_FEWEST: Final = 3
_NOMINAL: Final = 1.96
"""Standard errors to either side of an interval of 95 percent."""
_ROOM_M: Final = 0.5
"""By which a tree may be lower than the least height told of it: twigs of neighbours touch."""
_ANY_CM: Final = 20.0
"""Stands for the diameter of a tree that the peer places and does not measure, so that its place is scored."""
_PEER: Final = Path(__file__).with_name("peer_stems.py")
_PEER_TIMEOUT_S: Final = 1_200.0
"""A hundred times what a plot takes."""
Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Tally:
    """What was seen over all seeds."""

    off_cm: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    circle_cm: list[float] = field(default_factory=list)
    seen_off_m: list[float] = field(default_factory=list)
    seen_share: list[float] = field(default_factory=list)
    is_bound_held: list[bool] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    peers: dict[str, "_Peer"] = field(default_factory=dict)


@dataclass(slots=True)
class _Peer:
    """What the library found over all seeds with one kind of settings."""

    version: str = ""
    off_cm: list[float] = field(default_factory=list)
    both_off_cm: list[float] = field(default_factory=list)
    our_off_cm: list[float] = field(default_factory=list)
    placed: list[float] = field(default_factory=list)
    measured: list[float] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    height_off_m: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


def measure_four(peer: Path | None = None) -> list[Figure]:
    """Return the figures of four registered scans."""
    tally = _survey_all(lambda stand, seed: scan_terrestrial(stand, seed=seed), peer, ("shipped", "thin"))
    off = np.array(tally.off_cm)
    return [
        *_tell("four scans", tally, rmse="<= 1.0", found=">= 0.95"),
        Figure("four scans: diameter, bias without sign", float(abs(off.mean())), "cm", "<= 0.3"),
        Figure("four scans: nominal 95 % intervals", _cover(tally.share), "", ">= 0.92"),
        Figure("four scans: the same, at most", _cover(tally.share), "", "<= 0.98"),
        *_tell_heights("four scans", tally),
        Figure("four scans: points", float(np.mean(tally.points)), ""),
        Figure("four scans: CPU a plot", float(np.median(tally.cpu_s)), "s", "<= 30"),
        Figure("peak memory, simulator included", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"),
        *_tell_peers("four scans", tally),
    ]


def measure_mobile(peer: Path | None = None) -> list[Figure]:
    """Return the figures of a carried scanner."""
    tally = _survey_all(lambda stand, seed: scan_mobile(stand, seed=seed), peer, ("shipped", "noisy"))
    return [
        *_tell("mobile", tally, rmse="<= 2.0", found=None),
        Figure("mobile: diameter, bias without sign", float(abs(np.mean(tally.off_cm))), "cm"),
        Figure("mobile: nominal 95 % intervals", _cover(tally.share), "", ">= 0.92"),
        Figure("mobile: the same, at most", _cover(tally.share), "", "<= 0.98"),
        *_tell_heights("mobile", tally),
        Figure("mobile: CPU a plot", float(np.median(tally.cpu_s)), "s"),
        *_tell_peers("mobile", tally),
    ]


def measure_one() -> list[Figure]:
    """Return the figures of a single scan."""
    one = TerrestrialParameters(scans=1)
    tally = _survey_all(lambda stand, seed: scan_terrestrial(stand, seed=seed, parameters=one), None, ())
    return [
        *_tell("one scan", tally, rmse=None, found=None),
        Figure("one scan: nominal 95 % intervals", _cover(tally.share), ""),
        *_tell_heights("one scan", tally),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--peer-python", type=Path, help="a Python that has dendromatics")
    options = parser.parse_args()
    if options.peer_python is None:
        print("not measured: dendromatics, for no Python with it is named (--peer-python)", file=sys.stderr)
    figures = [*measure_four(options.peer_python), *measure_mobile(options.peer_python), *measure_one()]
    sys.exit(print_figures(figures, as_json=options.json))


def _survey_all(scan: Callable[[Stand, int], Scan], peer: Path | None, settings: tuple[str, ...]) -> _Tally:
    tally = _Tally()
    for seed in SEEDS:
        stand = grow_stand(seed)
        seen = scan(stand, seed)
        before = _cpu_s()
        plot = _survey(seen)
        tally.cpu_s.append(_cpu_s() - before)
        tally.points.append(len(seen.cloud))
        ours = _score(tally, plot, stand, seen)
        if peer is not None:
            for name in settings:
                _add_peer(tally.peers.setdefault(name, _Peer()), _ask_peer(peer, name, seen), (stand, seen), ours)
    return tally


def _survey(scan: Scan) -> StemPlot:
    cloud = scan.cloud
    points = Points(
        cloud.x_m, cloud.y_m, cloud.z_m, cloud.return_number == 1, cloud.classification, np.arange(len(cloud))
    )
    passes = Passes(cloud.point_source_id.astype(np.int64), cloud.gps_time)
    # The truth holds at 1.3 m along the axis from the ground below it.
    return survey_stems(points, StemParameters(ground_side="axis"), passes=passes)


def _score(tally: _Tally, plot: StemPlot, stand: Stand, scan: Scan) -> dict[int, float]:
    """Add a plot to the tally; return the error of our diameter of each true tree, centimetres."""
    found = np.array([(tree.stems[0].x_m, tree.stems[0].y_m, tree.stems[0].diameter_cm) for tree in plot.trees])
    score = _compare(found, stand, scan)
    tally.precision.append(score.precision)
    tally.recall.append(score.recall)
    offs: dict[int, float] = {}
    for one, other in score.matches:
        tree, truth = plot.trees[one], stand.trees[other]
        offs[other] = tree.stems[0].diameter_cm - truth.dbh_cm
        tally.off_cm.append(offs[other])
        tally.share.append(offs[other] / tree.stems[0].diameter_error_cm)
        above = tree.height_m - truth.height_m
        if tree.height_error_m is not None:
            tally.seen_off_m.append(above)
            tally.seen_share.append(above / tree.height_error_m)
        else:
            tally.is_bound_held.append(above <= _ROOM_M)
        rise = scan.cloud.z_m - truth.ground_m
        slice_ = (scan.tree == other) & (rise >= 1.25) & (rise < 1.35)  # noqa: PLR2004 - about 1.3 m
        if slice_.sum() >= _FEWEST:
            tally.circle_cm.append(_fit_plain(scan.cloud.x_m[slice_], scan.cloud.y_m[slice_]) - truth.dbh_cm)
    return offs


def _compare(found: Floats, stand: Stand, scan: Scan) -> StemScore:
    return score_stems(found, stand, rule=StemRule(plot=(*scan.centre, scan.radius_m)))


def _fit_plain(x_m: Floats, y_m: Floats) -> float:
    """Return the diameter in centimetres of the circle by linear least squares."""
    x, y = x_m - x_m.mean(), y_m - y_m.mean()
    a, b, c = np.linalg.lstsq(np.column_stack([x, y, np.ones_like(x)]), x * x + y * y, rcond=None)[0]
    return float(200.0 * np.sqrt(max(0.0, c + (a * a + b * b) / 4.0)))


def _add_peer(peer: _Peer, told: dict[str, object], plot: tuple[Stand, Scan], ours: dict[int, float]) -> None:
    """Add what the library found on a plot."""
    stand, scan = plot
    trees = np.array(told["trees"], dtype=np.float64).reshape(-1, 4)
    peer.version, is_measured = str(told["version"]), trees[:, 2] > 0.0
    peer.cpu_s.append(float(str(told["cpu_s"])))
    places = np.column_stack([trees[:, :2], np.where(is_measured, 100.0 * trees[:, 2], _ANY_CM)])
    placed, measured = _compare(places, stand, scan), _compare(places[is_measured], stand, scan)
    peer.placed.append(placed.recall)
    peer.precision.append(placed.precision)
    peer.measured.append(measured.recall)
    peer.height_off_m += [float(trees[one, 3]) - stand.trees[other].height_m for one, other in placed.matches]
    for one, other in measured.matches:
        peer.off_cm.append(float(places[is_measured][one, 2]) - stand.trees[other].dbh_cm)
        if other in ours:
            peer.both_off_cm.append(peer.off_cm[-1])
            peer.our_off_cm.append(ours[other])


def _ask_peer(python: Path, settings: str, scan: Scan) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        cloud, trees = Path(folder, "cloud.npy"), Path(folder, "trees.json")
        np.save(cloud, np.column_stack([scan.cloud.x_m, scan.cloud.y_m, scan.cloud.z_m]))
        command = [str(python), str(_PEER), str(cloud), str(trees), settings]
        # The library tells its steps on standard output; ours is for figures.
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_PEER_TIMEOUT_S)  # noqa: S603 - named by who runs this
        told: dict[str, object] = json.loads(trees.read_text(encoding="utf-8"))
    return told


def _tell(name: str, tally: _Tally, *, rmse: str | None, found: str | None) -> list[Figure]:
    circle, middle = "plain circle, points of the tree known", float(np.median(np.abs(tally.off_cm)))
    return [
        Figure(f"{name}: diameter, RMSE", _rms(tally.off_cm), "cm", rmse, circle, _rms(tally.circle_cm)),
        Figure(
            f"{name}: diameter, median absolute error",
            middle,
            "cm",
            None,
            circle,
            float(np.median(np.abs(tally.circle_cm))),
        ),
        Figure(f"{name}: trees over 10 cm found", float(np.mean(tally.recall)), "", found),
        Figure(f"{name}: found ones that are trees", float(np.mean(tally.precision)), ""),
    ]


def _tell_heights(name: str, tally: _Tally) -> list[Figure]:
    seen, hidden = len(tally.seen_off_m), len(tally.is_bound_held)
    return [
        Figure(f"{name}: heights whose top is seen, share", seen / max(1, seen + hidden), ""),
        Figure(f"{name}: heights whose top is seen, RMSE", _rms(tally.seen_off_m), "m"),
        Figure(f"{name}: heights whose top is seen, nominal 95 % intervals", _cover(tally.seen_share), ""),
        Figure(f"{name}: trees at least as high as told, to 0.5 m", float(np.mean(tally.is_bound_held)), ""),
    ]


def _tell_peers(name: str, tally: _Tally) -> list[Figure]:
    """Return ours beside the library's."""
    rows: list[Figure] = []
    for settings, peer in tally.peers.items():
        who, bias = f"dendromatics {peer.version}, {settings}", float(np.mean(peer.off_cm)) if peer.off_cm else np.nan
        pairs: list[tuple[str, float, str, float]] = [
            ("trees over 10 cm found", float(np.mean(tally.recall)), "", float(np.mean(peer.placed))),
            ("found ones that are trees", float(np.mean(tally.precision)), "", float(np.mean(peer.precision))),
            ("trees over 10 cm with a diameter", float(np.mean(tally.recall)), "", float(np.mean(peer.measured))),
            ("diameter, RMSE", _rms(tally.off_cm), "cm", _rms(peer.off_cm)),
            ("diameter, RMSE on trees that both measure", _rms(peer.our_off_cm), "cm", _rms(peer.both_off_cm)),
            ("diameter, bias", float(np.mean(tally.off_cm)), "cm", bias),
            ("heights told for true, RMSE", _rms(tally.seen_off_m), "m", _rms(peer.height_off_m)),
            ("CPU a plot", float(np.median(tally.cpu_s)), "s", float(np.median(peer.cpu_s))),
        ]
        rows += [Figure(f"{name}: {what}", ours, unit, None, who, theirs) for what, ours, unit, theirs in pairs]
    return rows


def _rms(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


def _cover(shares: list[float]) -> float:
    return float((np.abs(shares) <= _NOMINAL).mean())


def _cpu_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
