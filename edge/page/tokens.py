"""Tokens in forms: only who was shown a form may send it, and the same form sent twice is taken once."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from edge.page.errors import InvalidForm

_NONCE_SYMBOLS: Final = 22
"""16 random bytes in base64url."""
_MAC_SYMBOLS: Final = 32
"""16 bytes of HMAC-SHA-256 in hexadecimal: nobody guesses 128 bits over a local network."""
_MAX_USED: Final = 2_000
"""Forms remembered as sent: days of a busy crew, under 1 MB; a form older than that is refused by nobody's
double tap."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What an entry form became.

    Attributes
    ----------
    record
        Name of the record.
    path
        Where the browser was sent.
    words
        What was entered, in words.
    """

    record: str
    path: str
    words: str


class Tokens:
    """Makes and checks tokens under a secret of this run, and remembers what each entry form led to."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._sent: OrderedDict[str, Sent] = OrderedDict()

    def issue(self) -> str:
        """Return the token of a new entry form."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self.of_action(nonce)}"

    def of_action(self, action: str) -> str:
        """Return the token of an action that may be repeated, such as marking one record as read."""
        return hmac.digest(self._secret, action.encode(), hashlib.sha256).hex()[:_MAC_SYMBOLS]

    def check_action(self, action: str, token: str) -> None:
        """Return when the token is the action's; else raise `InvalidForm`."""
        if not hmac.compare_digest(self.of_action(action).encode(), token.encode()):
            raise InvalidForm("it is not from this run of the device")

    def check(self, token: str) -> None:
        """Return when this run issued the token; else raise `InvalidForm`."""
        nonce, _, mac = token.partition(".")
        if len(nonce) != _NONCE_SYMBOLS:
            raise InvalidForm("it has no token")
        self.check_action(nonce, mac)

    def find_sent(self, token: str) -> Sent | None:
        """Return what a form became when it was sent before; nothing when it was not."""
        return self._sent.get(token)

    def find_words(self, record: str) -> str | None:
        """Return what was entered as a record, while it is remembered."""
        return next((sent.words for sent in reversed(self._sent.values()) if sent.record == record), None)

    def remember(self, token: str, sent: Sent) -> None:
        """Note what a form became."""
        self._sent[token] = sent
        while len(self._sent) > _MAX_USED:
            self._sent.popitem(last=False)
