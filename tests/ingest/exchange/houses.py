"""Installations of the tests: a real journal, its exchange, a portal over HTTP, and records to fill them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastapi import FastAPI

from domain.cid import RAW, Cid
from domain.codes import mint_cloud_code
from domain.envelope import Record, open_envelope, seal
from domain.keys import SigningKey
from domain.merkle import build_sorted_tree
from domain.records.frame import Campaign
from domain.records.match import Match
from domain.records.result import Estimate, Result, Survey, Tree
from ingest.exchange.catalogue import bring_up
from ingest.exchange.digest import CampaignDigest, digest_campaigns
from ingest.exchange.exchange import Exchange
from ingest.exchange.members import SCOPES, add_member
from ingest.exchange.store import prepare
from ingest.exchange.trust import Trust, trust_organisation, trust_service
from ingest.journal import Journal
from portal.exchange import create_exchange_router
from tests.domain.samples import BODIES
from tests.ingest.devices import AT_MS, ORG_KEY, POLICY, Device
from tests.portal.serving import serve

ORG = "north-forest"
OTHER = "south-forest"
SERVICE_KEY = SigningKey.from_seed(b"v" * 32)
OTHER_KEY = SigningKey.from_seed(b"w" * 32)


@dataclass
class House:
    """One installation."""

    journal: Journal
    exchange: Exchange
    tokens: dict[str, str] = field(default_factory=dict)

    async def token(self, org: str = ORG, scopes: Sequence[str] = SCOPES) -> str:
        return await self.journal.write(lambda db: add_member(db, org, scopes, label="test", now_ms=AT_MS))

    async def fill(self, *records: Record) -> None:
        """Append records that this server signed itself."""
        await self.journal.append(records)

    async def admit(self, device: Device, *records: Record) -> list[str]:
        answers = await self.journal.admit(device.send(*records), POLICY)
        return [(answer.reason or answer.verdict) if answer else "nothing" for answer in answers]

    async def records(self) -> list[Record]:
        entries = await self.journal.records_after(0, limit=100_000)
        return [open_envelope(entry.raw) for entry in entries]

    async def digest(self, org: str = ORG) -> tuple[CampaignDigest, ...]:
        await bring_up(self.journal)
        return await self.journal.read(lambda db: digest_campaigns(db, org))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        app = FastAPI()
        app.include_router(create_exchange_router(self.exchange))
        async with serve(app) as url:
            yield url


@asynccontextmanager
async def open_house(path: Path, *, is_trusting: bool = True) -> AsyncIterator[House]:
    async with Journal.open(path) as journal:
        await prepare(journal)
        if is_trusting:
            await journal.write(lambda db: trust_organisation(db, Trust(ORG, ORG_KEY.public)))
            await journal.write(lambda db: trust_service(db, Trust(ORG, SERVICE_KEY.public)))
        yield House(journal, Exchange(journal))


def make_campaign(
    campaign: str = "ridge-2026", *, org: str = ORG, trees: str = "public", evidence: str = "private"
) -> Record:
    key = ORG_KEY if org == ORG else OTHER_KEY
    body = Campaign(org, campaign, campaign, "airborne lidar", AT_MS, trees=trees, evidence=evidence)
    return seal(body, key)


def make_stand(
    count: int, name: str = "stand", *, campaign: str = "ridge-2026", org: str = ORG, key: SigningKey = SERVICE_KEY
) -> list[Record]:
    """Return a survey, its trees and its result; another name makes other trees."""
    survey_body, tree_body, result_body = BODIES["survey"], BODIES["tree"], BODIES["result"]
    assert isinstance(survey_body, Survey)
    assert isinstance(tree_body, Tree)
    assert isinstance(result_body, Result)
    cloud = Cid.of(RAW, f"{org}/{name}".encode())
    survey = seal(replace(survey_body, org=org, campaign=campaign, clouds=(cloud,)), key)
    position = tree_body.position
    trees = [
        seal(
            replace(
                tree_body,
                org=org,
                campaign=campaign,
                code=mint_cloud_code(b"s" * 32, cloud, (index, 0, 0)),
                survey=survey.cid,
                position=replace(position, lon_nd=15_001_234_567 + index * 10_000),
                height_mm=Estimate(10_000 + index, 300, 0, "apex-above-terrain"),
            ),
            key,
        )
        for index in range(count)
    ]
    root = build_sorted_tree(sorted(bytes(tree.cid) for tree in trees)).root if trees else None
    body = replace(result_body, org=org, campaign=campaign, survey=survey.cid, count=count, trees_root=root)
    return [survey, *trees, seal(body, key)]


def make_resurvey(count: int) -> list[Record]:
    """Return a stand whose survey was compared with another: survey, trees, match, result."""
    survey, *trees, closing = make_stand(count, "resurvey")
    match_body, result_body = BODIES["match"], closing.expect(Result)
    assert isinstance(match_body, Match)
    match = seal(replace(match_body, org=ORG, campaign="ridge-2026", survey=survey.cid), SERVICE_KEY)
    return [survey, *trees, match, seal(replace(result_body, matches=(match.cid,)), SERVICE_KEY)]
