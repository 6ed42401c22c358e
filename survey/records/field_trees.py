"""A crew's trees as record bodies: place, height and crown of the record before, diameter and species of the crew."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyproj

from domain.cid import Cid
from domain.records import result as bodies
from domain.records.measured import is_stem_measured
from survey.estimate import Estimate
from survey.field.join import JoinedTree, breast_diameter, compare
from survey.field.place import FieldPlace
from survey.field.trees import FieldTree
from survey.files.crs import CloudCrs, horizontal_crs, to_world
from survey.linking.change import RATE_ERROR_M_YEAR, RATE_M_YEAR
from survey.linking.fit import Fit, move_places
from survey.records.bodies import MILLION, NANO, scale_estimate
from survey.records.field_join import KnownTree
from survey.resurvey.seen import GONE, STANDING

CREW: Final = "crew"
SEASON_YEARS: Final = 0.75
"""Two heights of one tree that were measured within a growing season are measurements of one height."""
SPECIES_PPM: Final = 950_000
"""Crews name the species right in 19 of 20 trees at least: what the national inventory of the United States asks of
its own (Pollard et al. 2006, doi 10.2737/RMRS-GTR-181)."""
_MOST_READINGS: Final = 200
"""As many as a tree record names."""
_MM: Final = 1_000.0
_LEAST_ERROR: Final = 1e-3
"""Of a height in metres or a diameter in centimetres."""
_CARRIED: Final = ", not measured again"
_MOST_LETTERS: Final = 200
"""Of a model's name, as many as a record holds."""


@dataclass(frozen=True, slots=True)
class FieldFrame:
    """What holds for all trees of a day.

    Attributes
    ----------
    org, campaign
        For whom.
    crs
        Of native coordinates; no local frame.
    fit
        The crew's common shift against the records before; absent where it cannot be told.
    unsigned
        Stands for the link to the survey.
    """

    org: str
    campaign: str
    crs: CloudCrs
    fit: Fit | None
    unsigned: Cid


@dataclass(frozen=True, slots=True)
class BuiltTree:
    """A tree's body, and what its stocks follow from.

    Attributes
    ----------
    tree
        Without stocks.
    dbh_cm
        Diameter at breast height, where somebody measured it.
    evidence
        The readings that it rests on.
    warnings
        What a reader must know of it.
    """

    tree: bodies.Tree
    dbh_cm: Estimate | None
    evidence: tuple[tuple[Cid, int], ...]
    warnings: tuple[str, ...]


def build_alone(
    crew: Sequence[FieldTree], codes: Sequence[tuple[str, Cid | None]], frame: FieldFrame
) -> list[BuiltTree]:
    """Return trees that nothing else knows, with their codes and their own last records; each has a place."""
    positions = _build_positions([one.place for one in crew if one.place is not None], frame)
    return [
        _build_alone(one, code, prev, position, frame)
        for one, (code, prev), position in zip(crew, codes, positions, strict=True)
    ]


def _build_alone(
    crew: FieldTree, code: str, prev: Cid | None, position: bodies.Position, frame: FieldFrame
) -> BuiltTree:
    tree = bodies.Tree(
        org=frame.org,
        campaign=frame.campaign,
        code=code,
        survey=frame.unsigned,
        position=position,
        status=crew.status,
        confidence_ppm=MILLION,
        height_mm=None if crew.height is None else scale_estimate(crew.height.height_m, 1_000),
        prev=prev,
        stems=_build_stems(crew),
        species=_name_species(crew),
        readings=_name_readings(crew),
        damage=crew.damage_agent,
        damage_ppm=crew.damage_ppm,
    )
    return BuiltTree(tree, breast_diameter(crew), crew.evidence, crew.warnings)


def build_joined(joined: JoinedTree, known: KnownTree, frame: FieldFrame) -> BuiltTree:
    """Return a tree that was known: it keeps its code, and goes on from its latest record.

    The crew's diameter is told in place of any other, as a tape reads what a cloud only models. Of two heights of one
    season that agree the mean is told, each weighted by the inverse of its squared error; of two that do not, the one
    with the smaller stated error, unless the tree was damaged or is of another season: then the crew's, which is newer.
    """
    crew, source = joined.crew, known.source
    if source is None:
        raise AssertionError("a tree that was joined has a record that does not rest on the readings at hand")
    height, told = _choose_height(joined, known, source)
    is_whole = crew.status in STANDING
    stems = _build_stems(crew)
    tree = replace(
        source,
        org=frame.org,
        campaign=frame.campaign,
        survey=frame.unsigned,
        position=_express(source.position, frame),
        status=crew.status,
        status_ppm=None,
        confidence_ppm=MILLION,
        height_mm=None if height is None else scale_estimate(height, 1_000),
        is_top_hidden=source.is_top_hidden if crew.height is None and is_whole else None,
        prev=known.record,
        crown=_express_crown(source, frame) if is_whole else None,
        stems=None if crew.status == GONE else stems or source.stems,
        species=_name_species(crew) or known.tree.species or source.species,
        readings=_name_readings(crew),
        volume_dm3=None,
        biomass_g=None,
        carbon_g=None,
        damage=crew.damage_agent,
        damage_ppm=crew.damage_ppm,
        absence=None,
    )
    warnings = (*crew.warnings, *_tell_disagreements(joined, known, source, told))
    return BuiltTree(tree, _measured_diameter(crew, source), crew.evidence, warnings)


def read_estimate(estimate: bodies.Estimate | None, per_unit: float) -> Estimate | None:
    """Return a record's estimate in a unit that is `per_unit` times larger; nothing where there is none, or zero."""
    if estimate is None or estimate.value == 0:
        return None
    own, shared = estimate.own_error / per_unit, estimate.shared_error / per_unit
    return Estimate(estimate.value / per_unit, own, shared, estimate.model)


def mean_of(one: Estimate, other: Estimate) -> Estimate:
    """Return the mean of two measurements of one thing, each weighted by the inverse of its squared error.

    Examples
    --------
    >>> mean_of(Estimate(20.0, 0.6, 0.0, "a"), Estimate(21.0, 0.6, 0.0, "b")).value
    20.5
    """
    # A record may state no error at all; nobody measures better than this.
    weights = [1.0 / max(size.own_error**2 + size.shared_error**2, _LEAST_ERROR**2) for size in (one, other)]
    first, second = (weight / sum(weights) for weight in weights)
    return Estimate(
        first * one.value + second * other.value,
        math.hypot(first * one.own_error, second * other.own_error),
        math.hypot(first * one.shared_error, second * other.shared_error),
        _join_models(one.model, other.model),
    )


def _join_models(one: str, other: str) -> str:
    """Return the names of all measurements that a mean is of, each once, as many as a record holds."""
    named = ""
    for part in dict.fromkeys(f"{one}+{other}".replace(_CARRIED, "").split("+")):
        longer = f"{named}+{part}" if named else part
        if len(longer) <= _MOST_LETTERS:
            named = longer
    return named


def _choose_height(joined: JoinedTree, known: KnownTree, source: bodies.Tree) -> tuple[Estimate | None, str]:
    """Return a joined tree's height in metres, and whose it is, for people."""
    crew = joined.crew
    measured = None if crew.height is None else crew.height.height_m
    before = read_estimate(source.height_mm, _MM)
    is_standing = crew.status in STANDING
    if not is_standing and crew.status != GONE:
        return measured, "the crew's"
    if measured is None or crew.status == GONE:
        # What was only a lower bound stays one, however much the tree has grown since.
        is_as_told = crew.status == GONE or source.is_top_hidden
        return _carry(before, 0.0 if is_as_told else known.years), "the one before"
    is_late = abs(known.years) > SEASON_YEARS or crew.damage_agent is not None or crew.status != source.status
    if before is None or source.is_top_hidden or is_late:
        return measured, "the crew's, which is newer"
    if any(one.what == "height" for one in joined.disagreements):
        surer = min((measured, before), key=lambda one: math.hypot(one.own_error, one.shared_error))
        return surer, f"the surer one, {'the crew' if surer is measured else 'the one before'}'s"
    if not (before.own_error or before.shared_error):
        return measured, "the crew's"
    return mean_of(measured, before), "the mean"


def _carry(before: Estimate | None, years: float) -> Estimate | None:
    """Return a height that was not measured again: as it was, and surer of nothing that happened since."""
    if before is None or abs(years) <= SEASON_YEARS:
        return before
    grown = math.hypot(RATE_M_YEAR, RATE_ERROR_M_YEAR) * abs(years)
    model = before.model.replace(_CARRIED, "")[: _MOST_LETTERS - len(_CARRIED)] + _CARRIED
    return replace(before, own_error=math.hypot(before.own_error, grown), model=model)


def _tell_disagreements(joined: JoinedTree, known: KnownTree, source: bodies.Tree, height: str) -> list[str]:
    units = {"height": "m", "diameter": "cm", "place": "m"}
    found = list(joined.disagreements)
    if joined.cloud.dbh_cm is None:
        found += filter(None, [compare("diameter", breast_diameter(joined.crew), _age_diameter(source, known.years))])
    told = {"height": f"; told is {height}", "diameter": "; told is the crew's", "place": "; told is the one before"}
    return [
        (
            f"{one.what}s are {one.crew:.1f} {units[one.what]} apart, more than their errors of {one.error:.1f} explain"
            if one.what == "place"
            else f"{one.what} {one.crew:.1f} {units[one.what]} by the crew and {one.cloud:.1f} by the record before, "
            f"{abs(one.crew - one.cloud) / one.error:.1f} standard errors apart"
        )
        + told[one.what]
        for one in found
    ]


def _age_diameter(source: bodies.Tree, years: float) -> Estimate | None:
    """Return a modelled diameter, as sure as it still is after some years."""
    thickest = max((stem.diameter_mm for stem in source.stems or ()), key=lambda one: one.value, default=None)
    modelled = read_estimate(thickest, 10.0)
    if modelled is None:
        return None
    # Half a centimetre a year is more than closed forest grows.
    return replace(modelled, own_error=math.hypot(modelled.own_error, 0.5 * years))


def _measured_diameter(crew: FieldTree, source: bodies.Tree) -> Estimate | None:
    own = breast_diameter(crew)
    if own is not None or crew.stems or not is_stem_measured(source):
        return own
    return read_estimate(max((stem.diameter_mm for stem in source.stems or ()), key=lambda one: one.value), 10.0)


def _build_stems(crew: FieldTree) -> tuple[bodies.Stem, ...] | None:
    stems = (bodies.Stem(scale_estimate(one.diameter_cm, 10), round(one.at_height_m * _MM)) for one in crew.stems)
    return tuple(stems) or None


def _name_species(crew: FieldTree) -> bodies.Species | None:
    if crew.species is None:
        return None
    return bodies.Species(crew.species, SPECIES_PPM, CREW, code=crew.species_code)


def _name_readings(crew: FieldTree) -> tuple[Cid, ...]:
    return tuple(dict.fromkeys(record for record, _ in crew.evidence))[:_MOST_READINGS]


def _build_positions(places: Sequence[FieldPlace], frame: FieldFrame) -> list[bodies.Position]:
    """Return where stems stand, moved by the crew's common shift where that is known."""
    if not places:
        return []
    x, y = (np.array([getattr(one, axis) for one in places], dtype=np.float64) for axis in ("x_m", "y_m"))
    shift_error = 0.0
    if frame.fit is not None:
        x, y = move_places(frame.fit.shift, x, y)
        shift_error = max(frame.fit.shift.east_error_m, frame.fit.shift.north_error_m)
    world = to_world(frame.crs, x, y)
    accuracy = world.accuracy_m
    return [
        bodies.Position(
            of="stem",
            crs=frame.crs.text,
            error_mm=round(math.hypot(one.error_m, shift_error) * _MM),
            x_mm=round(east * _MM),
            y_mm=round(north * _MM),
            lon_nd=round(longitude * NANO),
            lat_nd=round(latitude * NANO),
            operation=world.operation,
            operation_error_mm=None if accuracy is None else round(accuracy * _MM),
        )
        for one, east, north, longitude, latitude in zip(
            places, x.tolist(), y.tolist(), world.longitude_deg.tolist(), world.latitude_deg.tolist(), strict=True
        )
    ]


def _express(position: bodies.Position, frame: FieldFrame) -> bodies.Position:
    """Return a position in the day's CRS; one that has no place on Earth stays as it is."""
    if position.crs == frame.crs.text or position.lon_nd is None or position.lat_nd is None:
        return position
    way = pyproj.Transformer.from_crs("EPSG:4326", horizontal_crs(frame.crs), always_xy=True)
    x, y = way.transform(position.lon_nd / NANO, position.lat_nd / NANO, errcheck=True)
    return replace(
        position,
        crs=frame.crs.text,
        x_mm=round(float(x) * frame.crs.unit_m * _MM),
        y_mm=round(float(y) * frame.crs.unit_m * _MM),
        x_nd=None,
        y_nd=None,
    )


def _express_crown(source: bodies.Tree, frame: FieldFrame) -> bodies.Crown | None:
    """Return a crown; its outline stands in its position's coordinates, and is left out where those changed."""
    if source.crown is None or source.position.crs == frame.crs.text or source.position.lon_nd is None:
        return source.crown
    return replace(source.crown, outline=None)
