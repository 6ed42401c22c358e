"""Failures of GNSS receivers' streams, of averaging, and of corrections from a caster.

::

    CecError
    +-- BridgeError
        +-- SentenceError
        |   +-- WrongFrameChecksum   a binary frame's checksum does not fit
        |   +-- InvalidMessage       a message contradicts its own length or bounds
        +-- AveragingError
        |   +-- NoFixes              nothing to average
        |   +-- MixedDatums          fixes of different datums have no mean
        +-- CorrectionsError         a caster gives no corrections
            +-- InvalidNtripSettings a setting cannot stand in a request
            +-- InvalidSourceTable   what came is no source table
            +-- WrongPassword        401: user or password is not the caster's
            +-- UnknownMountpoint    the caster has no such stream
            +-- CasterFull           it takes no more clients
            +-- CasterRefused        another refusal, with its status
            +-- InvalidAnswer        an answer is not one of NTRIP's
            +-- CasterUnreachable    no connection
            +-- CasterSilent         no answer, or no whole frame, in time
            +-- StreamEnded          the caster closed the stream
"""

from firmware_bridge.errors import BridgeError, SentenceError


class WrongFrameChecksum(SentenceError):
    """A binary frame's checksum does not fit."""

    def __init__(self, protocol: str, given: str, computed: str) -> None:
        super().__init__(
            f"Invalid {protocol} checksum {given}: the frame's own is {computed}; it was damaged on its way"
        )
        self.protocol = protocol
        self.given = given
        self.computed = computed


class InvalidMessage(SentenceError):
    """A message contradicts its own length or bounds, though its checksum holds."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Invalid {name}: {reason}")
        self.name = name
        self.reason = reason


class AveragingError(BridgeError):
    """Fixes have no mean."""


class NoFixes(AveragingError):
    """Nothing to average."""

    def __init__(self, given: int) -> None:
        super().__init__(f"Invalid stop of {given} fixes: none has a position; wait for the receiver's fix")
        self.given = given


class MixedDatums(AveragingError):
    """Fixes of different datums have no mean."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"Invalid datums {', '.join(names)} in one stop: set the receiver to one and measure again")
        self.names = names


class CorrectionsError(BridgeError):
    """A caster gives no corrections."""


class InvalidNtripSettings(CorrectionsError):
    """A setting cannot stand in a request."""

    def __init__(self, setting: str, rule: str) -> None:
        super().__init__(f"Invalid NTRIP {setting}: {rule}")
        self.setting = setting
        self.rule = rule


class InvalidSourceTable(CorrectionsError):
    """What came is no source table."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid source table: {reason}; check the caster's address and port")
        self.reason = reason


class WrongPassword(CorrectionsError):
    """User or password is not the caster's."""

    def __init__(self, mountpoint: str) -> None:
        super().__init__(f"Invalid user or password for {mountpoint!r}: ask the corrections' provider for yours")
        self.mountpoint = mountpoint


class UnknownMountpoint(CorrectionsError):
    """The caster has no such stream."""

    def __init__(self, mountpoint: str, near: tuple[str, ...] = ()) -> None:
        meant = f"did you mean {' or '.join(near)}?" if near else "choose one of its source table"
        super().__init__(f"Invalid mountpoint {mountpoint!r}: the caster has none of this name; {meant}")
        self.mountpoint = mountpoint
        self.near = near


class CasterFull(CorrectionsError):
    """The caster takes no more clients."""

    def __init__(self, said: str) -> None:
        super().__init__(f"The caster is full ({said[:80]}): it is tried again")
        self.said = said


class CasterRefused(CorrectionsError):
    """A refusal with a status of its own."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"The caster refused with status {status} ({said[:80]}): ask its provider if it goes on")
        self.status = status
        self.said = said


class InvalidAnswer(CorrectionsError):
    """An answer is not one of NTRIP's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid answer of the caster: {reason}; check its address and port")
        self.reason = reason


class CasterUnreachable(CorrectionsError):
    """No connection to the caster."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"No connection to the caster {host}:{port} ({reason}): check address, port and network")
        self.host = host
        self.port = port
        self.reason = reason


class CasterSilent(CorrectionsError):
    """No answer, or no whole frame, in time."""

    def __init__(self, awaited: str, seconds: float) -> None:
        super().__init__(f"No {awaited} from the caster within {seconds:g} s: it is tried again")
        self.awaited = awaited
        self.seconds = seconds


class StreamEnded(CorrectionsError):
    """The caster closed the stream."""

    def __init__(self, frames: int) -> None:
        super().__init__(f"The caster ended the stream after {frames} frames: it is tried again")
        self.frames = frames
