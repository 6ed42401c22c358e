"""Check that files and functions stay small: ``python scripts/check_sizes.py [FOLDER]``.

A body's lines are those that hold code: no docstring, no blank line, no comment. Complexity is ruff's business.
"""

import ast
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_FILE_LINES: Final = 500
"""Past this, a file is two things."""
MAX_BODY_LINES: Final = 50
"""Past this, nobody holds a function in mind at once."""
MAX_P90_LINES: Final = 25
"""Nine functions in ten stay within this: long ones are the exception, not the style."""
GENERATED: Final = ("*_pb2.py",)
"""Files that a program writes and nobody reads."""
SKIPPED: Final = frozenset({"build", "dist", "node_modules"})
"""Folders of built things; hidden folders are skipped too."""


@dataclass(frozen=True, slots=True)
class Body:
    """One function's size.

    Attributes
    ----------
    name
        The function.
    line
        Where it begins, from 1.
    lines
        Lines of its body that hold code.
    """

    name: str
    line: int
    lines: int


def measure_bodies(source: str) -> list[Body]:
    r"""Return the size of each function in Python source, in order; a nested one counts in its parent too.

    Examples
    --------
    >>> measure_bodies('def f():\n    return 1\n')
    [Body(name='f', line=1, lines=1)]
    """
    lines = source.splitlines()
    return [
        Body(node.name, node.lineno, _count_code(node, lines))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _count_code(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not statements or function.end_lineno is None:
        return 0
    held = (line.strip() for line in lines[statements[0].lineno - 1 : function.end_lineno])
    return sum(1 for line in held if line and not line.startswith("#"))


def compute_p90(sizes: list[int]) -> int:
    """Return the smallest size that nine in ten do not exceed (nearest rank); 0 for none.

    Examples
    --------
    >>> compute_p90(list(range(1, 11))), compute_p90([])
    (9, 0)
    """
    return sorted(sizes)[math.ceil(0.9 * len(sizes)) - 1] if sizes else 0


def find_files(folder: Path) -> Iterator[Path]:
    """Yield the Python files below a folder that people write, sorted."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in SKIPPED for part in parts[:-1])
        if not hidden and not any(path.match(pattern) for pattern in GENERATED):
            yield path


def check(folder: Path) -> list[str]:
    """Return what is too long below a folder, each with its place and what to do."""
    faults: list[str] = []
    sizes: list[int] = []
    for path in find_files(folder):
        source = path.read_text(encoding="utf-8")
        place = path.relative_to(folder)
        total = len(source.splitlines())
        if total > MAX_FILE_LINES:
            faults.append(f"{place}:1: {total} lines, at most {MAX_FILE_LINES}: split it by what it is about")
        bodies = measure_bodies(source)
        sizes += [body.lines for body in bodies]
        faults += [
            f"{place}:{body.line}: {body.name} has {body.lines} lines, at most {MAX_BODY_LINES}: name its parts"
            for body in bodies
            if body.lines > MAX_BODY_LINES
        ]
    p90 = compute_p90(sizes)
    if p90 > MAX_P90_LINES:
        faults.append(
            f"one function in ten is over {p90} lines, at most {MAX_P90_LINES}: name the parts of the longest"
        )
    return faults


def main() -> int:
    """Print each fault and return the exit code."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    faults = check(folder)
    print("\n".join(faults) if faults else "sizes: all files and functions within their bounds")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
