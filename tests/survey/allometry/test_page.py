"""The page on allometry says what the registry holds."""

from survey.allometry.page import describe_equations
from survey.allometry.registry import load_equations
from tests.survey.allometry.make_page import PAGE


def test_the_page_is_what_the_registry_says() -> None:
    # If this fails: python -m tests.survey.allometry.make_page
    assert PAGE.read_text(encoding="utf-8") == describe_equations()


def test_the_page_lists_every_equation_once() -> None:
    page = describe_equations()
    for one in load_equations():
        assert page.count(f"| `{one.id}` |") == 1
