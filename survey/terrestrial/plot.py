"""One cloud from within the forest to stems: the steps in their order.

The result depends on the points and the parameters alone; it is plain values.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from survey.algorithm import StepDone, describe_step
from survey.cloud import Floats, Points
from survey.coverage import Ring
from survey.errors import TooFewPoints
from survey.ground.classify import Pingel2013
from survey.terrestrial.columns import Columns, gather_around, sort_into_columns
from survey.terrestrial.crowns import AxisPlaces, Crown, Tao2015, segment_crowns
from survey.terrestrial.diameter import (
    BayesianFrustum,
    BreastHeight,
    find_neighbours,
    fit_breast_height,
    is_stem,
    measure_scatter,
    overlap,
    tell_radius_error,
)
from survey.terrestrial.errors import NotTerrestrial
from survey.terrestrial.heights import Ground, measure_ground, model_ground
from survey.terrestrial.layers import Olofsson2014, locate_circles, measure_spacing
from survey.terrestrial.parameters import StemParameters, check_stem_parameters
from survey.terrestrial.passes import Passes
from survey.terrestrial.result import Stem, StemPlot, StemTree, TaperPoint
from survey.terrestrial.section import PARAMETERS, Scatter, Section
from survey.terrestrial.stems import Cabo2018, link_circles
from survey.terrestrial.taper import fit_taper, measure_volume
from survey.terrestrial.tops import AxisTip, judge_top
from survey.terrestrial.trace import FollowedAxis, TracedStem, goes_on, trace_stem
from survey.terrestrial.trees import join_forks

LEAST_POINTS: Final = 1_000
"""Fewer show no stem from the ground up."""
_WIDEST_M: Final = 0.25
"""Spacing of points at breast height: airborne clouds have a metre or so."""
_NEIGHBOUR_M: Final = 0.3
_ROUNDS: Final = 3
"""Of fits at breast height: with a guess of noise and shifts, then with what the last round saw."""
_FIRST_SLACK: Final = 4.0
_SPARSE_M: Final = 0.05
"""Spacing beyond which thin stems are missed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """A cloud made ready: a local frame whose origin is whole metres."""

    origin: Floats
    columns: Columns
    ground: Ground
    spacing_m: float


def survey_stems(points: Points, parameters: StemParameters | None = None, *, passes: Passes | None = None) -> StemPlot:
    """Return the trees of a cloud from tripods or a carried scanner.

    Parameters
    ----------
    points
        Points in metres, any frame, x and y level.
    parameters
        What the user chose.
    passes
        Scan (``point_source_id``) and time (``gps_time``) of the points, where the file has them. Without, the walls
        that a drifting scanner writes twice are taken for one thick one.

    Raises
    ------
    TooFewPoints
        Fewer than a thousand.
    NotTerrestrial
        Too little between the ground and the crowns to see stems.
    NoGround
        No ground can be made out.
    ExtentTooLarge
        Points are spread too far.
    InvalidParameter
        A setting is out of range.
    """
    chosen = parameters or StemParameters()
    check_stem_parameters(chosen)
    scene = _prepare(points, passes or Passes(np.zeros(len(points), dtype=np.int64), np.zeros(len(points))))
    stems, scatter = _find_stems(scene, chosen)
    top = float(scene.columns.xyz_m[:, 2].max()) if stems else 0.0
    traced = [trace_stem(scene.columns, stem, scatter, top) for stem in stems]
    traced = [one for one in traced if goes_on(one, scatter.noise_m)]
    trees = _build_trees(scene, points, traced, chosen)
    return StemPlot(
        trees=tuple(sorted(trees, key=lambda tree: -tree.stems[0].diameter_cm)),
        noise_m=scatter.noise_m,
        shift_m=scatter.shift_m,
        spacing_m=scene.spacing_m,
        points=len(points),
        ground_points=scene.ground.points,
        steps=_list_steps(),
        warnings=_warn(scene, trees),
    )


def _prepare(points: Points, passes: Passes) -> _Scene:
    if len(points) < LEAST_POINTS:
        raise TooFewPoints(len(points), LEAST_POINTS)
    origin = np.floor([points.x_m.min(), points.y_m.min(), points.z_m.min()])
    ground = model_ground(points)
    xyz = np.column_stack([points.x_m, points.y_m, points.z_m]) - origin
    spacing = measure_spacing(np.column_stack([xyz[:, :2], ground.height_m]))
    if spacing > _WIDEST_M:
        raise NotTerrestrial(spacing, _WIDEST_M)
    return _Scene(origin, sort_into_columns(xyz, passes), ground, spacing)


def _find_stems(scene: _Scene, parameters: StemParameters) -> tuple[list[BreastHeight], Scatter]:
    """Return stems at breast height, fitted anew as noise, shifts and neighbours become known."""
    layers = Olofsson2014()
    height = scene.ground.height_m[scene.columns.order]
    is_low = (height >= layers.lowest_m) & (height < layers.highest_m)
    circles = locate_circles(np.column_stack([scene.columns.xyz_m[:, :2], height])[is_low], layers)
    stems = [_start(scene, row, parameters) for row in link_circles(circles)]
    settings = BayesianFrustum()
    scatter = Scatter(settings.first_noise_m, settings.first_shift_m)
    slack = _FIRST_SLACK
    for _ in range(_ROUNDS):
        stems = _keep(_fit_all(scene, stems, scatter, parameters), scatter.noise_m, slack)
        if not stems:
            return [], scatter
        scatter, slack = measure_scatter(stems), 1.0
    least = parameters.least_dbh_cm / 200.0
    return [stem for stem in _drop_doubles(stems) if stem.radius_m >= least], scatter


def _start(scene: _Scene, row: Floats, parameters: StemParameters) -> BreastHeight:
    up = parameters.breast_height_m - row[2]
    centre = row[:2] + up * row[3:5]
    values = np.zeros(PARAMETERS)
    values[:5] = *centre, *row[3:5], row[5]
    section = Section(values, np.full(PARAMETERS, np.inf), np.inf, 0, 0.0, 0.0, 0.0)
    return _put_on_ground(scene, BreastHeight(0.0, np.empty(5), section, int(row[6])), parameters)


def _put_on_ground(scene: _Scene, stem: BreastHeight, parameters: StemParameters) -> BreastHeight:
    """Return a stem whose heights count from its ground."""
    east, north = stem.section.values[:2] - parameters.breast_height_m * stem.section.values[2:4]
    radius = stem.radius_m if parameters.ground_side == "uphill" else 0.0
    ground = measure_ground(scene.ground.terrain, float(east + scene.origin[0]), float(north + scene.origin[1]), radius)
    local = ground - float(scene.origin[2])
    values = stem.section.values
    axis = np.array([*values[:2], local + parameters.breast_height_m, *values[2:4]])
    return replace(stem, ground_m=local, axis=axis)


def _fit_all(
    scene: _Scene, stems: list[BreastHeight], scatter: Scatter, parameters: StemParameters
) -> list[BreastHeight]:
    if not stems:
        return []
    fitted = []
    for stem, near in zip(stems, find_neighbours(stems, _NEIGHBOUR_M), strict=True):
        others = [stems[index] for index in near if not overlap(stem, stems[index])]
        section = fit_breast_height(scene.columns, stem, others, scatter)
        fitted.append(_put_on_ground(scene, replace(stem, section=section), parameters))
    return fitted


def _keep(stems: list[BreastHeight], noise_m: float, slack: float) -> list[BreastHeight]:
    return [stem for stem in stems if is_stem(stem.section, noise_m, slack=slack)]


def _drop_doubles(stems: list[BreastHeight]) -> list[BreastHeight]:
    """Return stems of which none stands in another, the better seen ones first."""
    kept: list[BreastHeight] = []
    for stem in sorted(stems, key=lambda one: (-one.layers, -one.section.points)):
        if not any(overlap(stem, other) for other in kept):
            kept.append(stem)
    return kept


def _build_trees(scene: _Scene, points: Points, traced: list[TracedStem], parameters: StemParameters) -> list[StemTree]:
    groups = join_forks(traced)
    axes = [
        AxisPlaces(np.vstack([_list_axis(traced[index]) for index in group]), traced[group[0]].breast.radius_m)
        for group in groups
    ]
    height = scene.ground.height_m[scene.columns.order]
    crowns = segment_crowns(scene.columns.xyz_m, height, axes) if groups else []
    return [
        _build_tree(scene, points, [traced[index] for index in group], crown, parameters)
        for group, crown in zip(groups, crowns, strict=True)
    ]


def _list_axis(one: TracedStem) -> Floats:
    """Return places on the surface and axis of a stem's sections, shape (k, 3)."""
    return np.vstack(
        [
            np.append(piece.section.values[:2], one.breast.ground_m + piece.height_m) + piece.section.radius_m * _ACROSS
            for piece in one.pieces
        ]
    )


def _build_tree(
    scene: _Scene, points: Points, stems: list[TracedStem], crown: Crown, parameters: StemParameters
) -> StemTree:
    main = stems[0]
    rise = parameters.breast_height_m
    values, errors = main.breast.section.values, main.breast.section.errors
    foot = values[:2] - rise * values[2:4] + scene.origin[:2]
    top = judge_top(scene.columns, stems, crown.top_m)
    outline: Ring = tuple((x + float(scene.origin[0]), y + float(scene.origin[1])) for x, y in crown.outline)
    return StemTree(
        x_m=float(foot[0]),
        y_m=float(foot[1]),
        position_error_m=float(np.hypot(errors[:2].max(), rise * errors[2:4].max())),
        ground_m=float(main.breast.ground_m + scene.origin[2]),
        stems=tuple(_build_stem(scene, stem, parameters) for stem in stems),
        height_m=float(top.elevation_m - main.breast.ground_m),
        height_error_m=top.error_m,
        is_height_seen=top.error_m is not None,
        crown_outline=outline or None,
        crown_diameter_m=float(2.0 * np.sqrt(crown.area_m2 / np.pi)) if outline else None,
        evidence_point=_find_evidence(scene, points, main.breast),
    )


_ACROSS: Final = np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)])


def _build_stem(scene: _Scene, stem: TracedStem, parameters: StemParameters) -> Stem:
    section = stem.breast.section
    heights = np.array([piece.height_m for piece in stem.pieces])
    errors = np.array([tell_radius_error(piece.section) for piece in stem.pieces])
    curve = fit_taper(heights, np.array([piece.section.radius_m for piece in stem.pieces]), errors)
    taper = tuple(
        TaperPoint(
            piece.height_m,
            float(piece.section.values[0] + scene.origin[0]),
            float(piece.section.values[1] + scene.origin[1]),
            200.0 * radius,
            200.0 * error,
            piece.section.coverage,
        )
        for piece, radius, error in zip(stem.pieces, curve.radius_m.tolist(), errors.tolist(), strict=True)
    )
    amplitude = float(np.hypot(section.values[6], section.values[7])) / section.radius_m
    return Stem(
        x_m=float(section.values[0] + scene.origin[0]),
        y_m=float(section.values[1] + scene.origin[1]),
        position_error_m=float(section.errors[:2].max()),
        diameter_cm=200.0 * section.radius_m,
        diameter_error_cm=200.0 * tell_radius_error(section),
        at_height_m=parameters.breast_height_m,
        lean_deg=float(np.degrees(np.arctan(np.hypot(section.values[2], section.values[3])))),
        out_of_round=(1.0 + amplitude) / (1.0 - amplitude) - 1.0,
        taper=taper,
        volume_m3=measure_volume(curve),
        coverage=section.coverage,
        noise_m=section.noise_m,
        points=section.points,
        layers=stem.breast.layers,
    )


def _find_evidence(scene: _Scene, points: Points, stem: BreastHeight) -> int:
    """Return the index in the file of the point on the stem that is nearest to breast height."""
    reach = stem.radius_m + 3.0 * stem.section.noise_m
    half = BayesianFrustum().above_m
    found = gather_around(scene.columns, stem.axis, stem.axis[2] - half, stem.axis[2] + half, reach)
    away = np.abs(scene.columns.xyz_m[found, 2] - stem.axis[2])
    source = points.source[scene.columns.order[found]]
    return int(source[np.lexsort((source, away))[0]])


def _list_steps() -> tuple[StepDone, ...]:
    return (
        describe_step("classify_ground", Pingel2013()),
        describe_step("locate_stems", Olofsson2014()),
        describe_step("link_stems", Cabo2018()),
        describe_step("measure_diameter", BayesianFrustum()),
        describe_step("trace_stems", FollowedAxis()),
        describe_step("segment_trees", Tao2015()),
        describe_step("judge_tops", AxisTip()),
    )


def _warn(scene: _Scene, trees: list[StemTree]) -> tuple[str, ...]:
    warnings = []
    if scene.spacing_m > _SPARSE_M:
        warnings.append(f"points at breast height are {100.0 * scene.spacing_m:.0f} cm apart: thin stems may be missed")
    if not trees:
        warnings.append("no stem was found")
    return tuple(warnings)
