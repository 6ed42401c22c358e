"""How several servers divide the devices: each takes its own run of the 256 shards, for ever the same.

A shard is the first byte of the hash of a device's id and stands in its topics, so a subscription can name it: no
broker's shared subscriptions are needed, and all that a device sends comes to one server, in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.topics import UPLINK, compute_shard, format_uplink_filter
from ingest.broker.errors import InvalidShards

SHARDS: Final = 256
CHANNEL_ORDER: Final = ("birth", "ask", "rec", "blob", "will")
"""Births first: what a device sends before its enrolment is known would be refused. Then questions, which are short."""
FILTERS_AT_ONCE: Final = 32
"""Filters of one SUBSCRIBE: 1 kB, and 8 of them a server that has every shard."""


@dataclass(frozen=True, slots=True)
class Shards:
    """A server's share of the devices.

    Attributes
    ----------
    index
        Which share, from 0.
    of
        How many servers there are, 1 to 256.
    """

    index: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.of <= SHARDS or not 0 <= self.index < self.of:
            raise InvalidShards(self.index, self.of, SHARDS)

    @property
    def digits(self) -> tuple[str, ...]:
        """The shards of this share as topics write them; one server alone has all, which is one wildcard.

        Examples
        --------
        >>> Shards(1, 64).digits
        ('04', '05', '06', '07')
        """
        if self.of == 1:
            return ("+",)
        first, end = SHARDS * self.index // self.of, SHARDS * (self.index + 1) // self.of
        return tuple(f"{number:02x}" for number in range(first, end))

    def holds(self, device: str) -> bool:
        """Tell whether a device is of this share."""
        return self.of == 1 or compute_shard(device) in self.digits


def list_filters(shards: Shards) -> Iterator[tuple[str, ...]]:
    """Yield the subscriptions of a share, channel by channel, as many as go in one packet.

    Examples
    --------
    >>> next(list_filters(Shards()))
    ('cec/v1/+/+/+/birth',)
    """
    for channel in sorted(UPLINK, key=CHANNEL_ORDER.index):
        filters = [format_uplink_filter(channel, shard=digits) for digits in shards.digits]
        for first in range(0, len(filters), FILTERS_AT_ONCE):
            yield tuple(filters[first : first + FILTERS_AT_ONCE])
