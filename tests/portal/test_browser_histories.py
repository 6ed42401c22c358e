"""Pages of a register with two campaigns, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain.codes import format_code
from portal.app import create_app
from portal.settings import PortalSettings
from register.sqlite import SqliteRegister
from tests.portal.serving import serve
from tests.portal.sources import DictBlocks, DictProofs, StillChain, register_path
from tests.portal.test_browser_pages import NO_WEBGL, launch, open_page
from tests.portal.test_histories import RECORDS, SECOND, code_of

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with SqliteRegister.open(register_path(tmp_path)) as register:
        await register.add_records(RECORDS)
        app = create_app(
            PortalSettings(), register=register, proofs=DictProofs({}), blocks=DictBlocks({}), chain=StillChain(43)
        )
        async with serve(app) as served:
            yield served


async def test_a_tree_that_is_gone_is_hollow_on_the_map(chromium_binary: Path, address: str) -> None:
    async with launch(chromium_binary, *NO_WEBGL) as browser:
        page, _, _ = await open_page(browser, address)
        await page.wait_for_selector("#map[data-drawn=svg]", timeout=20_000)
        hollow = await page.eval_on_selector_all(
            "#map circle[fill-opacity='0']", "found => found.map(one => one.parentNode.getAttribute('href'))"
        )
        assert hollow == [f"/tree/{format_code(code_of(2))}"]
        assert "1 that are gone" in (await page.text_content("#map-note") or "")


@pytest.mark.parametrize("path", [f"/survey/{SECOND.cid}", *(f"/tree/{code_of(number)}" for number in (0, 2, 3))])
async def test_neither_page_is_wider_than_a_small_telephone(chromium_binary: Path, address: str, path: str) -> None:
    async with launch(chromium_binary) as browser:
        page, asked, complaints = await open_page(browser, address + path, width=360)
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        assert [url for url in asked if not url.startswith((address, "data:"))] == []
        assert [text for text in complaints if "Content Security Policy" in text] == []
