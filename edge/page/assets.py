"""Style sheet, scripts and QR reader: read once when the page is made, so that no request names a file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "page.css": ("css/page.css", "text/css; charset=utf-8"),
    "live.js": ("js/live.js", "text/javascript; charset=utf-8"),
    "entry.js": ("js/entry.js", "text/javascript; charset=utf-8"),
    "scan.js": ("js/scan.js", "text/javascript; charset=utf-8"),
    "jsqr.js": ("vendor/jsqr/jsQR.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that the page serves.

    Attributes
    ----------
    content, media
        Its bytes and their media type.
    tag
        Entity tag.
    """

    content: bytes
    media: str
    tag: str


def read_assets() -> dict[str, Asset]:
    """Return all assets by the name under ``/static/``."""
    found = {}
    for name, (path, media) in _FILES.items():
        content = (FOLDER / path).read_bytes()
        found[name] = Asset(content, media, compute_tag(content))
    return found


def compute_tag(content: bytes) -> str:
    """Return the entity tag of content.

    Examples
    --------
    >>> compute_tag(b"")
    '"cae66941d9efbd404e4d88758ea67670"'
    """
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
