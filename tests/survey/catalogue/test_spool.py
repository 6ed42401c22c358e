"""Points are laid down once each, with the file's own integers, and are found again by their place."""

from dataclasses import replace
from pathlib import Path

import laspy
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.catalogue import spool
from survey.catalogue.errors import WorkDamaged
from survey.catalogue.inventory import describe_file
from survey.catalogue.labels import LabelJob, label_file
from survey.catalogue.plan import Tile
from survey.catalogue.store import write_arrays
from survey.catalogue.window import iterate_runs
from survey.errors import DecodeFailed
from tests.survey.catalogue.scenes import write_quarters


@pytest.fixture
def laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a cloud with points to leave out, and the index of it; several chunks."""
    path = write_quarters(tmp_path / "in")[0]
    cloud = laspy.read(path)
    cloud.withheld[::10] = 1
    cloud.classification[5::10] = 6
    cloud.write(path)
    monkeypatch.setattr(spool, "CHUNK_POINTS", 4_000)
    index = tmp_path / "index.npz"
    spool.spool_file(spool.SpoolJob(path, describe_file(path).key, index, (1.0, 1.0, 1.0)))
    return path, index


def test_each_point_that_is_used_is_there_once_with_its_integers(laid: tuple[Path, Path]) -> None:
    cloud, index = laspy.read(laid[0]), spool.read_index(laid[1])
    assert index.chunk_start.size > 3
    points = spool.read_run(laid[1], 0, int(index.count.sum()))
    used = np.flatnonzero((np.array(cloud.withheld) == 0) & (np.array(cloud.classification) != 6))
    order = np.argsort(points["index"])
    assert (points["index"][order] == used).all()
    for name in ("x", "y", "z"):
        assert (points[name][order] == np.array(cloud[name.upper()])[used]).all()
    for name in ("return_number", "number_of_returns", "intensity"):
        assert (points[name][order] == np.array(getattr(cloud, name))[used]).all()
    assert index.chunk_first[-1] == len(cloud)


def find_inside(cloud: laspy.LasData, edges: tuple[float, float, float, float]) -> NDArray[np.int64]:
    x, y = np.array(cloud.x), np.array(cloud.y)
    west, south, east, north = edges
    return np.flatnonzero((x >= west) & (x < east) & (y >= south) & (y < north))


def test_the_runs_of_a_tile_hold_its_points_in_the_order_of_the_file(laid: tuple[Path, Path]) -> None:
    cloud = laspy.read(laid[0])
    tile = Tile(int(cloud.x.min() // 25), int(cloud.y.min() // 25), 25.0)
    core = tile.core
    spools = [(laid[1], spool.read_index(laid[1]))]
    own = [run for run in iterate_runs(spools, tile, 0.0) if (run.column, run.row) == (tile.column, tile.row)]
    found = np.concatenate([run.points["index"] for run in own]).astype(np.int64)
    inside = find_inside(cloud, (core.west_m, core.south_m, core.east_m, core.north_m))
    used = (np.array(cloud.withheld)[inside] == 0) & (np.array(cloud.classification)[inside] != 6)
    assert found.tolist() == inside[used].tolist()
    assert np.concatenate([run.x_m for run in own]).tolist() == np.array(cloud.x)[found].tolist()


def test_covered_ground_is_counted_by_cells_of_five_metres(laid: tuple[Path, Path]) -> None:
    cloud, index = laspy.read(laid[0]), spool.read_index(laid[1])
    used = (np.array(cloud.withheld) == 0) & (np.array(cloud.classification) != 6)
    cells = {(x // 5, y // 5) for x, y in zip(np.array(cloud.x)[used], np.array(cloud.y)[used], strict=True)}
    bits: dict[tuple[int, int], int] = {}
    for column, row, covered in zip(index.column, index.row, index.covered, strict=True):
        bits[column, row] = bits.get((column, row), 0) | int(covered)
    assert spool.count_covered(np.array(list(bits.values()))) == len(cells)


def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    path = write_quarters(tmp_path)[0]
    key = describe_file(path).key
    path.touch()
    with pytest.raises(DecodeFailed, match="changed"):
        spool.spool_file(spool.SpoolJob(path, key, tmp_path / "index.npz", (1.0, 1.0, 1.0)))


def test_points_that_were_lost_are_told(laid: tuple[Path, Path]) -> None:
    points = spool.points_path(laid[1])
    points.write_bytes(points.read_bytes()[:-100])
    with pytest.raises(WorkDamaged):
        spool.read_run(laid[1], 0, int(spool.read_index(laid[1]).count.sum()))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a cloud, and an index beside which its records are kept; several chunks."""
    path, index = write_quarters(tmp_path / "in")[0], tmp_path / "index.npz"
    monkeypatch.setattr(spool, "CHUNK_POINTS", 4_000)
    spool.spool_file(spool.SpoolJob(path, describe_file(path).key, index, (1.0, 1.0, 1.0), keeps_records=True))
    return path, index


def test_records_are_kept_as_the_file_has_them(kept: tuple[Path, Path]) -> None:
    wanted = laspy.read(kept[0]).points.array
    parts = list(spool.iterate_records(kept[1], wanted.itemsize))
    assert len(parts) > 3
    assert b"".join(part.tobytes() for part in parts) == wanted.tobytes()


def test_labels_are_the_same_with_records_and_by_decoding_again(kept: tuple[Path, Path], tmp_path: Path) -> None:
    path, index = kept
    job = LabelJob(path, index.stem, index, (), (), _number_nothing(tmp_path), tmp_path / "one.laz")
    label_file(job)
    spool.records_path(index).unlink()
    label_file(replace(job, outcome=tmp_path / "two.laz"))
    assert (tmp_path / "one.laz").read_bytes() == (tmp_path / "two.laz").read_bytes()


def _number_nothing(folder: Path) -> Path:
    nothing = np.empty(0, dtype=np.int64)
    write_arrays(folder / "numbers.npz", dict.fromkeys(("tile", "row", "ids", "numbers", "crowns"), nothing))
    return folder / "numbers.npz"


def test_files_that_are_gone_are_told_as_damage(kept: tuple[Path, Path]) -> None:
    for path in (spool.points_path(kept[1]), spool.records_path(kept[1])):
        path.unlink()
    with pytest.raises(WorkDamaged, match="0 do"):
        spool.read_run(kept[1], 0, 10)
    with pytest.raises(WorkDamaged, match="0 do"):
        list(spool.iterate_records(kept[1], 30))


def test_records_that_were_lost_are_told(kept: tuple[Path, Path]) -> None:
    records = spool.records_path(kept[1])
    records.write_bytes(records.read_bytes()[:-1])
    with pytest.raises(WorkDamaged):
        list(spool.iterate_records(kept[1], laspy.read(kept[0]).points.array.itemsize))
