"""Finding a tree by its label, and what this device recorded of it."""

from datetime import tzinfo
from typing import Final

from domain.codes import format_code
from domain.readings import Visit
from edge.crew import words
from edge.crew.figures import describe_visit
from edge.page.entry_form import render_photo
from edge.page.html import Html, element, join
from edge.page.items import render_stage, render_time
from edge.page.layout import Page, button_link
from edge.page.signs import draw_sign
from edge.views import ItemView

_MAX_TYPED: Final = "200"
"""Characters; the longest that `domain.codes.parse_code` reads."""


def show_search(given: str = "", fault: str | None = None) -> Page:
    """Return the page that asks for a label; with a fault, what was typed stands there still."""
    told = element("p", draw_sign("refused"), fault, id="e-text", class_="fault") if fault else None
    form = element(
        "form",
        element(
            "div",
            element("label", words.FIELD_TREE, for_="f-text"),
            told,
            element(
                "input",
                type="text",
                id="f-text",
                name="text",
                value=given,
                class_="code",
                autofocus=True,
                autocomplete="off",
                autocapitalize="characters",
                spellcheck="false",
                maxlength=_MAX_TYPED,
                aria_describedby="e-text" if fault else None,
                aria_invalid="true" if fault else None,
            ),
            class_="field bad" if fault else "field",
        ),
        element("button", words.OPEN_TREE, class_="button main"),
        action="/scan",
        id="search",
    )
    main = join(element("h1", words.TREE_TITLE), render_photo("f-text"), form)
    return Page(words.TREE_TITLE, main, "/tree", ("scan",))


def show_tree(code: str, visits: tuple[tuple[ItemView, Visit], ...], *, zone: tzinfo | None) -> Page:
    """Return what this device recorded of a tree, newest first."""
    rows = element("ul", (_render_visit(item, visit, zone) for item, visit in visits), class_="items")
    main = join(
        element("h1", format_code(code), class_="code"),
        element("p", button_link(words.ENTER_THIS, f"/enter?tree={code}", is_main=True)),
        element("h2", words.TREE_VISITS),
        rows if visits else element("p", words.TREE_NONE, class_="say"),
    )
    return Page(format_code(code), main, "/tree")


def _render_visit(item: ItemView, visit: Visit, zone: tzinfo | None) -> Html:
    plot = element("span", f"{words.FIELD_PLOT} {visit.plot}") if visit.plot else None
    link = element(
        "a",
        render_stage(item.stage),
        element("strong", describe_visit(visit)),
        plot,
        render_time(item.at_ms, zone),
        href=f"/item/{item.cid}",
        class_="row-link",
    )
    return element("li", link)
