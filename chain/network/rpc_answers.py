"""Requests to the RPC and their answers: a URI's query or JSON-RPC 2.0 in, a status and JSON out; no I/O.

Source: https://www.jsonrpc.org/specification and cometbft v0.38 rpc/jsonrpc/server.
"""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from chain.network.errors import BadRequest, NetworkError
from chain.network.json_forms import Json
from chain.network.rpc import INTERNAL, METHODS, Rpc
from chain.network.rpc_params import INVALID_PARAMS, parse_json_params, parse_uri_params

MAX_BATCH: Final = 10
"""Requests in one JSON-RPC batch (CometBFT's own default)."""
_URI_ID: Final = -1
OK, BAD, NOT_FOUND, NOT_ALLOWED, TOO_LARGE, FAILED = 200, 400, 404, 405, 413, 500
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD = -32700, -32600, -32601
_WORDS: Final = {
    PARSE_ERROR: "Parse error. Invalid JSON",
    INVALID_REQUEST: "Invalid Request",
    UNKNOWN_METHOD: "Method not found",
    INVALID_PARAMS: "Invalid params",
    INTERNAL: "Internal error",
}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read whole.

    Attributes
    ----------
    method, target
        As the request line says.
    body
        As sent.
    websocket_key
        Header ``Sec-WebSocket-Key``; empty when there is none.
    """

    method: str
    target: str
    body: bytes
    websocket_key: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back.

    Attributes
    ----------
    status
        Of HTTP.
    content
        JSON; None: nothing.
    """

    status: int
    content: Any


async def answer(rpc: Rpc, request: Request) -> Response:
    """Return the response to a request."""
    if request.method == "GET":
        return await _answer_uri(rpc, request.target)
    if request.method == "POST":
        return await answer_json(rpc, request.body)
    return Response(NOT_ALLOWED, refuse(None, INVALID_REQUEST, "only GET and POST are answered"))


async def _answer_uri(rpc: Rpc, target: str) -> Response:
    try:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, max_num_fields=16))
    except ValueError:
        return Response(BAD, refuse(_URI_ID, INVALID_REQUEST))
    name = parts.path.strip("/")
    if not name:
        return Response(OK, {"methods": sorted(METHODS)})
    if name not in METHODS:
        return Response(NOT_FOUND, refuse(_URI_ID, UNKNOWN_METHOD))
    try:
        result = await METHODS[name].answer(rpc, parse_uri_params(METHODS[name].params, query))
    except NetworkError as error:
        return Response(FAILED, _refuse_by(_URI_ID, error))
    return Response(OK, _succeed(_URI_ID, result))


async def answer_json(rpc: Rpc, body: bytes) -> Response:
    """Return the response to JSON-RPC: one request or a batch."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Response(FAILED, refuse(None, PARSE_ERROR))
    requests = document if isinstance(document, list) else [document]
    if len(requests) > MAX_BATCH:
        return Response(OK, refuse(None, INVALID_REQUEST, f"at most {MAX_BATCH} requests in a batch"))
    # One after the other: a batch must not cost more at once than one request does.
    answers = [found for one in requests if (found := await _answer_one(rpc, one)) is not None]
    if not answers:
        return Response(OK, None)
    return Response(OK, answers if isinstance(document, list) and len(answers) > 1 else answers[0])


async def _answer_one(rpc: Rpc, request: object) -> Json | None:
    """Return the answer to a JSON-RPC request; None to a notification, which gets none."""
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return refuse(None, INVALID_REQUEST)
    request_id = request.get("id")
    if request_id is None:
        return None
    if type(request_id) not in (int, str):
        return refuse(None, INVALID_REQUEST, "an id is a number or text")
    method = METHODS.get(request["method"])
    if method is None:
        return refuse(request_id, UNKNOWN_METHOD)
    try:
        return _succeed(request_id, await method.answer(rpc, parse_json_params(method.params, request.get("params"))))
    except NetworkError as error:
        return _refuse_by(request_id, error)


def _succeed(request_id: int | str, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def _refuse_by(request_id: int | str, error: NetworkError) -> Json:
    return refuse(request_id, error.code if isinstance(error, BadRequest) else INTERNAL, str(error))


def refuse(request_id: int | str | None, code: int, data: str = "") -> Json:
    """Return the JSON-RPC error of a code."""
    return {
        "jsonrpc": "2.0",
        "id": request_id,
        "error": {"code": code, "message": _WORDS[code], "data": data},
    }
