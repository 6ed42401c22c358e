"""amqtt behind the gate: logins by enrolment, each device its own topics, nothing retained.

amqtt's own listener, authentication and retained messages are not used; its plugin hooks are overridden in one place.
"""

import asyncio
import hmac
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig, ListenerType
from amqtt.session import Session

from domain.errors import CecError, InvalidTopic
from domain.login import parse_login
from domain.topics import DOWNLINK, UPLINK, Topic
from ingest.broker.certificates import open_server_context
from ingest.broker.connect import ConnectRequest
from ingest.broker.gate import MAX_CONNECTIONS, Gate
from ingest.broker.inprocess import InProcessLink
from ingest.errors import BrokerPortTaken, LoginRefused
from ingest.journal import Journal
from ingest.link import CLIENT_ID
from ingest.settings import ServerTls

SERVER: Final = CLIENT_ID
"""Client id of the server's own connections; no device whose id begins with it is let in."""
MAX_KEEP_ALIVE_S: Final = 1_800
"""Longest silence that a device may ask for."""
SHUTDOWN_S: Final = 5.0
UNREAD: Final = 32
"""Answers that a device may leave unacknowledged; it gets no more until then, so that it cannot hold up the others."""
_LISTENER: Final = "gate"
_SERVER_FILTER: Final = re.compile(rf"cec/v1/(\+|[0-9a-f]{{2}})/\+/\+/({'|'.join(UPLINK)})")
"""What a server may subscribe to: a channel of every device, or of those of one shard."""


@dataclass(frozen=True, slots=True)
class Doors:
    """A `ingest.broker.gate.Doorkeeper` by the journal's enrolments.

    Attributes
    ----------
    journal
        Knows organisations and revocations.
    password
        Of the server's own client.
    """

    journal: Journal
    password: str

    async def check(self, request: ConnectRequest, shown: str | None) -> str:
        """Return the organisation that the client belongs to, empty for the server's own; or raise `LoginRefused`."""
        if shown is not None and shown != request.username:
            raise LoginRefused(request.client_id, f"its certificate is of {shown[:64]!r}")
        if request.username == SERVER and request.client_id.startswith(SERVER):
            if not hmac.compare_digest(request.password.encode(), self.password.encode()):
                raise LoginRefused(request.client_id, "wrong password")
            return ""
        if request.client_id != request.username:
            raise LoginRefused(request.client_id, "client id and user name must both be the device's id")
        if not 0 < request.keep_alive_s <= MAX_KEEP_ALIVE_S or not request.is_clean:
            raise LoginRefused(
                request.client_id, f"needs a clean session and a keep-alive of 1 to {MAX_KEEP_ALIVE_S} s"
            )
        return await self._check_device(request)

    async def _check_device(self, request: ConnectRequest) -> str:
        try:
            login = parse_login(request.password, client_id=request.client_id)
        except CecError as error:
            raise LoginRefused(request.client_id, str(error)) from error
        enrolment = login.body
        if enrolment.device != request.client_id or request.client_id.startswith(SERVER):
            raise LoginRefused(request.client_id, f"the enrolment is of device {enrolment.device!r}")
        if await self.journal.organisation_key(enrolment.org) != login.enrol.key.raw:
            raise LoginRefused(request.client_id, f"not enrolled by organisation {enrolment.org!r}")
        if await self.journal.is_revoked(enrolment.org, enrolment.device, enrolment.key):
            raise LoginRefused(request.client_id, "its key was revoked")
        will = str(Topic(enrolment.org, enrolment.device, "will"))
        if request.will_topic not in (None, will) or request.will_bytes:
            raise LoginRefused(request.client_id, f"its will must be empty and go to {will}")
        return enrolment.org


def may(client_id: str, org: str, topic: str, action: Action) -> bool:
    """Tell whether a client of an organisation may publish to, subscribe to or receive from a topic."""
    is_server = client_id.startswith(SERVER)
    if action == Action.SUBSCRIBE and is_server:
        return _SERVER_FILTER.fullmatch(topic) is not None
    try:
        named = Topic.parse(topic)
    except InvalidTopic:
        return False
    is_up = named.channel in UPLINK
    if is_server:
        return is_up if action == Action.RECEIVE else not is_up
    if (named.org, named.device) != (org, client_id):
        return False
    return is_up if action == Action.PUBLISH else named.channel in DOWNLINK


class _GatedBroker(Broker):  # type: ignore[misc]  # amqtt ships no types
    """amqtt with its decisions made elsewhere."""

    def __init__(self, config: BrokerConfig, org_of: Callable[[str], str | None]) -> None:
        super().__init__(config)
        self._org_of = org_of
        self._answers: set[asyncio.Task[object]] = set()

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        # The gate has checked it already; nothing else reaches this listener.
        return session is not None

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        client_id = session.client_id or ""
        org = self._org_of(client_id)
        return org is not None and may(client_id, org, topic, action)

    async def retain_message(self, *_: object, **__: object) -> None:
        """Keep nothing: retained messages would outlive their device and grow without bound."""

    @property
    def backlog(self) -> int:
        """Messages on their way."""
        return int(self._broadcast_queue.qsize()) + len(self._tasks_queue) + len(self._answers)

    async def send(self, topic: str, payload: bytes) -> bool:
        """Send a message to the device that its topic names; tell whether the device is there to take it.

        amqtt's own way compares a message with every subscription of every device; here the topic says whose it is.
        """
        named = Topic.parse(topic)
        if self._org_of(named.device) != named.org:
            return False
        is_sent = False
        for session, qos in self._subscriptions.get(topic, ()):
            handler = self._get_handler(session)
            if handler is None or not session.transitions.is_connected() or session.inflight_out_count >= UNREAD:
                continue
            publication = handler.mqtt_publish(topic, payload, qos, retain=False)
            task = asyncio.get_running_loop().create_task(publication, name=f"answer {named.device}")
            self._answers.add(task)
            task.add_done_callback(self._forget_answer)
            is_sent = True
        return is_sent

    def drop_answers(self) -> None:
        """Give up the answers that nobody acknowledged; who misses one asks again."""
        for task in tuple(self._answers):
            task.cancel()

    def _forget_answer(self, task: "asyncio.Task[object]") -> None:
        self._answers.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Not acknowledged in time, or the link broke: the device asks again.
            self.logger.debug("answer: %s", task.exception())


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """A running broker.

    Attributes
    ----------
    host, port
        Where it listens.
    password
        Of the server's own client.
    gate
        Its gate: counts, and cutting of clients.
    link
        For a service in the same process: no socket between.
    """

    host: str
    port: int
    password: str
    gate: Gate
    link: InProcessLink

    @classmethod
    @asynccontextmanager
    async def open(
        cls, journal: Journal, *, host: str = "127.0.0.1", port: int = 0, tls: ServerTls | None = None
    ) -> "AsyncIterator[EmbeddedBroker]":
        """Run a broker; port 0 takes any.

        With `tls`, connections are secured; a client that shows a certificate must be the one that it names.

        Raises
        ------
        BrokerPortTaken
            When the port cannot be had.
        CertificateUnusable
            When certificate or key cannot be used.
        """
        # amqtt tells every broken link as a warning; here links break all day, and the gate counts them.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        context = None if tls is None else open_server_context(tls)
        listener = ListenerConfig(type=ListenerType.EXTERNAL, bind=f"{host}:{port}")
        config = BrokerConfig(listeners={"default": listener, _LISTENER: listener}, plugins={})
        password = secrets.token_urlsafe(24)

        async def serve(reader: ReaderAdapter, writer: StreamWriterAdapter) -> None:
            await broker.external_connected(reader, writer, _LISTENER)

        link = InProcessLink(lambda topic, payload: broker.send(topic, payload))  # noqa: PLW0108  # made below
        gate = Gate(Doors(journal, password), serve, lambda: broker.backlog, link, context)
        broker = _GatedBroker(config, gate.org_of)
        async with _listen(broker, gate, host, port) as bound:
            yield cls(host, bound, password, gate, link)


@asynccontextmanager
async def _listen(broker: _GatedBroker, gate: Gate, host: str, port: int) -> AsyncIterator[int]:
    """Run broker and gate; yield the port."""
    await broker.start()
    try:
        server = await asyncio.start_server(gate.accept, host, port, backlog=MAX_CONNECTIONS)
    except OSError as error:
        await broker.shutdown()
        raise BrokerPortTaken(host, port, os.strerror(error.errno or 0)) from error
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        gate.cut_all()
        broker.drop_answers()
        # Bounded: amqtt waits for each of its tasks, and one that missed its cancellation would hold up the end.
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_S):
                await broker.shutdown()
