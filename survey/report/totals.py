"""Figures a hectare with their 95 % intervals, trees that were not found included where their share is known."""

from typing import Final

import numpy as np

from survey.airborne.result import PlotResult
from survey.allometry import TreeColumns, choose_models, gather_sizes
from survey.allometry.totals import Detection, FoundTrees, Total, per_hectare, total_plot
from survey.parameters import PlotParameters
from survey.report.page import Row

_LOGIT_SPREAD: Final = 0.25
"""By how much one stand's share of trees found departs from that of others, on the logit scale: a judgement, the same
with which `python -m benchmarks.totals` checks the intervals."""
_TONNE_KG: Final = 1_000.0


def describe_totals(plot: PlotResult, parameters: PlotParameters) -> tuple[Row, ...]:
    """Return the figures a hectare of a plot's living trees as rows of a report, and how many are dead.

    Parameters
    ----------
    plot
        The survey's result.
    parameters
        With which it was made: they say which equations.
    """
    living = [tree for tree in plot.trees if tree.form is None or tree.form.status != "standing-dead"]
    if not living:
        return _tell_dead(plot, 0)
    models = choose_models(parameters.species, parameters.forest, parameters.region)
    sizes = TreeColumns(
        gather_sizes([tree.height_m for tree in living]),
        gather_sizes([tree.crown_diameter_m for tree in living]),
        gather_sizes([None] * len(living)),
    )
    stocks = models.estimate_columns(sizes, area_m2=plot.area_m2)
    confidence = np.array([tree.confidence for tree in living])
    detection = [
        Detection(one.from_m, one.to_m, one.probability, _LOGIT_SPREAD * one.probability * (1.0 - one.probability))
        for one in plot.detection
    ]
    found = FoundTrees(sizes.height_m.value, confidence, stocks, plot.area_m2)
    hectare = per_hectare(total_plot(found, detection))
    note = "with trees that were not found" if detection else "of trees found; how many were not is not known"
    rows = [
        _tell("Trees per hectare", hectare.count, 1.0, "", note),
        _tell("Basal area", hectare.basal_area_m2, 1.0, "m²/ha", note),
        _tell("Stem volume", hectare.volume_m3, 1.0, "m³/ha", note),
        _tell("Biomass above ground", hectare.biomass_kg, _TONNE_KG, "t/ha", note),
        _tell("Carbon, roots included", hectare.carbon_kg, _TONNE_KG, "t/ha", note),
    ]
    return (*(row for row in rows if row is not None), *_tell_dead(plot, len(living)))


def _tell_dead(plot: PlotResult, living: int) -> tuple[Row, ...]:
    dead = len(plot.trees) - living
    rows = [Row("Standing dead", f"{dead:,}", "left out of the figures a hectare")] if dead else []
    if plot.fallen:
        rows.append(Row("Stems on the ground", f"{len(plot.fallen):,}", "as far as they show; in none of the figures"))
    return tuple(rows)


def _tell(name: str, total: Total | None, unit: float, words: str, note: str) -> Row | None:
    if total is None:
        return None
    low, high = (edge / unit for edge in total.interval)
    value = total.value / unit
    digits = 0 if value >= 100.0 else 1  # noqa: PLR2004 - three figures are all that such intervals carry
    return Row(name, f"{value:,.{digits}f} {words}".strip(), f"95 %: {low:,.{digits}f} to {high:,.{digits}f}, {note}")
