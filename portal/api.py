"""The JSON API: trees as GeoJSON, records and proofs as the bytes that were signed."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from domain.cid import Cid
from domain.codec import decode_map
from domain.codes import format_code, parse_code
from domain.envelope import open_envelope
from domain.records.result import Tree
from portal.boxes import parse_box, parse_limit
from portal.context import Portal, PortalDep
from portal.geojson import encode_collection
from portal.plain import make_plain
from register.entries import Anchor, SetAside, SurveyEntry

router: Final = APIRouter()

RECORD_TYPE: Final = "application/vnd.ipld.dag-cbor"
PROOF_TYPE: Final = "application/vnd.cec.proof"
_GEOJSON: Final = "application/geo+json"
_FOREVER: Final = "public, max-age=31536000, immutable"
_REVALIDATE: Final = "no-cache"
_MOST_SURVEYS: Final = 1_000
"""Surveys in one page: the trees of each are counted."""


@router.get("/api/trees")
async def get_trees(
    request: Request, portal: PortalDep, *, bbox: str | None = None, limit: str | None = None, after: str | None = None
) -> Response:
    """Return trees as a GeoJSON page; follow the link `next` for more."""
    box = parse_box(bbox) if bbox else None
    page = await portal.register.features(box, cursor=after, limit=parse_limit(limit))
    following = str(request.url.include_query_params(after=page.cursor)) if page.cursor else None
    return Response(encode_collection(page.features, str(request.url), following), media_type=_GEOJSON)


@router.get("/api/trees/{code}")
async def get_tree(code: str, portal: PortalDep) -> dict[str, Any]:
    """Return what the register knows of one tree; its record's fields as they were signed."""
    entry = await portal.register.tree(parse_code(code))
    record = open_envelope(await portal.register.record(entry.record))
    tree = record.expect(Tree)
    return {
        "code": format_code(tree.code),
        "record": str(entry.record),
        "history": [str(cid) for cid in entry.history],
        "last": str(entry.last),
        "set_aside": [_describe_aside(each) for each in entry.aside],
        "survey": str(entry.survey),
        "signed_by": str(record.key),
        "anchor": describe_anchor(entry.anchor) if entry.anchor else None,
        "body": make_plain(decode_map(record.raw)["body"]),
        "links": _tree_links(portal, tree.code, entry.record),
    }


@router.get("/api/records/{cid}")
async def get_record(cid: str, request: Request, portal: PortalDep) -> Response:
    """Return a record's envelope, byte for byte as it was signed."""
    name = Cid.parse(cid)
    envelope = await portal.register.record(name)
    return _send_forever(request, envelope, RECORD_TYPE, str(name))


@router.get("/api/proofs/{cid}")
async def get_proof(cid: str, portal: PortalDep) -> Response:
    """Return the proof file of a record, checkable without this server."""
    name = Cid.parse(cid)
    proof = await portal.within("proof maker", portal.proofs.proof(name))
    headers = {"content-disposition": f'attachment; filename="{name}.cecproof"', "cache-control": _REVALIDATE}
    return Response(proof, media_type=PROOF_TYPE, headers=headers)


@router.get("/api/chain")
async def get_chain(portal: PortalDep) -> dict[str, Any]:
    """Return the pin and where the chain stands."""
    pin = portal.chain.pin()
    status = await portal.within("chain", portal.chain.status())
    return {
        "chain_id": pin[0],
        "genesis_hash": pin[1],
        "height": status.height,
        "time_ms": status.time_ms,
        "validators": status.validators,
        "is_syncing": status.is_syncing,
    }


@router.get("/api/surveys")
async def get_surveys(
    request: Request, portal: PortalDep, *, limit: str | None = None, after: str | None = None
) -> dict[str, Any]:
    """Return a page of surveys, the one made last first; follow `next` for more."""
    size = min(parse_limit(limit), _MOST_SURVEYS)
    behind = Cid.parse(after) if after else None
    found = await portal.register.surveys(after=behind, limit=size + 1)
    page = found[:size]
    following = str(page[-1].record) if len(found) > size else None
    return {"surveys": [_describe_survey(entry) for entry in page]} | _link_next(request, following)


@router.get("/api/set-aside")
async def get_set_aside(
    request: Request, portal: PortalDep, *, limit: str | None = None, after: str | None = None
) -> dict[str, Any]:
    """Return a page of the tree records that count for nothing because another has their place, with the reason."""
    page = await portal.register.aside(cursor=after, limit=parse_limit(limit))
    return {"set_aside": [_describe_aside(each) for each in page.entries]} | _link_next(request, page.cursor)


@router.get("/api/line")
async def get_line(portal: PortalDep) -> dict[str, Any]:
    """Return how much has passed each station from device to chain."""
    counts = await portal.register.counts()
    line = await portal.within("line", portal.line.line()) if portal.line else {}
    register = {
        "records": counts.records,
        "trees": counts.trees,
        "gone": counts.gone,
        "set_aside": counts.aside,
        "surveys": counts.surveys,
        "anchored": counts.anchored,
    }
    return {"line": dict(line), "register": register}


@router.get("/healthz")
async def get_health(portal: PortalDep) -> Response:
    """Return 200 when the register answers and the chain does, 503 when the chain does not."""
    await portal.register.counts()
    is_chain_up = await portal.status() is not None
    body = b'{"register":"ok","chain":"ok"}' if is_chain_up else b'{"register":"ok","chain":"no answer"}'
    return Response(body, 200 if is_chain_up else 503, media_type="application/json")


def describe_anchor(anchor: Anchor) -> dict[str, Any]:
    """Return an anchor as JSON holds it."""
    return {
        "root": anchor.root.hex(),
        "count": anchor.count,
        "height": anchor.height,
        "time_ms": anchor.time_ms,
        "tx_hash": anchor.tx_hash.hex(),
        "manifest": str(anchor.manifest),
    }


def _describe_survey(entry: SurveyEntry) -> dict[str, Any]:
    return {
        "record": str(entry.record),
        "result": str(entry.result) if entry.result else None,
        "org": entry.org,
        "campaign": entry.campaign,
        "at_ms": entry.at_ms,
        "taken_ms": entry.seen_ms,
        "trees": entry.trees,
        "gone": entry.gone,
    }


def _describe_aside(entry: SetAside) -> dict[str, Any]:
    return {
        "record": str(entry.record),
        "code": format_code(entry.code),
        "rule": entry.rule,
        "reason": entry.reason,
    }


def _link_next(request: Request, after: str | None) -> dict[str, str]:
    """Return the address of the next page, where there is one."""
    return {"next": str(request.url.include_query_params(after=after))} if after else {}


def _tree_links(portal: Portal, code: str, record: Cid) -> dict[str, str]:
    base = portal.settings.public_url.rstrip("/")
    return {
        "page": f"{base}/tree/{format_code(code)}",
        "record": f"{base}/api/records/{record}",
        "proof": f"{base}/api/proofs/{record}",
    }


def _send_forever(request: Request, body: bytes, media_type: str, name: str) -> Response:
    headers = {"etag": f'"{name}"', "cache-control": _FOREVER}
    if f'"{name}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["content-disposition"] = f'attachment; filename="{name}.cbor"'
    return Response(body, media_type=media_type, headers=headers)
