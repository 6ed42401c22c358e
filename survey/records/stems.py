"""Stems as record bodies: trees with a foot, measured diameters, and heights that are known or are a lower bound."""

import math
from typing import Final

import numpy as np

from domain.cid import Cid
from domain.codes import mint_cloud_code
from domain.records import result as bodies
from survey.estimate import Estimate
from survey.records.bodies import MILLION, NANO, RecordContext, encode_ring, scale_estimate, scale_known
from survey.records.stems_cloud import StemSurvey
from survey.records.stems_stocks import TOP_MODEL, TreeStocks, estimate_diameter, estimate_height
from survey.terrestrial.result import Stem, StemTree

MOST_STEMS: Final = 50
"""As many as a record takes; the thickest ones."""
_SURE_LAYERS: Final = 12
_SURE, _UNSURE = 0.99, 0.75
"""Probabilities of a stem that is seen in that many layers of 20 and more, or in fewer; set on simulated plots of seeds
1000 to 1007, and no benchmark scores them."""
_CROWN_MODEL: Final = "equal-area-from-below"
_CROWN_OWN, _CROWN_SHARED = 0.25, 0.1
"""Errors of crown diameters as shares: what differs between trees, and what a plot's trees are off together; set on
simulated plots of seeds 1000 to 1007, and no benchmark scores them."""
_LEAN_MODEL: Final = "line through sections"
_LEAST_SECTIONS: Final = 3
_LEAST_SPAN_M: Final = 2.0
"""Of the stem that must be seen before its lean is told."""
_AXIS_ERROR_M: Final = 0.01
"""Of a section's centre, at the least: stems are no straight lines."""


def build_stem_trees(survey: StemSurvey, context: RecordContext, unsigned: Cid) -> tuple[bodies.Tree, ...]:
    """Return the bodies of a survey's trees, in its order; trees whose evidence is the same point are one.

    Parameters
    ----------
    survey
        Of one file.
    context
        For whom, and the secret of codes.
    unsigned
        Stands for the link to the survey.
    """
    trees: dict[str, bodies.Tree] = {}
    for number, (tree, point) in enumerate(zip(survey.plot.trees, survey.evidence, strict=True)):
        code = mint_cloud_code(context.secret, context.cloud, point)
        stocks = survey.stocks[number]
        position = _build_position(survey, tree, number)
        trees.setdefault(code, _build_tree(tree, stocks, position, context, (code, unsigned)))
    return tuple(trees.values())


def _build_tree(
    tree: StemTree, stocks: TreeStocks, position: bodies.Position, context: RecordContext, names: tuple[str, Cid]
) -> bodies.Tree:
    code, survey = names
    return bodies.Tree(
        org=context.org,
        campaign=context.campaign,
        code=code,
        survey=survey,
        position=position,
        status="alive",
        confidence_ppm=round(tell_confidence(tree) * MILLION),
        height_mm=_build_height(tree),
        is_top_hidden=None if tree.is_height_seen else True,
        lean_mdeg=scale_known(measure_lean(tree.stems[0]), 1_000),
        crown=_build_crown(tree),
        stems=tuple(
            bodies.Stem(scale_estimate(estimate_diameter(stem), 10), round(stem.at_height_m * 1_000))
            for stem in tree.stems[:MOST_STEMS]
        ),
        volume_dm3=scale_known(stocks.volume_m3, 1_000),
        biomass_g=scale_known(stocks.biomass_kg, 1_000),
        carbon_g=scale_known(stocks.carbon_kg, 1_000),
    )


def _build_height(tree: StemTree) -> bodies.Estimate | None:
    """Return a tree's height; one that is a lower bound has no error."""
    height = estimate_height(tree) or Estimate(tree.height_m, 0.0, 0.0, TOP_MODEL)
    return scale_estimate(height, 1_000)


def _build_position(survey: StemSurvey, tree: StemTree, number: int) -> bodies.Position:
    world = survey.world
    accuracy = None if world is None else world.accuracy_m
    return bodies.Position(
        of="stem",
        crs=survey.crs.text,
        # Where a scanner drifts, places are off by as much as its passes are.
        error_mm=math.ceil(1_000.0 * math.hypot(tree.position_error_m, survey.plot.shift_m)),
        x_mm=round(tree.x_m * 1_000),
        y_mm=round(tree.y_m * 1_000),
        elevation_mm=round(tree.ground_m * 1_000),
        vertical=survey.crs.vertical,
        lon_nd=None if world is None else round(float(world.longitude_deg[number]) * NANO),
        lat_nd=None if world is None else round(float(world.latitude_deg[number]) * NANO),
        operation=None if world is None else world.operation,
        operation_error_mm=None if accuracy is None else round(accuracy * 1_000),
    )


def _build_crown(tree: StemTree) -> bodies.Crown | None:
    if tree.crown_diameter_m is None or tree.crown_outline is None:
        return None
    wide = tree.crown_diameter_m
    estimate = Estimate(wide, _CROWN_OWN * wide, _CROWN_SHARED * wide, _CROWN_MODEL)
    return bodies.Crown(scale_estimate(estimate, 1_000), encode_ring(tree.crown_outline))


def tell_confidence(tree: StemTree) -> float:
    """Return the probability that a tree is one.

    Counted on simulated plots of seeds 1000 to 1007, as in the rule of succession: of stems seen in most layers hardly
    one was none.
    """
    return _SURE if tree.stems[0].layers >= _SURE_LAYERS else _UNSURE


def measure_lean(stem: Stem) -> Estimate | None:
    """Return the angle of a stem from the vertical in degrees, by a line through its sections.

    Nothing where less than two metres of it are seen, or fewer than three sections.
    """
    height = np.array([point.height_m for point in stem.taper])
    if height.size < _LEAST_SECTIONS or float(np.ptp(height)) < _LEAST_SPAN_M:
        return None
    places = np.array([(point.x_m, point.y_m) for point in stem.taper])
    lever = height - height.mean()
    slope = lever @ (places - places.mean(axis=0)) / float(lever @ lever)
    rest = places - places.mean(axis=0) - lever[:, None] * slope
    scatter = max(math.sqrt(float((rest**2).sum()) / (2.0 * (height.size - 2.0))), _AXIS_ERROR_M)
    tangent = float(np.hypot(*slope))
    # Sections of a curved stem lie off its line together, so that more of them do not make it surer.
    error = scatter / float(np.ptp(height)) * math.sqrt(12.0) / (1.0 + tangent**2)
    return Estimate(math.degrees(math.atan(tangent)), math.degrees(error), 0.0, _LEAN_MODEL)
