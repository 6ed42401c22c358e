"""The exchange's routes: change feed, digests and records for members, each with a bearer token.

``/api/feed`` answers JSON, or a CAR with the records' bytes where the request accepts ``application/vnd.ipld.car``.
Failures are problem+json with a remedy, by the table below; other failures are the portal's.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from domain.cid import Cid
from ingest.errors import JournalClosed, JournalUnwritable
from ingest.exchange import wire
from ingest.exchange.batch import MAX_BYTES, MEDIA_TYPE
from ingest.exchange.digest import MemberDigest, PrefixDigest
from ingest.exchange.errors import (
    CursorAhead,
    ExchangeError,
    ForeignCursor,
    InvalidExchange,
    InvalidFeedCursor,
    TokenRefused,
)
from ingest.exchange.feed import MAX_LIMIT, FeedPage
from ingest.exchange.taking import Outcome

_PROBLEM_TYPE: Final = "application/problem+json"
_BEARER: Final = "bearer "
DEFAULT_LIMIT: Final = 100
MAX_CURSOR: Final = 200
"""Characters of a cursor read; what is no cursor is told by name."""
MAX_WAIT_S: Final = 30
BODY_S: Final = 120.0
"""Longest wait for a body: 9 MB over 600 kbit/s; a sender that drips holds a connection no longer."""


class ExchangePort(Protocol):
    """What the routes ask for; `ingest.exchange.exchange.Exchange` fits."""

    async def check(self, token: str, scope: str) -> None:
        """Return when a token holds a scope."""
        ...

    async def feed(self, token: str, after: str, limit: int, *, wait_s: float, is_own: bool) -> FeedPage:
        """Return what a member may see behind a cursor."""
        ...

    async def digest(self, token: str) -> MemberDigest:
        """Return the digest of the member's records."""
        ...

    async def prefixes(self, token: str, campaign: str, prefixes: Sequence[str]) -> tuple[PrefixDigest, ...]:
        """Return the digest of each prefix within a campaign."""
        ...

    async def fetch(self, token: str, cids: Sequence[Cid]) -> bytes:
        """Return a batch of the member's own records."""
        ...

    async def missing(self, token: str, cids: Sequence[Cid]) -> list[Cid]:
        """Return which of the member's records are not here."""
        ...

    async def take(self, token: str, archive: bytes) -> list[Outcome]:
        """Take a batch of the member's records in."""
        ...


@dataclass(frozen=True, slots=True)
class _Rule:
    status: int
    name: str
    title: str
    remedy: str


_RULES: Final[dict[type[Exception], _Rule]] = {
    TokenRefused: _Rule(
        401, "token", "Not a member's token", "Send Authorization: Bearer and a token; `cec members add` makes one."
    ),
    ForeignCursor: _Rule(
        400, "foreign-cursor", "Another server's cursor", "Keep one cursor a server; begin here without after=."
    ),
    CursorAhead: _Rule(
        409, "lost-cursor", "The cursor lies beyond this journal", "Begin again without after=; nothing doubles."
    ),
    InvalidFeedCursor: _Rule(
        400, "invalid-cursor", "Not a cursor", "Take the cursor of the page before, unchanged, or none for the first."
    ),
    InvalidExchange: _Rule(400, "request", "The request breaks a bound", "Send less, or in the form that it names."),
    JournalUnwritable: _Rule(503, "disk", "The server's disk is full", "Try again later; tell the operator."),
    JournalClosed: _Rule(503, "closing", "The server is closing", "Try again in a minute."),
    ExchangeError: _Rule(503, "exchange", "This does not work now", "Try again; if it stays, tell the operator."),
}


class _ProblemRoute(APIRoute):
    """Answers the exchange's failures by the table above, whatever application the router is part of."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with failures answered."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except tuple(_RULES) as error:
                return _answer_failure(request, error)

        return answer


def _answer_failure(request: Request, error: Exception) -> Response:
    rule = next(_RULES[cls] for cls in type(error).__mro__ if cls in _RULES)
    body = {
        "type": f"urn:cec:problem:{rule.name}",
        "title": rule.title,
        "status": rule.status,
        "detail": str(error),
        "remedy": rule.remedy,
        "instance": request.url.path,
    }
    headers = {"www-authenticate": 'Bearer realm="members"'} if isinstance(error, TokenRefused) else {}
    return Response(json.dumps(body, ensure_ascii=False), rule.status, headers, _PROBLEM_TYPE)


def _get_token(request: Request) -> str:
    header = request.headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""


Token = Annotated[str, Depends(_get_token)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for news.")]
After = Annotated[str, Query(max_length=MAX_CURSOR)]


def create_exchange_router(port: ExchangePort) -> APIRouter:
    """Return the routes over an exchange; include them in the portal's application."""
    router = APIRouter(route_class=_ProblemRoute)
    _add_feed(router, port)
    _add_reading(router, port)
    _add_writing(router, port)
    return router


def _add_feed(router: APIRouter, port: ExchangePort) -> None:
    @router.get("/api/feed")
    async def get_feed(  # noqa: PLR0917  # a query's parameters
        request: Request, token: Token, after: After = "", limit: Limit = DEFAULT_LIMIT, wait: Wait = 0, own: int = 0
    ) -> Response:
        """Return records in the order of admission behind a cursor; `own=1` leaves out those of others."""
        page = await port.feed(token, after, limit, wait_s=wait, is_own=bool(own))
        if MEDIA_TYPE in request.headers.get("accept", ""):
            return _no_store(page.pack(), MEDIA_TYPE)
        return _answer_json(wire.describe_page(page))


def _add_reading(router: APIRouter, port: ExchangePort) -> None:
    @router.get("/api/exchange/digest")
    async def get_digest(token: Token) -> Response:
        """Return count and Merkle root of each campaign of the member's organisation."""
        return _answer_json(wire.describe_member(await port.digest(token)))

    @router.post("/api/exchange/prefixes")
    async def post_prefixes(request: Request, token: Token) -> Response:
        """Return count, root and, where few, CIDs of the records under each prefix."""
        question = await _read_question(request, port, token, "export")
        campaign = wire.parse_campaign(question.get("campaign"))
        digests = await port.prefixes(token, campaign, wire.parse_prefixes(question.get("prefixes")))
        return _answer_json({"digests": [wire.describe_prefix(item) for item in digests]})

    @router.post("/api/exchange/fetch")
    async def post_fetch(request: Request, token: Token) -> Response:
        """Return a CAR of the records asked for that are held; it may end early."""
        question = await _read_question(request, port, token, "export")
        return _no_store(await port.fetch(token, wire.parse_cids(question.get("cids"))), MEDIA_TYPE)


def _add_writing(router: APIRouter, port: ExchangePort) -> None:
    @router.post("/api/exchange/missing")
    async def post_missing(request: Request, token: Token) -> Response:
        """Return which records are not here."""
        question = await _read_question(request, port, token, "import")
        missing = await port.missing(token, wire.parse_cids(question.get("cids")))
        return _answer_json({"cids": [str(cid) for cid in missing]})

    @router.post("/api/exchange/records")
    async def post_records(request: Request, token: Token) -> Response:
        """Take a CAR of records in; tell of each what became of it."""
        await port.check(token, "import")
        outcomes = await port.take(token, await _read_body(request, MAX_BYTES))
        return _answer_json({"outcomes": [wire.describe_outcome(item) for item in outcomes]})


async def _read_question(request: Request, port: ExchangePort, token: str, scope: str) -> dict[str, Any]:
    # Before the body: a stranger's megabytes are not read.
    await port.check(token, scope)
    return dict(wire.parse_json(await _read_body(request, wire.MAX_JSON)))


async def _read_body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise InvalidExchange("body", f"at most {most} bytes")
    except TimeoutError as error:
        raise InvalidExchange("body", f"it must arrive within {BODY_S:g} s; send fewer records at once") from error
    return bytes(body)


def _answer_json(value: object) -> Response:
    return _no_store(json.dumps(value, ensure_ascii=False).encode(), "application/json")


def _no_store(body: bytes, media_type: str) -> Response:
    return Response(body, media_type=media_type, headers={"cache-control": "no-store"})
