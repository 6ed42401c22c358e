"""Names of MQTT topics: ``cec/v1/{shard}/{org}/{device}/{channel}``."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidTopic
from domain.quantities import ID_PATTERN

CHANNELS: Final = ("rec", "blob", "birth", "ask", "will", "cmd", "rcpt")
UPLINK: Final = ("rec", "blob", "birth", "ask", "will")
DOWNLINK: Final = ("cmd", "rcpt")
_TOPIC: Final = re.compile(f"cec/v1/([0-9a-f]{{2}})/({ID_PATTERN})/({ID_PATTERN})/({'|'.join(CHANNELS)})")


@dataclass(frozen=True, slots=True)
class Topic:
    """One channel of one device.

    Attributes
    ----------
    org, device
        Ids of 1 to 32 of a-z, 0-9 and -.
    channel
        One of `CHANNELS`.
    """

    org: str
    device: str
    channel: str

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """Return the topic that `text` names.

        Raises
        ------
        InvalidTopic
            When it has another form, or a shard that is not its device's.
        """
        match = _TOPIC.fullmatch(text)
        if match is None:
            raise InvalidTopic(text, "expected cec/v1/{shard}/{org}/{device}/{channel}")
        shard, org, device, channel = match.groups()
        if shard != compute_shard(device):
            raise InvalidTopic(text, f"the shard of {device!r} is {compute_shard(device)!r}")
        return cls(org, device, channel)

    def __str__(self) -> str:
        return f"cec/v1/{compute_shard(self.device)}/{self.org}/{self.device}/{self.channel}"


def compute_shard(device: str) -> str:
    """Return the two hexadecimal digits that divide devices among ingest processes.

    Examples
    --------
    >>> compute_shard("rover-1")
    '3e'
    """
    return hashlib.sha256(device.encode()).hexdigest()[:2]


def format_uplink_filter(channel: str, *, shard: str = "+") -> str:
    """Return the subscription of an ingest process to one channel of every device, or of the devices of one shard."""
    return f"cec/v1/{shard}/+/+/{channel}"
