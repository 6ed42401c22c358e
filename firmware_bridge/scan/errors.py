"""Failures of the scan bridge.

::

    BridgeError
    +-- ScanError
        +-- InvalidCapture          a packet capture cannot be read on from some byte
        |   +-- UnknownLinkType     its packets are of a network that we do not unwrap
        +-- DatagramLost            one packet gave no datagram; it is counted and told
        |   +-- FragmentedDatagram  it is a piece of one
        |   +-- CutDatagram         the capture kept only its beginning
        |   +-- TruncatedCapture    the capture ends within it
        |   +-- UntimedDatagram     the capture does not say when it came
        +-- InvalidPacket           a scanner's packet is not what its manual says; it is skipped and told
        +-- OtherScanner            packets are of a model that the driver does not read
        +-- SeveralScanners         packets of more than one scanner in one capture
        +-- InvalidTrack            a track of positions and attitudes cannot be used
        |   +-- UnstatedWander      its headings may or may not be turned by the wander angle
        +-- InvalidScanOption       a range or number of a scan cannot be
        +-- InvalidMounting         a lever arm or boresight is out of range
        +-- UnusableCrs             points cannot be written in this CRS
        +-- OutOfFile               points lie too far apart for one file
        +-- NothingPlaced           no point could be placed along the track
        +-- CannotWrite             the disk does not take a file; what stood there before is as it was
        +-- CannotListen            a socket cannot be opened
        +-- UnknownScanner          no driver has this name
"""

from pathlib import Path

from firmware_bridge.errors import BridgeError


class ScanError(BridgeError):
    """Root of the scan bridge's failures."""


class InvalidCapture(ScanError):
    """A packet capture cannot be read on from some byte."""

    def __init__(self, offset: int, rule: str) -> None:
        super().__init__(f"Invalid packet capture at byte {offset}: {rule}")
        self.offset = offset
        self.rule = rule


class UnknownLinkType(InvalidCapture):
    """Its packets are of a network that we do not unwrap."""

    def __init__(self, offset: int, link_type: int) -> None:
        super().__init__(
            offset,
            f"link type {link_type} is none of Ethernet (1), raw IP (101, 228), Linux cooked (113, 276); "
            "record from the network card that the scanner is plugged into",
        )
        self.link_type = link_type


class DatagramLost(ScanError):
    """One packet gave no datagram; it is counted and told."""


class FragmentedDatagram(DatagramLost):
    """It is a piece of one; scanners send none, so pieces are not put together."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"Invalid packet at byte {offset}: it is an IP fragment; let the network carry 1,500 bytes")
        self.offset = offset


class CutDatagram(DatagramLost):
    """The capture kept only its beginning."""

    def __init__(self, offset: int, missing: int) -> None:
        super().__init__(
            f"Invalid packet at byte {offset}: {missing} bytes were not recorded; record with a snap length of 65,535"
        )
        self.offset = offset
        self.missing = missing


class TruncatedCapture(DatagramLost):
    """The capture ends within it, as when the recorder lost power; all before it is whole."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"Truncated packet capture: its last packet, at byte {offset}, is not whole")
        self.offset = offset


class UntimedDatagram(DatagramLost):
    """The capture does not say when it came."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"Invalid packet at byte {offset}: its block has no time; record enhanced packet blocks")
        self.offset = offset


class InvalidPacket(ScanError):
    """A scanner's packet is not what its manual says; it is skipped and told."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"Invalid scanner packet: {rule}")
        self.rule = rule


class OtherScanner(ScanError):
    """Packets are of a model that the driver does not read."""

    def __init__(self, expected: str, model: str) -> None:
        super().__init__(f"Invalid scanner {model}: this driver reads {expected} alone; choose the driver of the model")
        self.expected = expected
        self.model = model


class SeveralScanners(ScanError):
    """Packets of more than one scanner in one capture."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        super().__init__(f"Invalid packet capture with scanners {', '.join(sources)}: name one of them as the source")
        self.sources = sources


class InvalidTrack(ScanError):
    """A track of positions and attitudes cannot be used."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"Invalid track: {rule}")
        self.rule = rule


class UnstatedWander(InvalidTrack):
    """Its headings may or may not be turned by the wander angle."""

    def __init__(self, largest_deg: float) -> None:
        super().__init__(
            f"its wander angle reaches {largest_deg:.3f} degrees and programs differ in its sign; export it with true "
            "heading (wander angle 0), or say whether the angle is added (1), subtracted (-1) or left out (0)"
        )
        self.largest_deg = largest_deg


class InvalidScanOption(ScanError):
    """A range or number of a scan cannot be."""

    def __init__(self, name: str, value: str, rule: str) -> None:
        super().__init__(f"Invalid scan {name} {value}: expected {rule}")
        self.name = name
        self.value = value
        self.rule = rule


class InvalidMounting(ScanError):
    """A lever arm or boresight is out of range."""

    def __init__(self, name: str, value: float | str, rule: str) -> None:
        super().__init__(f"Invalid mounting {name} {str(value)[:60]!r}: {rule}")
        self.name = name
        self.value = value
        self.rule = rule


class UnusableCrs(ScanError):
    """Points cannot be written in this CRS."""

    def __init__(self, crs: str, rule: str) -> None:
        super().__init__(f"Invalid CRS {crs[:80]!r}: {rule}")
        self.crs = crs
        self.rule = rule


class OutOfFile(ScanError):
    """Points lie too far apart for one file."""

    def __init__(self, axis: str, value: float) -> None:
        super().__init__(f"Invalid coordinate {axis} {value!r}: more than 2,147 km from the file's first point")
        self.axis = axis
        self.value = value


class NothingPlaced(ScanError):
    """No point could be placed along the track; no file was written."""

    def __init__(self, points: int, capture: tuple[float, float] | None, track: tuple[float, float]) -> None:
        when = "none was read" if capture is None else f"they span {capture[0]:.1f} to {capture[1]:.1f} s"
        super().__init__(
            f"No point of {points} lies on the track: {when}, the track {track[0]:.1f} to {track[1]:.1f} of GPS time; "
            "check that both are of the same day and that the track's time scale (gps or utc) is right"
        )
        self.points = points
        self.capture = capture
        self.track = track


class UnknownScanner(ScanError):
    """No driver has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"Unknown scanner {name[:40]!r}: choose one of {', '.join(known)}")
        self.name = name
        self.known = known


class CannotWrite(ScanError):
    """The disk does not take a file; what stood there before is as it was."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Cannot write {path}: {reason}; make room, or write elsewhere")
        self.path = path
        self.reason = reason


class CannotListen(ScanError):
    """A socket cannot be opened."""

    def __init__(self, address: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {address} port {port}: {reason}; another program may hold the port")
        self.address = address
        self.port = port
        self.reason = reason
