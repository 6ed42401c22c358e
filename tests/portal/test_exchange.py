"""The exchange's routes: who may ask, what comes back, and how a refusal is told."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from domain.envelope import open_envelope
from ingest.exchange.batch import MAX_BYTES, MEDIA_TYPE, pack_batch, unpack_batch
from ingest.exchange.exchange import RECORDS
from ingest.exchange.feed import KIND
from portal.exchange import create_exchange_router
from tests.ingest.exchange.houses import ORG, OTHER, House, make_campaign, make_stand, open_house


@dataclass
class Desk:
    """An installation and a client that asks it in process."""

    house: House
    client: httpx.AsyncClient

    async def headers(self, *scopes: str, org: str = ORG) -> dict[str, str]:
        return {"authorization": f"Bearer {await self.house.token(org, scopes)}"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    app = FastAPI()
    async with open_house(tmp_path / "j") as house:
        app.include_router(create_exchange_router(house.exchange))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
            yield Desk(house, client)


async def test_the_feed_as_json_names_the_records_and_the_next_page(desk: Desk) -> None:
    records = [make_campaign(), *make_stand(3)]
    await desk.house.fill(*records)
    headers = await desk.headers("feed")
    first = (await desk.client.get("/api/feed", params={"limit": 4}, headers=headers)).json()
    rest = (await desk.client.get("/api/feed", params={"after": first["cursor"]}, headers=headers)).json()
    assert [entry["cid"] for entry in first["entries"] + rest["entries"]] == [str(record.cid) for record in records]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert first["entries"][1]["kind"] == "survey"


async def test_the_feed_as_car_carries_the_signed_bytes(desk: Desk) -> None:
    campaign = make_campaign()
    await desk.house.fill(campaign)
    headers = {**await desk.headers("feed"), "accept": MEDIA_TYPE}
    response = await desk.client.get("/api/feed", headers=headers)
    assert response.headers["content-type"] == MEDIA_TYPE
    (raw,) = unpack_batch(KIND, response.content).records
    assert open_envelope(raw).cid == campaign.cid


ASKED = [
    ("GET", "/api/feed", "feed"),
    ("GET", "/api/exchange/digest", "export"),
    ("POST", "/api/exchange/prefixes", "export"),
    ("POST", "/api/exchange/fetch", "export"),
    ("POST", "/api/exchange/missing", "import"),
    ("POST", "/api/exchange/records", "import"),
]


@pytest.mark.parametrize(("method", "path", "scope"), ASKED)
async def test_each_route_asks_for_its_scope(desk: Desk, method: str, path: str, scope: str) -> None:
    others = sorted({"feed", "export", "import"} - {scope})
    for headers in ({}, {"authorization": "Bearer nobody"}, await desk.headers(*others)):
        response = await desk.client.request(method, path, headers=headers, content=b"{}")
        assert response.status_code == 401
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"].startswith("Bearer")
        problem = response.json()
        assert scope in problem["detail"]
        assert "cec members add" in problem["remedy"]
    allowed = await desk.client.request(method, path, headers=await desk.headers(scope), content=b"{}")
    assert allowed.status_code in {200, 400}


async def test_a_cursor_of_another_server_is_a_problem_with_its_name(desk: Desk, tmp_path: Path) -> None:
    async with open_house(tmp_path / "other") as other:
        cursor = (await other.exchange.digest(await other.token())).cursor
    response = await desk.client.get("/api/feed", params={"after": cursor}, headers=await desk.headers("feed"))
    assert (response.status_code, response.json()["type"]) == (400, "urn:cec:problem:foreign-cursor")
    assert "one cursor" in response.json()["detail"]


BAD_BODIES = [b"", b"[]", b"{", b'{"cids": "x"}', b'{"cids": ["x"]}', b'{"cids": [1]}', b"[" * 100_000]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_a_question_that_breaks_its_form_is_told(desk: Desk, body: bytes) -> None:
    headers = await desk.headers("import", "export")
    for path in ("/api/exchange/missing", "/api/exchange/fetch"):
        response = await desk.client.post(path, content=body, headers=headers)
        assert (response.status_code, response.json()["title"]) == (400, "The request breaks a bound")


async def test_records_are_taken_and_each_is_answered(desk: Desk) -> None:
    campaign, stand = make_campaign(), make_stand(2)
    archive = pack_batch(RECORDS, [(record.cid, record.raw) for record in (campaign, *stand[1:], stand[0])])
    headers = await desk.headers("import")
    outcomes = (await desk.client.post("/api/exchange/records", content=archive, headers=headers)).json()["outcomes"]
    assert [outcome["verdict"] for outcome in outcomes] == ["taken", "refused", "refused", "refused", "taken"]
    assert {outcome["rule"] for outcome in outcomes[1:4]} == {"MissingLink"}
    again = (await desk.client.post("/api/exchange/records", content=archive, headers=headers)).json()["outcomes"]
    assert [outcome["verdict"] for outcome in again] == ["known", "taken", "taken", "taken", "known"]


async def test_records_of_another_organisation_are_not_taken(desk: Desk) -> None:
    campaign = make_campaign()
    archive = pack_batch(RECORDS, [(campaign.cid, campaign.raw)])
    headers = await desk.headers("import", org=OTHER)
    (outcome,) = (await desk.client.post("/api/exchange/records", content=archive, headers=headers)).json()["outcomes"]
    assert (outcome["verdict"], outcome["rule"]) == ("refused", "UnknownOrganisation")


async def test_nobody_is_told_what_others_hold(desk: Desk) -> None:
    campaign = make_campaign(trees="private")
    await desk.house.fill(campaign)
    headers = await desk.headers("import", "export", org=OTHER)
    question = {"cids": [str(campaign.cid)]}
    missing = await desk.client.post("/api/exchange/missing", json=question, headers=headers)
    assert missing.json() == question
    fetched = await desk.client.post("/api/exchange/fetch", json=question, headers=headers)
    assert unpack_batch(RECORDS, fetched.content).records == ()


async def test_a_body_beyond_its_bound_is_refused(desk: Desk) -> None:
    headers = await desk.headers("import")
    response = await desk.client.post("/api/exchange/records", content=bytes(MAX_BYTES + 1), headers=headers)
    assert response.status_code == 400
    assert str(MAX_BYTES) in response.json()["detail"]


async def test_a_damaged_archive_is_refused_whole(desk: Desk) -> None:
    campaign = make_campaign()
    archive = bytearray(pack_batch(RECORDS, [(campaign.cid, campaign.raw)]))
    headers = await desk.headers("import")
    for place in range(0, len(archive), 13):
        archive[place] ^= 4
        response = await desk.client.post("/api/exchange/records", content=bytes(archive), headers=headers)
        assert response.status_code == 400, json.dumps(response.json())
        archive[place] ^= 4
    assert await desk.house.records() == []
