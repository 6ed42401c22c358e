"""``python -m cec`` and the ``cec`` command."""

import sys

from cec.app import app
from cec.console import report_failure
from domain.errors import CecError


def main() -> None:
    """Run the command line; an expected failure is told in one sentence and ends with code 1."""
    try:
        app()
    except CecError as error:
        report_failure(error, as_json="--json" in sys.argv)
        sys.exit(1)


if __name__ == "__main__":
    main()
