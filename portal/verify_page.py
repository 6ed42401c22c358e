"""The verifier that works alone: one HTML file with the proof checker inside, for a disk, a stick or a mirror.

The checker's modules are put into one inline script, each in a scope of its own, so that a module's names stay its
own and the file works where a browser loads no modules (``file://``). The page's policy allows this script and this
style by their hashes and nothing else: no request, no other script.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from portal.ports import Pin

_ROOM: Final = Path(__file__).parent
_MODULES: Final = _ROOM / "static" / "js" / "cec"
_STYLE: Final = _ROOM / "static" / "css" / "verify.css"
_ENTRY: Final = "verify_page"

_IMPORT: Final = re.compile(r"^(import|export) \{([^}]*)\} from '\./([a-z0-9_]+)\.js';$", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([A-Za-z_]\w*))", re.MULTILINE)
_LEFT_OVER: Final = re.compile(r"^(?:import|export)\b|^const \{[^}]*\bas\b", re.MULTILINE)
_CLOSES_SCRIPT: Final = re.compile(r"</script|<!--", re.IGNORECASE)


def build_page(pin: Pin | None = None) -> bytes:
    """Return the verifier as one HTML file.

    Parameters
    ----------
    pin
        The chain that the page trusts at first; without one its reader types it.

    Returns
    -------
    bytes
        UTF-8; the same for the same pin and version of the project, so that its SHA-256 can be published.
    """
    script, style = bundle_checker(), _STYLE.read_text("utf-8")
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ROOM / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    # Both are files of this project, no input: they must stand as they are, for their hashes to hold.
    parts = {"script": Markup(script), "style": Markup(style)}  # noqa: S704
    page = templates.get_template("verify.html").render(pin=pin, policy=make_policy(script, style), **parts)
    return page.encode()


def compute_page_hash(page: bytes) -> str:
    """Return the SHA-256 of a page in hexadecimal, as published beside it.

    Examples
    --------
    >>> compute_page_hash(b"")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(page).hexdigest()


def make_policy(script: str, style: str) -> str:
    """Return the page's Content-Security-Policy: this script and this style, nothing else.

    Source: W3C Content Security Policy Level 3, section 2.3.1 (hash-source over the element's text).
    """
    return (
        f"default-src 'none'; script-src '{_hash_source(script)}'; style-src '{_hash_source(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def bundle_checker() -> str:
    """Return the checker's modules as one script, each before those that import it."""
    return "\n".join(_wrap_module(name, text) for name, text in _order_modules().items())


def _order_modules() -> dict[str, str]:
    """Return the modules' texts by name, imported ones first."""
    ordered: dict[str, str] = {}
    _visit(_ENTRY, ordered, ())
    return ordered


def _visit(name: str, ordered: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise AssertionError(f"modules import each other in a circle: {' > '.join((*above, name))}")
    if name in ordered:
        return
    text = (_MODULES / f"{name}.js").read_text("utf-8")
    for _, _, imported in _IMPORT.findall(text):
        _visit(imported, ordered, (*above, name))
    ordered[name] = text


def _wrap_module(name: str, text: str) -> str:
    """Return a module as a constant that holds its exports."""
    passed_on = [
        each.strip() for form, names, _ in _IMPORT.findall(text) if form == "export" for each in names.split(",")
    ]
    exports = [*_EXPORT.findall(text), *passed_on]
    body = _EXPORT.sub("", _IMPORT.sub(r"const {\2} = \3_module;", text))
    if _LEFT_OVER.search(body) or _CLOSES_SCRIPT.search(body):
        raise AssertionError(f"{name}.js has a form that this bundler does not know, or would end its script")
    return f"const {name}_module = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();\n"


def _hash_source(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
