"""Pictures in place: the stand with its crowns, a section through the cloud, a map of errors."""

from typing import Any, Final

import numpy as np
from matplotlib.collections import EllipseCollection, PolyCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from survey.coverage import Ring
from survey.report.canvas import DIFFERENCES, HEIGHTS, INK, QUIET, TREES, render_svg, start_figure
from survey.report.columns import ErrorColumns, Section, StandColumns
from survey.report.errors import InvalidPicture

_BARS_M: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Lengths of scale bars."""
_MOST_VECTORS: Final = 3_000
"""Crowns and points beyond this are drawn as an image within the SVG: a browser would choke on the shapes."""
_MOST_POINTS: Final = 60_000
_STEMS_WIDER: Final = 10.0
"""A stem drawn to scale would not be seen."""


def draw_stand_map(stand: StandColumns, covered: tuple[Ring, ...] = ()) -> str:
    """Return the stand from above as SVG: crowns coloured by height, tops, hidden trees, scale and north.

    Parameters
    ----------
    stand
        Its trees.
    covered
        Rings of the ground that the cloud covers.

    Raises
    ------
    InvalidPicture
        When there is no tree.
    """
    if len(stand) == 0:
        raise InvalidPicture("stand map", "there is no tree")
    figure, axes = start_figure(7.2, 6.4)
    for ring in covered:
        axes.plot(*np.array(ring).T, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    order = [number for number in np.argsort(stand.height_m) if stand.outlines[number] is not None]
    is_many = len(stand) > _MOST_VECTORS
    low, high = float(stand.height_m.min()), float(stand.height_m.max())
    crowns = PolyCollection(
        [np.array(stand.outlines[number]) for number in order],
        array=stand.height_m[order],
        cmap=HEIGHTS,
        clim=(low, high if high > low else low + 1.0),
        edgecolors="white",
        linewidths=0.3,
        rasterized=is_many,
    )
    axes.add_collection(crowns)
    seen = ~stand.is_hidden
    axes.scatter(stand.x_m[seen], stand.y_m[seen], s=2, color=INK, linewidths=0, rasterized=is_many)
    hidden = stand.is_hidden
    axes.scatter(stand.x_m[hidden], stand.y_m[hidden], s=12, facecolors="none", edgecolors=INK, linewidths=0.6)
    axes.autoscale_view()
    _make_map(axes, stand.crs)
    figure.colorbar(crowns, ax=axes, label="Height (m)", shrink=0.7)
    return render_svg(
        figure,
        label=f"Map of {len(stand)} trees from {low:.1f} to {high:.1f} m, {hidden.sum()} of them below the canopy.",
    )


def draw_stem_map(stand: StandColumns, covered: tuple[Ring, ...] = ()) -> str:
    """Return stems from above as SVG, discs ten times as wide as they are, and crowns as far as they are seen.

    Raises
    ------
    InvalidPicture
        When there is no tree.
    """
    if len(stand) == 0:
        raise InvalidPicture("stem map", "there is no tree")
    figure, axes = start_figure(7.2, 6.4)
    for ring in covered:
        axes.plot(*np.array(ring).T, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    crowns = [np.array(ring) for ring in stand.outlines if ring is not None]
    axes.add_collection(PolyCollection(crowns, facecolors="#2c6e4914", edgecolors="#2c6e4966", linewidths=0.6))
    sizes = _STEMS_WIDER * stand.dbh_cm / 100.0
    angles = np.zeros(len(stand))
    discs = EllipseCollection(
        sizes,
        sizes,
        angles,
        units="xy",
        offsets=np.column_stack([stand.x_m, stand.y_m]),
        offset_transform=axes.transData,
        array=stand.dbh_cm,
        cmap=HEIGHTS,
        linewidths=0,
    )
    axes.add_collection(discs)
    axes.autoscale_view()
    _make_map(axes, stand.crs)
    figure.colorbar(discs, ax=axes, label="Stem diameter (cm)", shrink=0.7)
    return render_svg(
        figure,
        label=f"Map of {len(stand)} stems from {stand.dbh_cm.min():.0f} to {stand.dbh_cm.max():.0f} cm.",
    )


def draw_section(section: Section) -> str:
    """Return a section through the cloud as SVG, to scale, each tree in a colour of its own.

    Raises
    ------
    InvalidPicture
        When the slice holds no point.
    """
    count = section.along_m.size
    if count == 0:
        raise InvalidPicture("section", "no point lies in the slice")
    # Evenly thinned, not cut off: the picture must show the whole slice.
    step = -(-count // _MOST_POINTS)
    along, z, tree = section.along_m[::step], section.z_m[::step], section.tree[::step]
    length, height = float(np.ptp(along)), float(np.ptp(z))
    figure, axes = start_figure(9.0, float(np.clip(9.0 * height / max(length, 1.0) + 1.0, 2.4, 7.0)))
    colours = np.array(["#b9bfb9", *TREES])
    chosen = np.where(tree < 0, 0, 1 + tree % len(TREES))
    axes.scatter(along, z, s=1.2, c=colours[chosen], linewidths=0, rasterized=True)
    axes.set_aspect("equal")
    of = "Height above ground (m)" if section.is_above_ground else "Elevation (m)"
    axes.set(xlabel=f"Along a slice of {section.width_m:g} m (m)", ylabel=of)
    trees = np.unique(section.tree[section.tree >= 0]).size
    return render_svg(figure, label=f"Section of {length:.0f} m through {trees} trees, {count} points.")


def draw_error_map(errors: ErrorColumns, crs: str) -> str:
    """Return where a result lies above and below its reference as SVG, the mean in each hexagon.

    Raises
    ------
    InvalidPicture
        When there is no difference to show.
    """
    known = np.isfinite(errors.error_m)
    if not known.any():
        raise InvalidPicture("error map", "there is no place with a reference")
    error = errors.error_m[known]
    # Symmetric, so that white is no error; the outermost hundredth may saturate.
    limit = max(float(np.quantile(np.abs(error), 0.99)), 0.01)
    figure, axes = start_figure(7.2, 6.4)
    cells = axes.hexbin(
        errors.x_m[known],
        errors.y_m[known],
        C=error,
        gridsize=60,
        cmap=DIFFERENCES,
        vmin=-limit,
        vmax=limit,
        linewidths=0.1,
    )
    _make_map(axes, crs)
    figure.colorbar(cells, ax=axes, label=f"{errors.of} (m)", shrink=0.7, extend="both")
    rmse, bias = float(np.sqrt(np.mean(error**2))), float(error.mean())
    axes.set_title(f"RMSE {rmse:.2f} m, bias {bias:+.2f} m, {error.size:,} places", loc="left", fontsize=10, color=INK)
    return render_svg(figure, label=f"{errors.of}: root mean square {rmse:.2f} m, bias {bias:+.2f} m.")


def choose_bar(width_m: float) -> int:
    """Return the round length of a scale bar for a map, about a fifth of its width, metres.

    Examples
    --------
    >>> choose_bar(480.0)
    50
    """
    return max((bar for bar in _BARS_M if bar <= max(width_m / 5.0, 1.0)), default=_BARS_M[0])


def _make_map(axes: Any, crs: str) -> None:
    """Give axes equal scales, whole coordinates, a scale bar and a north arrow."""
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    # Dollar signs would start a formula.
    axes.set(xlabel=f"Easting (m), {crs[:40].replace('$', '')}", ylabel="Northing (m)")
    for label in axes.get_yticklabels():
        label.set(rotation=90, va="center")
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    bar, rise = choose_bar(east - west), (north - south) * 0.02
    # Below the map's own frame, where no tree can lie under it.
    axes.set_ylim(south - 5.0 * rise, north)
    left, floor = west + (east - west) * 0.03, south - 3.2 * rise
    axes.plot([left, left + bar], [floor, floor], color=INK, linewidth=2.5, solid_capstyle="butt")
    axes.text(left + bar / 2.0, floor + 0.4 * rise, f"{bar} m", ha="center", va="bottom", color=INK, fontsize=9)
    axes.annotate(
        "N",
        xy=(0.965, 0.985),
        xytext=(0.965, 0.90),
        xycoords="axes fraction",
        ha="center",
        color=INK,
        arrowprops={"arrowstyle": "-|>", "color": INK},
    )
