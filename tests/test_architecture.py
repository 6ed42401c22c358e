"""Which third parties each room may use: an allow-list, so that a new one is a decision and not an accident."""

import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "domain": {"cbor2", "cryptography"},
    "firmware_bridge": set[str](),
    "edge": {"aiomqtt"},
    "ingest": {"aiomqtt", "amqtt"},
    "survey": {"laspy", "lazrs", "numba", "numpy", "pyproj", "scipy", "shapely"},
    "ipfs": set[str](),
    "chain": {"coincurve", "h11", "rocksdict"},
    "register": {"sqlalchemy", "aiosqlite"},
    "portal": {"fastapi", "jinja2", "markupsafe", "pydantic", "segno", "starlette", "uvicorn"},
    "cec": {"numpy", "pyproj", "rich", "segno", "typer", "uvicorn"},
    "sample_data": {"numpy"},
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ALLOWED, include_external_packages=True)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_uses_only_the_third_parties_it_may(graph: grimp.ImportGraph, room: str) -> None:
    own = {module for module in graph.modules if module.split(".")[0] == room}
    used = {target.split(".")[0] for module in own for target in graph.find_modules_directly_imported_by(module)}
    assert used - set(ALLOWED) - set(sys.stdlib_module_names) <= ALLOWED[room]


def test_every_package_is_a_declared_room() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} == set(ALLOWED)


def test_no_module_is_a_drawer_for_everything() -> None:
    names = {path.stem for room in ALLOWED for path in (ROOT / room).rglob("*.py")}
    assert not names & {"utils", "util", "common", "helpers", "misc"}
