"""Which files of a folder are whole: those that did not change for a while. No clock and no disk in here.

A card that is being copied shows files that grow, or have their full size from the start and a time that moves; a file
is taken once size and time stood still as long as asked for, by the watcher's own monotonic clock, so that a card's
wrong date does not matter.
"""

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

MAX_REMEMBERED: Final = 200_000
"""Files given out that are kept in mind; the oldest are forgotten first, and the caller's own memory remains."""

FileKey: TypeAlias = tuple[str, int, int]
"""Path below the folder with ``/``, size in bytes, time of change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that is whole.

    Attributes
    ----------
    path
        Where it is.
    key
        By what it is known again: path below the folder, size, time of change.
    """

    path: Path
    key: FileKey


class Settling:
    """Follows the listings of a folder and gives each file once, when it stood still for long enough.

    Parameters
    ----------
    settle_s
        How long.
    known
        Keys of files that were given out before, in other runs.
    """

    def __init__(self, settle_s: float, known: Container[FileKey]) -> None:
        self._settle_s, self._known = settle_s, known
        self._since: dict[FileKey, float] = {}
        self._given: OrderedDict[FileKey, None] = OrderedDict()

    def take(self, listing: set[FileKey], *, now_s: float) -> list[FileKey]:
        """Return the files that are whole now, by path; a changed or vanished file begins anew."""
        self._since = {
            key: self._since.get(key, now_s) for key in listing if key not in self._given and key not in self._known
        }
        ready = sorted(key for key, since in self._since.items() if now_s - since >= self._settle_s)
        for key in ready:
            self._given[key] = None
            del self._since[key]
        while len(self._given) > MAX_REMEMBERED:
            self._given.popitem(last=False)
        return ready

    def pause(self) -> None:
        """Let every file begin anew: the folder was away, and what was half copied may be half still."""
        self._since.clear()
