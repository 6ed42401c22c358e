"""Doors: how devices are let in and put out on a broker, whichever it is.

A door is a convenience for the broker; ingest refuses a revoked device's records on any broker and without it.
"""

from typing import Protocol

from ingest.broker.gate import Gate


class DeviceDoor(Protocol):
    """Lets devices in and puts them out; each call may be repeated."""

    async def admit(self, org: str, device: str) -> None:
        """Let a device publish what it measured and read what it is told, and nothing else.

        Raises
        ------
        DeviceNameTaken
            When another organisation's device bears the name, where the broker cannot tell them apart.
        DoorRefused
            When the broker does not take it.
        """
        ...

    async def cut(self, org: str, device: str) -> None:
        """Take a device's rights and end its connection at once, where the broker can.

        Raises
        ------
        DoorRefused
            When the broker does not take it.
        """
        ...


class EmbeddedDoor:
    """The embedded broker's door; who may come in it asks the journal each time.

    Parameters
    ----------
    gate
        The broker's gate.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def admit(self, org: str, device: str) -> None:
        """Do nothing: an enrolment in the journal is all that the embedded broker asks for."""

    async def cut(self, org: str, device: str) -> None:
        """End a device's connection; the journal, which knows that it was revoked, lets it in no more."""
        if self._gate.org_of(device) == org:
            self._gate.cut(device)


class NoDoor:
    """The door of a broker that is administered elsewhere: ingest alone decides whose records are taken."""

    async def admit(self, org: str, device: str) -> None:
        """Do nothing."""

    async def cut(self, org: str, device: str) -> None:
        """Do nothing."""
