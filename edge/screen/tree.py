"""Looking up a tree by its label, and reading what came down from the organisation."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from domain.codes import parse_code
from domain.errors import CecError, InvalidTreeCode, WrongCheckSymbol
from edge.crew import words
from edge.screen import words as screen_words
from edge.screen.crew import Crew
from edge.screen.texts import to_console, write_failure, write_visits
from edge.screen.widgets import KeyLine


class TreeScreen(Screen[None]):
    """Asks for a code and shows what this device recorded of the tree."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self._crew = crew

    def compose(self) -> ComposeResult:
        """Lay out the question and the answer."""
        yield Static(screen_words.TREE_PROMPT, classes="title", markup=False)
        yield Input(id="code", compact=True)
        with VerticalScroll():
            yield Static("", id="found", markup=False)
        yield KeyLine(screen_words.KEYS_TREE)

    def action_leave(self) -> None:
        """Go back to the list."""
        self.dismiss(None)

    @on(Input.Submitted)
    def look_up(self, event: Input.Submitted) -> None:
        """Show the tree's visits, or what is wrong with the code."""
        self.query_one("#found", Static).update(self._find(event.value))

    def _find(self, typed: str) -> str:
        try:
            code = parse_code(typed)
        except WrongCheckSymbol:
            return to_console(f"! {words.BAD_CHECK}")
        except InvalidTreeCode:
            return to_console(f"! {words.BAD_CODE}")
        try:
            return write_visits(code, self._crew.desk.visits(code), self._crew.zone)
        except CecError as error:
            return write_failure(error)


class TextScreen(Screen[None]):
    """Shows a text that is longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll(id="scroll"):
            yield Static(self._text, id="text", markup=False)
        yield KeyLine(screen_words.KEYS_BACK)

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one("#scroll").focus()

    def action_leave(self) -> None:
        """Go back to the list."""
        self.dismiss(None)
