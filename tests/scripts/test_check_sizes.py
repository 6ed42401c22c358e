from pathlib import Path

import pytest

from scripts.check_sizes import MAX_BODY_LINES, MAX_FILE_LINES, check, compute_p90, measure_bodies


def write_function(lines: int) -> str:
    return "def f():\n" + "    x = 1\n" * lines


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f(): return 1\n", 1),
        ("def f():\n    '''Only a docstring.'''\n", 0),
        ("def f():\n    '''Of\n\n    four lines.'''\n    return 1\n", 1),
        ("def f():\n    a = 1\n\n    # why\n    return a  # how\n", 2),
        ("async def f(\n    a,\n    b,\n):\n    return (\n        a,\n    )\n", 3),
        ("class C:\n    def f(self):\n        return 1\n", 1),
    ],
)
def test_a_body_counts_its_lines_of_code(source: str, lines: int) -> None:
    assert [body.lines for body in measure_bodies(source)] == [lines]


def test_a_nested_function_counts_in_its_parent_too() -> None:
    bodies = measure_bodies("def f():\n    def g():\n        return 1\n    return g\n")
    assert [(body.name, body.lines) for body in bodies] == [("f", 3), ("g", 1)]


@pytest.mark.parametrize(("count", "p90"), [(1, 1), (9, 9), (10, 9), (11, 10), (100, 90)])
def test_nine_in_ten_do_not_exceed_the_p90(count: int, p90: int) -> None:
    assert compute_p90(list(range(count, 0, -1))) == p90


def test_what_is_at_its_bound_is_no_fault(tmp_path: Path) -> None:
    small = "".join(f"def f{number}(): pass\n" for number in range(10))
    (tmp_path / "a.py").write_text(small + write_function(MAX_BODY_LINES))
    (tmp_path / "b.py").write_text("\n" * MAX_FILE_LINES)
    assert check(tmp_path) == []


def test_a_long_body_is_named_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    small = "".join(f"def f{number}(): pass\n" for number in range(10))
    (tmp_path / "a.py").write_text(small + write_function(MAX_BODY_LINES + 1))
    assert check(tmp_path) == [f"a.py:11: f has {MAX_BODY_LINES + 1} lines, at most {MAX_BODY_LINES}: name its parts"]


def test_a_long_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("\n" * (MAX_FILE_LINES + 1))
    assert [fault.split(":")[0] for fault in check(tmp_path)] == ["a.py"]


def test_many_middling_bodies_are_a_fault_together(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(write_function(26))
    assert "one function in ten" in check(tmp_path)[0]


@pytest.mark.parametrize("place", ["x_pb2.py", ".venv/x.py", "build/x.py", "a/.cache/b/x.py"])
def test_what_nobody_writes_is_not_measured(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write_function(MAX_FILE_LINES + 1))
    assert check(tmp_path) == []
