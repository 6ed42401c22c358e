"""The entry form on the terminal: one line a field, Enter goes on, the last line saves."""

from collections.abc import Iterator
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from domain.errors import CecError
from edge.crew import words
from edge.crew.entry import FIELDS, begin_form, is_off_breast_height, read_visit
from edge.crew.errors import InvalidEntry
from edge.crew.figures import describe_visit
from edge.screen import words as screen_words
from edge.screen.crew import Crew
from edge.screen.texts import to_console
from edge.screen.widgets import KeyLine

_NO: Final = ("", "-", "n", "no")


class EntryScreen(Screen[str | None]):
    """Asks for a visit; ends with words about the record, or nothing when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self._crew = crew

    def compose(self) -> ComposeResult:
        """Lay out the fields, filled with the draft."""
        yield Static(words.ENTER_TITLE, classes="title", markup=False)
        yield Static("", id="told", classes="alarm", markup=False)
        with VerticalScroll():
            yield from self._compose_fields()
            save = Button(words.SAVE, id="save", compact=True)
            save.active_effect_duration = 0  # while it glows, a button takes no second press
            yield save
        yield KeyLine(screen_words.KEYS_ENTRY)

    def on_mount(self) -> None:
        """Hide what has nothing to say yet, and begin with the first field."""
        self._tell({})
        self.query_one("#f-tree").focus()

    def action_leave(self) -> None:
        """Go back; the draft stays."""
        self.dismiss(None)

    @on(Input.Changed)
    def keep(self, event: Input.Changed) -> None:
        """Keep every letter typed."""
        if event.input.id is not None:
            self._crew.draft[event.input.id.removeprefix("f-")] = event.value

    @on(Input.Submitted)
    def go_on(self) -> None:
        """Go to the next field; hand scanners end a code so."""
        self.focus_next()

    @on(Button.Pressed)
    def save(self) -> None:
        """Record the visit, or tell what is wrong beside each field."""
        given = read_fields(self._crew.draft)
        try:
            frames, campaign = self._crew.desk.frames(), self._crew.desk.overview().campaign
            visit = read_visit(given, frames, campaign=campaign, mono_ms=self._crew.mono_ms())
            self._crew.desk.enter(visit)
        except InvalidEntry as error:
            self._tell(dict(error.faults))
            return
        except CecError as error:
            self._tell({"": str(error)})
            return
        started = begin_form(self._crew.draft)
        self._crew.draft.clear()
        self._crew.draft.update(started)
        self.dismiss(to_console(words.SAVED.format(words=describe_visit(visit))))

    def _compose_fields(self) -> Iterator[Horizontal | Static]:
        draft = self._crew.draft
        if not draft:
            draft.update(begin_form({}))
        for name, label in screen_words.LABELS.items():
            value = draft.setdefault(name, "")
            hint = screen_words.STATUS_HINT if name == "status" else ""
            yield Horizontal(
                Static(label, classes="label", markup=False),
                Input(value, id=f"f-{name}", compact=True, placeholder=hint, select_on_focus=False),
                classes="line",
            )
            yield Static("", id=f"e-{name}", classes="fault", markup=False)
            if name == "at_height" and is_off_breast_height(draft):
                yield Static(to_console(words.OFF_BREAST_HEIGHT), classes="hint", markup=False)

    def _tell(self, faults: dict[str, str]) -> None:
        told = self.query_one("#told", Static)
        text = f"! {words.NOT_SAVED}. {faults.get('') or words.NOT_SAVED_MORE}" if faults else ""
        told.update(to_console(text))
        told.display = bool(faults)
        for name in screen_words.LABELS:
            line = self.query_one(f"#e-{name}", Static)
            line.update(to_console(f"! {faults.get(name, '')}"))
            line.display = name in faults
        first = next((name for name in FIELDS if name in faults), None)
        if first is not None:
            self.query_one(f"#f-{first}").focus()


def read_fields(draft: dict[str, str]) -> dict[str, str]:
    """Return what was typed in the form's own terms: first letters of a status, and `y` for a tick.

    Examples
    --------
    >>> read_fields({"status": "St", "sure": "n", "other_species": "y"})
    {'status': 'St', 'sure': '', 'other_species': 'y'}
    >>> read_fields({"status": "f"})
    {'status': 'fallen'}
    """
    given = dict(draft)
    status = given.get("status", "").strip().lower()
    meant = [name for name in words.STATUS_WORDS if status and name.startswith(status)]
    if len(meant) == 1:
        given["status"] = meant[0]
    for name in ("sure", "other_species"):
        if name in given and given[name].strip().lower() in _NO:
            given[name] = ""
    return given
