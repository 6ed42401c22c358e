"""The pages in a real browser, against a real server and register."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from domain.codes import format_code
from domain.envelope import seal
from domain.records.result import Tree
from portal.app import create_app
from portal.settings import PortalSettings
from register.sqlite import SqliteRegister
from tests.domain.samples import KEY
from tests.portal.serving import serve
from tests.portal.sources import CODE, SURVEY, TREES, DictBlocks, DictProofs, StillChain, fill, register_path

pytestmark = pytest.mark.browser

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_WEBGL = ("--disable-3d-apis",)


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with SqliteRegister.open(register_path(tmp_path)) as register:
        await fill(register)
        app = create_app(
            PortalSettings(),
            register=register,
            proofs=DictProofs({TREES[0].cid: b"not a proof"}),
            blocks=DictBlocks({TREES[0].cid: TREES[0].raw}),
            chain=StillChain(43),
        )
        async with serve(app) as served:
            yield served


@asynccontextmanager
async def launch(binary: Path, *more: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=binary, args=[*ARGUMENTS, *more])
        yield opened
        await opened.close()


@pytest_asyncio.fixture
async def browser(chromium_binary: Path) -> AsyncIterator[Browser]:
    async with launch(chromium_binary) as opened:
        yield opened


async def open_page(browser: Browser, address: str, *, width: int = 1280) -> tuple[Page, list[str], list[str]]:
    """Return the page, what it asked for and what its console complained of; both lists grow."""
    page = await browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(address)
    return page, asked, complaints


async def test_the_map_draws_all_trees_and_asks_nothing_from_outside(browser: Browser, address: str) -> None:
    page, asked, complaints = await open_page(browser, address)
    await page.wait_for_selector("#map[data-drawn]", timeout=20_000)
    assert "4 trees" in (await page.text_content("#map-note") or "")
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []
    assert [text for text in complaints if "Content Security Policy" in text] == []


async def test_without_webgl_every_tree_is_a_link_in_a_drawing(chromium_binary: Path, address: str) -> None:
    async with launch(chromium_binary, *NO_WEBGL) as browser:
        page, _, _ = await open_page(browser, address)
        await page.wait_for_selector("#map[data-drawn=svg]", timeout=20_000)
        links = await page.eval_on_selector_all("#map a", "links => links.map(link => link.getAttribute('href'))")
    assert len(set(links)) == 4
    assert f"/tree/{format_code(CODE)}" in links


MEASURED, HIDDEN, UNKNOWN = (tree.expect(Tree) for tree in TREES)
HEIGHTS = {
    MEASURED.code: (MEASURED, "23.4 m ± 0.3 m high"),
    HIDDEN.code: (dataclasses.replace(HIDDEN, is_top_hidden=True), "over 23.4 m high"),
    UNKNOWN.code: (dataclasses.replace(UNKNOWN, height_mm=None), "height unknown"),
}
"""Trees by code, and how high a person is told they are."""


@pytest_asyncio.fixture
async def heights_address(tmp_path: Path) -> AsyncIterator[str]:
    async with SqliteRegister.open(register_path(tmp_path)) as register:
        await register.add_records([SURVEY, *(seal(tree, KEY) for tree, _ in HEIGHTS.values())])
        app = create_app(
            PortalSettings(), register=register, proofs=DictProofs({}), blocks=DictBlocks({}), chain=StillChain(43)
        )
        async with serve(app) as served:
            yield served


async def test_plan_and_popup_say_what_is_known_of_a_height(chromium_binary: Path, heights_address: str) -> None:
    async with launch(chromium_binary, *NO_WEBGL) as browser:
        page, _, _ = await open_page(browser, heights_address)
        await page.wait_for_selector("#map[data-drawn=svg]", timeout=20_000)
        titles = await page.eval_on_selector_all("#map a title", "found => found.map(one => one.textContent)")
        popups = await page.evaluate(
            """async () => {
                const { describeTree } = await import('/static/js/pages/map.js');
                const answer = await fetch(document.querySelector('#map').dataset.trees);
                const { features } = await answer.json();
                return features.map(({ properties }) => describeTree(properties).textContent);
            }"""
        )
    expected = {format_code(code): words for code, (_, words) in HEIGHTS.items()}
    assert sorted(titles) == sorted(f"{code}, {words}" for code, words in expected.items())
    kind = ", gymnosperm"
    assert sorted(popups) == sorted(f"{code}{words}{kind}" for code, words in expected.items())


@pytest.mark.parametrize("path", ["/", f"/tree/{CODE}", "/about"])
async def test_no_page_is_wider_than_a_small_telephone(browser: Browser, address: str, path: str) -> None:
    page, _, complaints = await open_page(browser, address + path, width=360)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert [text for text in complaints if "Content Security Policy" in text] == []


async def test_the_search_box_works_by_keyboard_and_groups_a_typed_code(browser: Browser, address: str) -> None:
    page, _, _ = await open_page(browser, address)
    await page.focus("#code")
    await page.keyboard.type(CODE.lower())
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{address}/tree/**")
    assert (await page.text_content("h1") or "").replace("-", "").strip() == CODE


async def test_a_file_that_is_no_proof_is_never_shown_as_holding(browser: Browser, address: str) -> None:
    page, _, _ = await open_page(browser, f"{address}/tree/{CODE}")
    await page.locator("#verdict.fails").wait_for()
    assert "holds" not in (await page.get_attribute("#verdict", "class") or "")
