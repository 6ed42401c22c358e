"""``cec stems`` writes layers that other tools read, tells figures, and says what is wrong with a file."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest

from sample_data.scanning.cloud import PointCloud
from survey.files.las import write_cloud
from tests.survey.terrestrial.scenes import Cone, make_plot

ROOT = Path(__file__).parent.parent.parent
CONES = (Cone(3.0, 3.0, 0.15), Cone(8.0, 4.0, 0.20), Cone(5.0, 9.0, 0.11))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, y, z = make_plot(CONES, seed=2_040).T
    ones, nothing = np.ones(x.size, dtype=np.uint8), np.zeros(x.size)
    strip = np.zeros(x.size, dtype=np.uint16)
    path = tmp_path_factory.mktemp("stems") / "plot.laz"
    points = PointCloud(x + 383_000, y + 5_428_000, z + 700, strip, ones, ones, ones, nothing, nothing, strip)
    write_cloud(path, points, epsg=32633)
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cec", "stems", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_stems_are_told_and_written_as_layers(cloud: Path, tmp_path: Path) -> None:
    report = tmp_path / "page" / "stems.html"
    done = run(cloud, "--out", tmp_path / "out", "--report", report, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["trees"], told["stems"], told["crs"]) == (3, 3, "EPSG:32633")
    basal = sum(np.pi * cone.radius_m**2 for cone in CONES)
    assert told["basal_area_m2"] == pytest.approx(basal, rel=0.03)
    meta, _, _, columns = pyogrio.raw.read(tmp_path / "out" / "stems.gpkg", layer="trees")
    row = dict(zip(meta["fields"], columns, strict=True))
    assert sorted(row["dbh_cm"]) == pytest.approx([22.0, 30.0, 40.0], abs=0.5)
    assert meta["crs"] == "EPSG:32633"
    assert "Stem map" in report.read_text("utf-8")


def test_a_file_that_is_none_and_a_setting_out_of_range_are_told_in_a_sentence(cloud: Path, tmp_path: Path) -> None:
    none = run(tmp_path / "absent.laz")
    assert (none.returncode, none.stdout) == (1, "")
    assert "absent.laz" in none.stderr
    odd = run(cloud, "--breast-height", "4")
    assert odd.returncode == 1
    assert "breast_height_m" in odd.stderr
    assert "Traceback" not in odd.stderr
