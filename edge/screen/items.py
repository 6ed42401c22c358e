"""The first screen: state, alarms, stages, and the list of records."""

import time
from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from domain.cid import Cid
from domain.errors import CecError
from edge.crew.figures import format_local
from edge.crew.proof import name_receipts
from edge.screen import words as screen_words
from edge.screen.crew import Crew
from edge.screen.entry import EntryScreen
from edge.screen.item import ItemScreen
from edge.screen.saving import save_file
from edge.screen.texts import (
    LEFT,
    cut_lines,
    to_console,
    write_failure,
    write_frames,
    write_head,
    write_row,
    write_stages,
    write_verdict,
)
from edge.screen.tree import TextScreen, TreeScreen
from edge.screen.widgets import BarList, KeyLine
from edge.views import STAGES, ItemView, Overview

REFRESH_S: Final = 1.0
LIST_ITEMS: Final = 100
"""Records in the list at once; `O` goes on to older ones."""
_LEAST_LINES: Final = 3
"""Of state and alarms, on however small a screen; else they get a quarter of it."""


class ItemsScreen(Screen[None]):
    """Shows how everything stands, once a second, and draws only what changed: the line may be slow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("e", "enter_visit", "Enter"),
        ("t", "tree", "Tree"),
        ("f", "filter", "Filter"),
        ("o", "older", "Older"),
        ("n", "newest", "Newest"),
        ("a", "save_all", "Save all"),
        ("c", "campaigns", "Campaigns"),
        ("w", "warnings", "What to do"),
        ("q", "app.quit", "Quit"),
    ]

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self._crew = crew
        self._stage: str | None = None
        self._before: int | None = None
        self._items: tuple[ItemView, ...] | None = None
        self._shown: dict[str, str] = {}
        self._is_failing = False

    def compose(self) -> ComposeResult:
        """Lay out the parts from top to bottom."""
        for name in ("head", "verdict", "stages"):
            yield Static("", id=name, markup=False)
        yield BarList(id="items", markup=False, compact=True)
        yield Static("", id="said", classes="said", markup=False)
        yield KeyLine(screen_words.KEYS_ITEMS)

    def on_mount(self) -> None:
        """Show everything, and follow it."""
        self.set_interval(REFRESH_S, self.action_refresh_desk)
        self.action_refresh_desk()
        self.query_one("#items").focus()

    def on_resize(self) -> None:
        """Break lines anew."""
        self.action_refresh_desk()

    def action_refresh_desk(self) -> None:
        """Ask the desk, and draw what changed; a desk that cannot answer is told of, and asked again."""
        try:
            overview, items = self._crew.desk.overview(), self._list()
        except CecError as error:
            self._is_failing = True
            self._say(str(error))
            return
        if self._is_failing:
            self._is_failing = False
            self._say("")
        self._refresh_texts(overview)
        if items != self._items:
            self._refresh_list(items)

    def action_filter(self) -> None:
        """Show the next stage; after the last, files still to send; then all."""
        choices = (None, *STAGES, LEFT)
        self._stage = choices[(choices.index(self._stage) + 1) % len(choices)]
        self.action_newest()

    def action_newest(self) -> None:
        """Go to the newest records."""
        self._before = None
        self.action_refresh_desk()

    def action_older(self) -> None:
        """Go on to older records, while there are any."""
        if self._items is not None and len(self._items) == LIST_ITEMS:
            self._before = self._items[-1].row
            self.action_refresh_desk()

    def action_enter_visit(self) -> None:
        """Open the entry form."""
        self.app.push_screen(EntryScreen(self._crew), self._end_entry)

    def action_tree(self) -> None:
        """Open the search for a tree."""
        self.app.push_screen(TreeScreen(self._crew))

    def action_campaigns(self) -> None:
        """Show what came down from the organisation."""
        desk = self._crew.desk
        self._show(lambda: write_frames(desk.frames(), desk.overview().campaign, self._crew.zone))

    def action_warnings(self) -> None:
        """Show the state and every alarm in full; on a small screen they take no place from the list."""
        self._show(lambda: write_verdict(self._crew.desk.overview()))

    def action_save_all(self) -> None:
        """Save every receipt to the folder."""
        try:
            self._say(self._save_receipts())
        except CecError as error:
            self._say(str(error))

    @on(OptionList.OptionSelected)
    def open_item(self, event: OptionList.OptionSelected) -> None:
        """Open the record under the bar."""
        if event.option_id is not None:
            self.app.push_screen(ItemScreen(self._crew, Cid.parse(event.option_id)))

    def _show(self, write: Callable[[], str]) -> None:
        try:
            text = write()
        except CecError as error:
            text = write_failure(error)
        self.app.push_screen(TextScreen(text))

    def _list(self) -> tuple[ItemView, ...]:
        if self._stage == LEFT:
            return self._crew.desk.files(is_whole=False, before=self._before, limit=LIST_ITEMS)
        return self._crew.desk.items(stage=self._stage, before=self._before, limit=LIST_ITEMS)

    def _save_receipts(self) -> str:
        content = self._crew.desk.receipts()
        if not content:
            return screen_words.NOTHING_SIGNED
        at = format_local(time.time_ns() // 1_000_000, self._crew.zone)
        path = save_file(self._crew.folder, name_receipts(self._crew.desk.overview().device, at), content)
        return screen_words.SAVED_AS.format(path=path)

    def _end_entry(self, said: str | None) -> None:
        if said is not None:
            self._say(said)
        self.action_refresh_desk()

    def _refresh_texts(self, overview: Overview) -> None:
        width, height = self.size
        texts = {
            "head": write_head(overview, width),
            "verdict": cut_lines(write_verdict(overview), width, max(_LEAST_LINES, height // 4)),
            "stages": write_stages(overview, self._stage, width),
        }
        for name, text in texts.items():
            if self._shown.get(name) != text:
                self.query_one(f"#{name}", Static).update(text)
        self._shown = texts

    def _refresh_list(self, items: tuple[ItemView, ...]) -> None:
        listed = self.query_one("#items", OptionList)
        chosen = self._highlighted(listed)
        self._items = items
        listed.set_options(Option(write_row(item, self._crew.zone), id=str(item.cid)) for item in items)
        names = [str(item.cid) for item in items]
        listed.highlighted = names.index(chosen) if chosen in names else (0 if names else None)

    def _highlighted(self, listed: OptionList) -> str | None:
        if listed.highlighted is None:
            return None
        return listed.get_option_at_index(listed.highlighted).id

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(to_console(text))
