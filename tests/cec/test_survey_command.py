"""``cec survey`` turns clouds into signed records, layers and a report; the same trees however it is cut."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pyogrio
import pytest
import rasterio

from domain.envelope import Record, open_envelope
from domain.merkle import build_sorted_tree
from domain.records.result import MAX_CLOUDS, Result, Survey, Tree
from ipfs.car import CarReader
from ipfs.unixfs import plan_file
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.files.las import write_cloud

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 120


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with one stand cut into a western and an eastern file."""
    folder = tmp_path_factory.mktemp("clouds") / "ridge"
    folder.mkdir()
    stand = grow_stand(1_001, parameters=StandParameters(side_m=50.0))
    cloud = scan_airborne(stand, seed=1_001)
    middle = float(np.mean([stand.bounds[0], stand.bounds[2]]))
    for name, chosen in (("west", cloud.x_m < middle), ("east", cloud.x_m >= middle)):
        part = type(cloud)(*(getattr(cloud, field)[chosen] for field in cloud.__slots__))
        write_cloud(folder / f"{name}.laz", part, epsg=stand.epsg)
    return folder


@pytest.fixture(scope="module")
def told(clouds: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("out")
    options = ("--labelled", "--copc", "--geopackage", "--rasters", "--forest", "gymnosperm", "--json")
    done = run(clouds, "--out", out, "--report", out / "page.html", *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cec", "survey", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def read_records(archive: str) -> list[Record]:
    with Path(archive).open("rb") as stream:
        return [open_envelope(raw) for _, raw in CarReader(stream)]


def test_records_tell_clouds_trees_and_a_root_over_them(clouds: Path, told: dict[str, Any]) -> None:
    records = read_records(told["records"])
    survey, result = records[0].expect(Survey), records[-1].expect(Result)
    assert set(survey.clouds or ()) == {plan_file(path).root for path in clouds.iterdir()}
    trees = [record for record in records if isinstance(record.body, Tree)]
    assert result.count == len(trees) == told["trees"] > 50
    assert result.trees_root == build_sorted_tree(sorted(bytes(tree.cid) for tree in trees)).root
    assert len({tree.expect(Tree).code for tree in trees}) == len(trees)
    assert survey.steps[-1].algorithm == "jucker2017"


def test_layers_rasters_and_labels_agree_with_the_records(told: dict[str, Any]) -> None:
    written = {Path(path).name: Path(path) for path in told["written"]}
    meta, _, _, columns = pyogrio.raw.read(written["trees.gpkg"], layer="trees")
    numbers = dict(zip(meta["fields"], columns, strict=True))["number"]
    assert sorted(numbers) == list(range(1, told["trees"] + 1))
    with rasterio.open(written["canopy.tif"]) as raster:
        assert (raster.crs.to_epsg(), raster.width >= 50) == (32633, True)
    points, owned = 0, set[int]()
    for name in ("west.laz", "east.laz"):
        las = laspy.read(written[name])
        points += len(las)
        owned |= set(np.unique(las["treeID"]).tolist())
    assert points == told["points"]
    assert points == sum(len(laspy.read(written[f"{name}.copc.laz"])) for name in ("west", "east"))
    assert owned <= {0, *range(1, told["trees"] + 1)}
    assert len(owned) > 0.9 * told["trees"]
    assert "Section" in Path(told["report"]).read_text("utf-8")


def test_more_clouds_than_a_record_names_are_refused_before_any_work(tmp_path: Path) -> None:
    for number in range(MAX_CLOUDS + 1):
        (tmp_path / f"{number}.laz").touch()
    done = run(tmp_path, "--out", tmp_path / "out")
    assert done.returncode != 0
    assert "1,001 clouds" in done.stderr
    assert not (tmp_path / "out").exists()


def test_tiles_and_workers_change_no_code(clouds: Path, told: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "again"
    before_keys, keys = (path.with_name(f"{path.name}.keys") for path in (Path(told["records"]).parent, out))
    keys.mkdir()
    # The codes' secret is the folder's.
    shutil.copy(before_keys / "codes.key", keys / "codes.key")
    assert not list(Path(told["records"]).parent.rglob("*.key"))
    done = run(clouds, "--out", out, "--forest", "gymnosperm", "--tile", "25", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    before, after = (read_records(one["records"]) for one in (told, json.loads(done.stdout)))

    def heights(records: list[Record]) -> dict[str, int]:
        return {
            body.code: body.height_mm.value
            for body in (r.body for r in records)
            if isinstance(body, Tree) and body.height_mm
        }

    assert heights(after) == heights(before)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (("--forest", "oak"), "gymnosperm, angiosperm"),
        (("--tile", "30"), "multiple of 25"),
        (("--species", "Quercus imaginaria"), "Quercus"),
        (("--region", "atlantis"), "atlantis"),
        (("--min-height", "0.5"), "min_height_m"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(clouds: Path, tmp_path: Path, wrong: tuple[str, str], word: str) -> None:
    done = run(clouds, "--out", tmp_path, *wrong)
    assert word in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if wrong[0] == "--species" else 1)


def test_a_file_that_was_cut_off_is_told_and_left_out_and_the_rest_is_surveyed(clouds: Path, tmp_path: Path) -> None:
    shutil.copy(clouds / "west.laz", tmp_path / "west.laz")
    raw = (clouds / "east.laz").read_bytes()
    (tmp_path / "east.laz").write_bytes(raw[: len(raw) // 2])
    done = run(tmp_path / "west.laz", tmp_path / "east.laz", "--out", tmp_path / "out", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [failure for failure in told["failures"] if "east.laz" in failure]
    assert told["trees"] > 10
    assert "Traceback" not in done.stderr


def test_files_of_one_name_in_two_folders_are_two_clouds(clouds: Path, tmp_path: Path) -> None:
    for side in ("west", "east"):
        (tmp_path / side).mkdir()
        shutil.copy(clouds / f"{side}.laz", tmp_path / side / "x.laz")
    done = run(tmp_path / "west" / "x.laz", tmp_path / "east" / "x.laz", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    survey = read_records(told["records"])[0].expect(Survey)
    assert set(survey.clouds or ()) == {plan_file(clouds / f"{side}.laz").root for side in ("west", "east")}
    # Codes of each tree's own cloud: none is dropped as another's.
    assert told["trees"] == json.loads((tmp_path / "out" / "totals.json").read_text("utf-8"))["trees"]


def test_the_folder_one_stands_in_is_a_folder_of_clouds(clouds: Path, tmp_path: Path) -> None:
    here = tmp_path / "stand"
    here.mkdir()
    shutil.copy(clouds / "west.laz", here / "west.laz")
    command = [sys.executable, "-m", "cec", "survey", ".", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=here, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "stand-cec" / "stand.car").exists()


def test_a_cloud_that_is_not_there_and_a_folder_without_any_are_told(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "absent.laz", "absent.laz"), (tmp_path, "cloud")):
        done = run(path, "--out", tmp_path / "out")
        assert done.returncode == 1
        assert word in done.stderr
        assert "Traceback" not in done.stderr
