"""The look of all pictures, and how they become SVG."""

import io
import threading
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK: Final = "#1d2b24"
QUIET: Final = "#5c6b62"
GREEN: Final = "#2c6e49"
ORANGE: Final = "#b5541c"
HEIGHTS: Final = "viridis"
"""Colours of heights: even to the eye, and readable without colour vision."""
DIFFERENCES: Final = "RdBu_r"
TREES: Final = ("#2c6e49", "#b5541c", "#3a5ba0", "#8a5a9e", "#a08a1c", "#2a8c8c", "#a03a5b")
"""Neighbouring trees of a section; they repeat."""

# matplotlib keeps its settings for the whole process: one picture at a time.
_LOCK: Final = threading.Lock()


def start_figure(width_in: float = 7.2, height_in: float = 4.6) -> tuple[Figure, Any]:
    """Return an empty figure and its axes."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.tick_params(colors=QUIET, labelcolor=INK)
    return figure, axes


def render_svg(figure: Figure, *, label: str) -> str:
    """Return a figure as an SVG element for a page.

    Parameters
    ----------
    figure
        From `start_figure`.
    label
        What it shows, in a sentence, for people who hear the page.
    """
    out = io.StringIO()
    with (
        _LOCK,
        mpl.rc_context(
            {
                "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
                "svg.hashsalt": label,  # the same picture gives the same bytes, two pictures of a page share no names
                "font.family": "sans-serif",
                "font.sans-serif": ["system-ui", "DejaVu Sans"],
            }
        ),
    ):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True, dpi=150)
    text = out.getvalue()
    element = text[text.index("<svg") :]
    words = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return element.replace("<svg", f'<svg role="img" aria-label="{words}"', 1)


def draw_note(text: str) -> str:
    """Return a picture that only says something, where there is nothing to draw.

    Examples
    --------
    >>> "no tree" in draw_note("Not drawn: there is no tree")
    True
    """
    figure = Figure(figsize=(7.2, 1.2))
    FigureCanvasSVG(figure)
    figure.text(0.02, 0.5, text.replace("$", ""), color=QUIET, va="center")
    return render_svg(figure, label=text)
