"""Make the vendored browser modules again from their npm packages, or check that they are what HASHES says.

``npm pack jsqr@1.4.0`` fetches a package; ``python scripts/vendor_modules.py jsqr-1.4.0.tgz`` unpacks from it what a
page serves and its licence, unchanged; without an argument all files are checked.
"""

import base64
import hashlib
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Module:
    """One npm package and what is taken of it.

    Attributes
    ----------
    name
        With its version, and its licence where the file of it does not say.
    integrity
        What the npm registry states for it.
    folder
        Where its files go.
    members
        Path in the package, and the file's name here.
    """

    name: str
    integrity: str
    folder: Path
    members: dict[str, str]


MODULES: Final = (
    Module(
        "jsqr 1.4.0, Apache-2.0",
        "sha512-dxLob7q65Xg2DvstYkRpkYtmKm2sPJ9oFhrhmudT1dZvNFFTlroai3AWSpLey/w5vMcLBXRgOJsbXpdN9HzU/A==",
        _CHECKOUT / "edge" / "page" / "static" / "vendor" / "jsqr",
        {"package/dist/jsQR.js": "jsQR.js", "package/LICENSE": "LICENSE.txt"},
    ),
    Module(
        "maplibre-gl 5.6.0",
        "sha512-7TuHMozUC4rlIp08bSsxCixFn18P24otrlZU/7UGCO5RufFTJadFzauTrvBHr9FB67MbJ6nvFXEftGd0bUl4Iw==",
        _CHECKOUT / "portal" / "static" / "vendor" / "maplibre",
        {
            "package/dist/maplibre-gl-csp.js": "maplibre-gl-csp.js",
            "package/dist/maplibre-gl-csp-worker.js": "maplibre-gl-csp-worker.js",
            "package/dist/maplibre-gl.css": "maplibre-gl.css",
            "package/LICENSE.txt": "LICENSE.txt",
        },
    ),
)


def unpack(package: Path) -> None:
    """Find whose package it is by its hash, and write the module's files and their hashes."""
    digest = f"sha512-{base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()}"
    module = next((one for one in MODULES if one.integrity == digest), None)
    if module is None:
        raise SystemExit(f"{package} is none of {', '.join(one.name for one in MODULES)}: its hash is {digest}")
    module.folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(package) as archive:
        for member, name in module.members.items():
            stream = archive.extractfile(member)
            if stream is None:
                raise SystemExit(f"{member} is not a file in {package}")
            (module.folder / name).write_bytes(stream.read())
    (module.folder / "HASHES").write_text(compute_hashes(module), encoding="utf-8")


def compute_hashes(module: Module) -> str:
    """Return the text of HASHES for the files as they are: the package's integrity, then SHA-256 and name."""
    names = module.members.values()
    lines = [f"{hashlib.sha256((module.folder / name).read_bytes()).hexdigest()}  {name}" for name in names]
    return "\n".join([f"# {module.name}, npm integrity {module.integrity}", *lines, ""])


def main() -> None:
    """Unpack the package named on the command line, or check the files of all."""
    if len(sys.argv) > 1:
        unpack(Path(sys.argv[1]))
        return
    for module in MODULES:
        if compute_hashes(module) != (module.folder / "HASHES").read_text(encoding="utf-8"):
            raise SystemExit(f"the files in {module.folder} are not those that HASHES names")


if __name__ == "__main__":
    main()
