"""One record on the terminal: what became of it, what to do, and its receipt as a file."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from domain.cid import Cid
from domain.errors import CecError
from edge.crew import words
from edge.crew.proof import name_receipt, seek_proof, take_receipt
from edge.screen import words as screen_words
from edge.screen.crew import Crew
from edge.screen.saving import save_file
from edge.screen.texts import to_console, write_failure, write_item
from edge.screen.widgets import KeyLine

REFRESH_S: Final = 1.0


class ItemScreen(Screen[None]):
    """Shows one record until the crew goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "Back"),
        ("s", "save", "Save receipt"),
        ("r", "read", "Read"),
    ]

    def __init__(self, crew: Crew, cid: Cid) -> None:
        super().__init__()
        self._crew = crew
        self._cid = cid
        self._shown = ""

    def compose(self) -> ComposeResult:
        """Lay out text, message and keys."""
        with VerticalScroll(id="scroll"):
            yield Static("", id="item", markup=False)
        yield Static("", id="said", classes="said", markup=False)
        yield KeyLine(screen_words.KEYS_ITEM)

    def on_mount(self) -> None:
        """Show the record, and follow it."""
        self.query_one("#scroll").focus()
        self.set_interval(REFRESH_S, self.action_refresh_item)
        self.action_refresh_item()

    def action_leave(self) -> None:
        """Go back to the list."""
        self.dismiss(None)

    def action_save(self) -> None:
        """Save the receipt to the folder."""
        try:
            content = take_receipt(self._crew.desk, self._cid)
            path = save_file(self._crew.folder, name_receipt(self._cid), content)
        except CecError as error:
            self._say(str(error))
        else:
            self._say(screen_words.SAVED_AS.format(path=path))

    def action_read(self) -> None:
        """Take a refused record off the list."""
        try:
            if self._crew.desk.item(self._cid).stage == "refused":
                self._crew.desk.acknowledge(self._cid)
                self._say(words.READ_DONE)
        except CecError as error:
            self._say(str(error))

    def action_refresh_item(self) -> None:
        """Ask for the record, and draw what changed; what cannot be asked for is told, and asked again."""
        text = self._write()
        if text != self._shown:
            self._shown = text
            self.query_one("#item", Static).update(text)

    def _write(self) -> str:
        try:
            item = self._crew.desk.item(self._cid)
            return write_item(item, seek_proof(self._crew.desk, self._cid), self._crew.zone)
        except CecError as error:
            return write_failure(error)

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(to_console(text))
