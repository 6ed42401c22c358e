"""Trees read again are those that a survey of one cloud tells of the same points, modelled figures included."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest

from domain.cid import RAW, Cid
from domain.codes import mint_cloud_code
from sample_data.forest.stand import StandParameters, grow_stand
from sample_data.scanning.scanner import scan_airborne
from survey.airborne.forms import Signal
from survey.airborne.heights import ApexReturn
from survey.airborne.result import TreeEstimate
from survey.airborne.settings import CloudFacts, choose_settings
from survey.airborne.tile import Box, find_tile_trees
from survey.airborne.trees import PlotFacts, measure_trees
from survey.allometry import choose_models
from survey.catalogue.estimates import read_trees
from survey.cloud import Points
from survey.estimate import Estimate
from survey.files.las import write_cloud
from survey.parameters import PlotParameters
from tests.survey.catalogue.scenes import EPSG, SEED, run


def measure_at_once(path: Path, area_m2: float, facts: CloudFacts) -> tuple[TreeEstimate, ...]:
    """Return the trees of a cloud by the ways of a single plot."""
    cloud = laspy.read(path)
    x, y, z = (np.ascontiguousarray(np.array(cloud[axis]), dtype=np.float64) for axis in "xyz")
    first = np.array(cloud.return_number) == 1
    points = Points(x, y, z, first, np.ones(x.size, dtype=np.uint8), np.arange(x.size))
    core = Box(x.min() - 1.0, y.min() - 1.0, x.max() + 1.0, y.max() + 1.0)
    signal = Signal(*(np.array(getattr(cloud, name)) for name in ("intensity", "number_of_returns")))
    found = find_tile_trees(points, choose_settings(PlotParameters(), facts), core, signal=signal)
    units = np.column_stack([cloud.X, cloud.Y, cloud.Z]).astype(np.int32)[found.apex]
    plot = PlotFacts(choose_models(None, "unknown", None), is_normalized=False, area_m2=area_m2)
    return measure_trees(found, units, plot, None, heights=ApexReturn())


def round_estimates(tree: TreeEstimate) -> TreeEstimate:
    """Return a tree whose modelled figures are rounded: two ways add their terms in different orders."""
    names = ("crown_diameter_m", "dbh_cm", "volume_m3", "biomass_kg", "carbon_kg")
    changed: Any = {name: getattr(tree, name) and _round(getattr(tree, name)) for name in names}
    return replace(tree, longitude_deg=None, latitude_deg=None, **changed)


def _round(one: Estimate) -> Estimate:
    value, own, shared = (float(f"{figure:.6g}") for figure in (one.value, one.own_error, one.shared_error))
    return Estimate(value, own, shared, one.model)


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("one")
    stand = grow_stand(SEED, parameters=StandParameters(side_m=60.0))
    write_cloud(folder / "stand.laz", scan_airborne(stand, seed=SEED), epsg=EPSG)
    return folder / "stand.laz", folder / "out"


def test_read_trees_are_those_of_a_plot_survey(surveyed: tuple[Path, Path]) -> None:
    path, out = surveyed
    result = run([path], out, 25.0)
    facts = CloudFacts(result.is_normalized, result.density, result.first_density)
    theirs = {one.apex_xyz_units: round_estimates(one) for one in measure_at_once(path, result.area_m2, facts)}
    ours = list(read_trees(out))
    assert [one.number for one in ours] == list(range(1, result.tree_count + 1))
    assert {one.tree.apex_xyz_units: round_estimates(one.tree) for one in ours} == theirs
    assert {one.file for one in ours} == {"stand.laz"}
    dead = sum(one.tree.form is not None and one.tree.form.status == "standing-dead" for one in ours)
    assert dead == result.dead_count
    assert all(one.tree.longitude_deg is not None for one in ours)


def test_codes_do_not_depend_on_tiles(surveyed: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = surveyed
    cid = Cid.of(RAW, path.read_bytes())
    codes = []
    for tile_m in (50.0, 250.0):
        run([path], tmp_path / str(tile_m), tile_m)
        trees = read_trees(tmp_path / str(tile_m))
        codes.append([mint_cloud_code(bytes(32), cid, one.tree.apex_xyz_units) for one in trees])
    assert codes[0] == codes[1]
    assert len(set(codes[0])) == len(codes[0])
