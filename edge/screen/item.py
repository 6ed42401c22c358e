"""One record on the terminal: what became of it, what to do, and its receipt as a file."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from domain.cid import Cid
from edge.crew import words
from edge.crew.proof import Proof, name_receipt, read_proof
from edge.errors import EdgeError, NoReceipt
from edge.screen import words as screen_words
from edge.screen.crew import Crew
from edge.screen.saving import save_file
from edge.screen.texts import to_console, write_item

REFRESH_S = 1.0


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
        yield Static(screen_words.KEYS_ITEM, classes="keys", markup=False)

    def on_mount(self) -> None:
        """Show the record, and follow it."""
        self.query_one("#scroll").focus()
        self.set_interval(REFRESH_S, self._refresh_item)
        self._refresh_item()

    def action_leave(self) -> None:
        """Go back to the list."""
        self.dismiss(None)

    def action_save(self) -> None:
        """Save the receipt to the folder."""
        try:
            content = self._crew.desk.receipt(self._cid)
            path = save_file(self._crew.folder, name_receipt(self._cid), content)
        except EdgeError as error:
            self._say(str(error))
        else:
            self._say(screen_words.SAVED_AS.format(path=path))

    def action_read(self) -> None:
        """Take a refused record off the list."""
        if self._crew.desk.item(self._cid).stage == "refused":
            self._crew.desk.acknowledge(self._cid)
            self._say(words.READ_DONE)

    def _refresh_item(self) -> None:
        text = write_item(self._crew.desk.item(self._cid), self._read_proof(), self._crew.zone)
        if text != self._shown:
            self._shown = text
            self.query_one("#item", Static).update(text)

    def _read_proof(self) -> Proof | None:
        try:
            return read_proof(self._crew.desk.receipt(self._cid), self._cid)
        except NoReceipt:
            return None

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(to_console(text))
