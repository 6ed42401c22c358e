"""What small steps cost a processor: a plot's stocks, a scanner's packets.

Run: ``python -m benchmarks.kernels [--json]``. Processor time of this process, best of five, once warm.
"""

import struct
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.report import Figure, parse_options, print_figures
from firmware_bridge.scan.vlp16_packet import decode_packets
from survey.allometry.choose import choose_models
from survey.allometry.columns import Sizes, TreeColumns

TREES: Final = 8_000
PACKETS: Final = 256
ROUNDS: Final = 5


def measure_stocks() -> Figure:
    """Return the time in which diameter, volume, biomass and carbon of a plot's trees are estimated and told."""
    rng = np.random.default_rng(0x57C)
    height, crown = rng.uniform(5.0, 35.0, TREES), rng.uniform(1.5, 9.0, TREES)
    trees = TreeColumns(
        Sizes(height, 0.02 * height, 0.01 * height),
        Sizes(crown, 0.1 * crown, 0.05 * crown),
        Sizes(np.full(TREES, np.nan), np.zeros(TREES), np.zeros(TREES)),
    )
    models = choose_models(None, "unknown", "united-states")

    def estimate() -> None:
        stocks = models.estimate_columns(trees, area_m2=1e5)
        for column in (stocks.dbh_cm, stocks.volume_m3, stocks.biomass_kg, stocks.carbon_kg):
            column.to_list()

    return Figure(f"stocks of {TREES:,} trees", _time_best(estimate), "s", "<= 0.1")


def measure_packets() -> Figure:
    """Return how many points of VLP-16 packets are decoded in a second; the scanner itself makes 600,000 at most."""
    block = struct.pack("<HH", 0xEEFF, 100) + struct.pack("<HB", 5_000, 100) * 32
    raws = [block * 12 + struct.pack("<IBB", 0, 0x37, 0x22)] * PACKETS
    count = decode_packets(raws, is_dual=False).packet.shape[0]
    took_s = _time_best(lambda: decode_packets(raws, is_dual=False))
    return Figure("VLP-16 points decoded", count / took_s, "1/s", ">= 1e6", "the scanner's most", 6e5)


def _time_best(step: Callable[[], object]) -> float:
    step()
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        step()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Measure and print."""
    options = parse_options(__doc__)
    sys.exit(print_figures([measure_stocks(), measure_packets()], as_json=options.json))


if __name__ == "__main__":
    main()
