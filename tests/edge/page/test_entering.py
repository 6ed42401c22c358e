"""What the crew enters is recorded once, and nothing typed is lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cid import Cid
from domain.codes import format_code
from domain.readings import Visit
from edge.crew import words
from edge.errors import DiskFull
from edge.page.errors import InvalidForm
from edge.page.forms import MAX_BODY, MAX_FIELDS, parse_form
from edge.page.tokens import Sent, Tokens
from tests.edge.desk import TREE, MemoryDesk, make_busy_desk
from tests.edge.page.asking import WRITES, ask, fetch_token

FORM = {
    "tree": format_code(TREE),
    "plot": "p-01",
    "species": "Silver fir · Abies alba · TA",
    "status": "standing-dead",
    "diameter": "41,2",
    "diameter_unit": "cm",
    "at_height": "1.30",
    "height": "28.5",
    "damage": "wind",
    "damage_percent": "100",
    "remark": "leans to the path\r\nnest in it",
}
VISIT = Visit(
    99,
    TREE,
    "p-01",
    "Abies alba",
    "TA",
    "standing-dead",
    412,
    1_300,
    28_500,
    "wind",
    1_000_000,
    "leans to the path\nnest in it",
)


async def test_a_visit_is_recorded_as_typed_and_the_next_form_knows_plot_and_unit() -> None:
    desk = make_busy_desk()
    async with ask(desk) as client:
        form = FORM | {"token": await fetch_token(client)}
        done = await client.post("/enter", data=form, headers=WRITES)
        assert done.status_code == 303
        page = (await client.get(done.headers["location"])).text
    item, visit = desk.visits(TREE)[0]
    assert visit == VISIT
    assert f'href="/item/{item.cid}"' in page
    assert '<option value="p-01" selected>' in page
    assert 'value="cm" checked' in page
    assert "Abies alba, Dead, standing" in page


async def test_plot_unit_and_measuring_height_stay_as_last_typed_wherever_the_crew_goes() -> None:
    async with ask(make_busy_desk()) as client:
        form = FORM | {"diameter_unit": "mm", "diameter": "412", "at_height": "0.30"}
        form["token"] = await fetch_token(client)
        await client.post("/enter", data=form, headers=WRITES)
        await client.get("/items")
        pages = [(await client.get(path)).text for path in ("/enter", f"/enter?tree={TREE}")]
    for page in pages:
        assert '<option value="p-01" selected>' in page
        assert 'value="mm" checked' in page
        assert 'value="0.30"' in page
        assert 'value="41,2"' not in page
        assert words.OFF_BREAST_HEIGHT in page
    async with ask(make_busy_desk()) as another:
        first = (await another.get("/enter")).text
    assert words.OFF_BREAST_HEIGHT not in first
    assert 'value="1.30"' in first


async def test_a_form_sent_twice_leaves_what_it_kept_both_times() -> None:
    async with ask(make_busy_desk()) as client:
        form = FORM | {"at_height": "0.30", "token": await fetch_token(client)}
        for _ in range(2):
            client.cookies.clear()
            await client.post("/enter", data=form, headers=WRITES)
            assert 'value="0.30"' in (await client.get("/enter")).text


@pytest.mark.parametrize("cookie", ['"<b>"', "plot", "%ff=%00", "at_height=" + "9" * 5_000, "a=1&" * 99])
async def test_a_strange_cookie_is_no_harm(cookie: str) -> None:
    async with ask(MemoryDesk()) as client:
        page = await client.get("/enter", headers={"cookie": f"entry={cookie}"})
    assert page.status_code == 200
    assert 'value="cm" checked' in page.text
    assert "<b>" not in page.text


async def test_the_same_form_sent_twice_is_one_record() -> None:
    desk = make_busy_desk()
    before = len(desk.visits(TREE))
    async with ask(desk) as client:
        form = FORM | {"token": await fetch_token(client)}
        sent = await asyncio.gather(*(client.post("/enter", data=form, headers=WRITES) for _ in range(5)))
    assert {answer.status_code for answer in sent} == {303}
    assert len({answer.headers["location"] for answer in sent}) == 1
    assert len(desk.visits(TREE)) == before + 1


async def test_two_forms_are_two_records_even_when_they_say_the_same() -> None:
    desk = make_busy_desk()
    before = len(desk.visits(TREE))
    async with ask(desk) as client:
        for _ in range(2):
            await client.post("/enter", data=FORM | {"token": await fetch_token(client)}, headers=WRITES)
    assert len(desk.visits(TREE)) == before + 2


async def test_a_wrong_field_is_told_beside_it_and_everything_typed_is_still_there() -> None:
    desk = make_busy_desk()
    before = desk.overview()
    async with ask(desk) as client:
        form = FORM | {"diameter": "41x", "remark": '"<old> & tall', "token": await fetch_token(client)}
        shown = await client.post("/enter", data=form, headers=WRITES)
    assert shown.status_code == 422
    assert words.BAD_NUMBER.format(given="41x") in shown.text
    assert 'aria-describedby="e-diameter" aria-invalid="true"' in shown.text
    for kept in (format_code(TREE), "Silver fir · Abies alba · TA", "41x", "28.5", "wind", "100"):
        assert f'value="{kept}"' in shown.text
    assert 'value="standing-dead" checked' in shown.text
    assert "&quot;&lt;old&gt; &amp; tall</textarea>" in shown.text
    assert desk.overview() == before


async def test_the_form_put_right_is_recorded() -> None:
    desk = MemoryDesk()
    async with ask(desk) as client:
        token = await fetch_token(client)
        await client.post("/enter", data={"height": "2x", "token": token}, headers=WRITES)
        done = await client.post("/enter", data={"height": "2", "token": token}, headers=WRITES)
    assert done.status_code == 303
    assert desk.overview().counts["queued"] == 1


async def test_a_form_from_before_a_restart_is_kept_and_asked_for_again() -> None:
    desk = MemoryDesk()
    async with ask(desk) as before:
        token = await fetch_token(before)
    async with ask(desk) as client:
        shown = await client.post("/enter", data={"height": "21.5", "token": token}, headers=WRITES)
    assert shown.status_code == 409
    assert words.OLD_FORM in shown.text
    assert 'value="21.5"' in shown.text
    assert desk.overview().counts["queued"] == 0


async def test_an_unlikely_figure_is_asked_about_once() -> None:
    desk = MemoryDesk()
    async with ask(desk) as client:
        form = {"diameter": "325", "diameter_unit": "cm", "token": await fetch_token(client)}
        shown = await client.post("/enter", data=form, headers=WRITES)
        assert 'name="sure"' in shown.text
        done = await client.post("/enter", data=form | {"sure": "1"}, headers=WRITES)
    assert done.status_code == 303


class FullDesk(MemoryDesk):
    """A desk whose disk is full."""

    def enter(self, visit: Visit) -> Cid:
        del visit
        raise DiskFull("No space left on device")


async def test_a_full_disk_is_told_and_everything_typed_is_still_there() -> None:
    async with ask(FullDesk()) as client:
        form = {"remark": "split top", "token": await fetch_token(client)}
        shown = await client.post("/enter", data=form, headers=WRITES)
    assert shown.status_code == 503
    assert words.NOT_SAVED in shown.text
    assert "delete files" in shown.text
    assert "split top</textarea>" in shown.text


async def test_a_form_opened_from_a_tree_has_its_code() -> None:
    async with ask(MemoryDesk()) as client:
        assert f'value="{TREE}"' in (await client.get(f"/enter?tree={TREE}")).text


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"a=" + b"x" * MAX_BODY, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a%d=1" % n for n in range(MAX_FIELDS + 1)), "application/x-www-form-urlencoded", 400),
        (b'{"height": 1}', "application/json", 400),
        (b"", "", 400),
        (b"", "application/x-www-form-urlencoded", 409),
        (b"\xff\x00%ff%zz=&&&==", "application/x-www-form-urlencoded", 409),
    ],
)
async def test_a_body_that_is_no_form_of_ours_records_nothing(body: bytes, media: str, status: int) -> None:
    desk = MemoryDesk()
    async with ask(desk) as client:
        answer = await client.post("/enter", content=body, headers=WRITES | {"content-type": media})
    assert answer.status_code == status
    assert sum(desk.overview().counts.values()) == 0


@given(st.binary(max_size=300))
def test_any_body_is_fields_or_an_invalid_form(body: bytes) -> None:
    try:
        fields = parse_form(body)
    except InvalidForm:
        return
    assert len(fields) <= MAX_FIELDS
    "".join([*fields, *fields.values()]).encode()


def test_a_token_of_another_run_is_none_of_ours() -> None:
    ours, others = Tokens(b"a" * 32), Tokens(b"b" * 32)
    ours.check(ours.issue())
    for token in (others.issue(), "", "x.y", ours.issue()[:-1], "é." + "0" * 32):
        with pytest.raises(InvalidForm):
            ours.check(token)


def test_only_so_many_forms_are_remembered() -> None:
    tokens = Tokens(b"a" * 32)
    for n in range(3_000):
        tokens.remember(f"t{n}", Sent(f"r{n}", "/", f"words {n}"))
    assert tokens.find_sent("t0") is None
    assert tokens.find_words("r2999") == "words 2999"
    assert sum(tokens.find_sent(f"t{n}") is not None for n in range(3_000)) == 2_000
