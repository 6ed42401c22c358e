import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import format_code
from domain.envelope import seal
from domain.records.result import Survey, Tree
from portal.boxes import parse_box
from portal.errors import InvalidBox, InvalidPortalSettings
from portal.settings import PortalSettings
from register.sqlite import SqliteRegister
from tests.domain.samples import KEY
from tests.portal.sources import (
    CODE,
    LOOSE,
    LOOSE_CODE,
    PIN,
    PROOF,
    RESULT,
    SURVEY,
    TREES,
    connect,
    register_path,
)

RECORD = TREES[0].cid
PAGE = {"accept": "text/html"}


async def test_the_first_page_counts_what_the_register_holds(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers=PAGE)
    assert answer.status_code == 200
    assert "<dd>4</dd>" in answer.text  # three anchored trees and a loose one
    assert "<dd>5<small> of 6</small></dd>" in answer.text  # survey, result and three trees are anchored
    assert f'href="/survey/{SURVEY.cid}"' in answer.text


async def test_the_first_page_of_an_empty_register_says_what_comes(tmp_path: Path) -> None:
    async with SqliteRegister.open(register_path(tmp_path)) as empty, connect(empty, height=None) as client:
        text = (await client.get("/")).text
    assert "No survey yet" in text
    assert "chain does not answer" in text


@pytest.mark.parametrize("spelling", [CODE, CODE.lower(), format_code(CODE), format_code(CODE).lower()])
async def test_a_label_leads_to_the_tree_in_every_spelling(client: httpx.AsyncClient, spelling: str) -> None:
    answer = await client.get(f"/8003/{spelling}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tree/{format_code(CODE)}")
    assert (await client.get(f"/tree/{spelling}")).status_code == 200


async def test_a_tree_page_shows_figures_with_both_errors_units_and_model(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/tree/{CODE}")).text
    for expected in ("23.40", "± 0.30 m", "402", "± 98 kg", "90", "40", "jucker2017-agb-gymnosperm", "31.2", "1.30 m"):
        assert expected in text
    assert "sparse cloud" in text  # the survey's warning
    assert "10.14358/PERS.70.5.589" in text
    assert str(RECORD) in text
    assert 'data-anchored="yes"' in text
    assert f'data-genesis="{PIN.genesis_hash}"' in text
    assert "holds the record&#39;s bytes" in text


async def test_a_tree_without_anchor_says_so_and_offers_no_proof(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/tree/{LOOSE_CODE}")).text
    assert "Not anchored yet" in text
    assert "/api/proofs/" not in text
    answer = await client.get(f"/api/proofs/{LOOSE.cid}")
    assert answer.status_code == 409
    assert answer.json()["remedy"]


async def test_a_survey_page_shows_method_detection_and_result(client: httpx.AsyncClient) -> None:
    text = (await client.get(f"/survey/{SURVEY.cid}")).text
    for expected in ("popescu2004", "min_height_m 2.0", "61 %", "5.0 to 10.0 m", "1.00 ha", "EPSG:32633"):
        assert expected in text


async def test_a_record_comes_as_it_was_signed_and_never_twice(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/records/{RECORD}")
    assert answer.content == TREES[0].raw
    assert answer.headers["content-type"] == "application/vnd.ipld.dag-cbor"
    assert "immutable" in answer.headers["cache-control"]
    again = await client.get(f"/api/records/{RECORD}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_proof_comes_as_a_file(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/proofs/{RECORD}")
    assert answer.content == PROOF
    assert answer.headers["content-type"] == "application/vnd.cec.proof"
    assert f'{RECORD}.cecproof"' in answer.headers["content-disposition"]


async def test_pages_of_trees_hold_every_tree_once(client: httpx.AsyncClient) -> None:
    seen, address = [], "/api/trees?limit=1"
    for _ in range(10):
        page = (await client.get(address)).json()
        seen += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        address = following[0]
    assert len(seen) == 4
    assert len(set(seen)) == 4


async def test_a_box_holds_the_trees_inside_it_only(client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/trees?bbox=15.0012,47.8,15.0013,47.9")).json()
    inside = {TREES[0].expect(Tree).code, TREES[1].expect(Tree).code}  # the third stands at 15.00135
    assert {feature["id"] for feature in page["features"]} == inside


async def test_a_tree_is_told_in_json_as_signed(client: httpx.AsyncClient) -> None:
    told = (await client.get(f"/api/trees/{CODE.lower()}")).json()
    assert told["body"]["height_mm"] == {
        "value": 23400,
        "own_error": 300,
        "shared_error": 0,
        "model": "apex-above-terrain",
    }
    assert told["body"]["survey"] == {"/": str(SURVEY.cid)}
    assert told["anchor"]["height"] == 42


async def test_the_chain_and_the_surveys_are_told_in_json(client: httpx.AsyncClient) -> None:
    chain = (await client.get("/api/chain")).json()
    assert (chain["chain_id"], chain["genesis_hash"], chain["height"]) == (*PIN, 43)
    surveys = (await client.get("/api/surveys")).json()["surveys"]
    assert [(each["record"], each["result"], each["trees"]) for each in surveys] == [
        (str(SURVEY.cid), str(RESULT.cid), 4)
    ]
    line = (await client.get("/api/line")).json()
    trees = {"trees": 4, "gone": 0, "set_aside": 0}
    assert line == {"line": {}, "register": {"records": 6, **trees, "surveys": 1, "anchored": 5}}


async def test_surveys_come_in_pages_that_are_linked(client: httpx.AsyncClient, register: SqliteRegister) -> None:
    body = SURVEY.expect(Survey)
    later = [seal(replace(body, at_ms=body.at_ms + number), KEY) for number in range(1, 5)]
    await register.add_records(later)
    seen, address = [], "/api/surveys?limit=2"
    for _ in range(3):
        page = (await client.get(address)).json()
        seen += [each["record"] for each in page["surveys"]]
        address = page.get("next", "")
    assert address == ""
    assert seen == [*(str(survey.cid) for survey in reversed(later)), str(SURVEY.cid)]


async def test_a_record_that_is_set_aside_is_told_with_its_reason(
    client: httpx.AsyncClient, register: SqliteRegister
) -> None:
    twins = [seal(replace(TREES[0].expect(Tree), prev=RECORD, confidence_ppm=number), KEY) for number in (1, 2)]
    await register.add_records(twins)
    loser = max((twin.cid for twin in twins), key=bytes)
    told = (await client.get(f"/api/trees/{CODE}")).json()
    (aside,) = told["set_aside"]
    assert (aside["record"], aside["rule"], aside["code"]) == (str(loser), "followed-twice", format_code(CODE))
    assert "another record follows the same one" in aside["reason"]
    assert str(loser) not in told["history"]
    assert (await client.get("/api/set-aside")).json() == {"set_aside": [aside]}
    page = (await client.get(f"/tree/{CODE}")).text
    assert f'<a class="hash" href="/api/records/{loser}">' in page
    assert "another record follows the same one" in page
    assert (await client.get(f"/api/records/{loser}")).status_code == 200
    assert "Set aside" not in (await client.get(f"/tree/{format_code(TREES[1].expect(Tree).code)}")).text


async def test_trees_that_are_gone_are_not_counted_as_trees(
    client: httpx.AsyncClient, register: SqliteRegister
) -> None:
    await register.add_records([seal(replace(TREES[0].expect(Tree), prev=RECORD, status="gone"), KEY)])
    page = " ".join((await client.get("/")).text.split())
    assert "<dd>3<small> and 1 gone</small></dd>" in page
    assert "3 trees and 1 that are gone" in page
    (survey,) = (await client.get("/api/surveys")).json()["surveys"]
    assert (survey["trees"], survey["gone"]) == (4, 1)


async def test_health_tells_a_silent_chain(client: httpx.AsyncClient, register: SqliteRegister) -> None:
    assert (await client.get("/healthz")).status_code == 200
    async with connect(register, height=None) as silent:
        assert (await silent.get("/healthz")).status_code == 503
        assert (await silent.get(f"/tree/{CODE}")).status_code == 200


BAD = [
    ("/api/trees/4T7W", 400),
    (f"/api/trees/{'0' * 16}1", 400),
    ("/api/trees/00000000000000000", 404),
    ("/api/records/bafy", 400),
    (f"/api/records/{PIN.genesis_hash}", 400),
    ("/api/trees?bbox=1,2,3", 400),
    ("/api/trees?bbox=nan,2,3,4", 400),
    ("/api/trees?limit=0", 400),
    ("/api/trees?limit=1000000", 400),
    ("/api/trees?after=x", 400),
    ("/api/surveys?after=x", 400),
    (f"/api/surveys?after={RESULT.cid}", 400),
    ("/api/surveys?limit=0", 400),
    ("/api/set-aside?after=x", 400),
    ("/api/nothing", 404),
    ("/survey/bafy", 400),
    (f"/survey/{RECORD}", 404),
    ("/tree/!", 400),
]


@pytest.mark.parametrize(("address", "status"), BAD)
async def test_a_failure_names_a_remedy_as_json(client: httpx.AsyncClient, address: str, status: int) -> None:
    answer = await client.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["remedy"]


async def test_a_failure_is_a_page_for_a_browser(client: httpx.AsyncClient) -> None:
    answer = await client.get("/tree/4T7W-<b>", headers=PAGE)
    assert answer.status_code == 400
    assert "What to do:" in answer.text
    assert "<b>" not in answer.text


async def test_the_search_box_finds_a_code_and_explains_a_wrong_one(client: httpx.AsyncClient) -> None:
    found = await client.get("/search", params={"code": f" {format_code(CODE).lower()} "})
    assert found.headers["location"] == f"/tree/{format_code(CODE)}"
    wrong = CODE[:-1] + ("1" if CODE[-1] != "1" else "2")
    missed = await client.get("/search", params={"code": wrong})
    assert missed.status_code == 400
    assert "read the label again" in missed.text


@pytest.mark.parametrize("address", ["/", f"/tree/{CODE}", "/about", "/nothing", "/api/trees", "/static/css/cec.css"])
async def test_no_page_may_load_or_run_anything_from_outside(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address, headers=PAGE)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "style=" not in answer.text


async def test_the_verifier_is_made_for_the_pin(client: httpx.AsyncClient) -> None:
    answer = await client.get("/verify.html")
    assert PIN.genesis_hash in answer.text
    assert "default-src" not in answer.headers["content-security-policy"]  # the file carries its own


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://a/path", "a.example"])
def test_a_public_url_has_scheme_and_host_only(url: str) -> None:
    with pytest.raises(InvalidPortalSettings):
        PortalSettings(url)


@given(st.text(max_size=60) | st.lists(st.floats(), min_size=4, max_size=4).map(lambda each: ",".join(map(str, each))))
def test_a_box_parses_or_raises_our_error(text: str) -> None:
    try:
        box = parse_box(text)
    except InvalidBox:
        return
    assert -180 * 10**9 <= box.west_nd <= box.east_nd <= 180 * 10**9


async def test_geojson_is_valid_json_with_links(client: httpx.AsyncClient) -> None:
    page = json.loads((await client.get("/api/trees")).content)
    assert page["numberReturned"] == len(page["features"]) == 4
