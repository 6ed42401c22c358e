"""Failures of the chain's encoding.

::

    CecError
    +-- InvalidWire    bytes are not the canonical protobuf of the message expected
"""

from domain.errors import CecError


class InvalidWire(CecError):
    """Bytes are not the canonical protobuf of the message expected."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(f"Invalid {message}: {reason}")
        self.message = message
        self.reason = reason
