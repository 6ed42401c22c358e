"""Signs drawn beside words, so that nothing is told by colour alone."""

from typing import Final

from edge.page.html import Html, element

_PATHS: Final = {
    "queued": "M12 3a9 9 0 1 0 .01 0M12 7v5l4 3",
    "sent": "M12 21V4M5 11l7-7 7 7",
    "received": "M4 13l5 6L20 5",
    "refused": "M12 3L22 21H2zM12 10v5M12 17v2",
    "processed": "M1 13l5 6L15 7M11 17l2 2L23 6",
    "anchored": "M12 2a3 3 0 1 0 .01 0M12 8v14M7 11h10M3 14c0 5 4 8 9 8s9-3 9-8",
    "now": "M2 12h5l3 7 4-14 3 7h5",
    "items": "M3 6h18M3 12h18M3 18h18",
    "enter": "M12 3v18M3 12h18",
    "tree": "M12 2l7 9h-4l5 7H4l5-7H5zM12 18v4",
    "more": "M4 12h2M11 12h2M18 12h2",
    "camera": "M3 7h4l2-3h6l2 3h4v13H3zM12 9a4 4 0 1 0 .01 0",
    "link": "M2 9c6-6 14-6 20 0M6 13c4-4 8-4 12 0M10 17c1-1 3-1 4 0",
    "no-link": "M2 9c6-6 14-6 20 0M6 13c4-4 8-4 12 0M3 21L21 3",
}
"""On a ground of 24 by 24."""


def draw_sign(name: str) -> Html:
    """Return the drawing of a stage of `edge.views.STAGES`, or of a part of the page; hidden from screen readers."""
    path = element("path", d=_PATHS[name])
    return element("svg", path, class_="sign", viewBox="0 0 24 24", aria_hidden="true", focusable="false")
