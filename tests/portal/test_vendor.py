"""What the portal serves of others is what its hashes say."""

import hashlib
from pathlib import Path

import portal

FOLDER = Path(portal.__file__).parent / "static" / "vendor" / "maplibre"


def test_every_vendored_file_is_the_one_that_hashes_names() -> None:
    head, *lines = (FOLDER / "HASHES").read_text(encoding="utf-8").splitlines()
    assert "npm integrity sha512-" in head
    named = {name: digest for digest, name in (line.split() for line in lines)}
    found = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != "HASHES"}
    assert named == {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    assert max(len(content) for content in found.values()) < 1_000_000
    assert "LICENSE.txt" in found
