"""Real scans without truth: what is found is plausible. Nothing is tuned on them."""

from pathlib import Path

import numpy as np
import pytest

from survey.cloud import Points
from survey.files.las import read_las
from survey.terrestrial.errors import NotTerrestrial
from survey.terrestrial.plot import survey_stems

SCANS = Path(__file__).parents[4] / "shared" / "data" / "terrestrial"
pytestmark = pytest.mark.skipif(not SCANS.exists(), reason="the shared scans are not on this machine")


def read(name: str) -> Points:
    raw = read_las(SCANS / name).cloud
    xyz = raw.units * np.array(raw.scale) + np.array(raw.offset)
    count = len(raw)
    x, y, z = (np.ascontiguousarray(xyz[:, axis]) for axis in range(3))
    return Points(x, y, z, raw.return_number == 1, raw.classification, np.arange(count))


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [
        ("spanner/MLS_Clip.laz", 15, 45),
        ("spanner/TLS_Clip.laz", 5, 45),
        ("treels/pine_plot.laz", 10, 25),
        ("treels/pine.laz", 1, 1),
        ("treels/spruce.laz", 1, 1),
    ],
)
def test_stems_are_as_many_and_as_thick_as_trees_are(name: str, fewest: int, most: int) -> None:
    plot = survey_stems(read(name))
    assert fewest <= len(plot.trees) <= most
    for tree in plot.trees:
        assert 5.0 <= tree.stems[0].diameter_cm <= 80.0
        assert 1.3 < tree.height_m < 45.0
        for stem in tree.stems:
            widths = [point.diameter_cm for point in stem.taper]
            assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("name", ["treels/pine.laz", "treels/spruce.laz"])
def test_the_top_of_a_tree_that_stands_alone_is_seen(name: str) -> None:
    points = read(name)
    tree = survey_stems(points).trees[0]
    assert tree.is_height_seen
    assert tree.height_m == pytest.approx(points.z_m.max() - points.z_m.min(), abs=0.5)


def test_a_cloud_from_an_aircraft_is_refused() -> None:
    with pytest.raises(NotTerrestrial):
        survey_stems(read("spanner/ALS_Clip.laz"))
