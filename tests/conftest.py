"""What tests of every room share: Hypothesis profiles, real engines, and the shared data folder.

A test that asks for an engine gets it or fails: such a test runs only when it was asked for (`make test`), and a
skipped engine test would be a promise that nobody checked.
"""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent
ENGINES = CHECKOUT / "scripts" / "engines"

# Kubo, the slowest, builds in 204 s on two cores; the rest is for a slow network and for waiting on another build.
ENGINE_TIMEOUT_S = 1200

# No deadline and no complaint of slowness: tests share their cores with builds and servers, so wall time says nothing.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2_000, print_blob=True)


def choose_profile(ci: str) -> str:
    """Return the Hypothesis profile for the value of the variable CI: empty, `nightly`, or anything else."""
    if not ci:
        return "dev"
    return "nightly" if ci == "nightly" else "ci"


settings.load_profile(choose_profile(os.environ.get("CI", "")))


def engine(name: str) -> Path:
    """Return the program of the engine `name`, built or installed first where it is not there yet."""
    done = subprocess.run(
        [ENGINES / name],
        capture_output=True,
        text=True,
        timeout=ENGINE_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"The engine {name} could not be prepared; scripts/engines/{name} said:\n{done.stderr[-4000:]}")
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def cometbft_binary() -> Path:
    return engine("cometbft")


@pytest.fixture(scope="session")
def kubo_binary() -> Path:
    return engine("kubo")


@pytest.fixture(scope="session")
def mosquitto_binary() -> Path:
    return engine("mosquitto")


@pytest.fixture(scope="session")
def chromium_binary() -> Path:
    return engine("chromium")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared/data beside the checkout (real clouds, too large for the repository)")
    return folder


# Cheap to dear, so that a fault shows as early as it can.
MARKS_BY_COST = ("slow", "browser", "engine")


def rank(item: pytest.Item) -> int:
    """Return where a test runs: 0 without a mark, else after all tests whose dearest mark is cheaper."""
    return max((place for place, mark in enumerate(MARKS_BY_COST, 1) if item.get_closest_marker(mark)), default=0)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)
