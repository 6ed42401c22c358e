"""Twenty thousand damaged LAS, LAZ and COPC files: none may hang us, crash us, or be read short in silence.

Run: ``python -m benchmarks.mutated_clouds [--json] [--count N] [--seed N]``. Bases are clouds written here and,
where they are present, small ones of the shared malformed files. Each mutant changes some bytes of the header, the
records, the chunk table or the octree of one, or cuts it off; a third of the COPC files are read by a window.
Beside it, what the decoder costs that withstands them.
"""

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import laspy
import numpy as np

from benchmarks.report import Figure, print_figures
from survey.errors import DecodeTimedOut, InvalidCloudFile
from survey.files.clouds import Box, CloudFile, open_cloud, stream_points
from survey.files.copc_tree import ENTRY, INFO
from survey.files.decoder import Decoder

COUNT: Final = 20_000
SHARED: Final = Path(__file__).parents[2] / "shared" / "data"
MALFORMED: Final = SHARED / "malformed"
TILE: Final = SHARED / "als" / "bcts" / "bcts_2.laz"
_MOST_BYTES: Final = 70_000
"""Of a base: larger ones take long to write and show nothing more."""
_SLOW_S: Final = 5.0
"""A mutant that takes longer to be read or refused counts as a hang; a start of the decoder takes 0.3 s."""
_TELLING: Final = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
"""Bytes at the edges of integers and flags."""


@dataclass(frozen=True, slots=True)
class Base:
    """A file to damage.

    Attributes
    ----------
    name
        Of the file.
    raw
        Its bytes.
    points
        That it holds.
    is_copc
        Whether it has an octree.
    header_end
        Offset behind header and records, bytes.
    tree_at
        Offset of the octree's first page; 0 for none.
    """

    name: str
    raw: bytes
    points: int
    is_copc: bool
    header_end: int
    tree_at: int


def gather_bases(folder: Path) -> list[Base]:
    """Return the files to damage; those of ours are written to `folder`."""
    paths = _write_own(folder)
    if MALFORMED.is_dir():
        paths += [path for path in sorted(MALFORMED.glob("*.la[sz]")) if path.stat().st_size <= _MOST_BYTES]
    bases = []
    for path in paths:
        try:
            cloud = open_cloud(path)
        except InvalidCloudFile:
            continue
        header = cloud.header
        if header is None or not header.point_count:
            continue
        tree_at = INFO.unpack(header.copc)[5] if header.copc else 0
        bases.append(
            Base(path.name, path.read_bytes(), header.point_count, bool(header.copc), header.points_at, tree_at)
        )
    return bases


def mutate(base: Base, rng: random.Random) -> bytes:
    """Return a damaged copy."""
    raw = bytearray(base.raw)
    kind = rng.random()
    if kind < 0.1:  # noqa: PLR2004 - one in ten is cut off
        return bytes(raw[: rng.randrange(len(raw))])
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at = _choose_place(base, rng)
        if rng.random() < 0.5:  # noqa: PLR2004 - half of them at the edges of integers
            raw[at] = rng.choice(_TELLING)
        else:
            raw[at] ^= 1 << rng.randrange(8)
    return bytes(raw)


def read_mutant(path: Path, base: Base, decoder: Decoder, *, by_window: bool) -> str:
    """Return what became of a mutant: ``refused``, ``timed out``, ``read``, ``warned`` or ``silent``."""
    try:
        cloud = open_cloud(path)
        window = _choose_window(cloud) if by_window else None
        found = sum(len(part) for part in stream_points(cloud, window, decoder=decoder))
    except DecodeTimedOut:
        return "timed out"
    except InvalidCloudFile:
        return "refused"
    whole = cloud.point_count if window is None else _count_within(path, window, decoder)
    if whole >= 0 and found != whole:
        return "silent"
    if cloud.point_count < base.points and not cloud.warnings:
        return "silent"
    return "warned" if cloud.warnings else "read"


def measure(count: int = COUNT, seed: int = 1) -> list[Figure]:
    """Return how many mutants hung, crashed or came short."""
    rng = random.Random(seed)  # noqa: S311 - makes content, not keys
    became: Counter[str] = Counter()
    slowest_s, crashes, started = 0.0, 0, time.process_time()
    with tempfile.TemporaryDirectory() as folder, Decoder() as decoder:
        bases = gather_bases(Path(folder))
        path = Path(folder) / "mutant"
        for _ in range(count):
            base = rng.choice(bases)
            path.write_bytes(mutate(base, rng))
            before = time.monotonic()
            try:
                became[read_mutant(path, base, decoder, by_window=base.is_copc and rng.random() < 1 / 3)] += 1
            except Exception as error:  # noqa: BLE001 - each is one that counts
                crashes += 1
                print(f"{base.name}: {type(error).__name__}: {error}", file=sys.stderr)
            slowest_s = max(slowest_s, time.monotonic() - before)
    return [
        Figure("mutants", count, "files"),
        Figure("hangs", became["timed out"] + int(slowest_s > _SLOW_S), "files", "<= 0"),
        Figure("crashes", crashes, "files", "<= 0"),
        Figure("read short in silence", became["silent"], "files", "<= 0"),
        Figure("refused by name", became["refused"], "files"),
        Figure("read with a warning", became["warned"], "files"),
        Figure("read as promised", became["read"], "files"),
        Figure("slowest", slowest_s, "s"),
        Figure("CPU of this process", time.process_time() - started, "s"),
    ]


def measure_decoder() -> list[Figure]:
    """Return what decoding behind a pipe costs: points a second of processor time, both processes, and memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = TILE if TILE.exists() else _write_large(Path(folder) / "large.laz")
        cloud = open_cloud(path)
        before = _user_s()
        with Decoder() as decoder:
            count = sum(len(part) for part in stream_points(cloud, decoder=decoder))
            peak = decoder.peak_bytes
    return [
        Figure(f"LAZ decoded, start included ({path.name})", count / (_user_s() - before) / 1e6, "M/s", ">= 2"),
        Figure("memory of the decoder", peak / 1e6, "MB", "<= 120"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(print_figures([*measure(options.count, options.seed), *measure_decoder()], as_json=options.json))


def _write_own(folder: Path) -> list[Path]:
    """Write one cloud in the formats that differ most."""
    paths = []
    rng = np.random.default_rng(1)
    for version, form, suffix in (("1.2", 1, "las"), ("1.2", 3, "laz"), ("1.4", 6, "las"), ("1.4", 7, "laz")):
        header = laspy.LasHeader(version=version, point_format=form)
        header.scales, header.offsets = np.full(3, 0.001), np.zeros(3)
        las = laspy.LasData(header)
        las.x, las.y, las.z = rng.random((3, 700)) * 50.0
        las.return_number = las.number_of_returns = np.ones(700, dtype=np.uint8)
        path = folder / f"own-{version}-{form}.{suffix}"
        las.write(path)
        paths.append(path)
    return paths


def _write_large(path: Path) -> Path:
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales, header.offsets = np.full(3, 0.01), np.zeros(3)
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.random.default_rng(1).random((3, 1_000_000)) * 200.0
    las.write(path)
    return path


def _user_s() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime for one in spent)


def _choose_place(base: Base, rng: random.Random) -> int:
    """Return an offset where a byte says how to read others."""
    part = rng.random()
    if base.tree_at and part < 0.4:  # noqa: PLR2004 - shares of the parts
        return min(base.tree_at + rng.randrange(4 * ENTRY.size), len(base.raw) - 1)
    if part < 0.9:  # noqa: PLR2004 - same
        return rng.randrange(min(375, base.header_end)) if part < 0.7 else rng.randrange(base.header_end)  # noqa: PLR2004 - same
    return rng.choice((min(base.header_end + rng.randrange(16), len(base.raw) - 1), rng.randrange(len(base.raw))))


def _count_within(path: Path, window: Box, decoder: Decoder) -> int:
    """Return the points within a window, told from all points; -1 where those are refused."""
    try:
        cloud = open_cloud(path)
        box = np.array([[window.west, window.south], [window.east, window.north]])
        count = 0
        for part in stream_points(cloud, decoder=decoder):
            place = part.units[:, :2] * np.array(part.scale[:2]) + np.array(part.offset[:2])
            count += int(((place >= box[0]) & (place < box[1])).all(axis=1).sum())
    except InvalidCloudFile:
        return -1
    return count


def _choose_window(cloud: CloudFile) -> Box:
    """Return the south-western quarter of the promised bounds."""
    box = cloud.bounds or Box(0.0, 0.0, 10.0, 10.0)
    return Box(box.west, box.south, (box.west + box.east) / 2.0, (box.south + box.north) / 2.0)


if __name__ == "__main__":
    main()
