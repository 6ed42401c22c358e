"""What each page shows, and that it shows it without a script."""

import html
import re
from datetime import UTC, datetime

import pytest

from domain.cid import Cid
from domain.codes import format_code, format_link
from domain.readings import Note, Visit
from edge.crew import words
from edge.crew.proof import name_receipt, read_proof
from edge.views import STAGES, HealthView, LinkView
from tests.edge.desk import AT_MS, CAMPAIGN, DEVICE, OTHER_TREE, SERVER_KEY, TREE, MemoryDesk, answer, make_busy_desk
from tests.edge.page.asking import WRITES, ask, fetch_token

PAGES = ("/", "/items", "/items?stage=refused", "/files", "/enter", "/tree", f"/tree/{TREE}", "/campaigns", "/more")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("desk", [MemoryDesk(), make_busy_desk()], ids=["empty", "busy"])
async def test_every_page_is_shown_on_an_empty_and_a_busy_device(path: str, desk: MemoryDesk) -> None:
    async with ask(desk) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="en"' in answer.text
    assert answer.text.count("<h1") == 1
    assert DEVICE in answer.text


async def test_the_first_page_shows_the_count_of_every_stage() -> None:
    desk = make_busy_desk()
    async with ask(desk) as client:
        page = (await client.get("/")).text
    counts = desk.overview().counts
    assert min(counts.values()) > 0
    for stage in STAGES:
        assert f'href="/items?stage={stage}"><span class="big">{counts[stage]}</span>' in page


async def test_the_first_page_tells_alarms_link_battery_disk_and_satellites() -> None:
    async with ask(make_busy_desk()) as client:
        page = (await client.get("/")).text.replace("\N{NO-BREAK SPACE}", " ")
    for shown in ("Disk nearly full (0.9 GB)", "63 %", "900 MB", "14 of 22, RTK fixed, HDOP 0.8", "48.2 MB of 200 MB"):
        assert shown in page
    assert words.LINK_UP in page


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (LinkView(is_connected=False, broker="b", connections=0), words.SERVER_NEVER),
        (LinkView(is_connected=True, broker="b", connections=1, silent_s=600), "answered 10 min ago"),
        (LinkView(is_connected=True, broker="b", connections=1, refusal="revoked"), "revoked"),
    ],
)
async def test_the_first_page_says_when_the_server_answered(link: LinkView, shown: str) -> None:
    async with ask(MemoryDesk(link)) as client:
        assert shown in (await client.get("/")).text


async def test_a_device_without_battery_or_receiver_says_so() -> None:
    async with ask(MemoryDesk()) as client:
        page = (await client.get("/")).text
    assert words.NO_BATTERY in page
    assert words.SATELLITES_NONE in page


async def test_the_crew_is_told_when_all_is_signed_for_and_only_then() -> None:
    desk = MemoryDesk()
    cid = desk.play_readings([Note(1, "a")])
    async with ask(desk) as client:
        before = (await client.get("/")).text
        desk.play_message(answer(cid))
        after = (await client.get("/")).text
    assert words.UNSIGNED_ONE in before
    assert words.ALL_SIGNED_MORE not in before
    assert words.ALL_SIGNED_MORE in after


async def test_a_refused_record_shows_why_and_what_to_do_and_leaves_the_list_when_read() -> None:
    desk = make_busy_desk()
    cid = desk.items(stage="refused")[0].cid
    async with ask(desk) as client:
        page = (await client.get("/items?stage=refused")).text
        assert "Sequence conflict" in page
        assert "ask the office whether the card was copied" in page
        token = await fetch_token(client, "/items?stage=refused", action=f"/item/{cid}/read")
        done = await client.post(f"/item/{cid}/read", data={"token": token}, headers=WRITES)
        assert done.status_code == 303
        assert str(cid) not in (await client.get(done.headers["location"])).text
        assert (await client.get(f"/item/{cid}")).status_code == 200


async def test_one_token_reads_one_record_only() -> None:
    desk = make_busy_desk()
    first, second = (item.cid for item in desk.items(stage="refused"))
    async with ask(desk) as client:
        token = await fetch_token(client, f"/item/{first}", action=f"/item/{first}/read")
        done = await client.post(f"/item/{second}/read", data={"token": token}, headers=WRITES)
    assert done.status_code == 400
    assert len(desk.items(stage="refused")) == 2


async def test_the_list_is_paged_and_holds_every_record_once() -> None:
    desk = MemoryDesk()
    cids = [desk.play_readings([Note(n, f"note {n}")]) for n in range(70)]
    seen: list[str] = []
    path: str | None = "/items"
    async with ask(desk) as client:
        while path is not None:
            page = (await client.get(path)).text
            seen += [part.split('"')[0] for part in page.split('href="/item/')[1:]]
            path = f"/items?before={page.split('before=')[1].split(chr(34))[0]}" if "before=" in page else None
    assert seen == [str(cid) for cid in reversed(cids)]


async def test_times_are_local_with_utc_beside_them() -> None:
    desk = make_busy_desk()
    at_ms = desk.items()[0].at_ms
    utc = datetime.fromtimestamp(at_ms / 1000, UTC)
    async with ask(desk) as client:
        page = (await client.get("/items")).text
    assert f'<time title="{utc:%Y-%m-%d %H:%M:%S} UTC">{utc:%Y-%m-%d %H:%M}</time>' in page


async def test_a_receipt_is_saved_as_a_file_that_verifies() -> None:
    desk = make_busy_desk()
    item = desk.items(stage="anchored")[0]
    async with ask(desk) as client:
        assert f'href="/item/{item.cid}/receipt"' in (await client.get(f"/item/{item.cid}")).text
        saved = await client.get(f"/item/{item.cid}/receipt")
    assert saved.headers["content-type"] == "application/cbor"
    assert saved.headers["content-disposition"] == f'attachment; filename="{name_receipt(item.cid)}"'
    assert read_proof(saved.content, item.cid).signer == str(SERVER_KEY.public)


async def test_without_a_receipt_there_is_nothing_to_save_and_the_page_says_why() -> None:
    desk = make_busy_desk()
    cid = desk.items(stage="queued")[0].cid
    async with ask(desk) as client:
        page = (await client.get(f"/item/{cid}")).text
        saved = await client.get(f"/item/{cid}/receipt")
    assert "/receipt" not in page
    assert words.NO_PROOF in page
    assert saved.status_code == 409
    assert "sent as soon as there is a link" in saved.text


async def test_all_receipts_are_one_file() -> None:
    desk = make_busy_desk()
    async with ask(desk) as client:
        saved = await client.get("/receipts")
    assert saved.content == desk.receipts()
    assert saved.headers["content-type"] == "application/cbor-seq"
    assert f"receipts-{DEVICE}-" in saved.headers["content-disposition"]


async def test_files_show_how_much_the_server_holds_and_what_is_wrong() -> None:
    async with ask(make_busy_desk()) as client:
        page = (await client.get("/files")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "41 % of 90.0 kB at the server" in page
    assert '<progress max="1000000" value="410000"' in page
    assert "offer it again" in page


async def test_files_are_found_behind_a_seasons_records() -> None:
    desk = MemoryDesk()
    desk.play_file("old.laz", b"cloud")
    desk.play_file("whole.laz", b"cloud 2", held_ppm=1_000_000)
    for n in range(2_001):
        desk.play_readings([Note(n, "x")])
    async with ask(desk) as client:
        page = (await client.get("/files")).text
        left = (await client.get("/files?left=1")).text
        wrong = await client.get("/files?before=x")
    assert "old.laz" in page
    assert "whole.laz" in page
    assert "old.laz" in left
    assert "whole.laz" not in left
    assert wrong.status_code == 404


@pytest.mark.parametrize("start", ["/files", "/files?left=1"])
async def test_files_are_paged_and_each_is_there_once(start: str) -> None:
    desk = MemoryDesk()
    names = [f"cloud-{n:02}.laz" for n in range(65)]
    for name in names:
        desk.play_file(name, name.encode())
    seen: list[str] = []
    path: str | None = start
    async with ask(desk) as client:
        while path is not None:
            page = (await client.get(path)).text
            seen += re.findall(r"<strong>(cloud-\d\d\.laz)</strong>", page)
            older = re.search(r'href="(/files\?[^"]*before=[^"]*)"', page)
            path = html.unescape(older.group(1)) if older else None
    assert seen == names[::-1]


async def test_the_crew_is_sent_to_the_files_that_keep_it_from_leaving() -> None:
    desk = MemoryDesk()
    desk.play_message(answer(desk.play_file("a.laz", b"cloud", held_ppm=410_000)))
    async with ask(desk) as client:
        page = (await client.get("/")).text
    assert "1 file still to send" in page
    assert words.ALL_SIGNED not in page
    assert 'href="/files?left=1"' in page
    assert 'class="verdict safe"' not in page


async def test_a_record_of_a_file_shows_how_much_the_server_holds_and_what_is_wrong() -> None:
    desk = make_busy_desk()
    async with ask(desk) as client:
        pages = [(await client.get(f"/item/{item.cid}")).text for item in desk.files()]
        listed = (await client.get("/items")).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "offer it again" in pages[0]
    assert '<progress max="1000000" value="410000"' in pages[1]
    assert "41 % of 90.0 kB at the server" in listed


class DamagedDesk(MemoryDesk):
    """A desk whose receipts were damaged on the card."""

    def receipt(self, cid: Cid) -> bytes:
        return super().receipt(cid)[:-1] + b"?"


async def test_a_record_with_a_damaged_receipt_is_shown_and_nothing_is_saved_as_proof() -> None:
    desk = DamagedDesk()
    cid = desk.play_readings([Note(1, "a")])
    desk.play_message(answer(cid))
    async with ask(desk) as client:
        page = await client.get(f"/item/{cid}")
        saved = await client.get(f"/item/{cid}/receipt")
    assert page.status_code == 200
    assert "damaged" in page.text
    assert "/receipt" not in page.text
    assert saved.status_code == 409
    assert words.BAD_PROOF.partition("{")[0].strip() in saved.text


@pytest.mark.parametrize("text", [TREE, format_code(TREE).lower(), format_link(TREE, "https://elsewhere.example")])
async def test_a_scanned_or_typed_label_leads_to_its_tree(text: str) -> None:
    async with ask(make_busy_desk()) as client:
        found = await client.get("/scan", params={"text": text})
        assert found.headers["location"] == f"/tree/{format_code(TREE)}"
        page = (await client.get(found.headers["location"])).text
    assert "bark beetle" in page
    assert f"/enter?tree={TREE}" in page


async def test_the_path_of_a_label_is_followed_too() -> None:
    async with ask(make_busy_desk()) as client:
        found = await client.get(f"/8003/{TREE}", follow_redirects=True)
    assert found.url.path == f"/tree/{format_code(TREE)}"


async def test_a_tree_that_this_device_never_recorded_says_so() -> None:
    async with ask(make_busy_desk()) as client:
        assert words.TREE_NONE in (await client.get(f"/tree/{OTHER_TREE}")).text


@pytest.mark.parametrize(
    ("text", "fault"), [("4T7W", words.BAD_CODE), (TREE[1:] + TREE[0], words.BAD_CHECK), ("<b>", words.BAD_CODE)]
)
async def test_a_label_misread_is_told_beside_what_was_typed(text: str, fault: str) -> None:
    async with ask(MemoryDesk()) as client:
        shown = await client.get("/scan", params={"text": text})
    assert shown.status_code == 400
    assert fault in shown.text
    assert f'value="{text.replace("<", "&lt;").replace(">", "&gt;")}"' in shown.text


async def test_campaigns_plots_and_species_lists_are_shown() -> None:
    async with ask(make_busy_desk()) as client:
        page = (await client.get("/campaigns")).text
    for shown in ("Ridge inventory 2026", words.THIS_CAMPAIGN, "Ann, Bo", "p-02", "Alpine species", "5 species"):
        assert shown in page
    assert CAMPAIGN in page


async def test_words_from_a_device_or_the_crew_never_become_markup() -> None:
    desk = MemoryDesk(health=HealthView(disk_free_bytes=1, memory_bytes=1, alarms=("<script>alarm</script>",)))
    desk.enter(Visit(1, TREE, remark="<script>remark</script>"))
    desk.play_file("<script>name</script>", b"x", problem="<script>problem</script>")
    cid = desk.play_readings([Note(1, "x")])
    desk.play_message(answer(cid, verdict="refused", reason="<script>", remedy="<script>remedy</script>"))
    async with ask(desk) as client:
        pages = [(await client.get(path)).text for path in (*PAGES, f"/item/{cid}")]
    assert [page for page in pages if "<script>" in page] == []
    assert sum("&lt;script&gt;" in page for page in pages) >= 5


async def test_night_colours_are_kept_by_the_browser() -> None:
    async with ask(MemoryDesk()) as client:
        assert 'data-theme="day"' in (await client.get("/")).text
        form = {"token": await fetch_token(client, "/more", action="/theme"), "theme": "night"}
        done = await client.post("/theme", data=form, headers=WRITES)
        assert done.status_code == 303
        assert {"HttpOnly", "SameSite=strict"} <= set(done.headers["set-cookie"].split("; "))
        assert 'data-theme="night"' in (await client.get("/")).text


async def test_a_page_that_did_not_change_is_not_sent_again() -> None:
    desk = make_busy_desk()
    async with ask(desk) as client:
        tag = (await client.get("/")).headers["etag"]
        same = await client.get("/", headers={"if-none-match": tag})
        desk.play_readings([Note(1, "new")])
        other = await client.get("/", headers={"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert other.headers["etag"] != tag


def test_the_desk_of_these_tests_has_a_known_clock() -> None:
    assert datetime.fromtimestamp(AT_MS / 1000, UTC).isoformat() == "2026-09-21T14:13:20+00:00"
