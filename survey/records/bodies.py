"""A survey's result as record bodies: floats in metres become integers in small units, each with its errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.cid import Cid
from domain.codes import mint_cloud_code
from domain.records import result as bodies
from survey.airborne.detection import DetectionClass
from survey.airborne.forms import TreeForm
from survey.airborne.result import PlotResult, TreeEstimate
from survey.algorithm import StepDone
from survey.coverage import Ring
from survey.estimate import Estimate
from survey.files.crs import CloudCrs

SOFTWARE: Final = "cec-survey 0.1.0"
BREAST_HEIGHT_MM: Final = 1_300
NANO: Final = 1_000_000_000
MILLION: Final = 1_000_000
_MAX_WARNINGS: Final = 100
_MAX_RINGS: Final = 100


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What a survey's records say beside its figures.

    Attributes
    ----------
    org, campaign
        For whom.
    cloud
        UnixFS root of the file.
    evidence
        The blob record that declared it, or the root itself where there is none.
    secret
        The campaign's secret for tree codes, 32 bytes.
    at_ms
        UTC.
    taken_ms
        When the cloud was taken, where that is told.
    """

    org: str
    campaign: str
    cloud: Cid
    evidence: Cid
    secret: bytes
    at_ms: int
    taken_ms: int | None = None


class SurveyFacts(Protocol):
    """What a survey says beside its trees, from the air or from within the forest."""

    @property
    def crs(self) -> CloudCrs:
        """In which positions stand."""

    @property
    def covered(self) -> tuple[Ring, ...]:
        """Ground that the cloud covers, rings of easting and northing, metres."""

    @property
    def area_m2(self) -> float:
        """Its area."""

    @property
    def detection(self) -> tuple[DetectionClass, ...]:
        """How likely trees were found, by height; empty where that is not known."""

    @property
    def steps(self) -> tuple[StepDone, ...]:
        """What was done, in order."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures must know."""


def build_survey(plot: SurveyFacts, context: RecordContext) -> bodies.Survey:
    """Return the body that tells how a survey was made."""
    return bodies.Survey(
        org=context.org,
        campaign=context.campaign,
        inputs=(context.evidence,),
        clouds=(context.cloud,),
        steps=tuple(
            bodies.Step(
                step.task,
                step.algorithm,
                step.doi,
                tuple(bodies.Parameter(name, value) for name, value in step.settings) or None,
            )
            for step in plot.steps
        ),
        software=SOFTWARE,
        crs=plot.crs.text,
        crs_source=plot.crs.source,
        at_ms=context.at_ms,
        warnings=plot.warnings[:_MAX_WARNINGS] or None,
        taken_ms=context.taken_ms,
    )


def build_trees(plot: PlotResult, context: RecordContext, survey: Cid) -> tuple[bodies.Tree, ...]:
    """Return the bodies of a survey's trees, in its order; trees whose evidence is the same point are one."""
    trees: dict[str, bodies.Tree] = {}
    for tree in plot.trees:
        code = mint_cloud_code(context.secret, context.cloud, tree.apex_xyz_units)
        trees.setdefault(code, _build_tree(plot, tree, context, code, survey=survey))
    return tuple(trees.values())


def build_result(plot: SurveyFacts, context: RecordContext, survey: Cid) -> bodies.Result:
    """Return the body that closes a survey; root and count are set when its trees are signed."""
    return bodies.Result(
        org=context.org,
        campaign=context.campaign,
        survey=survey,
        count=0,
        area_cm2=round(plot.area_m2 * 10_000),
        covered=tuple(encode_ring(ring) for ring in plot.covered[:_MAX_RINGS]),
        detection=tuple(
            bodies.Detection(
                round(one.from_m * 1000), round(one.to_m * 1000), round(one.probability * MILLION), "simulated stands"
            )
            for one in plot.detection
        )
        or None,
    )


def _build_tree(plot: PlotResult, tree: TreeEstimate, context: RecordContext, code: str, *, survey: Cid) -> bodies.Tree:
    stem = None if tree.dbh_cm is None else bodies.Stem(scale_estimate(tree.dbh_cm, 10), BREAST_HEIGHT_MM)
    form = tree.form
    sure = form.dead_probability if form else None
    if form is not None and sure is not None and form.status == "alive":
        sure = 1.0 - sure
    return bodies.Tree(
        org=context.org,
        campaign=context.campaign,
        code=code,
        survey=survey,
        position=_build_position(plot, tree),
        height_mm=scale_estimate(tree.height_m, 1000),
        status=(form.status if form else None) or "alive",
        status_ppm=None if sure is None else round(sure * MILLION),
        lean_mdeg=_build_lean(form),
        confidence_ppm=round(tree.confidence * MILLION),
        crown=_build_crown(tree),
        stems=None if stem is None else (stem,),
        volume_dm3=scale_known(tree.volume_m3, 1000),
        biomass_g=scale_known(tree.biomass_kg, 1000),
        carbon_g=scale_known(tree.carbon_kg, 1000),
    )


def _build_lean(form: TreeForm | None) -> bodies.Estimate | None:
    if form is None or form.lean_deg is None or form.lean_error_deg is None:
        return None
    return scale_estimate(Estimate(form.lean_deg, form.lean_error_deg, 0.0, "stem-from-the-air"), 1_000)


def _build_position(plot: PlotResult, tree: TreeEstimate) -> bodies.Position:
    accuracy = plot.operation_accuracy_m
    return bodies.Position(
        of="apex",
        crs=plot.crs.text,
        error_mm=round(tree.position_error_m * 1000),
        x_mm=round(tree.x_m * 1000),
        y_mm=round(tree.y_m * 1000),
        elevation_mm=None if tree.ground_m is None else round(tree.ground_m * 1000),
        vertical=plot.crs.vertical,
        lon_nd=None if tree.longitude_deg is None else round(tree.longitude_deg * NANO),
        lat_nd=None if tree.latitude_deg is None else round(tree.latitude_deg * NANO),
        operation=plot.operation,
        operation_error_mm=None if accuracy is None else round(accuracy * 1000),
    )


def _build_crown(tree: TreeEstimate) -> bodies.Crown | None:
    if tree.crown_diameter_m is None:
        return None
    outline = None if tree.crown_outline is None else encode_ring(tree.crown_outline)
    return bodies.Crown(scale_estimate(tree.crown_diameter_m, 1000), outline)


def encode_ring(ring: Ring | Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return a closed ring as x, y, x, y … in millimetres."""
    return tuple(round(value * 1000) for point in ring for value in point)


def scale_estimate(estimate: Estimate, factor: int) -> bodies.Estimate:
    """Return an estimate in a unit `factor` times smaller, as whole numbers."""
    return bodies.Estimate(
        round(estimate.value * factor),
        round(estimate.own_error * factor),
        round(estimate.shared_error * factor),
        estimate.model,
    )


def scale_known(estimate: Estimate | None, factor: int) -> bodies.Estimate | None:
    """Return an estimate as `scale_estimate` does, where there is one."""
    return None if estimate is None else scale_estimate(estimate, factor)
