"""Which messages a receiver sends in an epoch, learnt from its last ones: so that a fix need not wait for the next."""

from collections.abc import Set as AbstractSet
from typing import Final

REMEMBERED: Final = 10
"""Epochs after which a kind that did not come is no longer waited for: long enough for one sent every few epochs, short
enough that a satellite system that has set delays fixes by one epoch for ten seconds alone."""
WAIT_MS: Final = 2_000
"""Longest wait for an epoch's other messages: a burst of a second at 4,800 baud, and as much again."""
MAX_KINDS: Final = 128
"""Kinds held at once; receivers send fewer than 40. More means that a stream invents them."""


class SeenKinds:
    """Kinds of the last epochs.

    Parameters
    ----------
    at_first
        What the first epoch waits for, when nothing has been seen yet.
    """

    def __init__(self, at_first: AbstractSet[str]) -> None:
        self._at_first = at_first
        self._epoch = 0
        self._last: dict[str, int] = {}

    def note(self, kind: str) -> None:
        """Take note that a message of this kind came in the present epoch."""
        if kind in self._last or len(self._last) < MAX_KINDS:
            self._last[kind] = self._epoch

    def begin_epoch(self) -> None:
        """Let the present epoch end; what has not come for long is forgotten."""
        if self._last:
            self._epoch += 1
        self._last = {kind: at for kind, at in self._last.items() if self._epoch - at <= REMEMBERED}

    def are_all_in(self, kinds: AbstractSet[str]) -> bool:
        """Tell whether all that this receiver sends in an epoch are among `kinds`."""
        return (self._last.keys() if self._epoch else self._at_first) <= kinds
