"""Sends webhooks: one loop finds what is due, one task makes each attempt, the journal remembers.

A webhook has at most `IN_HAND` attempts open, so a receiver that hangs holds up itself alone. Nothing of an attempt is
kept in memory only: after a kill it is made again under the same id.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from domain.errors import CecError
from ingest.exchange.addresses import resolve
from ingest.exchange.catalogue import bring_up
from ingest.exchange.errors import InvalidHook
from ingest.exchange.exchange import RingingStore
from ingest.exchange.hooks import (
    IN_HAND,
    Delivery,
    fan_out,
    has_active,
    is_behind,
    note_delivered,
    note_failed,
    note_gone,
    select_due,
)
from ingest.exchange.signing import make_headers
from ingest.journal import now_ms

ATTEMPT_S: Final = 15.0
"""Longest attempt: the lower end of what the standard recommends."""
IDLE_S: Final = 1.0
"""Longest sleep without a ring: a pause that ends rings no bell."""
SETTLE_S: Final = 0.02
"""Pause after a ring: a busy server's records are told of in batches."""
AFTER_FAILURE_S: Final = 2.0
MAX_ANSWER: Final = 2_048
"""Bytes of a receiver's answer read, for the reason that people see."""
_GONE: Final = 410
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HookSettings:
    """How webhooks are sent.

    Attributes
    ----------
    allows_private
        Whether they may go to addresses of the own network.
    attempt_s
        Longest attempt.
    idle_s
        Longest sleep between looks at what is due.
    authorities
        File of certificates to trust in place of the system's: receivers under an authority of their own.
    """

    allows_private: bool = False
    attempt_s: float = ATTEMPT_S
    idle_s: float = IDLE_S
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt that was not taken.

    Attributes
    ----------
    reason
        In words.
    is_gone
        Whether the receiver wants nothing more.
    pause_s
        How long it asks to be left alone.
    """

    reason: str
    is_gone: bool = False
    pause_s: float = 0.0


@dataclass(slots=True)
class Dispatcher:
    """Sends what is due; open it with `Dispatcher.open`.

    Attributes
    ----------
    store
        The journal.
    settings
        How.
    clock
        Gives UTC in milliseconds.
    """

    store: RingingStore
    settings: HookSettings
    clock: Callable[[], int] = now_ms
    _in_hand: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, store: RingingStore, settings: HookSettings, clock: Callable[[], int] = now_ms
    ) -> "AsyncIterator[Dispatcher]":
        """Send webhooks until the block ends; attempts that are open then are made again later."""
        dispatcher = cls(store, settings, clock)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(dispatcher._send_all(), name="webhooks")
            try:
                yield dispatcher
            finally:
                task.cancel()

    async def _send_all(self) -> None:
        trusted = ssl.create_default_context(cafile=self.settings.authorities)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(verify=trusted, follow_redirects=False, trust_env=False, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            while True:
                seen = self.store.bell.rings
                try:
                    began = await self._begin(client, group)
                except CecError:
                    _LOG.exception("webhooks wait: the journal does not answer")
                    began = 0
                    await asyncio.sleep(AFTER_FAILURE_S)
                if not began:
                    await self.store.bell.wait(seen, timeout_s=self.settings.idle_s)
                    await asyncio.sleep(SETTLE_S)

    async def _begin(self, client: httpx.AsyncClient, group: asyncio.TaskGroup) -> int:
        """Begin the attempts that are due and have room; return how many."""
        if not await self.store.read(has_active):
            return 0
        await bring_up(self.store)
        if await self.store.read(is_behind):
            await self.store.write(lambda db: fan_out(db, self.clock()))
        # What was in hand before the look may have ended since: then what the look says of it is old.
        busy = dict(self._in_hand)
        due = await self.store.read(lambda db: select_due(db, self.clock()))
        began = 0
        for delivery in due:
            open_there = sum(hook == delivery.hook for hook in self._in_hand.values())
            if delivery.id not in busy and open_there < IN_HAND:
                self._in_hand[delivery.id] = delivery.hook
                group.create_task(self._attempt(client, delivery), name=f"webhook {delivery.id}")
                began += 1
        return began

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        try:
            await self._note(delivery, await self._post(client, delivery))
        except CecError:
            # The journal did not take what became of it: it is sent again under the same id.
            _LOG.exception("the outcome of webhook message %s was not kept", delivery.id)
            await asyncio.sleep(AFTER_FAILURE_S)
        finally:
            del self._in_hand[delivery.id]
            # The write's own ring came while this one was still in hand.
            self.store.bell.ring()

    async def _note(self, delivery: Delivery, failed: Failed | None) -> None:
        if failed is None:
            await self.store.write(lambda db: note_delivered(db, delivery))
        elif failed.is_gone:
            await self.store.write(lambda db: note_gone(db, delivery, failed.reason))
        else:
            await self.store.write(
                lambda db: note_failed(db, delivery, failed.reason, self.clock(), pause_s=failed.pause_s)
            )

    async def _post(self, client: httpx.AsyncClient, delivery: Delivery) -> Failed | None:
        """Make one attempt; return why it failed, if it did."""
        headers = make_headers(delivery.keys, delivery.id, int(time.time()), delivery.payload)
        try:
            async with asyncio.timeout(self.settings.attempt_s):
                target = await resolve(delivery.url, allows_private=self.settings.allows_private)
                url = httpx.URL(delivery.url)
                host = url.netloc.decode("ascii")
                async with client.stream(
                    "POST",
                    url.copy_with(host=target.address),
                    content=delivery.payload,
                    headers={**headers, "content-type": "application/json", "host": host},
                    # The certificate must be the name's, though the connection goes to the address.
                    extensions={"sni_hostname": target.host},
                    timeout=self.settings.attempt_s,
                ) as response:
                    return await _read_answer(response)
        except TimeoutError:
            return Failed(f"no answer within {self.settings.attempt_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, InvalidHook) as error:
            return Failed(str(error) or type(error).__name__)


async def _read_answer(response: httpx.Response) -> Failed | None:
    if response.is_success:
        return None
    words = bytearray()
    async for part in response.aiter_raw():
        words += part[: MAX_ANSWER - len(words)]
        if len(words) >= MAX_ANSWER:
            break
    reason = f"status {response.status_code}: {words[:200].decode('utf-8', 'replace')}"
    return Failed(reason, response.status_code == _GONE, _parse_pause(response.headers.get("retry-after", "")))


def _parse_pause(text: str) -> float:
    """Return the seconds that a receiver asks for; a date, or anything else, is passed over."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0  # noqa: PLR2004  # years
