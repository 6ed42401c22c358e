"""Simulated scans: what tripods see of a forest whose every stem is known, on a seed nothing was tuned on."""

import numpy as np
import pytest

from sample_data.forest.stand import Stand, grow_stand
from sample_data.scanning.cloud import Scan
from sample_data.scanning.mobile import MobileParameters, scan_mobile
from sample_data.scanning.scene import PlotParameters
from sample_data.scanning.terrestrial import TerrestrialParameters, scan_terrestrial
from sample_data.scoring.stems import StemRule, StemScore, score_stems
from survey.cloud import Points
from survey.terrestrial.parameters import StemParameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.plot import survey_stems

SEED = 2_040
SMALL = PlotParameters(radius_m=9.0)


def score(scan: Scan, stand: Stand) -> StemScore:
    cloud = scan.cloud
    points = Points(
        cloud.x_m, cloud.y_m, cloud.z_m, cloud.return_number == 1, cloud.classification, np.arange(len(cloud))
    )
    passes = Passes(cloud.point_source_id.astype(np.int64), cloud.gps_time)
    trees = survey_stems(points, StemParameters(ground_side="axis"), passes=passes).trees
    found = np.array([(tree.stems[0].x_m, tree.stems[0].y_m, tree.stems[0].diameter_cm) for tree in trees])
    return score_stems(found, stand, rule=StemRule(plot=(*scan.centre, scan.radius_m)))


@pytest.mark.slow
def test_four_scans_measure_stems_to_a_centimetre() -> None:
    stand = grow_stand(SEED)
    parameters = TerrestrialParameters(plot=SMALL, step_deg=0.25)
    found = score(scan_terrestrial(stand, seed=SEED, parameters=parameters), stand)
    assert found.recall >= 0.9
    assert found.precision >= 0.9
    assert found.rmse_cm <= 1.0


@pytest.mark.slow
def test_a_carried_scanner_measures_stems_to_two_centimetres() -> None:
    stand = grow_stand(SEED)
    found = score(scan_mobile(stand, seed=SEED, parameters=MobileParameters(plot=SMALL)), stand)
    assert found.recall >= 0.9
    assert found.rmse_cm <= 2.0
