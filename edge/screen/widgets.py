"""Two widgets that textual has almost as they are needed here."""

from typing import Final

from textual.geometry import Size
from textual.style import Style
from textual.widget import Widget
from textual.widgets import OptionList

from edge.screen.texts import fill_lines

_HIGHLIGHTED: Final = "option-list--option-highlighted"


class BarList(OptionList):
    """A list whose bar is in reverse, in the terminal's own two colours."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """Return a style; textual leaves out what the style sheet says of reverse."""
        style = super().get_visual_style(*component_classes, partial=partial)
        return style + Style(reverse=True) if _HIGHLIGHTED in component_classes else style


class KeyLine(Widget):
    """What the keys do, broken between them and not between a key and its word."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(classes="keys", markup=False)
        self._keys = keys

    def render(self) -> str:
        """Return the keys in as many lines as the width asks for."""
        return "\n".join(fill_lines(self._keys, self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of these lines."""
        del container, viewport
        return len(fill_lines(self._keys, width))
