"""Crew days and forests of these tests: known trees in a row, measured again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain.cid import DAG_CBOR, Cid
from domain.codes import compute_check_symbol
from domain.records.field import Observation
from domain.records.result import Crown, Estimate, Position, Result, Stem, Survey, Tree
from survey.records.campaigns import KnownForest, KnownSurvey
from survey.records.field import CrewSurvey, FieldContext, survey_day
from survey.records.field_day import FieldDay
from survey.records.field_join import FieldKnown
from tests.domain.samples import BODIES
from tests.survey.field.readings import LAT_DEG, LON_DEG
from tests.survey.field.test_place import TO_UTM

CRS = "EPSG:32633"
UNSIGNED = Cid(DAG_CBOR, bytes(32))
SECRET = bytes(32)
TAKEN_MS = 1_700_000_000_000
YEAR_MS = 31_556_952_000
EAST_M, NORTH_M = TO_UTM.transform(LON_DEG, LAT_DEG)
SURVEY = Cid.of(DAG_CBOR, b"the cloud's survey")


def name_code(number: int) -> str:
    """Return the code of a known tree."""
    return (symbols := f"{number:016d}") + compute_check_symbol(symbols)


def name_record(number: int) -> Cid:
    """Return the name of a known tree's latest record."""
    return Cid.of(DAG_CBOR, f"tree {number}".encode())


def know_tree(number: int, *, east_m: float, height_m: float = 20.0, **other: Any) -> Tree:  # noqa: ANN401  # fields of what is returned
    """Return a tree that a cloud has shown, some metres east of the crew's origin."""
    tree = BODIES["tree"]
    assert isinstance(tree, Tree)
    x, y = EAST_M + east_m, NORTH_M
    lon, lat = TO_UTM.transform(x, y, direction="INVERSE")
    position = Position(
        "apex", CRS, 500, round(x * 1e3), round(y * 1e3), lon_nd=round(lon * 1e9), lat_nd=round(lat * 1e9)
    )
    body = replace(
        tree,
        org="north-forest",
        code=name_code(number),
        survey=SURVEY,
        prev=None,
        position=position,
        height_mm=Estimate(round(height_m * 1e3), 400, 150, "apex-return"),
        status="alive",
        crown=Crown(Estimate(5_000, 400, 100, "crown-equal-area")),
        stems=(Stem(Estimate(280, 60, 20, "jucker2017-dbh-global"), 1_300),),
        species=None,
        readings=None,
        damage=None,
        damage_ppm=None,
        lean_mdeg=None,
        is_top_hidden=None,
        absence=None,
    )
    return replace(body, **other)


def know_forest(trees: Sequence[Tree], *, years: float = 0.0, before: Mapping[Cid, Tree] | None = None) -> FieldKnown:
    """Return trees as the register has them, from a cloud taken some years before the crew came."""
    survey, closing = BODIES["survey"], BODIES["result"]
    assert isinstance(survey, Survey)
    assert isinstance(closing, Result)
    taken = round(TAKEN_MS - years * YEAR_MS)
    known = KnownSurvey(replace(survey, crs=CRS, taken_ms=taken, at_ms=taken), replace(closing, survey=SURVEY))
    records = {name_record(number): tree for number, tree in enumerate(trees)}
    surveys = dict.fromkeys({tree.survey for tree in (*trees, *(before or {}).values())}, known)
    return FieldKnown(KnownForest(records, surveys), before or {})


NOTHING = FieldKnown(KnownForest({}, {}))


def make_context(**other: Any) -> FieldContext:  # noqa: ANN401  # fields of what is returned
    """Return for whom, and when."""
    context = FieldContext("north-forest", "ridge", SECRET, TAKEN_MS + 5, TAKEN_MS, UNSIGNED)
    return replace(context, **other)


def tell(observations: Sequence[tuple[Cid, Observation]], known: FieldKnown = NOTHING, **other: Any) -> CrewSurvey:  # noqa: ANN401  # fields of what is returned
    """Return a day that gives records."""
    told = survey_day(FieldDay(tuple(observations), **other), known, make_context())
    assert isinstance(told, CrewSurvey)
    return told


def remember(told: CrewSurvey) -> dict[str, Any]:
    """Return what a journal notes of a day that was told."""
    codes = {reading: code for code, readings in told.evidence for reading in readings}
    return {"codes": codes}
