"""Other sites' pages cannot enter here, read here, frame this page or run code in it."""

import pytest

from edge.page.headers import HEADERS
from tests.edge.desk import DEVICE_KEY, MemoryDesk, make_busy_desk
from tests.edge.page.asking import ADDRESS, WRITES, ask, fetch_token


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.0.2.7:8090", 200),
        ("192.0.2.7", 200),
        ("[2001:db8::7]:8090", 200),
        ("localhost:8090", 200),
        ("LOCALHOST", 200),
        ("rover-1.local:8090", 200),
        ("rover-1.local.", 200),
        ("evil.example", 421),
        ("evil.example:8090", 421),
        ("192.0.2.7.evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
        ("[2001:db8::7", 421),
    ],
)
async def test_only_numbers_and_the_devices_names_are_answered(host: str, status: int) -> None:
    async with ask(MemoryDesk(), names=frozenset({"localhost", "rover-1.local"})) as client:
        answer = await client.get("/", headers={"host": host})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ADDRESS.replace("http", "https")},
        {"origin": ADDRESS + "1"},
        {"origin": "http://192.0.2.7"},
        {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
        {"origin": ADDRESS, "sec-fetch-site": "same-site"},
        {"origin": ADDRESS, "sec-fetch-site": "none"},
    ],
)
async def test_a_form_of_another_origin_is_refused_even_with_a_good_token(headers: dict[str, str]) -> None:
    desk = MemoryDesk()
    async with ask(desk) as client:
        form = {"height": "20", "token": await fetch_token(client)}
        refused = await client.post("/enter", data=form, headers=headers)
        assert refused.status_code == 403
        assert sum(desk.overview().counts.values()) == 0
        taken = await client.post("/enter", data=form, headers=WRITES | {"sec-fetch-site": "same-origin"})
    assert taken.status_code == 303


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_not_taken(method: str) -> None:
    async with ask(MemoryDesk()) as client:
        assert (await client.request(method, "/enter", headers=WRITES)).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/", "/static/page.css", "/nowhere", "/item/xyz", "/receipts", "/static/../app.py", "/static/%2e%2e%2fapp.py"],
)
async def test_every_answer_carries_the_policy(path: str) -> None:
    async with ask(make_busy_desk()) as client:
        answer = await client.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.status_code == (404 if path in PATHS_TO_NOTHING else 200)


PATHS_TO_NOTHING = ("/nowhere", "/item/xyz", "/static/../app.py", "/static/%2e%2e%2fapp.py")


class BrokenDesk(MemoryDesk):
    """A desk with a bug."""

    def frames(self) -> object:  # type: ignore[override]
        raise RuntimeError("insides")


async def test_a_bug_is_answered_without_its_insides_and_with_the_policy() -> None:
    async with ask(BrokenDesk()) as client:
        answer = await client.get("/campaigns")
    assert answer.status_code == 500
    assert "insides" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/items?stage=eaten",
        "/items?before=x",
        "/items?before=-1",
        "/items?before=%D9%A3",
        f"/items?before={'9' * 40}",
        "/enter?saved=xyz",
        "/item/bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    ],
)
async def test_a_question_that_makes_no_sense_is_not_here(path: str) -> None:
    async with ask(make_busy_desk()) as client:
        assert (await client.get(path)).status_code == 404


async def test_no_page_shows_a_key_of_the_device() -> None:
    desk = make_busy_desk()
    paths = ["/", "/items", "/more", "/campaigns", "/files", *(f"/item/{item.cid}" for item in desk.items())]
    async with ask(desk) as client:
        pages = "".join([(await client.get(path)).text for path in paths])
    for secret in (b"d" * 32, DEVICE_KEY.public.raw):
        assert secret.hex() not in pages
    assert str(DEVICE_KEY.public) not in pages
