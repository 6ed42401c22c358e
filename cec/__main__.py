"""``python -m cec`` and the ``cec`` command."""

import sys

from cec.app import app
from cec.console import report_failure
from cec.errors import FileTrouble
from domain.errors import CecError


def main() -> None:
    """Run the command line; an expected failure is told in one sentence and ends with code 1."""
    try:
        app()
    except CecError as error:
        _end(error)
    except OSError as error:
        _end(FileTrouble(error))
    except BaseExceptionGroup as group:
        expected = _find_expected(group)
        if expected is None:
            raise
        _end(expected)


def _end(error: CecError) -> None:
    report_failure(error, as_json="--json" in sys.argv)
    sys.exit(1)


def _find_expected(group: BaseExceptionGroup[BaseException]) -> CecError | None:
    """Return the expected failure that brought a task group down, if that is all it holds."""
    found, rest = group.split((CecError, OSError))
    if found is None or rest is not None:
        return None
    inner: BaseException = found
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    if isinstance(inner, OSError):
        return FileTrouble(inner)
    return inner if isinstance(inner, CecError) else None


if __name__ == "__main__":
    main()
