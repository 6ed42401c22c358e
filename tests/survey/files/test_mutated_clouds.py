"""A hundred of the damaged files that the benchmark makes by the thousand."""

from benchmarks.mutated_clouds import measure
from benchmarks.report import is_met


def test_damaged_files_neither_hang_nor_crash_nor_come_short_in_silence() -> None:
    figures = measure(100, seed=2)
    assert {figure.name for figure in figures if is_met(figure) is False} == set()
    counts = {figure.name: figure.value for figure in figures}
    assert counts["refused by name"] > 0
    assert counts["read as promised"] > 0
