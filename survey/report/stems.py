"""The report of a survey from within the forest: stems instead of crowns."""

from typing import Final

import numpy as np

from survey.coverage import Coverage
from survey.report.charts import draw_height_diameter, draw_stem_distribution
from survey.report.columns import StandColumns
from survey.report.maps import draw_stem_map
from survey.report.page import Picture, Report, Row
from survey.terrestrial.result import StemPlot

_LEAST_TOPS: Final = 5
"""Fewer heights make no chart."""


def read_stems(plot: StemPlot, crs: str, area_m2: float) -> StandColumns:
    """Return a plot's trees as columns, one row for each tree; heights that were not seen to the top are left out."""
    trees = plot.trees
    return StandColumns(
        x_m=np.array([tree.x_m for tree in trees]),
        y_m=np.array([tree.y_m for tree in trees]),
        height_m=np.array([tree.height_m if tree.is_height_seen else np.nan for tree in trees]),
        height_error_m=np.array([tree.height_error_m or np.nan for tree in trees]),
        dbh_cm=np.array([tree.stems[0].diameter_cm for tree in trees]),
        dbh_error_cm=np.array([tree.stems[0].diameter_error_cm for tree in trees]),
        crown_diameter_m=np.array([tree.crown_diameter_m or np.nan for tree in trees]),
        is_hidden=np.zeros(len(trees), dtype=np.bool_),
        outlines=tuple(tree.crown_outline for tree in trees),
        crs=crs,
        area_m2=area_m2,
        is_dbh_measured=True,
    )


def build_stem_report(title: str, plot: StemPlot, crs: str, coverage: Coverage) -> Report:
    """Return the report of one cloud from within the forest.

    Parameters
    ----------
    title
        Which survey.
    plot
        Its result.
    crs
        Of its positions.
    coverage
        Ground that its points cover.
    """
    stand = read_stems(plot, crs, coverage.area_m2)
    stems = [stem for tree in plot.trees for stem in tree.stems]
    seen = int(np.isfinite(stand.height_m).sum())
    basal = float(np.pi / 40_000.0 * np.square([stem.diameter_cm for stem in stems]).sum())
    ha = coverage.area_m2 / 10_000.0
    return Report(
        title=title,
        lead=f"{len(plot.trees):,} trees on {ha:.3f} ha, from {plot.points:,} points.",
        figures=(
            Row("Trees", f"{len(plot.trees):,}", f"{len(stems) - len(plot.trees)} of them forked below breast height"),
            Row("Stems per hectare", f"{len(stems) / ha:,.0f}"),
            Row("Basal area", f"{basal / ha:.1f} m²/ha", f"{basal:.2f} m² in all"),
            Row("Tops seen", f"{seen}", "the other heights say at least"),
            Row(
                "Noise of the cloud",
                f"{plot.noise_m * 1_000.0:.1f} mm",
                f"passes {plot.shift_m * 1_000.0:.1f} mm apart",
            ),
            Row("Spacing at breast height", f"{plot.spacing_m * 100.0:.1f} cm"),
            Row("Reference system", crs[:80]),
        ),
        pictures=tuple(_draw(stand, coverage)),
        detection=(),
        steps=plot.steps,
        warnings=plot.warnings,
    )


def _draw(stand: StandColumns, coverage: Coverage) -> list[Picture]:
    if not len(stand):
        return []
    pictures = [
        Picture(
            "Stem map",
            "Stems drawn wider than they are, as the scale says; crowns as far as they are seen from below.",
            draw_stem_map(stand, coverage.rings),
        ),
        Picture("Stems by diameter", "As in a stand table, a hectare.", draw_stem_distribution(stand)),
    ]
    if np.isfinite(stand.height_m).sum() >= _LEAST_TOPS:
        caption = "Trees whose tops are seen; the line is Näslund's."
        pictures.append(Picture("Height and diameter", caption, draw_height_diameter(stand)))
    return pictures
