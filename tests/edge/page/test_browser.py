"""The page in a real browser, as a telephone shows it: every screen, in sun and night, with thumbs and with keys."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import segno
from PIL import Image, ImageFilter
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from domain.codes import format_code, format_link
from domain.readings import Note
from edge.crew import words
from edge.crew.proof import read_proof
from edge.page.app import create_page
from edge.views import Overview
from tests.edge.desk import TREE, MemoryDesk, answer, make_busy_desk
from tests.edge.page.serving import serve

pytestmark = pytest.mark.browser

ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
SIZE = {"width": 360, "height": 740}
AAA = 7.0
"""Contrast that WCAG 2.2 asks for at level AAA (success criterion 1.4.6)."""
LEAST_TARGET = 48
WAIT_MS = 10_000

# The ratio of WCAG 2.2 ("relative luminance", "contrast ratio") for every element that shows text of its own.
FIND_CONTRASTS = """() => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const ground = (one) => {
    for (let at = one; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const shows = (one) => one.matches("input[type=text], textarea, select") || [...one.childNodes].some((node) =>
    node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "");
  return [...document.querySelectorAll("body *")].filter((one) => shows(one) && one.checkVisibility()).map((one) => {
    const [ink, back] = [light(parse(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    return [ratio, one.tagName + "." + one.className];
  });
}"""
# Of a tick or a radio button: the ratio of its mark to what lies under it, and how thick the mark is.
FIND_MARK = """(one) => {
  const channel = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = (text) => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(Number);
    return 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  };
  const own = getComputedStyle(one);
  let under = one.parentElement;
  while (getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
  const [mark, back] = [light(own.borderTopColor), light(getComputedStyle(under).backgroundColor)];
  return [(Math.max(mark, back) + 0.05) / (Math.min(mark, back) + 0.05), parseFloat(own.borderTopWidth)];
}"""
FIND_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, textarea")].map((one) => {
  const box = (one.closest("label") ?? one).getBoundingClientRect();
  return [Math.min(box.width, box.height), one.outerHTML.slice(0, 80)];
}).filter(([size, text]) => size > 0 && !text.includes('class="skip"'))"""
FIND_SPILLED = """() => [...document.querySelectorAll("a")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.outerHTML)"""
FIND_UNNAMED = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
  .filter((one) => !one.textContent.trim() && !one.ariaLabel && (one.labels ?? []).length === 0)
  .map((one) => one.outerHTML)"""


@pytest.fixture
def desk() -> MemoryDesk:
    return make_busy_desk()


@pytest_asyncio.fixture
async def address(desk: MemoryDesk) -> AsyncIterator[str]:
    async with serve(create_page(desk, zone=UTC)) as served:
        yield served


@pytest_asyncio.fixture
async def browser(chromium_binary: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_binary, args=[*ARGUMENTS])
        yield opened
        await opened.close()


@pytest_asyncio.fixture
async def telephone(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=SIZE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    yield context
    await context.close()


def list_screens(desk: MemoryDesk) -> list[str]:
    records = [desk.items(stage=stage)[0] for stage in ("refused", "queued", "anchored")]
    records += desk.files(is_whole=False)
    fixed = [
        "/",
        "/items",
        "/items?stage=refused",
        "/files",
        "/files?left=1",
        "/enter",
        "/tree",
        "/scan?text=x",
        "/campaigns",
        "/more",
    ]
    return [*fixed, f"/tree/{TREE}", *(f"/item/{record.cid}" for record in records)]


async def set_theme(context: BrowserContext, address: str, theme: str) -> None:
    await context.add_cookies([{"name": "theme", "value": theme, "url": address}])


async def open_faulty_form(page: Page, address: str) -> None:
    await page.goto(f"{address}/enter")
    await page.fill("#f-tree", "4T7W")
    await page.fill("#f-diameter", "325")
    await page.fill("#f-height", "2x")
    await page.fill("#f-remark", "first line\nsecond line")
    await page.click(".save")
    await page.wait_for_selector("#faults")


@pytest.mark.parametrize("theme", ["day", "night"])
async def test_every_text_is_readable_in_the_sun_and_every_target_fits_a_glove(
    telephone: BrowserContext, desk: MemoryDesk, address: str, theme: str
) -> None:
    await set_theme(telephone, address, theme)
    page = await telephone.new_page()
    for path in [*list_screens(desk), "faulty form"]:
        if path == "faulty form":
            await open_faulty_form(page, address)
        else:
            await page.goto(address + path)
        assert await page.get_attribute("html", "data-theme") == theme
        contrasts = await page.evaluate(FIND_CONTRASTS)
        assert len(contrasts) > 8
        assert [one for one in contrasts if one[0] < AAA] == [], path
        targets = await page.evaluate(FIND_TARGETS)
        assert [one for one in targets if one[0] < LEAST_TARGET] == [], path
        assert await page.evaluate(FIND_UNNAMED) == [], path


class OldDesk(MemoryDesk):
    """A desk after a year of work."""

    def overview(self) -> Overview:
        seen = super().overview()
        return replace(seen, counts={stage: 1_234_567 + n for n, stage in enumerate(seen.counts)}, readings=98_765_432)


async def test_large_counts_fit_a_small_telephone(telephone: BrowserContext) -> None:
    page = await telephone.new_page()
    await page.set_viewport_size({"width": 320, "height": 568})
    async with serve(create_page(OldDesk(), zone=UTC)) as address:
        for path in ("/", "/items"):
            await page.goto(address + path)
            await page.wait_for_load_state("networkidle")
            assert "1,234,567" in (await page.text_content("main") or "")
            spilled = await page.evaluate(FIND_SPILLED)
            assert spilled == []


@pytest.mark.parametrize("width", [320, 360])
async def test_no_screen_is_wider_than_a_small_telephone(
    telephone: BrowserContext, desk: MemoryDesk, address: str, width: int
) -> None:
    page = await telephone.new_page()
    await page.set_viewport_size({"width": width, "height": 568})
    for path in [*list_screens(desk), "faulty form"]:
        if path == "faulty form":
            await open_faulty_form(page, address)
        else:
            await page.goto(address + path)
        assert await page.evaluate("document.documentElement.scrollWidth") == width, path
        assert await page.evaluate("document.documentElement.clientWidth") == width, path


async def test_nothing_is_asked_from_outside_and_no_policy_is_broken(
    telephone: BrowserContext, desk: MemoryDesk, address: str
) -> None:
    page = await telephone.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in list_screens(desk):
        await page.goto(address + path)
    assert [url for url in asked if not url.startswith(address)] == []
    assert [text for text in complaints if "400 (Bad Request)" not in text] == []


async def test_a_visit_is_entered_by_thumb(telephone: BrowserContext, desk: MemoryDesk, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.fill("#f-tree", format_code(TREE).lower())
    await page.select_option("#f-plot", "p-02")
    await page.fill("#f-species", "be")
    await page.tap("#picks button >> text=Beech")
    await page.tap("text=Alive")
    await page.fill("#f-diameter", "325")
    await page.tap("input[value=mm]")
    await page.fill("#f-height", "24,1")
    await page.fill("#f-remark", "first line\nsecond line")
    await page.tap(".save")
    await page.wait_for_selector("#saved")
    visit = desk.visits(TREE)[0][1]
    assert (visit.plot, visit.species, visit.species_code, visit.status) == ("p-02", "Fagus sylvatica", "BU", "alive")
    assert (visit.diameter_mm, visit.at_height_mm, visit.height_mm) == (325, 1_300, 24_100)
    assert visit.remark == "first line\nsecond line"
    # The next form: same plot and unit, all else empty, no old draft.
    assert await page.input_value("#f-plot") == "p-02"
    assert await page.is_checked("input[value=mm]")
    assert await page.input_value("#f-remark") == ""


@pytest.mark.parametrize("theme", ["day", "night"])
async def test_what_is_chosen_and_ticked_is_seen_by_its_mark_too(
    telephone: BrowserContext, address: str, theme: str
) -> None:
    await set_theme(telephone, address, theme)
    page = await telephone.new_page()
    await open_faulty_form(page, address)
    marks = {}
    for is_on in (False, True):
        if is_on:
            await page.check("#f-sure")
            await page.check("input[value=alive]")
        for one in ("#f-sure", "input[value=alive]"):
            marks[one, is_on] = await page.eval_on_selector(one, FIND_MARK)
    for (one, is_on), (ratio, width) in marks.items():
        assert ratio >= AAA, (one, is_on)
        assert is_on == (width > marks[one, False][1])


async def test_a_fault_is_shown_beside_its_field_and_nothing_typed_is_lost(
    telephone: BrowserContext, desk: MemoryDesk, address: str
) -> None:
    before = desk.overview().counts
    page = await telephone.new_page()
    await open_faulty_form(page, address)
    assert await page.text_content("#e-tree") == words.BAD_CODE
    assert "Check the unit" in (await page.text_content("#e-diameter") or "")
    assert await page.input_value("#f-tree") == "4T7W"
    assert await page.input_value("#f-remark") == "first line\nsecond line"
    assert await page.evaluate("document.activeElement.id") == "faults"
    assert desk.overview().counts == before
    await page.fill("#f-tree", "")
    await page.fill("#f-height", "24")
    await page.check("#f-sure")
    await page.click(".save")
    await page.wait_for_selector("#saved")
    assert desk.overview().counts["queued"] == before["queued"] + 1


async def test_a_draft_outlives_a_closed_form(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.fill("#f-remark", "half a sentence")
    await page.check("input[value=fallen]")
    await page.goto(address)
    await page.goto(f"{address}/enter")
    assert await page.input_value("#f-remark") == "half a sentence"
    assert await page.is_checked("input[value=fallen]")


async def test_what_is_typed_under_the_word_that_all_was_saved_is_kept_too(
    telephone: BrowserContext, address: str
) -> None:
    page = await telephone.new_page()
    for remark in ("the first tree", "the second tree"):
        await page.goto(f"{address}/enter")
        await page.fill("#f-remark", remark)
        await page.click(".save")
        await page.wait_for_selector("#saved")
        assert await page.input_value("#f-remark") == ""
        await page.fill("#f-remark", "half of the next")
        await page.reload()
        assert await page.input_value("#f-remark") == "half of the next"


async def test_the_measuring_height_stays_as_last_typed(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.fill("#f-diameter", "41")
    await page.fill("#f-at_height", "0.30")
    await page.click(".save")
    await page.wait_for_selector("#saved")
    await page.goto(f"{address}/items")
    await page.goto(f"{address}/enter?tree={TREE}")
    assert await page.input_value("#f-at_height") == "0.30"
    assert await page.is_visible("#h-at_height")


async def test_two_taps_on_save_are_one_record(telephone: BrowserContext, desk: MemoryDesk, address: str) -> None:
    before = desk.overview().counts["queued"]
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.fill("#f-height", "20")
    await page.dblclick(".save")
    await page.wait_for_selector("#saved")
    await page.go_back()
    await page.click(".save")
    # Whether the browser kept the old form (its token is known) or made an empty one: nothing is recorded again.
    await page.wait_for_selector("#saved, #faults")
    assert desk.overview().counts["queued"] == before + 1


async def test_without_javascript_the_crew_reads_and_enters(browser: Browser, desk: MemoryDesk, address: str) -> None:
    before = desk.overview().counts["queued"]
    context = await browser.new_context(viewport=SIZE, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(address)
    await page.click("nav.ways >> text=Enter")
    await page.fill("#f-species", "LA")
    await page.check("input[value=stump]")
    await page.click(".save")
    await page.wait_for_selector("#saved")
    await page.click("#saved a")
    assert "Larix decidua" in (await page.text_content("h1") or "")
    assert desk.overview().counts["queued"] == before + 1
    await context.close()


def make_photo(text: str) -> bytes:
    """Return a photo of a label: a QR code askew on bark, a little out of focus."""
    drawn = BytesIO()
    segno.make_qr(text, error="q").save(drawn, kind="png", scale=9, border=4)
    label = (
        Image.open(drawn)
        .convert("RGB")
        .rotate(11, expand=True, fillcolor=(214, 208, 196), resample=Image.Resampling.BICUBIC)
    )
    photo = Image.effect_noise((1_600, 1_200), 60).convert("RGB")
    photo.paste(label, (520, 310))
    taken = BytesIO()
    photo.filter(ImageFilter.GaussianBlur(1.6)).save(taken, format="jpeg", quality=70)
    return taken.getvalue()


async def take_photo(page: Page, photo: bytes, media: str = "image/jpeg") -> None:
    await page.set_input_files("#photo", {"name": "label.jpg", "mimeType": media, "buffer": photo})


async def test_a_photo_of_a_label_opens_its_tree(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/tree")
    await take_photo(page, make_photo(format_link(TREE, "https://forest.example")))
    await page.wait_for_url(f"{address}/tree/{format_code(TREE)}")
    assert "bark beetle" in (await page.text_content("main") or "")


async def test_a_photo_of_a_label_fills_the_form(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await take_photo(page, make_photo(format_link(TREE, "https://forest.example")))
    await page.wait_for_function("document.getElementById('f-tree').value !== ''")
    assert await page.input_value("#f-tree") == TREE


@pytest.mark.parametrize(("photo", "said"), [(b"no photo", words.SCAN_UNREADABLE), (None, words.SCAN_NOTHING)])
async def test_a_photo_without_a_code_says_what_to_do(
    telephone: BrowserContext, address: str, photo: bytes | None, said: str
) -> None:
    if photo is None:
        taken = BytesIO()
        Image.effect_noise((800, 600), 60).save(taken, format="jpeg")
        photo = taken.getvalue()
    page = await telephone.new_page()
    await page.goto(f"{address}/tree")
    await take_photo(page, photo)
    await page.wait_for_function("(said) => document.getElementById('photo-said').textContent === said", arg=said)
    assert page.url == f"{address}/tree"


async def test_a_hand_scanner_that_ends_with_enter_does_not_save_by_itself(
    telephone: BrowserContext, desk: MemoryDesk, address: str
) -> None:
    before = desk.overview().counts["queued"]
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.focus("#f-tree")
    await page.keyboard.type(format_link(TREE, "https://forest.example"))
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "f-plot"
    await page.goto(f"{address}/tree")
    await page.keyboard.type(format_link(TREE, "https://forest.example"))
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{address}/tree/{format_code(TREE)}")
    assert desk.overview().counts["queued"] == before


async def test_the_whole_page_is_walked_by_keys(telephone: BrowserContext, desk: MemoryDesk, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/enter")
    await page.evaluate("document.activeElement.blur()")
    wanted = {"f-tree", "f-plot", "f-species", "f-diameter", "f-at_height", "f-height", "f-damage", "f-remark", "photo"}
    reached = set()
    for _ in range(40):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert wanted <= reached
    assert {words.SKIP, words.SAVE, words.MORE} <= reached
    assert len(desk.visits(TREE)) == 1


async def test_the_first_page_follows_the_device_and_says_when_it_cannot(
    telephone: BrowserContext, chromium_binary: Path
) -> None:
    del chromium_binary
    desk = MemoryDesk()
    cid = desk.play_readings([Note(1, "a")])
    page = await telephone.new_page()
    async with serve(create_page(desk, zone=UTC)) as address:
        await page.goto(address)
        assert words.UNSIGNED_ONE in (await page.text_content("h1") or "")
        desk.play_message(answer(cid))
        await page.wait_for_function(
            "(text) => document.querySelector('h1').textContent === text", arg=words.ALL_SIGNED
        )
        assert await page.is_hidden("#stale")
    await page.wait_for_selector("#stale:not([hidden])")
    assert await page.text_content("#stale") == words.STALE


async def test_a_hidden_page_asks_for_nothing(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(address)
    await page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.wait_for_timeout(4_500)
    assert asked == []


async def test_a_receipt_is_saved_on_the_telephone(
    telephone: BrowserContext, desk: MemoryDesk, address: str, tmp_path: Path
) -> None:
    cid = desk.items(stage="anchored")[0].cid
    page = await telephone.new_page()
    await page.goto(f"{address}/item/{cid}")
    async with page.expect_download() as waiting:
        await page.tap(f"text={words.SAVE_PROOF}")
    saved = await waiting.value
    assert re.fullmatch(r"receipt-[a-z2-7]{12}\.cbor", saved.suggested_filename)
    await saved.save_as(tmp_path / "proof")
    assert read_proof((tmp_path / "proof").read_bytes(), cid).verdict == "stored"


async def test_night_colours_are_one_tap_away(telephone: BrowserContext, address: str) -> None:
    page = await telephone.new_page()
    await page.goto(f"{address}/more")
    await page.tap(f"text={words.NIGHT}")
    await page.wait_for_selector("html[data-theme=night]")
    ground: Any = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(0, 0, 0)"
