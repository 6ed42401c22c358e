"""Failures of the ports.

A cable that is pulled or a host that does not answer is none: the port tells it and opens again.

::

    CecError
    +-- BridgeError
        +-- PortError
            +-- InvalidAddress    text is not a port's address
            +-- BluetoothMissing  this Python was built without Bluetooth
            +-- LogUnclear        a log of several ports was named, without the port
"""

from firmware_bridge.errors import BridgeError

FORMS = (
    "serial:/dev/ttyUSB0@38400, rfcomm:AA:BB:CC:DD:EE:FF@1, tcp:HOST:PORT, tcp-listen:HOST:PORT, udp:HOST:PORT, "
    "log:FILE[@SPEED][#PORT]"
)
"""An address of each kind."""


class PortError(BridgeError):
    """Root of the ports' failures."""


class InvalidAddress(PortError):
    """Text is not a port's address."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"Invalid port {text[:80]!r}: {reason}; expected one of {FORMS}")
        self.text = text
        self.reason = reason


class BluetoothMissing(PortError):
    """Python was built without Bluetooth."""

    def __init__(self, device: str, channel: int) -> None:
        super().__init__(
            f"Invalid port rfcomm:{device}@{channel}: this Python has no Bluetooth. Run the system's own Python, or "
            f"bind the device with `rfcomm bind 0 {device} {channel}` and name serial:/dev/rfcomm0@9600"
        )
        self.device = device
        self.channel = channel


class LogUnclear(PortError):
    """A log of several ports was named, without the port."""

    def __init__(self, path: str, ports: tuple[str, ...]) -> None:
        super().__init__(f"Invalid port log:{path}: it recorded {', '.join(ports)}; name one as log:{path}#{ports[0]}")
        self.path = path
        self.ports = ports
