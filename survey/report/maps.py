"""Pictures in place: the stand with its crowns, a section through the cloud, a map of errors."""

from typing import Any, Final

import numpy as np
from matplotlib.collections import EllipseCollection, PolyCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.spatial import KDTree

from survey.coverage import Ring
from survey.report.canvas import DIFFERENCES, HEIGHTS, INK, QUIET, TREES, render_svg, start_figure
from survey.report.columns import ErrorColumns, Section, StandColumns
from survey.report.errors import InvalidPicture

_BARS_M: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Lengths of scale bars."""
_MOST_VECTORS: Final = 3_000
"""Crowns and points beyond this are drawn as an image within the SVG: a browser would choke on the shapes."""
_MOST_POINTS: Final = 60_000
_STEMS_WIDER: Final = (10, 5, 3, 2)
"""How many times as wide stems are drawn, the first that fits: to scale they would not be seen."""
_APART: Final = 0.75
"""Share of trees that no neighbour's disc may touch."""
_HEXAGONS: Final = 60
"""Along the longer side of an error map."""
_NARROW: Final = 0.35
"""Width over height of a map below which eastings stand upright, side by side they would overlap."""
_TALL_IN: Final = 6.4
"""Height of a map's picture, inches."""


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
    """Return stems from above as SVG, discs wider than they are, and crowns as far as they are seen.

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
    wider = choose_stem_scale(stand)
    sizes = wider * stand.dbh_cm / 100.0
    angles = np.zeros(len(stand))
    places = np.column_stack([stand.x_m, stand.y_m])
    discs = EllipseCollection(
        sizes,
        sizes,
        angles,
        units="xy",
        offsets=places,
        offset_transform=axes.transData,
        array=stand.dbh_cm,
        cmap=HEIGHTS,
        edgecolors="white",
        linewidths=0.6,
    )
    axes.add_collection(discs)
    # A collection's own limits are those of its centres.
    half = sizes[:, None] / 2.0
    axes.update_datalim(np.vstack([places - half, places + half]))
    axes.autoscale_view()
    _make_map(axes, stand.crs)
    figure.colorbar(discs, ax=axes, label=f"Stem diameter (cm), drawn {wider} times as wide", shrink=0.7)
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
    x_m, y_m = errors.x_m[known], errors.y_m[known]
    width, height = max(float(np.ptp(x_m)), 1.0), max(float(np.ptp(y_m)), 1.0)
    # A narrow map in a wide picture would be cut off by its own title.
    figure, axes = start_figure(float(np.clip(_TALL_IN * width / height + 1.6, 4.2, 7.2)), _TALL_IN)
    across = max(4, round(_HEXAGONS * width / max(width, height)))
    cells = axes.hexbin(
        x_m,
        y_m,
        C=error,
        gridsize=(across, max(3, round(across * height / width / np.sqrt(3.0)))),
        cmap=DIFFERENCES,
        vmin=-limit,
        vmax=limit,
        linewidths=0.1,
    )
    _make_map(axes, crs)
    figure.colorbar(cells, ax=axes, label=f"{errors.of} (m)", shrink=0.7, extend="both")
    rmse, bias = float(np.sqrt(np.mean(error**2))), float(error.mean())
    told = f"RMSE {rmse:.2f} m, bias {bias:+.2f} m, {error.size:,} places"
    figure.suptitle(told, x=0.02, ha="left", fontsize=10, color=INK)
    return render_svg(figure, label=f"{errors.of}: root mean square {rmse:.2f} m, bias {bias:+.2f} m.")


def choose_stem_scale(stand: StandColumns) -> int:
    """Return how many times as wide stems are drawn: the most at which few touch."""
    if len(stand) == 1:
        return _STEMS_WIDER[0]
    places = np.column_stack([stand.x_m, stand.y_m])
    away, other = KDTree(places).query(places, k=2)
    touching = (stand.dbh_cm + stand.dbh_cm[other[:, 1]]) / 200.0
    room = away[:, 1] / np.maximum(touching, 1e-6)
    fits = [wider for wider in _STEMS_WIDER if float((room >= wider).mean()) >= _APART]
    return fits[0] if fits else _STEMS_WIDER[-1]


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
    spans = [abs(float(high - low)) for low, high in (axes.get_xlim(), axes.get_ylim())]
    for axis, span in zip((axes.xaxis, axes.yaxis), spans, strict=True):
        axis.set_major_locator(MaxNLocator(max(1, round(4.0 * span / max(spans))), integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    # Dollar signs would start a formula.
    axes.set(xlabel=f"Easting (m), {crs[:40].replace('$', '')}", ylabel="Northing (m)")
    for label in axes.get_yticklabels():
        label.set(rotation=90, va="center")
    if spans[0] < _NARROW * spans[1]:
        axes.tick_params(axis="x", rotation=90)
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
