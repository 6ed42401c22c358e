"""Failures to the outside: one table from exception to status, told as a page or as problem+json (RFC 9457)."""

import json
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from domain.errors import CecError, InvalidCid, InvalidRecord, InvalidTreeCode
from portal.errors import InvalidBox, InvalidPageSize, SourceTimedOut
from register.errors import (
    InvalidCursor,
    NotAnchored,
    RecordNotFound,
    RegisterUnavailable,
    RegisterUnusable,
    TreeNotFound,
)

_PROBLEM_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Rule:
    status: int
    title: str
    remedy: str


_RULES: Final[dict[type[Exception], _Rule]] = {
    InvalidTreeCode: _Rule(400, "Not a tree code", "Read the label again: 17 symbols in groups of 4-4-4-5, without U."),
    InvalidCid: _Rule(400, "Not a CID", "Copy the whole CID; it starts with b and has 59 symbols."),
    InvalidBox: _Rule(400, "Not a bounding box", "Give west,south,east,north in degrees."),
    InvalidPageSize: _Rule(
        400, "Page size out of bounds", "Ask for fewer features and follow the links to the next page."
    ),
    InvalidCursor: _Rule(400, "Not a cursor of this register", "Start again without after=."),
    TreeNotFound: _Rule(404, "No such tree here", "Check the code, or ask the forest's owner where its register is."),
    RecordNotFound: _Rule(404, "No such record here", "Check the CID, or ask the server that issued it."),
    InvalidRecord: _Rule(
        404, "Another kind of record", "This address shows one kind only; read the record at /api/records/."
    ),
    NotAnchored: _Rule(409, "Not anchored yet", "Anchors follow a survey within seconds; load the page again."),
    RegisterUnavailable: _Rule(503, "The register does not answer now", "Try again in a minute."),
    RegisterUnusable: _Rule(503, "The register cannot be used", "Tell the operator what stands above."),
    SourceTimedOut: _Rule(503, "A part of the server does not answer", "Try again in a minute."),
    CecError: _Rule(503, "This cannot be shown now", "Try again; if it stays, tell the operator what stands above."),
}
"""By class, the nearest in the exception's line of descent counts."""

_HTTP_RULES: Final = {
    404: _Rule(404, "No such page", "Start from the first page, or search for a tree's code."),
    405: _Rule(405, "Not this way", "This address is read with GET."),
    422: _Rule(422, "The request cannot be read", "Look at the address again; /api/docs describes each part."),
}
_OTHER: Final = _Rule(
    500, "Something broke here", "Try again; if it stays, tell the operator the time and the address."
)


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer every failure by the table above."""
    app.add_exception_handler(CecError, _answer_failure)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(Exception, _answer_bug)


async def _answer_failure(request: Request, error: Exception) -> Response:
    rule = next(_RULES[cls] for cls in type(error).__mro__ if cls in _RULES)
    return _answer(request, rule, str(error))


async def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else _OTHER.status
    rule = _HTTP_RULES.get(status, _Rule(status, "This did not work", _OTHER.remedy))
    detail = f"{request.url.path} is not an address of this server" if status == 404 else rule.title  # noqa: PLR2004
    return _answer(request, rule, detail)


async def _answer_validation(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
    return _answer(request, _HTTP_RULES[422], detail)


async def _answer_bug(request: Request, _error: Exception) -> Response:
    return _answer(request, _OTHER, "An unexpected failure; it is in the server's log")


def _answer(request: Request, rule: _Rule, detail: str) -> Response:
    if _wants_page(request):
        page = request.app.state.portal.templates.get_template("problem.html")
        return HTMLResponse(page.render(rule=rule, detail=detail, path=request.url.path), rule.status)
    body = {
        "type": "about:blank",
        "title": rule.title,
        "status": rule.status,
        "detail": detail,
        "remedy": rule.remedy,
        "instance": request.url.path,
    }
    return Response(json.dumps(body, ensure_ascii=False), rule.status, media_type=_PROBLEM_TYPE)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")
