"""Runs the scenarios and tells what was done and what came of it."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import __doc__ as words
from benchmarks.faults.kills import BROKERS, Kills, endure_kills
from benchmarks.faults.links import LINKS, endure_link
from benchmarks.faults.report import Outcome
from benchmarks.report import print_figures


def list_scenarios(kills: int, records: int) -> dict[str, Callable[[Path], Outcome]]:
    """Return the scenarios by name; kills and records are shared among the brokers."""
    share = len(BROKERS)
    scenarios: dict[str, Callable[[Path], Outcome]] = {}
    for broker in BROKERS:
        plan = Kills(broker, -(-kills // share), -(-records // share))
        scenarios[f"kills-{broker}"] = lambda folder, plan=plan: endure_kills(folder, plan)  # type: ignore[misc]
    for link in LINKS:
        scenarios[f"link-{link.name}"] = lambda folder, link=link: endure_link(folder, link)  # type: ignore[misc]
    return scenarios


def main() -> int:
    """Run what was asked for; end with 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    parser.add_argument("--only", nargs="*", help="names of scenarios, or their beginnings")
    parser.add_argument("--kills", type=int, default=501, help="over all brokers together")
    parser.add_argument("--records", type=int, default=200_000, help="over all brokers together")
    options = parser.parse_args()
    missed = 0
    for name, endure in list_scenarios(options.kills, options.records).items():
        if options.only and not any(name.startswith(one) for one in options.only):
            continue
        with tempfile.TemporaryDirectory(prefix="cec-faults-") as folder:
            outcome = endure(Path(folder) / name)
        print(f"{name}: {outcome.did}", file=sys.stderr)
        missed |= print_figures(outcome.figures, as_json=options.json)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
