"""The portal's application, put together from its settings and sources."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jinja2
from fastapi import APIRouter, FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from domain.codes import format_code
from portal import api, charts, pages
from portal.context import Portal, VerifierMaker
from portal.figures import format_count, format_day, format_percent, format_time
from portal.headers import SecurityHeaders
from portal.ports import BlockSource, ChainSource, LineSource, ProofSource
from portal.problems import add_handlers
from portal.settings import PortalSettings
from register.ports import RegisterReader

_ROOM: Final = Path(__file__).parent
_COMPRESS_FROM: Final = 2_000
"""Bytes; less fits one or two packets anyway."""


def create_app(  # noqa: PLR0913 - one keyword for each source
    settings: PortalSettings,
    *,
    register: RegisterReader,
    proofs: ProofSource,
    blocks: BlockSource,
    chain: ChainSource,
    line: LineSource | None = None,
    verifier: VerifierMaker | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Return the portal as an ASGI application; the caller opens and closes the sources.

    Parameters
    ----------
    settings
        What the deployment decides.
    register, proofs, blocks, chain
        Where trees, proofs, bytes and the chain's state come from.
    line
        Counts for the crew, where the server has them.
    verifier
        Makes the single-file verifier for a pin: `portal.verify_page.build_page`.
    routers
        Further routes that this server has: `portal.health.create_health_router` and the like.
    """
    app = FastAPI(title=settings.title, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    templates = _make_templates(settings, has_verifier=verifier is not None)
    app.state.portal = Portal(settings, register, proofs, blocks, chain, line, verifier, templates)
    app.add_middleware(GZipMiddleware, minimum_size=_COMPRESS_FROM)
    app.add_middleware(SecurityHeaders)
    add_handlers(app)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.include_router(charts.router)
    for router in routers:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_ROOM / "static"), name="static")
    return app


def _make_templates(settings: PortalSettings, *, has_verifier: bool) -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ROOM / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        code=format_code, time=format_time, day=format_day, count=format_count, percent=format_percent
    )
    templates.globals.update(settings=settings, has_verifier=has_verifier)
    return templates
