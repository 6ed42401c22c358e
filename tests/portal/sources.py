"""Small real sources for the portal, and a register with three trees of one survey."""

import dataclasses
from pathlib import Path

import httpx

from domain import codes
from domain.cid import RAW, Cid
from domain.envelope import Record, seal
from domain.errors import CecError
from domain.records.result import Crown, Result, Tree
from portal.app import create_app
from portal.ports import ChainStatus, Pin
from portal.settings import PortalSettings
from register.entries import Anchor
from register.errors import NotAnchored
from register.sqlite import SqliteRegister
from tests.domain.samples import AT_MS, BODIES, CLOUD, KEY

PIN = Pin("cec-test-1", "ab" * 32)
SURVEY = seal(BODIES["survey"], KEY)
_TREE = BODIES["tree"]
_RESULT = BODIES["result"]
assert isinstance(_TREE, Tree)
assert isinstance(_RESULT, Result)
RESULT = seal(dataclasses.replace(_RESULT, survey=SURVEY.cid), KEY)
EAST_ND = 60_000
"""Between neighbouring trees, about 4.5 m."""


def make_tree(number: int) -> Record:
    """Return a tree of the survey with a crown of six corners around its position."""
    assert isinstance(_TREE, Tree)
    code = codes.mint_cloud_code(bytes(32), CLOUD, (number, 0, 0))
    position = dataclasses.replace(_TREE.position, lon_nd=15_001_234_567 + number * EAST_ND)
    assert position.x_mm is not None
    assert position.y_mm is not None
    corners = ((2_900, 300), (1_200, 2_600), (-1_700, 2_300), (-2_600, -400), (-900, -2_800), (1_900, -2_100))
    ring = [edge for east, north in (*corners, corners[0]) for edge in (position.x_mm + east, position.y_mm + north)]
    assert _TREE.crown is not None
    crown = Crown(_TREE.crown.diameter_mm, tuple(ring), _TREE.crown.base_mm)
    return seal(dataclasses.replace(_TREE, code=code, survey=SURVEY.cid, position=position, crown=crown), KEY)


TREES = tuple(make_tree(number) for number in range(3))
CODE = TREES[0].expect(Tree).code
LOOSE = make_tree(99)
"""A tree that no anchor holds."""
LOOSE_CODE = LOOSE.expect(Tree).code


class DictProofs:
    """Proof files by record."""

    def __init__(self, proofs: dict[Cid, bytes]) -> None:
        self._proofs = proofs

    async def proof(self, cid: Cid) -> bytes:
        if cid not in self._proofs:
            raise NotAnchored(str(cid))
        return self._proofs[cid]


class DictBlocks:
    """Blocks by CID."""

    def __init__(self, blocks: dict[Cid, bytes]) -> None:
        self._blocks = blocks

    def get(self, cid: Cid) -> bytes:
        if cid not in self._blocks:
            raise CecError(f"No block {cid}")
        return self._blocks[cid]


class StillChain:
    """A chain at one height, or one that does not answer."""

    def __init__(self, height: int | None, pin: Pin = PIN) -> None:
        self._height = height
        self._pin = pin

    def pin(self) -> Pin:
        return self._pin

    async def status(self) -> ChainStatus:
        if self._height is None:
            raise CecError("No node answers: start it")
        return ChainStatus(self._height, AT_MS, 1)


async def fill(register: SqliteRegister) -> None:
    """Index the survey, its trees and their anchor, and the loose tree."""
    await register.add_records([SURVEY, *TREES, RESULT, LOOSE])
    cids = sorted((record.cid for record in (SURVEY, *TREES, RESULT)), key=bytes)
    anchor = Anchor(b"\xab" * 32, len(cids), 42, AT_MS, b"\xcd" * 32, Cid.of(RAW, b"manifest"))
    await register.add_anchor(anchor, cids)


def register_path(folder: Path) -> Path:
    """Return where a test's register lies."""
    return folder / "register.sqlite"


PROOF = b"proof bytes"


def connect(register: SqliteRegister, *, height: int | None = 43) -> httpx.AsyncClient:
    """Return a client of a portal over a register."""
    app = create_app(
        PortalSettings("http://127.0.0.1:8080"),
        register=register,
        proofs=DictProofs({TREES[0].cid: PROOF}),
        blocks=DictBlocks({TREES[0].cid: TREES[0].raw}),
        chain=StillChain(height),
        verifier=lambda pin: f"<!doctype html>{pin.genesis_hash}".encode(),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")
