"""Catalogues tell copies, overlaps and files that do not belong, before any point is decoded."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from survey.catalogue.errors import CatalogueInUse, FileChanged, FileFailed, MixedCrs, NoClouds, SeparateFrames
from survey.catalogue.exports import Outputs
from survey.catalogue.inventory import describe_file, list_clouds, open_catalogue
from survey.catalogue.run import Progress
from survey.files.las import write_cloud
from tests.survey.catalogue.scenes import EPSG, run, scan_stand, select, write_quarters
from tests.survey.files.files import write_e57


def test_folders_and_files_are_listed_once_by_name(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path)
    (tmp_path / "notes.txt").write_text("no cloud")
    assert list_clouds([paths[0], tmp_path, paths[0]]) == sorted(path.resolve() for path in paths)


def test_files_that_meet_do_not_overlap(tmp_path: Path) -> None:
    catalogue = open_catalogue([write_quarters(tmp_path)[0].parent], None)
    assert len(catalogue.files) == 4
    assert catalogue.crs.text == f"EPSG:{EPSG}"
    assert not [text for text in catalogue.warnings if "overlap" in text]


def test_files_over_one_another_are_told(tmp_path: Path) -> None:
    write_quarters(tmp_path)
    write_cloud(tmp_path / "strip.laz", scan_stand(60.0), epsg=EPSG)
    (told,) = [text for text in open_catalogue([tmp_path], None).warnings if "overlap" in text]
    assert all(f"{name}.laz and strip.laz" in told for name in ("ne", "nw", "se"))
    assert "strip.laz and sw.laz" in told


def test_a_copy_under_another_name_is_left_out(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path)
    shutil.copy(paths[0], tmp_path / "zz.laz")
    catalogue = open_catalogue([tmp_path], None)
    assert len(catalogue.files) == 4
    assert f"zz.laz is a copy of {paths[0].name} and was left out" in catalogue.warnings


def test_files_of_two_crs_are_refused_by_name(tmp_path: Path) -> None:
    write_quarters(tmp_path)
    cloud = scan_stand(60.0)
    write_cloud(tmp_path / "zz.laz", select(cloud, cloud.x_m > cloud.x_m.mean()), epsg=EPSG + 1)
    with pytest.raises(MixedCrs, match=r"zz\.laz") as caught:
        open_catalogue([tmp_path], None)
    assert caught.value.other[0].name == "zz.laz"
    assert len(open_catalogue([tmp_path], f"EPSG:{EPSG}").files) == 5


def test_a_file_that_cannot_be_read_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path)
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    catalogue = open_catalogue([tmp_path], None)
    assert len(catalogue.files) == 3
    (failure,) = catalogue.failures
    assert isinstance(failure, FileFailed)
    assert failure.names == (paths[1].name,)


@pytest.mark.parametrize("name", ["empty", "text.laz"])
def test_nothing_to_survey_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.laz").write_text("no cloud")
    with pytest.raises(NoClouds):
        open_catalogue([tmp_path / name], None)


def test_a_file_written_anew_has_another_key(tmp_path: Path) -> None:
    path = write_quarters(tmp_path)[0]
    before = describe_file(path)
    assert describe_file(path).key == before.key
    path.write_bytes(path.read_bytes())
    assert describe_file(path).key != before.key


def test_two_surveys_do_not_share_a_folder(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")

    def survey_too(_: object) -> None:
        with pytest.raises(CatalogueInUse):
            run(paths, tmp_path / "out")

    run(paths, tmp_path / "out", 50.0, on_progress=survey_too)


def test_files_that_stand_each_in_a_frame_of_their_own_are_not_laid_over_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("one.e57", "two.e57"):
        write_e57(tmp_path / name, [(rng.uniform(0.0, 5.0, (200, 3)), [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0])])
    with pytest.raises(SeparateFrames, match=r"one\.e57"):
        open_catalogue([tmp_path], None)
    assert len(open_catalogue([tmp_path], "local:m").files) == 2
    assert open_catalogue([tmp_path / "one.e57"], None).crs.source == "assumed"


def test_a_file_that_changes_while_it_is_surveyed_is_told_and_nothing_is_delivered(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")

    def touch(progress: Progress) -> None:
        if progress.stage == "trees" and progress.done == progress.total:
            os.utime(paths[2], (1.0, 1.0))

    with pytest.raises(FileChanged, match=paths[2].name):
        run(paths, tmp_path / "out", 50.0, on_progress=touch)
    assert not (tmp_path / "out" / "trees.parquet").exists()


@pytest.mark.parametrize("wanted", [(False, False, False), (True, True, True)])
def test_progress_ends_at_the_whole_whatever_is_asked_for(tmp_path: Path, wanted: tuple[bool, bool, bool]) -> None:
    told: list[Progress] = []
    run(write_quarters(tmp_path / "in")[:1], tmp_path / "out", 50.0, outputs=Outputs(*wanted), on_progress=told.append)
    shares = [one.share for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
