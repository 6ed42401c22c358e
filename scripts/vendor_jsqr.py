"""Make edge/page/static/vendor/jsqr again from the npm package, or check that it is what HASHES says.

``npm pack jsqr@1.4.0`` fetches the package; ``python scripts/vendor_jsqr.py jsqr-1.4.0.tgz`` unpacks the reader and its
licence (Apache-2.0), unchanged; without an argument the files are checked.
"""

import base64
import hashlib
import sys
import tarfile
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "edge" / "page" / "static" / "vendor" / "jsqr"
INTEGRITY: Final = "sha512-dxLob7q65Xg2DvstYkRpkYtmKm2sPJ9oFhrhmudT1dZvNFFTlroai3AWSpLey/w5vMcLBXRgOJsbXpdN9HzU/A=="
"""What the npm registry states for jsqr 1.4.0."""
MEMBERS: Final = {"package/dist/jsQR.js": "jsQR.js", "package/LICENSE": "LICENSE.txt"}


def unpack(package: Path) -> None:
    """Check the package against its integrity and write the files and their hashes."""
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise SystemExit(f"{package} is not jsqr 1.4.0: its SHA-512 is {digest}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tarfile.open(package) as archive:
        for member, name in MEMBERS.items():
            stream = archive.extractfile(member)
            if stream is None:
                raise SystemExit(f"{member} is not a file in {package}")
            (FOLDER / name).write_bytes(stream.read())
    (FOLDER / "HASHES").write_text(compute_hashes(), encoding="utf-8")


def compute_hashes() -> str:
    """Return the text of HASHES for the files as they are: the package's integrity, then SHA-256 and name."""
    lines = [f"{hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()}  {name}" for name in MEMBERS.values()]
    return "\n".join([f"# jsqr 1.4.0, Apache-2.0, npm integrity {INTEGRITY}", *lines, ""])


def main() -> None:
    """Unpack the package named on the command line, or check the files."""
    if len(sys.argv) > 1:
        unpack(Path(sys.argv[1]))
    elif compute_hashes() != (FOLDER / "HASHES").read_text(encoding="utf-8"):
        raise SystemExit(f"the files in {FOLDER} are not those that HASHES names")


if __name__ == "__main__":
    main()
