"""The QR code of a tree's label."""

import segno

from domain.codes import format_link

_QUIET_MODULES = 4
"""ISO/IEC 18004 asks for a quiet zone of four modules."""


def draw_label(code: str, public_url: str) -> str:
    """Return the QR code of a tree's link as an SVG element without namespace declaration.

    The link is in capitals so that the small alphanumeric alphabet holds it; error correction is Q (a quarter may
    be lost), since a label stands in the weather.
    """
    symbol = segno.make_qr(format_link(code, public_url), error="q")
    drawing: str = symbol.svg_inline(
        border=_QUIET_MODULES, omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )
    return drawing
