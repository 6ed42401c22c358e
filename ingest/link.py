"""The server's connection to a broker: subscribed to every device, opened again whenever it breaks."""

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Final

import aiomqtt

from domain.topics import UPLINK, format_uplink_filter
from ingest.settings import BrokerAddress

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 15.0
QUEUED: Final = 1_024
"""Messages that may wait in memory (256 MiB at most, usually 4); beyond it the client drops, devices send again."""
CLIENT_ID: Final = "cec-ingest"

_LOG: Final = logging.getLogger(__name__)


class BrokerLink:
    """One connection at a time; what is published while there is none is dropped, since devices ask again.

    Parameters
    ----------
    address
        The broker.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._client: aiomqtt.Client | None = None
        self.connected = asyncio.Event()

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of what devices send, for ever."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with self._open() as client:
                    # Births first: what a device sends before its enrolment is known would be refused.
                    for channel in sorted(UPLINK):
                        await client.subscribe(format_uplink_filter(channel), qos=1)
                    self._client, wait_s = client, FIRST_WAIT_S
                    self.connected.set()
                    async for message in client.messages:
                        if isinstance(message.payload, bytes):
                            yield message.topic.value, message.payload
            except aiomqtt.MqttError as error:
                _LOG.info("broker %s:%d: %s", self._address.host, self._address.port, error)
            finally:
                self._client = None
                self.connected.clear()
            # Jitter keeps many servers from coming back at the same instant.
            await asyncio.sleep(wait_s * (0.5 + random.random()))  # noqa: S311
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at least once; tell whether the broker took it."""
        client = self._client
        if client is None:
            return False
        try:
            await client.publish(topic, payload, qos=1, timeout=10)
        except aiomqtt.MqttError as error:
            _LOG.info("not published to %s: %s", topic, error)
            return False
        return True

    def _open(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username or None,
            password=self._address.password or None,
            identifier=f"{CLIENT_ID}-{secrets.token_hex(4)}",
            protocol=aiomqtt.ProtocolVersion.V311,
            keepalive=30,
            timeout=10,
            max_queued_incoming_messages=QUEUED,
            max_inflight_messages=256,
            # Without it an answer waits up to 40 ms for the other side's delayed acknowledgement (RFC 1122, 4.2.3.2).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
