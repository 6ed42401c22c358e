"""How figures are told: a table for people, one JSON object a line for machines."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes
    ----------
    name
        What was measured.
    value, unit
        The figure.
    goal
        What it should be: ``<= 5`` or ``>= 0.8``; absent when it is only told.
    peer, peer_value
        Something comparable measured in the same run.
    """

    name: str
    value: float
    unit: str
    goal: str | None = None
    peer: str | None = None
    peer_value: float | None = None


def is_met(figure: Figure) -> bool | None:
    """Tell whether a figure meets its goal; nothing when it has none.

    Examples
    --------
    >>> is_met(Figure("time", 4.0, "s", "<= 5")), is_met(Figure("f1", 0.7, "", ">= 0.8"))
    (True, False)
    """
    if figure.goal is None:
        return None
    relation, bound = figure.goal.split()
    return figure.value <= float(bound) if relation == "<=" else figure.value >= float(bound)


def parse_options(description: str | None) -> argparse.Namespace:
    """Return the options that every benchmark takes: ``--json``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    return parser.parse_args()


def print_figures(figures: Sequence[Figure], *, as_json: bool) -> int:
    """Print figures as a table or as JSON lines; return 1 when one misses its goal, else 0."""
    missed = int(any(is_met(figure) is False for figure in figures))
    if as_json:
        for figure in figures:
            print(json.dumps({name: value for name, value in asdict(figure).items() if value is not None}))
        return missed
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        print(_format_row(figure, width))
    return missed


def _format_row(figure: Figure, width: int) -> str:
    met = is_met(figure)
    verdict = "" if met is None else f"   goal {figure.goal}: {'met' if met else 'MISSED'}"
    peer = "" if figure.peer is None else f"   {figure.peer}: {figure.peer_value:,.4g}"
    return f"{figure.name:<{width}}  {figure.value:>12,.4g} {figure.unit:<8}{peer}{verdict}"
