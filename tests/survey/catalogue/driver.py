"""A survey in a process of its own, to be killed: ``python -m tests.survey.catalogue.driver WORKERS OUT FILE…``.

Each job that ends is a line on standard output: stage and name.
"""

import signal
import sys
from contextlib import nullcontext
from pathlib import Path

from survey.catalogue.entry import survey_catalogue
from survey.catalogue.exports import Outputs
from survey.catalogue.run import Progress, RunHere, open_pool
from survey.parameters import PlotParameters


def tell(progress: Progress) -> None:
    """Print what ended."""
    sys.stdout.write(f"{progress.stage} {progress.name}\n")
    sys.stdout.flush()


def main() -> None:
    """Survey."""
    # A shell's job in the background is born deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    workers, out, *files = sys.argv[1:]
    with open_pool(int(workers)) if int(workers) else nullcontext(RunHere()) as executor:
        survey_catalogue(
            [Path(file) for file in files],
            PlotParameters(),
            Path(out),
            executor=executor,
            tile_m=25.0,
            outputs=Outputs(),
            on_progress=tell,
        )


if __name__ == "__main__":
    main()
