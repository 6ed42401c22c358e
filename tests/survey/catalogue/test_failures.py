"""What fails is told by file and tile; all else is surveyed, and a second run does only what is missing."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from survey.catalogue.errors import FileFailed, JobFailed, TileFailed
from survey.catalogue.exports import Outputs
from survey.catalogue.run import Progress
from survey.catalogue.spool import SPOOLED
from survey.parameters import PlotParameters
from tests.survey.catalogue.scenes import run, write_quarters


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_quarters(tmp_path_factory.mktemp("quarters"))


def test_a_damaged_file_is_told_and_the_trees_of_the_others_are_found(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")
    raw = bytearray(paths[0].read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 2_000] = bytes(2_000)
    paths[0].write_bytes(raw)
    result = run(paths, tmp_path / "out", 50.0)
    (failure,) = result.failures
    assert isinstance(failure, FileFailed)
    assert failure.names == (paths[0].name,)
    assert {file.path.name for file in result.files} == {path.name for path in paths[1:]}
    assert result.tree_count > 20
    assert not (tmp_path / "out" / "labelled" / paths[0].name).exists()


def test_a_tile_that_fails_is_told_with_its_files_and_done_by_a_second_run(
    quarters: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def lose_points(progress: Progress) -> None:
        if progress.stage == "ground" and progress.done == progress.total:
            for path in (out / ".work" / "spool").glob("*.points"):
                kept[path] = path.read_bytes()
                path.write_bytes(kept[path][: len(kept[path]) // 3 // SPOOLED.itemsize * SPOOLED.itemsize])

    kept: dict[Path, bytes] = {}
    result = run(quarters, out, 50.0, on_progress=lose_points)
    assert {type(failure) for failure in result.failures} == {TileFailed}
    assert result.outputs == ()
    tiles = {failure.tile for failure in result.failures if isinstance(failure, TileFailed)}
    assert tiles
    assert not tiles & {tile.name for tile in result.tiles}
    assert all(failure.names for failure in result.failures)
    for path, raw in kept.items():
        path.write_bytes(raw)
    again = run(quarters, out, 50.0)
    assert not again.failures
    assert run(quarters, tmp_path / "straight", 50.0).tree_count == again.tree_count
    assert pq.read_table(out / "trees.parquet").equals(pq.read_table(tmp_path / "straight" / "trees.parquet"))


def test_a_copy_that_cannot_be_made_is_told_and_the_layers_are_delivered(quarters: list[Path], tmp_path: Path) -> None:
    def lose_points(progress: Progress) -> None:
        if progress.stage == "numbers":
            for path in (tmp_path / ".work" / "spool").glob("*.points"):
                path.write_bytes(path.read_bytes()[: -SPOOLED.itemsize])

    result = run(quarters, tmp_path, 50.0, on_progress=lose_points)
    assert {type(failure) for failure in result.failures} == {FileFailed}
    assert {name for failure in result.failures for name in failure.names} == {path.name for path in quarters}
    assert len(pq.read_table(tmp_path / "trees.parquet")) == result.tree_count > 50
    assert not (tmp_path / "labelled").exists()


def test_layers_of_an_earlier_run_never_pass_for_those_of_one_that_failed(quarters: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(quarters, out, 50.0)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    def lose_numbers(progress: Progress) -> None:
        if progress.stage == "numbers":
            for path in (out / ".work" / "numbers").glob("*.npz"):
                path.write_bytes(b"nothing of the kind")

    failed = run(quarters, out, 50.0, parameters=PlotParameters(min_height_m=12.0), on_progress=lose_numbers)
    assert failed.outputs == ()
    assert isinstance(failed.failures[-1], JobFailed)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_outputs_of_an_earlier_run_that_this_one_does_not_write_are_taken_away(
    quarters: list[Path], tmp_path: Path
) -> None:
    mine = tmp_path / "labelled" / "mine.laz"
    mine.parent.mkdir()
    mine.write_bytes(b"another's")
    run(quarters, tmp_path, 50.0)
    assert (tmp_path / "trees.gpkg").exists()
    run(quarters, tmp_path, 50.0, parameters=PlotParameters(min_height_m=12.0), outputs=Outputs(False, False, False))  # noqa: FBT003
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"trees.parquet", "crowns.parquet", "fallen.parquet", "totals.json", "catalogue.json", "mine.laz"}
