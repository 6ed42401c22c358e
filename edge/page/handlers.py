"""What answers each path: a handler parses, asks the desk, and shows."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.cid import Cid
from domain.codes import format_code, parse_code
from domain.errors import CecError, InvalidTreeCode, WrongCheckSymbol
from edge.crew import words
from edge.crew.entry import FIELDS, KEPT, begin_form, list_plots, list_species, read_visit
from edge.crew.errors import InvalidEntry
from edge.crew.figures import describe_visit, format_local
from edge.crew.proof import name_receipt, name_receipts, seek_proof, take_receipt
from edge.page.assets import Asset, compute_tag
from edge.page.campaigns import show_campaigns, show_more
from edge.page.entry_form import EntryState, Saved, show_entry
from edge.page.errors import InvalidForm
from edge.page.forms import parse_form, read_form
from edge.page.items import PAGE_ITEMS, show_files, show_item, show_items
from edge.page.layout import THEMES, Page, render_page
from edge.page.overview import show_overview
from edge.page.tokens import Sent, Tokens
from edge.page.trees import show_search, show_tree
from edge.views import STAGES, Desk, Overview

_COOKIE: Final = "theme"
_COOKIE_S: Final = 31_536_000
"""A year: a device keeps its colours for a season."""
_KEPT_COOKIE: Final = "entry"
_KEPT_COOKIE_S: Final = 43_200
"""Half a day: a crew's visit to the forest, whatever else it looks at between two trees."""
_MAX_ROW: Final = 1 << 53


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers, and what they share.

    Attributes
    ----------
    desk
        What is shown, and where entries go.
    tokens, assets
        Of the forms, and the files beside the pages.
    zone
        In which times are shown; absent: the device's own.
    mono_ms
        Monotonic clock of the device, in milliseconds.
    """

    desk: Desk
    tokens: Tokens
    assets: dict[str, Asset]
    zone: tzinfo | None
    mono_ms: Callable[[], int]

    def routes(self) -> list[Route]:
        """Return every path with what answers it."""
        get: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self._overview,
            "/items": self._items,
            "/item/{cid}": self._item,
            "/item/{cid}/receipt": self._receipt,
            "/receipts": self._receipts,
            "/files": self._files,
            "/enter": self._entry,
            "/tree": self._search,
            "/tree/{code}": self._tree,
            "/8003/{code}": self._label,
            "/scan": self._scan,
            "/campaigns": self._campaigns,
            "/more": self._more,
            "/static/{name}": self._static,
        }
        post: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/enter": self._enter,
            "/item/{cid}/read": self._read,
            "/theme": self._theme,
        }
        return [
            *(Route(path, handler, methods=["GET"]) for path, handler in get.items()),
            *(Route(path, handler, methods=["POST"]) for path, handler in post.items()),
        ]

    async def _overview(self, request: Request) -> Response:
        overview = self.desk.overview()
        return self._show(request, show_overview(overview), overview=overview)

    async def _items(self, request: Request) -> Response:
        stage = request.query_params.get("stage")
        if stage is not None and stage not in STAGES:
            raise HTTPException(404)
        items = self.desk.items(stage=stage, before=_read_row(request), limit=PAGE_ITEMS)
        # In the list of all, records that were read stand too; the button is where only the unread are.
        listed = items if stage == "refused" else ()
        tokens = {str(item.cid): self.tokens.of_action(f"read {item.cid}") for item in listed}
        overview = self.desk.overview()
        page = show_items(
            items,
            overview,
            stage=stage,
            zone=self.zone,
            tokens=tokens,
            was_read="read" in request.query_params,
        )
        return self._show(request, page, overview=overview)

    async def _item(self, request: Request) -> Response:
        item = self.desk.item(_read_cid(request))
        token = self.tokens.of_action(f"read {item.cid}")
        page = show_item(item, proof=seek_proof(self.desk, item.cid), zone=self.zone, token=token)
        return self._show(request, page)

    async def _receipt(self, request: Request) -> Response:
        cid = _read_cid(request)
        return _download(take_receipt(self.desk, cid), "application/cbor", name_receipt(cid))

    async def _receipts(self, _request: Request) -> Response:
        at = format_local(time.time_ns() // 1_000_000, self.zone)
        name = name_receipts(self.desk.overview().device, at)
        return _download(self.desk.receipts(), "application/cbor-seq", name)

    async def _read(self, request: Request) -> Response:
        cid = _read_cid(request)
        self.tokens.check_action(f"read {cid}", (await read_form(request)).get("token", ""))
        self.desk.acknowledge(cid)
        return RedirectResponse("/items?stage=refused&read=1", 303)

    async def _files(self, request: Request) -> Response:
        is_left = "left" in request.query_params
        files = self.desk.files(is_whole=False if is_left else None, before=_read_row(request), limit=PAGE_ITEMS)
        overview = self.desk.overview()
        return self._show(request, show_files(files, overview, is_left=is_left, zone=self.zone), overview=overview)

    async def _entry(self, request: Request) -> Response:
        query = request.query_params
        given = begin_form(_read_kept(request)) | {name: query[name] for name in ("tree", "plot") if name in query}
        saved = self._find_saved(query["saved"]) if "saved" in query else None
        return self._show(request, show_entry(self._entry_state(given, saved=saved)))

    async def _enter(self, request: Request) -> Response:
        form = await read_form(request)
        token, given = form.get("token", ""), {name: form[name] for name in FIELDS if name in form}
        # Nothing is awaited from here on, so that the same form sent twice at once is seen as such.
        sent = self.tokens.find_sent(token)
        if sent is not None:
            return _answer_sent(sent, given)
        try:
            self.tokens.check(token)
            sent = self._record(given)
        except InvalidEntry as error:
            return self._ask_again(request, given, error, 422)
        except InvalidForm:
            return self._ask_again(request, given, InvalidEntry({"": words.OLD_FORM}), 409)
        except CecError as error:
            return self._ask_again(request, given, InvalidEntry({"": str(error)}), 503)
        self.tokens.remember(token, sent)
        return _answer_sent(sent, given)

    def _record(self, given: Mapping[str, str]) -> Sent:
        frames, campaign = self.desk.frames(), self.desk.overview().campaign
        visit = read_visit(given, frames, campaign=campaign, mono_ms=self.mono_ms())
        record = str(self.desk.enter(visit))
        return Sent(record, f"/enter?{urlencode({'saved': record})}", describe_visit(visit))

    def _ask_again(self, request: Request, given: Mapping[str, str], error: InvalidEntry, status: int) -> Response:
        page = show_entry(self._entry_state(given, error))
        return self._show(request, page, status=status)

    async def _search(self, request: Request) -> Response:
        return self._show(request, show_search())

    async def _scan(self, request: Request) -> Response:
        text = request.query_params.get("text", "")
        try:
            return RedirectResponse(f"/tree/{format_code(parse_code(text))}", 303)
        except InvalidTreeCode as error:
            fault = words.BAD_CHECK if isinstance(error, WrongCheckSymbol) else words.BAD_CODE
            return self._show(request, show_search(text, fault), status=400)

    async def _label(self, request: Request) -> Response:
        return RedirectResponse(f"/scan?{urlencode({'text': request.path_params['code']})}", 303)

    async def _tree(self, request: Request) -> Response:
        try:
            code = parse_code(request.path_params["code"])
        except InvalidTreeCode:
            return await self._label(request)
        return self._show(request, show_tree(code, self.desk.visits(code), zone=self.zone))

    async def _campaigns(self, request: Request) -> Response:
        overview = self.desk.overview()
        page = show_campaigns(self.desk.frames(), current=overview.campaign, zone=self.zone)
        return self._show(request, page, overview=overview)

    async def _more(self, request: Request) -> Response:
        overview = self.desk.overview()
        page = show_more(overview, theme=read_theme(request), token=self.tokens.of_action("theme"))
        return self._show(request, page, overview=overview)

    async def _theme(self, request: Request) -> Response:
        form = await read_form(request)
        self.tokens.check_action("theme", form.get("token", ""))
        theme = form.get("theme", "")
        if theme not in THEMES:
            raise InvalidForm("there are no such colours")
        answer = RedirectResponse("/more", 303)
        answer.set_cookie(_COOKIE, theme, max_age=_COOKIE_S, httponly=True, samesite="strict")
        return answer

    async def _static(self, request: Request) -> Response:
        asset = self.assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return _answer_tagged(request, asset.content, asset.media, asset.tag)

    def _show(self, request: Request, page: Page, *, overview: Overview | None = None, status: int = 200) -> Response:
        content = render_page(page, theme=read_theme(request), overview=overview or self.desk.overview())
        if status != 200:  # noqa: PLR2004 - the status without a story
            return Response(content, status, media_type="text/html")
        return _answer_tagged(request, content, "text/html; charset=utf-8", compute_tag(content))

    def _entry_state(
        self, given: Mapping[str, str], error: InvalidEntry | None = None, saved: Saved | None = None
    ) -> EntryState:
        frames = self.desk.frames()
        return EntryState(
            token=self.tokens.issue(),
            given=given,
            faults=error.faults if error else {},
            asks_sure=error is not None and error.is_unlikely,
            plots=list_plots(frames),
            species=list_species(frames, self.desk.overview().campaign),
            saved=saved,
        )

    def _find_saved(self, name: str) -> Saved:
        item = self.desk.item(Cid.parse(name))
        return Saved(item.cid, self.tokens.find_words(name) or item.words)


def _read_cid(request: Request) -> Cid:
    return Cid.parse(request.path_params["cid"])


def _read_row(request: Request) -> int | None:
    text = request.query_params.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_ROW))):
        raise HTTPException(404)
    return int(text)


def _read_kept(request: Request) -> dict[str, str]:
    """Return what this browser's last entry left for the next; a strange cookie left nothing."""
    try:
        return parse_form(request.cookies.get(_KEPT_COOKIE, "").encode())
    except InvalidForm:
        return {}


def _answer_sent(sent: Sent, given: Mapping[str, str]) -> Response:
    answer = RedirectResponse(sent.path, 303)
    kept = urlencode({name: given[name] for name in KEPT if name in given})
    answer.set_cookie(_KEPT_COOKIE, kept, max_age=_KEPT_COOKIE_S, httponly=True, samesite="strict")
    return answer


def read_theme(request: Request) -> str:
    """Return the colours that the browser asks for by its cookie."""
    theme = request.cookies.get(_COOKIE, "")
    return theme if theme in THEMES else THEMES[0]


def _answer_tagged(request: Request, content: bytes, media: str, tag: str) -> Response:
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    return Response(content, headers={"etag": tag}, media_type=media)


def _download(content: bytes, media: str, name: str) -> Response:
    # Names are made of letters, digits, hyphens and points; nothing in them needs quoting.
    return Response(content, headers={"content-disposition": f'attachment; filename="{name}"'}, media_type=media)
