"""The verifier as one file: its policy, its form, and its work in a browser from a disk."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from portal.app import create_app
from portal.ports import Pin
from portal.settings import PortalSettings
from portal.verify_page import build_page, bundle_checker, compute_page_hash, make_policy
from register.sqlite import SqliteRegister
from tests.portal.js.serving import MODULES
from tests.portal.sources import PIN, DictBlocks, DictProofs, StillChain, register_path
from tests.portal.test_browser_proof import launch

PROOF_FOLDER: Final = Path(__file__).parents[1] / "vectors" / "proof"
SOLO: Final = PROOF_FOLDER / "solo.cecproof"
SOLO_PIN: Final = Pin(**json.loads((PROOF_FOLDER / "proof.json").read_text("utf-8"))["valid"]["solo"]["pin"])


class Elements(HTMLParser):
    """Collects a page's attributes, and the text of its script and style."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, str] = {"script": "", "style": ""}
        self._tag = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._tag = "" if tag == self._tag else self._tag

    def handle_data(self, data: str) -> None:
        if self._tag in self.texts:
            self.texts[self._tag] += data

    def find(self, tag: str, name: str) -> list[str]:
        return [value for each, attribute, value in self.attributes if (each, attribute) == (tag, name)]


def test_the_policy_allows_this_script_and_this_style_only() -> None:
    page = Elements(build_page(PIN))
    policy = next(value for value in page.find("meta", "content") if "default-src" in value)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.texts[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_in_the_page_refers_outside_it() -> None:
    page = Elements(build_page(PIN))
    references = [value for _, name, value in page.attributes if name in ("src", "href", "action", "srcset", "data")]
    assert references == ["data:,"]
    assert "@import" not in page.texts["style"]
    assert "url(" not in page.texts["style"]
    code = re.sub(r"/\*.*?\*/", "", page.texts["script"], flags=re.DOTALL)  # types in comments are imported too
    assert not any(word in code for word in ("fetch(", "XMLHttpRequest", "WebSocket", "import("))


def test_every_module_of_the_checker_is_in_the_script_once() -> None:
    script = bundle_checker()
    for file in MODULES.glob("*.js"):
        assert script.count(f"const {file.stem}_module = (") == 1, file.stem


def test_the_same_pin_gives_the_same_bytes_and_another_only_another_pin() -> None:
    first, second = build_page(PIN), build_page(Pin("another-1", "cd" * 32))
    assert first == build_page(PIN)
    assert first.replace(PIN.chain_id.encode(), b"another-1").replace(PIN.genesis_hash.encode(), b"cd" * 32) == second
    assert compute_page_hash(first) == hashlib.sha256(first).hexdigest()


def test_a_pin_cannot_break_out_of_its_attribute() -> None:
    page = Elements(build_page(Pin('"><script>alert(1)</script>', "ab" * 32)))
    assert '"><script>alert(1)</script>' in page.find("input", "value")
    assert len(page.find("script", "type")) == 1


def test_a_policy_of_nothing_names_the_known_hash_of_nothing() -> None:
    empty = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # SHA-256 of no bytes, as in FIPS 180-4's examples
    assert f"script-src '{empty}'; style-src '{empty}'" in make_policy("", "")


async def test_the_portal_gives_the_page_for_its_own_chain(tmp_path: Path) -> None:
    async with SqliteRegister.open(register_path(tmp_path)) as register:
        app = create_app(
            PortalSettings(),
            register=register,
            proofs=DictProofs({}),
            blocks=DictBlocks({}),
            chain=StillChain(1),
            verifier=build_page,
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get("/verify.html")
    assert answer.status_code == 200
    assert answer.content == build_page(PIN)
    assert "default-src" not in answer.headers["content-security-policy"]  # the file's own must decide


class TestInABrowser:
    """The file on a disk, opened without any server."""

    pytestmark = pytest.mark.browser

    @pytest_asyncio.fixture
    async def browser(self, chromium_binary: Path) -> AsyncIterator[Browser]:
        async with launch(chromium_binary) as opened:
            yield opened

    async def open_file(self, browser: Browser, folder: Path, pin: Pin | None) -> tuple[Page, list[str], list[str]]:
        """Return the page, what it asked for and what its console said; both lists grow."""
        file = folder / "verify.html"
        file.write_bytes(build_page(pin))
        page = await browser.new_page(viewport={"width": 360, "height": 800})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(file.as_uri())
        await page.wait_for_selector("html[data-ready]", state="attached")
        return page, asked, said

    async def test_a_chosen_file_is_checked_without_any_request(self, browser: Browser, tmp_path: Path) -> None:
        page, asked, said = await self.open_file(browser, tmp_path, SOLO_PIN)
        await page.set_input_files("#file", SOLO)
        await page.wait_for_selector("#verdict.holds")
        assert await page.locator("#steps .ok").count() == 8
        assert "no outside witness yet" in (await page.text_content("#words") or "")
        assert "height23.400 m ±" in (await page.text_content("#fields") or "")
        assert asked == [(tmp_path / "verify.html").as_uri(), "data:,"][: len(asked)]
        assert said == []
        assert await page.evaluate("document.documentElement.scrollWidth") == 360

    async def test_a_dropped_file_is_checked(self, browser: Browser, tmp_path: Path) -> None:
        page, _, _ = await self.open_file(browser, tmp_path, SOLO_PIN)
        await page.evaluate(
            """(text) => {
              const bytes = Uint8Array.from(atob(text), (symbol) => symbol.charCodeAt(0));
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([bytes], 'tree.cecproof'));
              document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
            }""",
            base64.b64encode(SOLO.read_bytes()).decode(),
        )
        await page.wait_for_selector("#verdict.holds")
        assert "tree.cecproof" in (await page.text_content("#file-name") or "")

    async def test_the_pin_can_be_typed_and_another_one_refuses(self, browser: Browser, tmp_path: Path) -> None:
        page, _, _ = await self.open_file(browser, tmp_path, None)
        await page.set_input_files("#file", SOLO)
        await page.locator("#verdict", has_text="Not checked").wait_for()
        await page.fill("#chain", SOLO_PIN.chain_id)
        await page.fill("#genesis", SOLO_PIN.genesis_hash.upper())
        await page.press("#genesis", "Tab")
        await page.wait_for_selector("#verdict.holds")
        await page.fill("#genesis", "ab" * 32)
        await page.press("#genesis", "Tab")
        await page.wait_for_selector("#verdict.fails")
        assert "refused at step “genesis”" in (await page.text_content("#verdict") or "")
        assert "holds" not in (await page.text_content("#words") or "")

    async def test_a_file_that_is_no_proof_is_refused_whatever_its_size(self, browser: Browser, tmp_path: Path) -> None:
        page, _, _ = await self.open_file(browser, tmp_path, SOLO_PIN)
        large = tmp_path / "large.cecproof"
        large.write_bytes(SOLO.read_bytes() + bytes(1 << 21))
        await page.set_input_files("#file", large)
        await page.wait_for_selector("#verdict.fails")
        assert "at most 1048576 are read" in (await page.text_content("#steps") or "")
