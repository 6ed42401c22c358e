"""The terminal screen as an application: style, and what its parts are given."""

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import ClassVar

from textual.app import App

from edge.clock import read_mono_ms
from edge.screen.crew import Crew
from edge.screen.items import ItemsScreen
from edge.views import Desk


class CrewScreen(App[None]):
    """The crew's terminal screen over a desk.

    Parameters
    ----------
    desk
        What is shown, and where entries go.
    folder
        Where receipts are saved.
    zone
        In which times are shown; absent: the device's own.
    mono_ms
        Monotonic clock of the device, in milliseconds.
    """

    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False
    # The terminal's own two colours; what stands out is bold or reversed, so that any console shows it.
    CSS: ClassVar[str] = """
    Screen { background: ansi_default; color: ansi_default; overflow: hidden; }
    Static, KeyLine { width: 100%; height: auto; background: ansi_default; color: ansi_default; }
    #head, .keys { text-style: reverse; }
    #verdict, .title, .alarm, .fault, .said { text-style: bold; }
    .said { min-height: 1; }
    OptionList, OptionList:focus { height: 1fr; border: none; padding: 0; background: ansi_default; color: ansi_default;
        scrollbar-size: 0 0; }
    OptionList > .option-list--option-highlighted, OptionList:focus > .option-list--option-highlighted {
        background: ansi_default; color: ansi_default; text-style: reverse; }
    VerticalScroll { height: 1fr; background: ansi_default; scrollbar-size: 0 0; }
    .line { height: 1; width: 100%; }
    .label { width: 17; }
    Input, Input:focus { width: 1fr; background: ansi_default; color: ansi_default; }
    Input:focus { text-style: underline; }
    Button, Button:focus { width: 100%; background: ansi_default; color: ansi_default; text-style: bold; }
    Button:focus { text-style: reverse; }
    """

    def __init__(
        self,
        desk: Desk,
        *,
        folder: Path = Path(),
        zone: tzinfo | None = None,
        mono_ms: Callable[[], int] = read_mono_ms,
    ) -> None:
        # Else, under NO_COLOR, the terminal's own colours would be computed to black on black.
        super().__init__(ansi_color=True)
        self._crew = Crew(desk, folder, zone, mono_ms, {})

    def get_default_screen(self) -> ItemsScreen:
        """Begin with the list."""
        return ItemsScreen(self._crew)

    def on_mount(self) -> None:
        """Use the terminal's colours, and move nothing: the line may be slow."""
        self.theme = "ansi-dark"
        self.animation_level = "none"
