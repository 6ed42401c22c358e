"""Every form of crown is a plan that ends at the apex and at the base."""

from typing import get_args

import numpy as np
import pytest

from sample_data.forest.bodies import equal_area_radius
from sample_data.forest.crown_plan import draw_plan
from sample_data.forest.species import SPECIES, CrownForm

FORMS: tuple[CrownForm, ...] = get_args(CrownForm)


@pytest.mark.parametrize("form", FORMS)
def test_plan_reaches_from_apex_to_base_and_no_farther(form: CrownForm) -> None:
    for seed in range(50):
        plan = draw_plan(form, np.random.default_rng(seed))
        assert plan.drops.min() == 0.0
        assert (plan.drops + plan.spans).max() == pytest.approx(1.0)
        assert plan.radii.min() > 0.0
        assert plan.offsets.shape == (plan.radii.size, 2)


def test_every_form_grows_on_some_species() -> None:
    assert {species.form for species in SPECIES} == set(FORMS)


def test_umbrella_is_flatter_on_top_than_a_cone() -> None:
    # Share of the crown's area whose body begins within the upper tenth of the crown.
    def roof(form: CrownForm) -> float:
        plan = draw_plan(form, np.random.default_rng(3))
        high = plan.drops <= 0.1
        return equal_area_radius(plan.offsets[high], plan.radii[high]) / equal_area_radius(plan.offsets, plan.radii)

    heights = {species.form: species.light_exponent for species in SPECIES}
    assert heights["umbrella"] == min(heights.values())
    assert roof("umbrella") > 0.6


def test_irregular_crowns_weigh_to_one_side_more_than_lobed_ones() -> None:
    def lopsided(form: CrownForm) -> float:
        plans = [draw_plan(form, np.random.default_rng(seed)) for seed in range(100)]
        return float(np.mean([np.hypot(*plan.offsets.mean(axis=0)) for plan in plans]))

    assert lopsided("irregular") > 2.0 * lopsided("lobed")
