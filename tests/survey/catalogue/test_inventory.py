"""Catalogues tell copies, overlaps and files that do not belong, before any point is decoded."""

import shutil
from pathlib import Path

import pytest

from survey.catalogue.errors import CatalogueInUse, FileFailed, MixedCrs, NoClouds
from survey.catalogue.inventory import describe_file, list_clouds, open_catalogue
from survey.files.las import write_cloud
from tests.survey.catalogue.scenes import EPSG, run, scan_stand, select, write_quarters


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
