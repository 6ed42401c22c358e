"""Points are laid down once each, with the file's own integers, and are found again by their place."""

from pathlib import Path

import laspy
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.catalogue import spool
from survey.catalogue.errors import WorkDamaged
from survey.catalogue.inventory import describe_file
from survey.catalogue.plan import Tile
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
    assert (points["is_first"][order] == (np.array(cloud.return_number)[used] == 1)).all()
    assert index.chunk_first[-1] == len(cloud)


def find_inside(cloud: laspy.LasData, edges: tuple[float, float, float, float]) -> NDArray[np.int64]:
    x, y = np.array(cloud.x), np.array(cloud.y)
    west, south, east, north = edges
    return np.flatnonzero((x >= west) & (x < east) & (y >= south) & (y < north))


def test_the_runs_of_a_tile_hold_its_points_in_the_order_of_the_file(laid: tuple[Path, Path]) -> None:
    cloud = laspy.read(laid[0])
    tile = Tile(int(cloud.x.min() // 25), int(cloud.y.min() // 25), 25.0)
    core = tile.core
    own = [run for run in iterate_runs((laid[1],), tile, 0.0) if (run.column, run.row) == (tile.column, tile.row)]
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
