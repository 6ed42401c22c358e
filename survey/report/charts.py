"""Charts of a stand: heights over diameters, stems by diameter class, growth."""

from typing import Final

import numpy as np
from matplotlib.ticker import MaxNLocator

from survey.cloud import Floats
from survey.report.canvas import GREEN, INK, ORANGE, QUIET, render_svg, start_figure
from survey.report.columns import GrowthColumns, StandColumns
from survey.report.errors import InvalidPicture

CLASS_CM: Final = 5.0
"""Width of a diameter class."""
_BREAST_HEIGHT_M: Final = 1.3
_LEAST_FOR_CURVE: Final = 10
_MOST_BARS: Final = 400
"""Error bars beyond this many hide the points."""
_TWO_SIDED_95: Final = 1.959964


def fit_naslund(dbh_cm: Floats, height_m: Floats) -> tuple[float, float]:
    """Return a and b of Näslund's height curve, h = 1.3 + d^2 / (a + b d)^2.

    Fitted in its linear form d / sqrt(h - 1.3) = a + b d by least squares (Näslund 1936, Meddelanden från Statens
    Skogsförsöksanstalt 29).

    Parameters
    ----------
    dbh_cm, height_m
        Shape (n,), n >= 2; heights above 1.3 m.

    Examples
    --------
    >>> d = np.array([10.0, 20.0, 40.0])
    >>> tuple(round(one, 3) for one in fit_naslund(d, 1.3 + d**2 / (1.5 + 0.16 * d) ** 2))
    (1.5, 0.16)
    """
    slope, start = np.polyfit(dbh_cm, dbh_cm / np.sqrt(height_m - _BREAST_HEIGHT_M), 1)
    return float(start), float(slope)


def draw_height_diameter(stand: StandColumns) -> str:
    """Return the height-diameter chart as SVG: a point a tree, errors where they can be told apart, Näslund's curve.

    Raises
    ------
    InvalidPicture
        When no tree has both a height and a diameter.
    """
    known = np.isfinite(stand.dbh_cm) & np.isfinite(stand.height_m)
    if not known.any():
        raise InvalidPicture("height-diameter chart", "no tree has both a height and a diameter")
    dbh, height = stand.dbh_cm[known], stand.height_m[known]
    figure, axes = start_figure()
    if known.sum() <= _MOST_BARS:
        axes.errorbar(
            dbh,
            height,
            xerr=np.nan_to_num(stand.dbh_error_cm[known]),
            yerr=np.nan_to_num(stand.height_error_m[known]),
            fmt="none",
            ecolor=QUIET,
            alpha=0.25,
            linewidth=0.7,
        )
    axes.scatter(dbh, height, s=14, color=GREEN, alpha=0.6, linewidths=0, rasterized=known.sum() > _MOST_BARS)
    curve = ""
    taller = height > _BREAST_HEIGHT_M
    if taller.sum() >= _LEAST_FOR_CURVE:
        a, b = fit_naslund(dbh[taller], height[taller])
        over = np.linspace(dbh.min(), dbh.max(), 100)
        axes.plot(over, _BREAST_HEIGHT_M + (over / (a + b * over)) ** 2, color=ORANGE, linewidth=1.8)
        curve = f" Curve: Näslund, a = {a:.2f}, b = {b:.3f}."
    origin = "measured" if stand.is_dbh_measured else "modelled from height and crown, so the points keep to a band"
    axes.set(xlabel=f"Stem diameter at 1.3 m (cm), {origin}", ylabel="Height (m)", xlim=(0, None), ylim=(0, None))
    return render_svg(figure, label=f"Height over stem diameter of {known.sum()} trees.{curve}")


def count_stems(dbh_cm: Floats, area_m2: float) -> tuple[Floats, Floats]:
    """Return the lower ends of 5 cm diameter classes and the stems a hectare in each.

    Examples
    --------
    >>> lower, stems = count_stems(np.array([3.0, 12.0, 14.9]), 10_000.0)
    >>> lower.tolist(), stems.tolist()
    ([0.0, 5.0, 10.0], [1.0, 0.0, 2.0])
    """
    known = dbh_cm[np.isfinite(dbh_cm)]
    numbers = np.bincount(np.floor(known / CLASS_CM).astype(np.int64)).astype(np.float64)
    return np.arange(numbers.size, dtype=np.float64) * CLASS_CM, numbers * 10_000.0 / area_m2


def draw_stem_distribution(stand: StandColumns) -> str:
    """Return the stems a hectare by diameter class as SVG.

    Raises
    ------
    InvalidPicture
        When no tree has a diameter.
    """
    lower, stems = count_stems(stand.dbh_cm, stand.area_m2)
    if lower.size == 0:
        raise InvalidPicture("stem distribution", "no tree has a diameter")
    figure, axes = start_figure(height_in=3.6)
    axes.bar(lower, stems, width=CLASS_CM * 0.92, align="edge", color=GREEN)
    axes.set(xlabel="Stem diameter at 1.3 m (cm), classes of 5 cm", ylabel="Stems per hectare", xlim=(0, None))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return render_svg(
        figure,
        label=f"Stems per hectare by diameter class, {stems.sum():.0f} in all, most in the class of "
        f"{lower[stems.argmax()]:.0f} to {lower[stems.argmax()] + CLASS_CM:.0f} cm.",
    )


def draw_growth(growth: GrowthColumns) -> str:
    """Return yearly height growth over height as SVG; growth beyond its 95 % error stands out.

    Raises
    ------
    InvalidPicture
        When there is no tree.
    """
    if len(growth.before_m) == 0:
        raise InvalidPicture("growth chart", "no tree was seen twice")
    yearly = (growth.after_m - growth.before_m) / growth.years
    reach = _TWO_SIDED_95 * growth.error_m / growth.years
    is_clear = np.abs(yearly) > reach
    figure, axes = start_figure()
    if yearly.size <= _MOST_BARS:
        axes.errorbar(growth.before_m, yearly, yerr=reach, fmt="none", ecolor=QUIET, alpha=0.3, linewidth=0.7)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    for chosen, colour, name in ((is_clear, GREEN, "beyond its error"), (~is_clear, QUIET, "within its error")):
        axes.scatter(growth.before_m[chosen], yearly[chosen], s=14, color=colour, alpha=0.7, linewidths=0, label=name)
    axes.axhline(float(np.median(yearly)), color=ORANGE, linewidth=1.4, label="median")
    axes.set(xlabel="Height at the first survey (m)", ylabel="Height growth (m a year)")
    axes.legend(frameon=False, labelcolor=INK)
    return render_svg(
        figure,
        label=f"Height growth of {yearly.size} trees over {growth.years:.1f} years: median "
        f"{np.median(yearly):.2f} m a year, {is_clear.sum()} beyond their 95 % error.",
    )
