"""``cec stems`` signs records, writes layers that other tools read, and says what is wrong with a file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyogrio
import pytest

from cec.commands.stems import StemOptions, run_stems
from domain.envelope import Record, open_envelope
from domain.merkle import build_sorted_tree
from domain.records.result import Result, Survey, Tree
from ipfs.car import CarReader
from ipfs.unixfs import plan_file
from sample_data.scanning.cloud import PointCloud
from survey.allometry.errors import InvalidRegion
from survey.errors import InvalidCloudFile, InvalidParameter
from survey.files.las import write_cloud
from survey.records.stems_cloud import StemScience
from survey.terrestrial.parameters import StemParameters
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
    page = report.read_text("utf-8")
    assert "Stem map" in page
    assert "how well the cloud itself is placed is not known" in page


def read_records(archive: str) -> list[Record]:
    with Path(archive).open("rb") as stream:
        return [open_envelope(raw) for _, raw in CarReader(stream)]


Stems: TypeAlias = Callable[[Path, StemScience], dict[str, Any]]


@pytest.fixture
def stems(cloud: Path, capsys: pytest.CaptureFixture[str]) -> Stems:
    """Give the command without its process: where to write, and what is known, to what it tells."""

    def run_here(out: Path, science: StemScience) -> dict[str, Any]:
        run_stems(StemOptions(cloud, science, out, None, as_json=True))
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return run_here


def test_records_are_signed_and_name_the_cloud_and_each_tree_the_survey(
    cloud: Path, tmp_path: Path, stems: Stems
) -> None:
    told = stems(tmp_path / "plot", StemScience(species="Picea abies", region="europe"))
    assert Path(told["records"]) == tmp_path / "plot" / "plot.car"
    survey, *trees, closing = read_records(told["records"])
    assert told["survey"] == str(survey.cid)
    assert survey.expect(Survey).clouds == (plan_file(cloud).root,)
    assert len({record.key for record in (survey, *trees, closing)}) == 1
    bodies = [record.expect(Tree) for record in trees]
    assert {body.survey for body in bodies} == {survey.cid}
    assert {body.position.of for body in bodies} == {"stem"}
    result = closing.expect(Result)
    assert (result.count, result.detection) == (len(CONES), None)
    assert result.trees_root == build_sorted_tree(sorted(bytes(record.cid) for record in trees)).root
    # Of spruce in Europe biomass goes by the diameter alone.
    assert all(body.biomass_g and body.carbon_g for body in bodies)
    assert told["carbon_t"] == pytest.approx(sum(body.carbon_g.value for body in bodies if body.carbon_g) / 1e6)
    assert not [path for path in (tmp_path / "plot").iterdir() if path.suffix == ".key"]


def test_codes_stay_with_a_folder_and_are_others_with_another_key(tmp_path: Path, stems: Stems) -> None:
    def codes(out: str) -> set[str]:
        told = stems(tmp_path / out, StemScience())
        return {body.code for body in (one.body for one in read_records(told["records"])) if isinstance(body, Tree)}

    first = codes("one")
    assert len(first) == len(CONES)
    assert codes("one") == first
    assert not codes("two") & first


def test_a_frame_of_its_own_is_taken_and_told(tmp_path: Path, stems: Stems) -> None:
    told = stems(tmp_path / "own", StemScience(crs="local:m"))
    assert told["crs"] == "local:m"
    assert any("the frame is this cloud's own" in warning for warning in told["warnings"])
    bodies = [one.body for one in read_records(told["records"])]
    trees = [body for body in bodies if isinstance(body, Tree)]
    assert len(trees) == len(CONES)
    assert all(tree.position.lon_nd is None for tree in trees)


def test_what_is_told_to_people_says_what_the_records_say(
    cloud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_stems(StemOptions(cloud, StemScience(), tmp_path / "out", None, as_json=False))
    said = capsys.readouterr().out
    assert "3 trees with 3 stems" in said
    assert "cm at 1.30 m" in said
    assert "records: " in said


def test_a_file_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    none = run(tmp_path / "absent.laz")
    assert (none.returncode, none.stdout) == (1, "")
    assert "absent.laz" in none.stderr
    assert "Traceback" not in none.stderr


def test_a_setting_out_of_range_and_a_file_of_another_kind_are_refused_before_anything_is_written(
    tmp_path: Path, stems: Stems
) -> None:
    with pytest.raises(InvalidParameter, match="breast_height_m"):
        stems(tmp_path / "out", StemScience(stems=StemParameters(breast_height_m=4.0)))
    with pytest.raises(InvalidRegion, match="atlantis"):
        stems(tmp_path / "out", StemScience(region="atlantis"))
    text = tmp_path / "cloud.laz"
    text.write_text("no cloud")
    with pytest.raises(InvalidCloudFile):
        run_stems(StemOptions(text, StemScience(), tmp_path / "out", None, as_json=True))
    assert not (tmp_path / "out").exists()
