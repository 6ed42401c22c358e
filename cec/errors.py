"""Failures of the program.

::

    CecError
    +-- ProgramError
        +-- VaultExposed       a secret can be read by other users
        +-- VaultDamaged       a secret's file is not a secret
        +-- HouseBusy          another process works in the data folder
        +-- FolderUnusable     the data folder cannot be made or written
        +-- OtherOrganisation  the data folder is another organisation's
        +-- OwnerUnknown       nothing says whose the data folder is
        +-- NotAHouse          a command needs a data folder that was made before
        +-- PortTaken          a port that was asked for is in use
        +-- LineLost           a run of the demo lost something
        +-- WaitedTooLong      a stage did not finish within its time
        +-- DemoFolderUsed     a demo ran in the folder before
        +-- DeviceEnded        an agent ended without a word
        +-- FileTrouble        a file that a command names cannot be read or written
        +-- NoSuchCloud        a cloud was named that is not a file
        +-- TooManyClouds      more clouds were named than one record of a survey holds
        +-- CloudRefused       the tree science refuses a cloud
        +-- CrewDayRefused     the tree science refuses a crew's readings
        +-- UnreadablePin      text is not a pin
        +-- UnreadablePort     an option does not name a port of an instrument, its driver and address
        +-- PortNotNamed       a log has several ports and none was named
        +-- FrameUnreadable    a file with plots or species cannot be read
        +-- UnreadableCaster   an option of the corrections cannot be used
        +-- UnreadableAddress  text is not a broker's address
        +-- UnreadableShare    text is not a server's share of the devices
        +-- BrokerNotPrepared  a broker was chosen that was not prepared in the folder
"""

from pathlib import Path

from domain.errors import CecError


class ProgramError(CecError):
    """Root of the program's failures."""


class VaultExposed(ProgramError):
    """A secret can be read by other users."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(
            f"Invalid permissions {mode:o} of {path}: others can read this key. If nobody did, run: chmod 600 {path}"
        )
        self.path = path
        self.mode = mode


class VaultDamaged(ProgramError):
    """A secret's file is not a secret."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Invalid key file {path}: expected 64 hexadecimal digits. Restore it from a backup; a new key would not "
            "sign for what the old one signed"
        )
        self.path = path


class HouseBusy(ProgramError):
    """Another process works in the data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Data folder {folder} is in use by another cec process: stop it, or give another with --data")
        self.folder = folder


class FolderUnusable(ProgramError):
    """The data folder cannot be made or written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"Invalid data folder {folder} ({reason}): give one that you may write to with --data")
        self.folder = folder
        self.reason = reason


class NotAHouse(ProgramError):
    """A command needs a data folder that was made before."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"No CEC data in {folder}: make some with `cec demo --data {folder}` or `cec up`, or give --data"
        )
        self.folder = folder


class PortTaken(ProgramError):
    """A port that was asked for is in use."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(f"Port {port} for the {purpose} is in use: stop what holds it, or choose another (0: any)")
        self.port = port
        self.purpose = purpose


class LineLost(ProgramError):
    """A run of the demo lost something."""

    def __init__(self, losses: tuple[str, ...]) -> None:
        super().__init__("The line lost something: " + "; ".join(losses))
        self.losses = losses


class WaitedTooLong(ProgramError):
    """A stage did not finish within its time."""

    def __init__(self, stage: str, seconds: float, hint: str) -> None:
        super().__init__(f"Waited {seconds:.0f} s for {stage}: {hint}")
        self.stage = stage
        self.seconds = seconds


class UnreadablePin(ProgramError):
    """Text is not a pin."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"Invalid pin {text[:100]!r}: expected CHAIN-ID:GENESIS-HASH (64 hexadecimal digits), as `cec pin` prints "
            "it on the server or as it was published"
        )
        self.text = text


class NoSuchCloud(ProgramError):
    """A cloud was named that is not a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"No file {path}: name a LAS, LAZ, COPC, E57 or PLY file that is there")
        self.path = path


class TooManyClouds(ProgramError):
    """More clouds were named than the record of one survey holds."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(
            f"Invalid survey of {count:,} clouds: its record names at most {most:,}; merge tiles, or survey "
            "neighbouring parts into folders of their own"
        )
        self.count = count
        self.most = most


class CloudRefused(ProgramError):
    """The tree science refuses a cloud.

    Attributes
    ----------
    rule
        Which of its errors.
    """

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.rule = rule


class CrewDayRefused(ProgramError):
    """The tree science refuses a crew's readings.

    Attributes
    ----------
    rule
        Which of its errors.
    """

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.rule = rule


class DemoFolderUsed(ProgramError):
    """A demo ran in the folder before."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"A demo ran in {folder} before: give another folder, or look at that one with "
            f"`cec up --data {folder}/server`"
        )
        self.folder = folder


class DeviceEnded(ProgramError):
    """An agent ended without a word."""

    def __init__(self, device: str, code: int | None) -> None:
        super().__init__(f"The agent of {device} ended with code {code} and said nothing: see its messages above")
        self.device = device
        self.code = code


class OtherOrganisation(ProgramError):
    """The data folder is another organisation's."""

    def __init__(self, folder: Path, begun: str, asked: str) -> None:
        super().__init__(f"Data folder {folder} is of organisation {begun!r}, not {asked!r}: give --org {begun}")
        self.folder = folder
        self.begun = begun
        self.asked = asked


class OwnerUnknown(ProgramError):
    """Nothing says whose the data folder is."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"Data folder {folder} does not say whose it is, no server having run there: give --org ID, the one that "
            "`cec up` will be given"
        )
        self.folder = folder


class FileTrouble(ProgramError):
    """A file that a command names cannot be read or written."""

    def __init__(self, error: OSError) -> None:
        named = f"{error.filename}: " if error.filename else ""
        super().__init__(f"{named}{error.strerror or error}; check the name and that you may use it, then try again")
        self.error = error


class UnreadablePort(ProgramError):
    """An option does not name a port of an instrument, its driver and address."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(
            f"Invalid port {text[:100]!r}: {reason}; expected NAME=DRIVER@ADDRESS, such as "
            "rover=gnss@serial:/dev/ttyUSB0@38400; `cec bridge list` names the drivers"
        )
        self.text = text
        self.reason = reason


class PortNotNamed(ProgramError):
    """A log has several ports and none was named."""

    def __init__(self, ports: tuple[str, ...], to: str) -> None:
        super().__init__(f"The log has the ports {', '.join(ports)}: say which with --to {ports[0]}={to}")
        self.ports = ports


class FrameUnreadable(ProgramError):
    """A file with plots or species cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Cannot read {path}: {reason}")
        self.path = path
        self.reason = reason


class UnreadableCaster(ProgramError):
    """An option of the corrections cannot be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid corrections: {reason}")
        self.reason = reason


class UnreadableAddress(ProgramError):
    """Text is not a broker's address; it is not repeated here, since it may hold a password."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid address of a broker: {reason}")
        self.reason = reason


class UnreadableShare(ProgramError):
    """Text is not a server's share of the devices."""

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid share {text[:20]!r}: expected INDEX/COUNT, such as 1/4 for the first of four")
        self.text = text


class BrokerNotPrepared(ProgramError):
    """A broker was chosen that was not prepared in the folder."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(f"No {kind} was prepared in {folder}: run `cec broker {kind} --data {folder}` first")
        self.folder = folder
        self.kind = kind
