"""HTML from Python values: every text is escaped, and what is not escaped has a type of its own."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta"})
"""Elements without content or end tag that these pages use."""
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


@dataclass(frozen=True, slots=True)
class Html:
    """Finished HTML; made by `element` alone.

    Attributes
    ----------
    text
        Markup, escaped where it must be.
    """

    text: str


Child: TypeAlias = "Html | str | Iterable[Html] | None"
"""What stands inside an element: HTML as it is, text to be escaped, nothing, or several."""
Attribute: TypeAlias = "str | bool | int | None"
"""Text or number; ``True`` for an attribute without value; ``False`` or nothing leaves it out."""


def element(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return an element.

    Parameters
    ----------
    name
        Of the element.
    children
        Its content; none for void elements.
    attributes
        By name; ``_`` stands for ``-``, one at the end is dropped (``class_``, ``for_``).

    Examples
    --------
    >>> element("a", "Fir & <larch>", href='/items?words="x"', class_="big", hidden=True, title=None).text
    '<a href="/items?words=&quot;x&quot;" class="big" hidden>Fir &amp; &lt;larch&gt;</a>'
    >>> element("input", name="height").text
    '<input name="height">'
    """
    opening = f"<{_check_name(name)}{''.join(_write(key, value) for key, value in attributes.items())}>"
    if name in _VOID:
        if children:
            raise AssertionError(f"<{name}> has no content")
        return Html(opening)
    return Html(f"{opening}{join(*children).text}</{name}>")


def join(*children: Child) -> Html:
    """Return children one after the other, without an element around them."""
    return Html("".join(_render(child) for child in children))


def document(root: Html) -> bytes:
    """Return a whole document of its root element."""
    return f"<!doctype html>\n{root.text}\n".encode()


def _render(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child.text
    if isinstance(child, str):
        return html.escape(child)
    return "".join(one.text for one in child)


def _write(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = _check_name(key.rstrip("_").replace("_", "-"))
    # Inline code and style would need a weaker policy; a mistake shall show here, not as a page that does nothing.
    if name == "style" or name.startswith("on"):
        raise AssertionError(f"the pages' policy allows no {name} attribute")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise AssertionError(f"{name!r} is no name of an element or attribute")
    return name
