"""The other installation, over HTTP: each question bounded in time and in bytes, and counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from domain.cid import Cid
from ingest.exchange import wire
from ingest.exchange.batch import MAX_BYTES, MEDIA_TYPE, unpack_batch
from ingest.exchange.digest import MemberDigest, PrefixDigest
from ingest.exchange.errors import InvalidExchange, PeerFailed
from ingest.exchange.exchange import RECORDS
from ingest.exchange.taking import Outcome

TIMEOUT_S: Final = 60.0
"""Longest question: a batch of 9 MB over 1.5 Mbit/s."""
_OK: Final = 200
_CURSOR_PROBLEM: Final = "cursor"
_CLIENT_ERROR: Final = 400


class CursorLost(PeerFailed):
    """The peer does not know the cursor any more: another server answers there, or an older journal."""


@dataclass(slots=True)
class Traffic:
    """What an exchange cost.

    Attributes
    ----------
    requests
        Questions asked.
    sent, received
        Bytes of bodies, as they are without compression.
    """

    requests: int = 0
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's exchange, asked as one member; open it with `Peer.open`.

    Attributes
    ----------
    url
        Its portal.
    traffic
        What was asked so far.
    """

    url: str
    _client: httpx.AsyncClient
    traffic: Traffic = field(default_factory=Traffic)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str) -> "AsyncIterator[Peer]":
        """Open a peer at its portal's address."""
        headers = {"authorization": f"Bearer {token}"}
        # Redirects would carry the token elsewhere.
        async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S, follow_redirects=False) as client:
            yield cls(url.rstrip("/"), client)

    async def digest(self) -> MemberDigest:
        """Return the digest of the records of the organisation that the token speaks for."""
        return wire.parse_member(wire.parse_json(await self._ask("GET", "/api/exchange/digest")))

    async def prefixes(self, campaign: str, prefixes: Sequence[str]) -> tuple[PrefixDigest, ...]:
        """Return the digest of each prefix."""
        question = {"campaign": campaign, "prefixes": list(prefixes)}
        fields = wire.parse_json(await self._ask_json("/api/exchange/prefixes", question))
        return wire.parse_digests(fields.get("digests"), prefixes)

    async def list_feed(self, after: str) -> tuple[list[Cid], str, bool]:
        """Return the CIDs of the next page of the organisation's feed, its cursor, and whether there is more.

        Raises
        ------
        CursorLost
            When the peer refuses the cursor.
        """
        query = httpx.QueryParams({"after": after, "limit": str(wire.MAX_CIDS), "own": "1"})
        answer = await self._ask("GET", f"/api/feed?{query}")
        return wire.parse_listing(wire.parse_json(answer))

    async def fetch(self, cids: Sequence[Cid]) -> tuple[bytes, ...]:
        """Return envelopes, each checked against its CID, only such as were asked for."""
        answer = await self._ask_json("/api/exchange/fetch", {"cids": [str(cid) for cid in cids]})
        return unpack_batch(RECORDS, answer).records

    async def missing(self, cids: Sequence[Cid]) -> list[Cid]:
        """Return which records the peer lacks."""
        answer = await self._ask_json("/api/exchange/missing", {"cids": [str(cid) for cid in cids]})
        return wire.parse_cids(wire.parse_json(answer).get("cids"))

    async def send(self, archive: bytes) -> list[Outcome]:
        """Give the peer a batch; return what became of its records."""
        answer = await self._ask("POST", "/api/exchange/records", archive, MEDIA_TYPE)
        return wire.parse_outcomes(wire.parse_json(answer).get("outcomes"))

    async def _ask_json(self, path: str, question: Mapping[str, Any]) -> bytes:
        return await self._ask("POST", path, json.dumps(question).encode(), "application/json")

    async def _ask(self, method: str, path: str, body: bytes = b"", media_type: str = "") -> bytes:
        headers = {"content-type": media_type} if body else {}
        self.traffic.requests += 1
        self.traffic.sent += len(body)
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream(method, f"{self.url}{path}", content=body, headers=headers) as response,
            ):
                answer = await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise PeerFailed(self.url, str(error) or type(error).__name__) from error
        self.traffic.received += len(answer)
        if response.status_code != _OK:
            raise self._fail(response.status_code, answer)
        return answer

    async def _read(self, response: httpx.Response) -> bytes:
        parts = bytearray()
        async for part in response.aiter_bytes():
            parts += part
            if len(parts) > MAX_BYTES:
                raise PeerFailed(self.url, f"an answer of more than {MAX_BYTES} bytes")
        return bytes(parts)

    def _fail(self, status: int, answer: bytes) -> PeerFailed:
        try:
            problem = wire.parse_json(answer)
        except InvalidExchange:
            problem = {}
        reason = f"status {status}: {str(problem.get('detail', ''))[:500]}"
        is_lost = status >= _CLIENT_ERROR and str(problem.get("type", "")).endswith(_CURSOR_PROBLEM)
        return CursorLost(self.url, reason) if is_lost else PeerFailed(self.url, reason)
