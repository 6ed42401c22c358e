"""Engines, shared data and Hypothesis profiles for all tests."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent

# Machines that test are slow at times: a deadline would make timing decide.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def _find_engine(name: str) -> Path:
    """Return the path of an engine, built or installed by the project's own script; a failure is a failure."""
    done = subprocess.run([ROOT / "scripts" / "engines" / name], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def cometbft_binary() -> Path:
    """CometBFT 0.38.19."""
    return _find_engine("cometbft")


@pytest.fixture(scope="session")
def kubo_binary() -> Path:
    """Kubo 0.43.0."""
    return _find_engine("kubo")


@pytest.fixture(scope="session")
def mosquitto_binary() -> Path:
    """Debian's mosquitto."""
    return _find_engine("mosquitto")


@pytest.fixture(scope="session")
def chromium_binary() -> Path:
    """Debian's Chromium."""
    return _find_engine("chromium")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real point clouds beside the checkout; tests that need them skip where they are absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real point clouds here: ../shared/data is absent")
    return folder
