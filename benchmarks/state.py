"""The state tree: key updates a second, each block of 1,000 synced to the disk, in a state of 1,000,000 keys.

Run: ``python -m benchmarks.state [--json]``. Figures are by the processor time of the whole process, RocksDB's own
threads (flush, compaction) among it, since neighbours on the machine do not add to that; the wall time of the same run
stands beside. The peer is the tree before it (`chain.core.store`), over a state small enough to wait for.
"""

import gc
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.report import Figure, parse_options, print_figures
from chain.core.store import StateStore
from chain.data.rocks import RocksStore
from chain.data.tree_store import TreeStore

KEYS: Final = 1_000_000
PEER_KEYS: Final = 100_000
BATCH: Final = 1_000
UPDATES: Final = 100_000
SEED: Final = 7
PROOFS: Final = 2_000
MODULE: Final = "bank"

Change = tuple[str, bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast updates went.

    Attributes
    ----------
    by_cpu, by_wall
        Key updates a second of processor time, and of wall time.
    """

    by_cpu: float
    by_wall: float


def measure(commit: Callable[[Sequence[Change], int], None], keys: Sequence[bytes]) -> Speed:
    """Return the speed of updating random keys of a state that holds all of them."""
    height = 0
    for start in range(0, len(keys), BATCH):
        height += 1
        commit([(MODULE, key, bytes(16)) for key in keys[start : start + BATCH]], height)
    chosen = random.Random(SEED)  # noqa: S311  # a seeded generator chooses keys to touch
    gc.collect()
    wall, cpu = time.perf_counter(), _get_cpu_s()
    for _ in range(UPDATES // BATCH):
        height += 1
        commit([(MODULE, key, height.to_bytes(16, "big")) for key in chosen.sample(keys, BATCH)], height)
    return Speed(UPDATES / (_get_cpu_s() - cpu), UPDATES / (time.perf_counter() - wall))


def measure_state(count: int) -> list[Figure]:
    """Return the figures of the state tree over `count` keys."""
    keys = [b"\x01" + number.to_bytes(20, "big") for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        kv = RocksStore(Path(folder))
        store = TreeStore(kv, [MODULE])
        speed = measure(lambda changes, height: store.commit(store.prepare(changes, height)), keys)
        chosen = keys[:: max(1, count // PROOFS)][:PROOFS]
        start = _get_cpu_s()
        for key in chosen:
            store.prove(MODULE, key, store.height - 1)
        proofs = PROOFS / (_get_cpu_s() - start)
        kv.close()
    goal = ">= 40000" if count == KEYS else None
    said = f"state tree, {count:,} keys, durable batches of {BATCH:,}"
    return [
        Figure(f"{said}: updates by processor time", speed.by_cpu, "/s", goal),
        Figure(f"{said}: updates by wall time", speed.by_wall, "/s"),
        Figure(f"{said}: proofs at the height before", proofs, "/s"),
    ]


def measure_peer() -> list[Figure]:
    """Return the figure of the tree before it."""
    keys = [b"\x01" + number.to_bytes(20, "big") for number in range(PEER_KEYS)]
    with tempfile.TemporaryDirectory() as folder:
        kv = RocksStore(Path(folder))
        store = StateStore(kv, [MODULE])
        speed = measure(lambda changes, height: store.commit(store.prepare(changes), height), keys)
        kv.close()
    return [Figure(f"nodes one a record, {PEER_KEYS:,} keys: updates by processor time", speed.by_cpu, "/s")]


def _get_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print; return 1 when a goal is missed."""
    options = parse_options(__doc__)
    figures = measure_state(KEYS) + measure_state(PEER_KEYS) + measure_peer()
    return print_figures(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
