"""Four real tiles, and 4 and 16 times as many, surveyed as catalogues: processor time, memory, the same trees.

Run: ``python -m benchmarks.catalogue [--json]``. Each survey runs in a process of its own, whose tree is watched from
here: user CPU as the system counts it at the end, memory as the sum of PSS, sampled. Larger catalogues are the same
files, shifted side by side in a folder that is deleted at the end. What is compiled once (kernels, Python's own
bytecode) is kept in a folder of the benchmark; the first run, which compiles, is a line of its own.
"""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from benchmarks.report import Figure, print_figures
from survey.catalogue.entry import survey_catalogue
from survey.catalogue.exports import Outputs
from survey.catalogue.run import RunHere, open_pool
from survey.parameters import PlotParameters

CHECKOUT: Final = Path(__file__).parent.parent
TILES: Final = CHECKOUT.parent / "shared" / "data" / "als" / "bcts"
_SHIFT_M: Final = 210, 1_070
"""The four tiles lie in a strip of 206 m by 1,063 m."""
_OFFSETS_AT, _BOUNDS_AT = 155, 179
"""Of x in a LAS header (LAS 1.4 R15, table 3): offsets x, y, z; highest and lowest x, then y."""
_SAMPLE_S: Final = 0.1
_LIMIT_S: Final = 3_600.0
"""For one survey on a machine that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One survey to run.

    Attributes
    ----------
    folder
        Of the clouds.
    tile_m
        Side of the tiles; 0 for the one that is chosen.
    workers
        Processes of a pool; 0 for none but the survey's own.
    own_ground
        Whether ground is classified, or the vendor's taken.
    """

    folder: Path
    tile_m: float = 0.0
    workers: int = 0
    own_ground: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """How a survey went.

    Attributes
    ----------
    user_s
        User CPU of all its processes.
    peak_mb
        Most PSS of all its processes at once, of those times that were sampled.
    trees
        How many.
    digest
        Of the trees, their figures and their order.
    """

    user_s: float
    peak_mb: float
    trees: int
    digest: str


def measure(folder: Path) -> list[Figure]:
    """Return all figures, with scratch files in an empty folder."""
    if not TILES.is_dir():
        print(f"not measured: {TILES} is not on this machine", file=sys.stderr)
        return []
    return [*measure_time(folder), *measure_memory(folder), *measure_tilings(folder)]


def measure_time(folder: Path) -> list[Figure]:
    """Return the processor time with ground given and with our own."""
    cold = run_survey(Survey(TILES), folder)
    given, own = run_survey(Survey(TILES), folder), run_survey(Survey(TILES, own_ground=True), folder)
    return [
        Figure("2.83 M points, ground given, first run (compiles)", cold.user_s, "s"),
        Figure("2.83 M points, ground given, user CPU", given.user_s, "s", "<= 5", "lasR", 10.2),
        Figure("2.83 M points, own ground, user CPU", own.user_s, "s", "<= 12", "lasR with PTD", 27.7),
        Figure("2.83 M points, own ground, memory", own.peak_mb, "MB", "<= 400"),
        Figure("2.83 M points, trees", given.trees, "trees"),
    ]


def measure_memory(folder: Path) -> list[Figure]:
    """Return the memory on once, 4 and 16 times the points, and with two workers."""
    once = run_survey(Survey(TILES), folder)
    figures = [Figure("1 x the points, memory", once.peak_mb, "MB", "<= 400", "lasR", 367.0)]
    for side in (2, 4):
        with tempfile.TemporaryDirectory(dir=folder) as copies:
            shift_copies(Path(copies), side)
            run = run_survey(Survey(Path(copies)), folder)
            figures += [
                Figure(f"{side * side} x the points, memory", run.peak_mb, "MB", "<= 400"),
                Figure(f"{side * side} x the points, user CPU", run.user_s, "s"),
                Figure(f"{side * side} x the points, memory over 1 x", run.peak_mb / once.peak_mb, "", "<= 1.2"),
            ]
    pool = run_survey(Survey(TILES, workers=2), folder)
    return [*figures, Figure("1 x the points, two workers, memory", pool.peak_mb, "MB")]


def measure_tilings(folder: Path) -> list[Figure]:
    """Return how many ways of cutting the area give other trees than the whole does: to the last bit, in order."""
    whole = run_survey(Survey(TILES, tile_m=1_500.0), folder)
    cut = [run_survey(Survey(TILES, tile_m=side), folder).digest for side in (50.0, 100.0, 250.0)]
    others = sum(digest != whole.digest for digest in cut)
    return [Figure("tiles of 50, 100, 250 m: other trees than the whole", others, "of 3", "<= 0")]


def run_survey(survey: Survey, folder: Path) -> Run:
    """Run a survey in a process of its own and return how it went."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        words = [str(survey.folder), str(survey.tile_m), str(survey.workers), str(int(survey.own_ground)), out]
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
        process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "benchmarks.catalogue", "--survey", *words], cwd=CHECKOUT, env=environment
        )
        peak_mb, used, status = _watch(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the survey of {survey} ended with {process.returncode}")
        table = pq.read_table(Path(out) / "trees.parquet")
        digest = hashlib.sha256()
        for batch in table.to_batches(max_chunksize=table.num_rows or 1):
            digest.update(batch.serialize())
        return Run(used, peak_mb, table.num_rows, digest.hexdigest())


def shift_copies(folder: Path, side: int) -> None:
    """Write `side` by `side` copies of the tiles, each shifted by its header's offset alone."""
    for north in range(side):
        for east in range(side):
            for path in sorted(TILES.glob("*.laz")):
                raw = bytearray(path.read_bytes())
                for axis, shift in enumerate((east * _SHIFT_M[0], north * _SHIFT_M[1])):
                    _add(raw, _OFFSETS_AT + 8 * axis, shift)
                    _add(raw, _BOUNDS_AT + 16 * axis, shift)
                    _add(raw, _BOUNDS_AT + 16 * axis + 8, shift)
                (folder / f"{path.stem}-{north}-{east}.laz").write_bytes(raw)


def _add(raw: bytearray, at: int, shift: float) -> None:
    (value,) = struct.unpack_from("<d", raw, at)
    struct.pack_into("<d", raw, at, value + shift)


def _watch(pid: int) -> tuple[float, float, int]:
    """Wait for a process; return its tree's most PSS in MB, its user CPU with its children's, and its status."""
    peak, deadline = 0.0, time.monotonic() + _LIMIT_S
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return peak / 1024.0, used.ru_utime, status
        if time.monotonic() > deadline:
            raise RuntimeError(f"the survey did not end within {_LIMIT_S:.0f} s")
        peak = max(peak, sum(_read_pss(one) for one in _list_tree(pid)))
        time.sleep(_SAMPLE_S)


def _list_tree(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        parents.setdefault(int(words[1]), []).append(int(path.parent.name))
    waiting = [root]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += parents.get(one, [])


def _read_pss(pid: int) -> float:
    """Return a process' share of memory in kB, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _survey(words: list[str]) -> None:
    """Run one survey in this process: folder, tile, workers, own ground, where to."""
    folder, tile_m, workers, own_ground, out = words
    parameters = PlotParameters(use_vendor_ground=own_ground == "0")
    with open_pool(int(workers)) if int(workers) else nullcontext(RunHere()) as executor:
        result = survey_catalogue(
            [Path(folder)],
            parameters,
            Path(out),
            executor=executor,
            tile_m=float(tile_m) or None,
            outputs=Outputs(),
        )
    if result.failures:
        raise result.failures[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--survey", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.survey:
        _survey(options.survey)
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(print_figures(measure(Path(folder)), as_json=options.json))


if __name__ == "__main__":
    main()
