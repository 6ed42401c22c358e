"""One page that holds a survey: figures, pictures, method; no script, and nothing to load from elsewhere."""

from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from survey.airborne.detection import DetectionClass
from survey.airborne.result import PlotResult
from survey.algorithm import StepDone
from survey.report.charts import draw_growth, draw_height_diameter, draw_stem_distribution
from survey.report.columns import ErrorColumns, GrowthColumns, Section, StandColumns, read_columns
from survey.report.maps import draw_error_map, draw_section, draw_stand_map

_TEMPLATE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of the page.

    Attributes
    ----------
    name, value
        What, and how much with its unit.
    note
        What a reader must know beside it; may be empty.
    """

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the page.

    Attributes
    ----------
    title, caption
        What it is, and how to read it.
    svg
        From this package's drawing functions.
    """

    title: str
    caption: str
    svg: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a page says.

    Attributes
    ----------
    title, lead
        Its head: which survey, and its outcome in a sentence.
    figures
        Totals and what the cloud is like.
    pictures
        In the order of the page.
    detection
        How likely trees were found, by height.
    steps, warnings
        How it was made, and what a reader must know.
    """

    title: str
    lead: str
    figures: tuple[Row, ...]
    pictures: tuple[Picture, ...]
    detection: tuple[DetectionClass, ...]
    steps: tuple[StepDone, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extras:
    """Pictures that need more than the survey's result; each is left out where it is absent.

    Attributes
    ----------
    section
        A slice through the cloud.
    growth
        Since an earlier survey.
    errors
        Differences from a reference.
    totals
        Figures a hectare and of the whole, with their intervals.
    """

    section: Section | None = None
    growth: GrowthColumns | None = None
    errors: ErrorColumns | None = None
    totals: tuple[Row, ...] = ()


def build_report(title: str, plot: PlotResult, extras: Extras | None = None) -> Report:
    """Return the report of one surveyed cloud.

    Parameters
    ----------
    title
        Which survey.
    plot
        Its result.
    extras
        What else is known.
    """
    more = extras or Extras()
    stand = read_columns(plot)
    return Report(
        title=title,
        lead=f"{len(plot.trees):,} trees on {plot.area_m2 / 10_000:.2f} ha, from {plot.counts.read:,} points.",
        figures=(*_describe_cloud(plot), *more.totals),
        pictures=tuple(_draw(stand, plot, more)),
        detection=plot.detection,
        steps=plot.steps,
        warnings=plot.warnings,
    )


def render_report(report: Report) -> str:
    """Return a report as one HTML file that needs nothing else."""
    pages = Environment(loader=PackageLoader("survey.report"), autoescape=select_autoescape(), trim_blocks=True)
    pages.filters["picture"] = Markup  # our own drawing, with its texts escaped where they were put in
    return pages.get_template(_TEMPLATE).render(report=report)


def _describe_cloud(plot: PlotResult) -> tuple[Row, ...]:
    ground = "heights were already above ground" if plot.is_normalized else f"{plot.counts.ground:,} ground points"
    return (
        Row("Trees", f"{len(plot.trees):,}", f"{sum(tree.is_hidden for tree in plot.trees):,} below the canopy"),
        Row("Area covered", f"{plot.area_m2 / 10_000:.2f} ha"),
        Row("Points", f"{plot.counts.used:,}", f"{plot.counts.noise:,} left out as noise"),
        Row("Density", f"{plot.density:.1f} points/m²", f"{plot.first_density:.1f} first echoes/m²"),
        Row("Ground", ground),
        Row("Reference system", plot.crs.text[:80], f"said by: {plot.crs.source}"),
    )


def _draw(stand: StandColumns, plot: PlotResult, more: Extras) -> list[Picture]:
    pictures: list[Picture] = []
    if len(stand):
        pictures.append(
            Picture(
                "Stand map",
                "Crowns by height; dots are tops, rings are trees below the canopy; the dashed line bounds the cloud.",
                draw_stand_map(stand, plot.covered),
            )
        )
    if more.section is not None and more.section.along_m.size:
        pictures.append(
            Picture("Section", "To scale, a colour for each tree; grey is no tree's.", draw_section(more.section))
        )
    if any(tree.dbh_cm is not None for tree in plot.trees):
        pictures.append(
            Picture(
                "Height and diameter", "One point for each tree; the line is Näslund's.", draw_height_diameter(stand)
            )
        )
        pictures.append(Picture("Stems by diameter", "As in a stand table, a hectare.", draw_stem_distribution(stand)))
    if more.growth is not None and more.growth.before_m.size:
        pictures.append(Picture("Growth", "Trees seen twice; grey bars are 95 % errors.", draw_growth(more.growth)))
    if more.errors is not None:
        pictures.append(
            Picture(
                "Errors", "Mean difference in each cell; white is none.", draw_error_map(more.errors, plot.crs.text)
            )
        )
    return pictures
