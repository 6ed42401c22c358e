"""What the page serves beside itself: all of it local, and what is of others is what its hashes say."""

import hashlib
import re

from edge.page.assets import FOLDER, read_assets
from tests.edge.desk import MemoryDesk
from tests.edge.page.asking import ask

VENDORED = FOLDER / "vendor" / "jsqr"


def test_every_vendored_file_is_the_one_that_hashes_names() -> None:
    head, *lines = (VENDORED / "HASHES").read_text(encoding="utf-8").splitlines()
    assert "npm integrity sha512-" in head
    named = {name: digest for digest, name in (line.split() for line in lines)}
    found = {path.name: path.read_bytes() for path in VENDORED.iterdir() if path.name != "HASHES"}
    assert named == {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    assert "LICENSE.txt" in found


def test_every_asset_is_small_and_loads_nothing_from_outside() -> None:
    for name, asset in read_assets().items():
        assert len(asset.content) < 300_000
        if name != "jsqr.js":
            outside = re.findall(rb"(?:https?:)?//[a-z][^\s\"')]*", asset.content)
            assert [link for link in outside if not link.startswith(b"http://www.w3.org/")] == []


async def test_an_asset_is_sent_once() -> None:
    async with ask(MemoryDesk()) as client:
        first = await client.get("/static/jsqr.js")
        again = await client.get("/static/jsqr.js", headers={"if-none-match": first.headers["etag"]})
    assert first.content == (VENDORED / "jsQR.js").read_bytes()
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert again.status_code == 304
