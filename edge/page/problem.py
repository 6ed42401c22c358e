"""The page that says why something was not done, and what to do."""

from starlette.responses import Response

from edge.crew import words
from edge.page.headers import HEADERS
from edge.page.html import element, join
from edge.page.layout import Page, button_link, render_page


def answer_problem(status: int, message: str, *, theme: str = "day") -> Response:
    """Return the answer for something that was not done; `message` tells the remedy too."""
    title = words.ERROR_TITLES.get(status, words.ERROR_TITLES[400])
    main = join(
        element("h1", title),
        element("p", message, class_="say"),
        element("p", button_link(words.NOW, "/", is_main=True), class_="row"),
    )
    content = render_page(Page(title, main), theme=theme, overview=None)
    # With the headers here: the answer to a bug is made outside the guard.
    return Response(content, status, dict(HEADERS), media_type="text/html")
