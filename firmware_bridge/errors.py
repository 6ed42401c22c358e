"""Failures of the bridge.

::

    CecError
    +-- BridgeError
        +-- SentenceError       one line cannot be read; it is skipped and told
        |   +-- Noise           bytes between lines are not a line
        |   +-- LineTooLong     no line end within the longest line
        |   +-- WrongChecksum   the checksum does not fit
        |   +-- UnreadableField a field is not what its sentence says
        |   +-- UnknownSentence a line that its instrument should not send
        +-- InvalidLog          a recorded log cannot be played
"""

from domain.errors import CecError


class BridgeError(CecError):
    """Root of the bridge's failures."""


class SentenceError(BridgeError):
    """One line cannot be read; it is skipped and told."""


class Noise(SentenceError):
    """Bytes between lines are not a line."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(f"Noise of {len(raw)} bytes on the line: check cable and baud rate if it repeats")
        self.raw = raw


class LineTooLong(SentenceError):
    """No line end within the longest line."""

    def __init__(self, length: int) -> None:
        super().__init__(f"No line end within {length} bytes: check the baud rate")
        self.length = length


class WrongChecksum(SentenceError):
    """The checksum does not fit."""

    def __init__(self, given: str, computed: str) -> None:
        super().__init__(f"Invalid checksum {given!r}: the line's own is {computed!r}; it was damaged on its way")
        self.given = given
        self.computed = computed


class UnreadableField(SentenceError):
    """A field is not what its sentence says."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"Invalid {field} {value[:40]!r} in a sentence")
        self.field = field
        self.value = value


class UnknownSentence(SentenceError):
    """A line that its instrument should not send."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown sentence {name[:40]!r}: check the instrument's mode; its line gave no reading")
        self.name = name


class InvalidLog(BridgeError):
    """A recorded log cannot be played."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(
            f"Invalid log at line {line}: {reason}; expected 'milliseconds TAB port TAB hexadecimal bytes'"
        )
        self.line = line
        self.reason = reason
