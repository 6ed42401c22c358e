"""What stands around every page: head, a bar that says who and whether there is a link, and the five ways to go."""

from dataclasses import dataclass
from typing import Final

from edge.crew import words
from edge.page.html import Attribute, Child, Html, document, element, join
from edge.page.signs import draw_sign
from edge.views import Overview

THEMES: Final = ("day", "night")
_WAYS: Final = (
    ("/", "now", words.NOW),
    ("/items", "items", words.ITEMS),
    ("/enter", "enter", words.ENTER),
    ("/tree", "tree", words.TREE),
    ("/more", "more", words.MORE),
)
_GROUND: Final = {"day": "#ffffff", "night": "#000000"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page, before what stands around it.

    Attributes
    ----------
    title
        In the head, and by which the crew knows where it is.
    main
        Its content.
    way
        Which of the five ways is lit: a path of theirs.
    scripts
        Modules of static/js that it needs.
    """

    title: str
    main: Html
    way: str = ""
    scripts: tuple[str, ...] = ()


def render_page(page: Page, *, theme: str, overview: Overview | None) -> bytes:
    """Return the whole document; without `overview` the bar says nothing of device and link."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="dark" if theme == "night" else "light"),
        element("meta", name="theme-color", content=_GROUND[theme]),
        element("title", f"{page.title} · {overview.device if overview else 'CEC'}"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/page.css"),
        (element("script", type="module", src=f"/static/{name}.js") for name in page.scripts),
    )
    body = element(
        "body",
        element("a", words.SKIP, href="#main", class_="skip"),
        _render_bar(overview),
        element("p", words.STALE, id="stale", class_="stale", role="alert", hidden=True),
        element("main", page.main, id="main", tabindex="-1"),
        _render_ways(page.way),
    )
    return document(element("html", head, body, lang=words.LANGUAGE, data_theme=theme))


def live(name: str, *children: Child, tag: str = "section", **attributes: Attribute) -> Html:
    """Return a part of a page that the script may put in place of the one with the same id."""
    return element(tag, *children, id=name, data_live=True, **attributes)


def facts(*rows: tuple[str, Child]) -> Html:
    """Return a list of facts: what, and how it stands; rows without a fact are left out."""
    shown = (row for row in rows if row[1] is not None)
    return element(
        "dl", (element("div", element("dt", name), element("dd", fact)) for name, fact in shown), class_="facts"
    )


def button_link(text: str, href: str, *, is_main: bool = False, **attributes: Attribute) -> Html:
    """Return a link as large as a button."""
    return element("a", text, href=href, class_="button main" if is_main else "button", **attributes)


def _render_bar(overview: Overview | None) -> Html:
    if overview is None:
        return element("header", element("strong", "CEC"), class_="bar")
    is_up = overview.link.is_connected
    link = join(draw_sign("link" if is_up else "no-link"), words.LINK_UP if is_up else words.LINK_DOWN)
    return live(
        "bar",
        element("span", element("strong", overview.device), element("span", overview.campaign), class_="who"),
        element("span", link, class_="link up" if is_up else "link down"),
        tag="header",
        class_="bar",
    )


def _render_ways(way: str) -> Html:
    links = (
        element("a", draw_sign(sign), text, href=path, aria_current="page" if path == way else None)
        for path, sign, text in _WAYS
    )
    return element("nav", links, class_="ways", aria_label=words.NAVIGATION)
