"""A catalogue's result as that of one plot, for records and reports."""

from survey.airborne.forms import FallenStem
from survey.airborne.result import PlotResult, PointCounts, TreeEstimate
from survey.catalogue.result import CatalogueResult


def gather_plot(
    result: CatalogueResult, trees: tuple[TreeEstimate, ...], fallen: tuple[FallenStem, ...] = ()
) -> PlotResult:
    """Return a survey of many files as if it were of one.

    Parameters
    ----------
    result
        What `survey.catalogue.entry.survey_catalogue` returned.
    trees
        Of `survey.catalogue.estimates.read_trees`, or some of them.
    fallen
        Of `survey.catalogue.fallen.read_fallen`.
    """
    noise = sum(tile.noise for tile in result.tiles)
    used = sum(file.used for file in result.files) - noise
    ground = sum(tile.ground for tile in result.tiles)
    return PlotResult(
        trees=trees,
        crs=result.crs,
        is_normalized=result.is_normalized,
        operation=result.operation,
        operation_accuracy_m=result.operation_accuracy_m,
        covered=result.covered,
        area_m2=result.area_m2,
        density=result.density,
        first_density=result.first_density,
        counts=PointCounts(sum(file.points for file in result.files), used, noise, ground),
        detection=result.detection,
        steps=result.steps,
        warnings=result.warnings,
        stage_s=(),
        fallen=fallen,
    )
