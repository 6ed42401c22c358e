"""Nothing that anyone typed becomes markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.page.html import document, element, join


class Reader(HTMLParser):
    """Python's own reading of HTML, as the second implementation."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


# A carriage return or a NUL in markup is another character to any reader; forms bring neither.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"))


@given(texts, texts)
def test_text_and_attributes_read_back_as_they_were_given(text: str, value: str) -> None:
    reader = Reader()
    reader.feed(element("p", text, title=value).text)
    reader.close()
    assert reader.seen == [("p", [("title", value)])]
    assert reader.text == text


def test_several_children_stand_in_order_and_nothing_leaves_no_trace() -> None:
    rows = (element("li", str(n)) for n in range(3))
    assert element("ul", rows, None, "<").text == "<ul><li>0</li><li>1</li><li>2</li>&lt;</ul>"
    assert join().text == ""


def test_a_document_begins_with_its_type() -> None:
    assert document(element("html", lang="en")) == b'<!doctype html>\n<html lang="en"></html>\n'


@pytest.mark.parametrize(
    "make",
    [
        lambda: element("p", style="color: red"),
        lambda: element("p", onclick="go()"),
        lambda: element("p onload=x"),
        lambda: element("p", **{"a b": "x"}),
        lambda: element("br", "text"),
    ],
)
def test_what_the_policy_or_html_would_not_take_is_a_bug(make: object) -> None:
    assert callable(make)
    with pytest.raises(AssertionError):
        make()
