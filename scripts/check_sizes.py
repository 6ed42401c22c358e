"""Checks that functions and files stay small: the house style's third rule of thumb, by machine."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_BODY: Final = 50
MAX_P90: Final = 25
MAX_FILE: Final = 500
ROOT: Final = Path(__file__).parent.parent
SKIPPED: Final = {".venv", ".git", "build", "dist"}


def find_files() -> Iterator[Path]:
    """Yield the project's Python files."""
    for path in sorted(ROOT.rglob("*.py")):
        if not SKIPPED & set(path.relative_to(ROOT).parts) and not path.name.endswith("_pb2.py"):
            yield path


def measure_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body without its docstring."""
    body = function.body
    first = body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    statements = body[1:] if is_docstring else body
    if not statements:
        return 0
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1


def main() -> int:
    """Print what is too large; return 1 when anything is."""
    bodies: list[int] = []
    complaints: list[str] = []
    for path in find_files():
        text = path.read_text("utf-8")
        name = path.relative_to(ROOT)
        if (lines := text.count("\n")) > MAX_FILE:
            complaints.append(f"{name}: {lines} lines, at most {MAX_FILE}: it is two things; split it")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies.append(size := measure_body(node))
                if size > MAX_BODY:
                    complaints.append(f"{name}:{node.lineno}: {node.name} has {size} lines, at most {MAX_BODY}")
    p90 = sorted(bodies)[len(bodies) * 9 // 10]
    if p90 > MAX_P90:
        complaints.append(f"nine in ten functions have up to {p90} lines, at most {MAX_P90} are wanted")
    print("\n".join(complaints) or f"{len(bodies)} functions, nine in ten up to {p90} lines, longest {max(bodies)}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
