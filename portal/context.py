"""What every handler needs, put together once by `create_app`, and the waits around it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias, TypeVar

import jinja2
from fastapi import Depends, Request

from domain.cid import Cid
from domain.errors import CecError
from portal.errors import SourceTimedOut
from portal.ports import BlockSource, ChainSource, ChainStatus, LineSource, Pin, ProofSource
from portal.settings import PortalSettings
from register.ports import RegisterReader

T = TypeVar("T")
VerifierMaker: TypeAlias = Callable[[Pin], bytes]
"""Makes the verifier as one HTML file, its pin embedded."""


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal's settings and sources; see `portal.app.create_app`."""

    settings: PortalSettings
    register: RegisterReader
    proofs: ProofSource
    blocks: BlockSource
    chain: ChainSource
    line: LineSource | None
    verifier: VerifierMaker | None
    templates: jinja2.Environment
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def status(self) -> ChainStatus | None:
        """Return where the chain stands, or nothing when it does not answer: a page says so and lives on."""
        try:
            return await self.within("chain", self.chain.status())
        except CecError:
            return None

    async def is_held(self, cid: Cid) -> bool:
        """Return whether the block store holds a record's bytes."""
        try:
            return bool(await self.within("block store", asyncio.to_thread(self.blocks.get, cid)))
        except CecError:
            return False

    async def within(self, source: str, wait: Awaitable[T]) -> T:
        """Return what `wait` gives, or raise `SourceTimedOut`."""
        try:
            return await asyncio.wait_for(wait, self.settings.source_timeout_s)
        except TimeoutError as error:
            raise SourceTimedOut(source, self.settings.source_timeout_s) from error


def _get_portal(request: Request) -> Portal:
    portal: Portal = request.app.state.portal
    return portal


PortalDep = Annotated[Portal, Depends(_get_portal)]
