"""``cec survey``: clouds to trees, without a server."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cec.cli.options import Crs, Json

survey_app = typer.Typer(rich_markup_mode=None)


@survey_app.command()
def survey(
    clouds: Annotated[list[Path], typer.Argument(help="LAS, LAZ, COPC, E57 or PLY files, or folders of them.")],
    crs: Crs = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is written; by default beside the cloud.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with map, charts, section and method here; it needs no network.")
    ] = None,
    forest: Annotated[str, typer.Option(help="Type: gymnosperm, angiosperm or unknown.")] = "unknown",
    species: Annotated[str | None, typer.Option(help="Scientific name, where the stand is of one species.")] = None,
    region: Annotated[str | None, typer.Option(help="Whose equations: canada, united-states, europe …")] = None,
    min_height: Annotated[float, typer.Option(help="Lower trees are left out, metres.")] = 3.0,
    normalized: Annotated[
        bool | None,
        typer.Option(
            "--normalized/--elevations", help="Say whether heights are already above ground; by default that is seen."
        ),
    ] = None,
    vendor_ground: Annotated[
        bool, typer.Option("--vendor-ground", help="Believe the file's ground class in place of our own.")
    ] = False,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled", help="Also write each LAS, LAZ and COPC with the number of its tree on every point."
        ),
    ] = False,
    copc: Annotated[
        bool,
        typer.Option("--copc", help="Also write each cloud as COPC, with the number of its tree on every point."),
    ] = False,
    geopackage: Annotated[
        bool, typer.Option("--geopackage", help="Also write trees and crowns as one GeoPackage.")
    ] = False,
    rasters: Annotated[
        bool, typer.Option("--rasters", help="Also write terrain and canopy as cloud-optimised GeoTIFF.")
    ] = False,
    tile: Annotated[
        float | None, typer.Option(help="Side of the tiles, metres, a multiple of 25; the trees are the same.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that work at once.")] = 1,
    cluster: Annotated[
        str | None, typer.Option(help="Dask scheduler that works instead, such as tcp://127.0.0.1:8786.")
    ] = None,
    json: Json = False,
) -> None:
    """Find the trees of clouds: signed records, layers, a report. Stopped on its way, it goes on where it was."""
    from cec.commands.survey import Science, SurveyOptions, Work, Written, run_survey

    code = run_survey(
        SurveyOptions(
            clouds=tuple(clouds),
            science=Science(crs, forest, species, region, min_height, normalized, is_vendor_ground=vendor_ground),
            written=Written(
                out, report, is_labelled=labelled, is_geopackage=geopackage, is_rasters=rasters, is_copc=copc
            ),
            work=Work(tile, workers, cluster),
            as_json=json,
        )
    )
    raise typer.Exit(code)


@survey_app.command()
def stems(
    cloud: Annotated[Path, typer.Argument(help="LAS, LAZ, COPC, E57 or PLY from tripods or a carried scanner.")],
    crs: Crs = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is written; by default beside the cloud.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with map and charts here.")] = None,
    breast_height: Annotated[float, typer.Option(help="Where stems are measured, metres: 1.30, 1.37, 1.40.")] = 1.30,
    ground_side: Annotated[
        Literal["uphill", "axis"], typer.Option(help="Side of the stem on which the ground is from which it counts.")
    ] = "uphill",
    least: Annotated[float, typer.Option(help="Thinner stems are left out, centimetres.")] = 5.0,
    forest: Annotated[str, typer.Option(help="Type: gymnosperm, angiosperm or unknown.")] = "unknown",
    species: Annotated[str | None, typer.Option(help="Scientific name, where the stand is of one species.")] = None,
    region: Annotated[str | None, typer.Option(help="Whose equations: canada, united-states, europe …")] = None,
    json: Json = False,
) -> None:
    """Find the stems in a cloud taken from within the forest: signed records, diameters with errors, layers, a report.

    A cloud in a frame of its own is named by --crs local:m; a frame that a plot's surveys share, by --crs local:NAME.
    """
    from cec.commands.stems import StemOptions, run_stems
    from survey.allometry import check_forest_type
    from survey.records.stems_cloud import StemScience
    from survey.terrestrial.parameters import StemParameters

    check_forest_type(forest)
    parameters = StemParameters(breast_height, ground_side, least)
    science = StemScience(crs, parameters, forest, species, region)  # type: ignore[arg-type]  # checked above
    run_stems(StemOptions(cloud, science, out, report, as_json=json))
