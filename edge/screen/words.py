"""Texts that only the terminal screen needs."""

from typing import Final

KEYS_ITEMS: Final = (
    "ENTER open", "E enter tree", "T tree", "F filter", "O older", "N newest", "A save all", "C campaigns",
    "W what to do", "Q quit",
)  # fmt: skip
KEYS_ITEM: Final = ("S save receipt", "R I have read it", "ESC back")
KEYS_ENTRY: Final = ("ENTER/TAB next", "SHIFT+TAB back", "ESC leave (nothing is lost)")
KEYS_TREE: Final = ("ENTER look up", "ESC back")
KEYS_BACK: Final = ("ESC back",)
MORE_TO_READ: Final = "(There is more: press W)"
FILES_TO_SEND: Final = "Files to send"
SAVED_AS: Final = "Saved: {path}"
NOTHING_SIGNED: Final = "No receipts yet. They come when the server has signed."
TREE_PROMPT: Final = "Tree code (typed or scanned):"
LABELS: Final = {
    "tree": "Tree code",
    "plot": "Plot",
    "species": "Species",
    "other_species": "Not in list y/-",
    "status": "Status",
    "diameter": "Diameter",
    "diameter_unit": "cm or mm",
    "at_height": "Measured at m",
    "height": "Height m",
    "damage": "Damage",
    "damage_percent": "Damaged %",
    "remark": "Remark",
    "sure": "Figure right y/-",
}
"""Labels of the entry, at most 16 characters, in the order asked."""
STATUS_HINT: Final = "alive, standing-dead, fallen, stump, gone: first letter will do"
