"""Who may use which third party, and that no package, module name or import slips in undeclared.

Layers between our own packages are in .importlinter; docs/decisions/0003 says why the chain's list is what it is.
"""

import configparser
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

ALLOWED = {
    "domain": {"cbor2", "cryptography"},
    "firmware_bridge": {"laspy", "numpy", "pyproj", "serial"},
    "edge": {"aiomqtt", "starlette", "textual", "uvicorn"},
    "ingest": {"aiomqtt", "amqtt", "httpx", "prometheus_client", "pyarrow"},
    "survey": {
        "distributed",
        "jinja2",
        "laspy",
        "lazrs",
        "markupsafe",
        "matplotlib",
        "numba",
        "numpy",
        "pyarrow",
        "pye57",
        "pyogrio",
        "pyproj",
        "rasterio",
        "scipy",
        "shapely",
    },
    "ipfs": set[str](),
    "chain": {"coincurve", "cryptography", "h11", "rocksdict"},
    "register": {"aiosqlite", "alembic", "asyncpg", "sqlalchemy"},
    "portal": {"fastapi", "jinja2", "markupsafe", "pydantic", "segno", "starlette", "uvicorn"},
    "cec": {"cryptography", "httpx", "numpy", "pyproj", "rich", "segno", "serial", "typer", "uvicorn"},
    "sample_data": {"numba", "numpy"},
}
"""Top-level import names, so that a new one is a decision and not an accident."""

BESIDE = {"benchmarks", "docs", "requirements", "scripts", "tests"}
"""Folders of the checkout that are no part of the distribution; they may import what they like."""

NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ALLOWED, include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def find_third_parties(graph: grimp.ImportGraph, package: str) -> dict[str, set[str]]:
    """Return what a package imports from elsewhere than itself, us and Python, with the modules that do."""
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        if module.split(".")[0] != package or graph.is_module_squashed(module):
            continue
        for imported in graph.find_modules_directly_imported_by(module):
            top = imported.split(".")[0]
            if top not in ALLOWED and top not in sys.stdlib_module_names:
                found.setdefault(top, set()).add(module)
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_uses_only_the_third_parties_on_its_list(graph: grimp.ImportGraph, package: str) -> None:
    found = find_third_parties(graph, package)
    assert {name: modules for name, modules in found.items() if name not in ALLOWED[package]} == {}


def test_the_codec_and_the_signatures_are_one_module_each(graph: grimp.ImportGraph) -> None:
    assert find_third_parties(graph, "domain") == {"cbor2": {"domain.codec"}, "cryptography": {"domain.keys"}}


def test_every_folder_with_python_is_a_declared_package_or_beside_them() -> None:
    folders = {path.parent.name for path in CHECKOUT.glob("*/*.py") if not path.parent.name.startswith(".")}
    assert folders - BESIDE == set(ALLOWED)


def test_the_distribution_the_types_the_doctests_and_the_layers_name_the_same_packages(project: dict[str, Any]) -> None:
    tool = project["tool"]
    layers = configparser.ConfigParser()
    layers.read(CHECKOUT / ".importlinter", encoding="utf-8")
    lists = {
        "wheel": tool["hatch"]["build"]["targets"]["wheel"]["packages"],
        "types": tool["mypy"]["packages"],
        "tests": tool["pytest"]["ini_options"]["testpaths"],
        "layers": layers["importlinter"]["root_packages"].split(),
    }
    assert {name: set(packages) - BESIDE for name, packages in lists.items()} == {name: set(ALLOWED) for name in lists}


def test_every_module_is_named_by_what_it_holds(graph: grimp.ImportGraph) -> None:
    assert [module for module in graph.modules if NAMES_THAT_SAY_NOTHING & set(module.split("."))] == []


def test_a_proof_is_checked_without_a_database_or_a_web_framework(graph: grimp.ImportGraph) -> None:
    heavy = {"rocksdict", "coincurve", "google", "h11", "httpx", "fastapi"} & graph.modules
    assert {name for name in heavy if graph.find_shortest_chain("chain.proof", name)} == set()


def test_tests_mirror_the_packages() -> None:
    folders = {path.name for path in (CHECKOUT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - BESIDE - {"vectors"} <= set(ALLOWED)
