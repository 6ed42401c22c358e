"""The server's connection to a broker: subscribed to its devices, opened again whenever it breaks."""

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Final, Protocol

import aiomqtt

from ingest.broker.certificates import open_client_context
from ingest.broker.client import ServerClient
from ingest.broker.errors import CertificateUnusable, SubscriptionRefused
from ingest.broker.shards import Shards, list_filters
from ingest.settings import BrokerAddress

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 15.0
QUEUED: Final = 1_024
"""Messages that may wait in memory (256 MiB at most, usually 4); beyond it the client drops, devices send again."""
PUBLISH_S: Final = 10.0
"""Longest time for the broker to acknowledge an answer."""
CLIENT_ID: Final = "cec-ingest"
_REFUSED: Final = 0x80
"""Return code of a refused subscription (MQTT 3.1.1, section 3.9.3)."""

_LOG: Final = logging.getLogger(__name__)


class Link(Protocol):
    """What a service hears devices by, and answers them."""

    @property
    def connected(self) -> asyncio.Event:
        """Set while devices can be heard."""
        ...

    def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of what devices send, for ever."""
        ...

    async def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at least once; tell whether the broker took it."""
        ...


class BrokerLink:
    """A `Link` over a socket: one connection at a time.

    What is published while there is none is dropped, since devices ask again.

    Parameters
    ----------
    address
        The broker.
    shards
        Which devices this server listens to; all when it is alone.
    publish_s
        Seconds that a broker has to acknowledge a publication.

    Raises
    ------
    CertificateUnusable
        When a file of the address's TLS cannot be used now; later it is told and tried again.
    """

    def __init__(
        self,
        address: BrokerAddress,
        shards: Shards = Shards(),  # noqa: B008  # frozen, no state
        *,
        publish_s: float = PUBLISH_S,
    ) -> None:
        if address.tls is not None:
            open_client_context(address.tls)
        self._address = address
        self._shards = shards
        self._publish_s = publish_s
        self._client: aiomqtt.Client | None = None
        self._publications: set[asyncio.Timeout] = set()
        self.connected = asyncio.Event()

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield topic and payload of what devices send, for ever."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with self._open() as client:
                    await self._subscribe(client)
                    self._client, wait_s = client, FIRST_WAIT_S
                    self.connected.set()
                    async for message in client.messages:
                        if isinstance(message.payload, bytes):
                            yield message.topic.value, message.payload
            except aiomqtt.MqttError as error:
                _LOG.info("broker %s:%d: %s", self._address.host, self._address.port, error)
            except (SubscriptionRefused, CertificateUnusable) as error:
                _LOG.error("%s", error)  # a person must act; where it was raised tells them nothing
            finally:
                self._client = None
                self.connected.clear()
                self._give_up_publications()
            # Jitter keeps many servers from coming back at the same instant.
            await asyncio.sleep(wait_s * (0.5 + random.random()))  # noqa: S311
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at least once; tell whether the broker took it."""
        client = self._client
        if client is None:
            return False
        try:
            async with asyncio.timeout(self._publish_s) as patience:
                self._publications.add(patience)
                try:
                    await client.publish(topic, payload, qos=1, timeout=2 * self._publish_s)
                finally:
                    self._publications.discard(patience)
        except (aiomqtt.MqttError, TimeoutError) as error:
            _LOG.info("not published to %s: %s", topic, error)
            return False
        return True

    def _give_up_publications(self) -> None:
        """Wait no longer for what a broken connection will not acknowledge: admission waits with it."""
        for patience in self._publications:
            patience.reschedule(asyncio.get_running_loop().time())

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        """Subscribe to every channel of every shard, in order."""
        for filters in list_filters(self._shards):
            granted = await client.subscribe([(name, 1) for name in filters])
            codes = [code if isinstance(code, int) else code.value for code in granted]
            refused = tuple(name for name, code in zip(filters, codes, strict=True) if code >= _REFUSED)
            if refused:
                raise SubscriptionRefused(refused)

    def _open(self) -> aiomqtt.Client:
        tls = self._address.tls
        return ServerClient(
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
            tls_context=None if tls is None else open_client_context(tls),
            # Without it an answer waits up to 40 ms for the other side's delayed acknowledgement (RFC 1122, 4.2.3.2).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
