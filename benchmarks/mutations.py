"""Mutated payloads and device lines: 100,000 inputs, none of which may crash, hang or be lost.

Run: ``python -m benchmarks.mutations [--json] [--runs N]``. libFuzzer mutates valid messages and recorded lines, guided
by the coverage of our own code; an input that takes more than a second, or raises what is not one of our errors, ends
the run and is written down.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.report import Figure, print_figures
from domain.codec import encode
from domain.envelope import pack_message, seal
from domain.inquiry import Inquiry, encode_inquiry
from domain.keys import SigningKey
from domain.readings import Note
from domain.records.field import Observation, Place

LINES: Final = (
    b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n",
    b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
    b"$PLTIT,HV,15.50,M,90.00,D,42.10,D,20.90,M*66\r\n$PLTIT,HT,21.3,M*00\r\n",
    b"$PHGF,SPC,1,SPRUCE,*11\r\n$PHGF,DIA,M,312,*2E\r\n",
    bytes.fromhex("b5620107") + bytes(100),
    bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98"),
    b"1000\tgnss\t24474e\n",
)
"""One of each kind; most checksums are wrong on purpose, since mutation breaks them anyway."""
PATIENCE_S: Final = 3_600.0


def measure(runs: int) -> list[Figure]:
    """Return the figures of both targets."""
    figures: list[Figure] = []
    for name, seeds in (("payloads", _list_payloads()), ("lines", LINES)):
        with tempfile.TemporaryDirectory(prefix="cec-mutations-") as folder:
            corpus = Path(folder)
            for number, seed in enumerate(seeds):
                (corpus / f"seed-{number}").write_bytes(seed)
            began = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.mutation_targets", name, str(runs), folder]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)  # noqa: S603
            took_s = time.perf_counter() - began
            executed = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
            if done.returncode or executed is None:
                print(done.stderr[-4_000:], file=sys.stderr)
            ran = int(executed[1]) if executed else 0
            figures += [
                Figure(f"{name}: inputs", ran, "", f">= {runs}"),
                Figure(f"{name}: crashes, hangs over 1 s, bytes lost", int(done.returncode != 0), "", "<= 0"),
                Figure(f"{name}: inputs a second", ran / took_s, "1/s"),
            ]
    return figures


def _list_payloads() -> list[bytes]:
    key = SigningKey.from_seed(b"d" * 32)
    place = Place(bytes(16), 0, 1_790_000_000_000, b"b" * 16, 1)
    record = seal(Observation("north-forest", "rover-1", "ridge", place, (Note(1, "a note"),)), key)
    connect = bytes.fromhex("00044d5154540402003c0007726f7665722d31")
    return [record.raw, pack_message([record.raw]), encode_inquiry(Inquiry((record.cid,), ())), encode([]), connect]


def main() -> int:
    """Measure, print, and end with 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs for each target")
    options = parser.parse_args()
    figures = measure(options.runs)
    return print_figures(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
