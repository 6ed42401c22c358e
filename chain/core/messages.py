"""How a module offers its messages to the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.core.state import Layer
from chain.network.application import Event


@dataclass(frozen=True, slots=True)
class Context:
    """The block within which a message takes effect.

    Attributes
    ----------
    height, time_ns
        Of the block.
    emit
        Takes an event.
    """

    height: int
    time_ns: int
    emit: Callable[[Event], None]

    @property
    def time_ms(self) -> int:
        """The block's UTC time in milliseconds."""
        return self.time_ns // 1_000_000


@dataclass(frozen=True, slots=True)
class Handler:
    """One message type and what it does.

    Attributes
    ----------
    message
        Its class; has a `URL`.
    signer
        Its field that names who must sign.
    gas
        What it costs.
    process
        Changes the layer, or raises a `TxRefused`.
    """

    message: Any
    signer: str
    gas: int
    process: Callable[[Layer, Any, Context], None]
