"""Pages for people: the first page, a tree, a survey, the alone-standing verifier."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.cid import Cid
from domain.codes import format_code, format_link, parse_code
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.result import Result, Survey, Tree
from portal.charts import CHARTS, GROWTH
from portal.comparisons import read_comparison
from portal.context import Portal, PortalDep
from portal.drawing import draw_crown
from portal.figures import format_position, make_earlier, make_figures
from portal.histories import read_before, read_life, read_questions
from portal.labels import draw_label
from register.entries import SurveyEntry

router: Final = APIRouter(include_in_schema=False)
_RECENT: Final = 8
"""Surveys on the first page."""


@router.get("/")
async def show_home(request: Request, portal: PortalDep) -> HTMLResponse:
    """Return the first page: what is here, on a map and in figures."""
    context = {
        "counts": await portal.register.counts(),
        "status": await portal.status(),
        "surveys": await portal.register.surveys(limit=_RECENT),
        "pin": portal.chain.pin(),
    }
    return _render(portal, "home.html", request, context)


@router.get("/8003/{code}")
async def follow_label(code: str) -> RedirectResponse:
    """Send the reader of a label to the tree's page."""
    return RedirectResponse(f"/tree/{format_code(parse_code(code))}", 303)


@router.get("/search")
async def search(request: Request, portal: PortalDep, code: str = "") -> Response:
    """Send to the tree whose code was typed, or say what is wrong with it."""
    try:
        entry = await portal.register.tree(parse_code(code))
    except CecError as error:
        page = _render(portal, "search.html", request, {"given": code[:80], "fault": str(error)})
        page.status_code = 400 if code else 200
        return page
    return RedirectResponse(f"/tree/{format_code(entry.code)}", 303)


@router.get("/tree/{code}")
async def show_tree(code: str, request: Request, portal: PortalDep) -> HTMLResponse:
    """Return a tree's page."""
    entry = await portal.register.tree(parse_code(code))
    record = open_envelope(await portal.register.record(entry.record))
    tree = record.expect(Tree)
    context = {
        "entry": entry,
        "tree": tree,
        "signer": str(record.key),
        "figures": (*make_figures(tree), *make_earlier(tree, await read_before(portal, entry))),
        "position": format_position(tree.position),
        "crown": draw_crown(tree),
        "life": await read_life(portal, entry),
        "questions": await read_questions(portal, entry),
        "survey": open_envelope(await portal.register.record(entry.survey)).expect(Survey),
        "qr": draw_label(tree.code, portal.settings.public_url),
        "link": format_link(tree.code, portal.settings.public_url),
        "is_held": await portal.is_held(entry.record),
        "pin": portal.chain.pin(),
    }
    return _render(portal, "tree.html", request, context)


@router.get("/survey/{cid}")
async def show_survey(cid: str, request: Request, portal: PortalDep) -> HTMLResponse:
    """Return a survey's page: how its trees were found, and how completely."""
    name = Cid.parse(cid)
    record = open_envelope(await portal.register.record(name))
    entry = await portal.register.survey(name)
    survey = record.expect(Survey)
    comparison = await read_comparison(portal, entry)
    # A crew's heights of known trees are means with those before, which say nothing of growth.
    has_growth = bool(survey.clouds and comparison and comparison.counts.same)
    context = {
        "cid": name,
        "survey": survey,
        "signer": str(record.key),
        "entry": entry,
        "result": await _get_result(portal, entry),
        "comparison": comparison,
        "charts": CHARTS | GROWTH if has_growth else CHARTS,
    }
    return _render(portal, "survey.html", request, context)


@router.get("/about")
async def show_about(request: Request, portal: PortalDep) -> HTMLResponse:
    """Return what a proof says, and what it does not."""
    context = {"status": await portal.status(), "pin": portal.chain.pin()}
    return _render(portal, "about.html", request, context)


@router.get("/verify.html")
async def show_verifier(portal: PortalDep) -> HTMLResponse:
    """Return the verifier that works alone; its own policy stands in the file, by its script's hash."""
    if portal.verifier is None:
        raise HTTPException(404)
    page = await asyncio.to_thread(portal.verifier, portal.chain.pin())
    return HTMLResponse(page, headers={"content-security-policy": _VERIFIER_POLICY})


_VERIFIER_POLICY: Final = "frame-ancestors 'none'; base-uri 'none'"
"""What a `meta` element cannot say; the rest of the policy is the file's own, so that its hash fits everywhere."""


async def _get_result(portal: Portal, entry: SurveyEntry) -> Result | None:
    if entry.result is None:
        return None
    return open_envelope(await portal.register.record(entry.result)).expect(Result)


def _render(portal: Portal, name: str, request: Request, context: dict[str, Any]) -> HTMLResponse:
    page = portal.templates.get_template(name)
    return HTMLResponse(page.render(path=request.url.path, **context))
