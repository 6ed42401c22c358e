"""``cec field``: what crews measured and what became of it, read from a server's folder, also while it runs."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cec.console import print_json, print_text
from cec.errors import NotAHouse
from domain.cid import Cid
from domain.codec import decode_map
from domain.codes import format_code
from domain.envelope import open_envelope
from domain.records.match import Match
from domain.records.result import Estimate, Result, Survey, Tree
from ingest.beside import open_beside
from ingest.pipeline.field_days import DAY_MS, FIELD_JOB, parse_day

_MOST_RECORDS: Final = 100_000
"""Of one survey; a crew's day has some hundreds."""
_SHOWN: Final = 40
"""Trees of a day that are listed for people; ``--json`` lists all."""


@dataclass(frozen=True, slots=True)
class CrewTree:
    """One tree that a crew measured.

    Attributes
    ----------
    code
        As people read it.
    was_known
        Whether it had a record before.
    species, status, damage
        As the crew named them; species may be an earlier record's.
    height_m, height_error_m, diameter_cm, diameter_error_cm, biomass_kg
        As told; absent where unknown. Errors are own and shared together.
    is_top_hidden
        Whether the tree is at least so tall, as an earlier scan from within the forest saw it.
    height_before_m, diameter_before_cm
        Of the record before.
    warnings
        What the survey says of this tree: disagreements with their figures, slips, assumptions.
    """

    code: str
    was_known: bool
    species: str | None
    status: str
    damage: str | None
    height_m: float | None
    height_error_m: float | None
    diameter_cm: float | None
    diameter_error_cm: float | None
    biomass_kg: float | None
    is_top_hidden: bool
    height_before_m: float | None
    diameter_before_cm: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenPair:
    """A known tree that may be one that the crew measured.

    Attributes
    ----------
    known
        Its code.
    choices
        Codes of the crew's trees, and the probability of each.
    none
        Probability that it is none of them.
    """

    known: str
    choices: tuple[tuple[str, float], ...]
    none: float


@dataclass(frozen=True, slots=True)
class CrewDay:
    """One survey of a crew's day.

    Attributes
    ----------
    survey
        Name of its record.
    org, campaign, day
        Whose, and which UTC day.
    area_m2
        Ground that the crew looked at.
    trees
        Those that it told.
    doubtful
        What it leaves open.
    warnings
        What it says of the day as a whole.
    """

    survey: str
    org: str
    campaign: str
    day: str
    area_m2: float
    trees: tuple[CrewTree, ...]
    doubtful: tuple[OpenPair, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day whose readings are not records yet.

    Attributes
    ----------
    campaign, day
        Which.
    state
        ``waiting`` until it is quiet, ``running``, or ``failed``.
    reason
        Why it failed, or was put back.
    """

    campaign: str
    day: str
    state: str
    reason: str


def run_field(*, data: Path, campaign: str | None, as_json: bool) -> None:
    """Tell what crews measured and what became of it."""
    if not (data / "journal.sqlite").is_file():
        raise NotAHouse(data)
    with open_beside(data / "journal.sqlite") as db:
        days = [day for day in read_days(db) if campaign in {None, day.campaign}]
        waiting = [day for day in read_open(db) if campaign in {None, day.campaign}]
    if as_json:
        print_json({"days": [asdict(day) for day in days], "open": [asdict(day) for day in waiting]})
        return
    for day in days:
        _print_day(day)
    for one in waiting:
        print_text(f"{one.day}  {one.campaign}: {_tell_state(one)}")
    if not days and not waiting:
        of = " here" if campaign is None else f" in campaign {campaign}"
        print_text(f"no crew has measured a tree{of}")


def _tell_state(day: OpenDay) -> str:
    words = {"waiting": "readings wait until the day is quiet", "failed": "readings could not be told"}
    told = words.get(day.state, f"readings are {day.state}")
    return f"{told}: {day.reason}" if day.reason else told


def read_days(db: sqlite3.Connection) -> Iterator[CrewDay]:
    """Return the surveys of crews' days in the order of their making."""
    for row, cid, raw in db.execute("SELECT row, cid, raw FROM record WHERE kind = 'survey' ORDER BY row").fetchall():
        body = decode_map(raw)["body"]
        # Opening an envelope checks its signature; of clouds' surveys that would be for nothing.
        if isinstance(body, dict) and "clouds" not in body:
            yield _read_day(db, row, Cid.from_bytes(cid), open_envelope(raw).expect(Survey))


def read_open(db: sqlite3.Connection) -> Iterator[OpenDay]:
    """Return the days whose readings are not records yet."""
    statement = "SELECT payload, state, reason FROM job WHERE kind = ? AND state <> 'done' ORDER BY queued_ms"
    for payload, state, reason in db.execute(statement, (FIELD_JOB,)).fetchall():
        day = parse_day(payload)
        if day is not None:
            yield OpenDay(day.campaign, _format_day(day.day * DAY_MS), state, reason)


def _read_day(db: sqlite3.Connection, row: int, cid: Cid, survey: Survey) -> CrewDay:
    trees, matches, closing = _read_parts(db, row, cid)
    by_tree: dict[str, list[str]] = {}
    general: list[str] = []
    names = {format_code(tree.code) for tree in trees}
    for words in survey.warnings or ():
        name, _, rest = words.partition(": ")
        if name in names:
            by_tree.setdefault(name, []).append(rest)
        else:
            general.append(words)
    return CrewDay(
        survey=str(cid),
        org=survey.org,
        campaign=survey.campaign,
        day=_format_day(survey.taken_ms or survey.at_ms),
        area_m2=0.0 if closing is None else closing.area_cm2 / 1e4,
        trees=tuple(_read_tree(db, tree, tuple(by_tree.get(format_code(tree.code), ()))) for tree in trees),
        doubtful=tuple(pair for match in matches for pair in _read_pairs(match)),
        warnings=tuple(general),
    )


def _read_parts(db: sqlite3.Connection, row: int, cid: Cid) -> tuple[list[Tree], list[Match], Result | None]:
    """Return what was committed together with a survey, up to the result that closes it."""
    trees: list[Tree] = []
    matches: list[Match] = []
    statement = "SELECT raw FROM record WHERE row > ? AND kind IN ('tree', 'match', 'result') ORDER BY row LIMIT ?"
    for (raw,) in db.execute(statement, (row, _MOST_RECORDS)):
        body = open_envelope(raw).body
        if not isinstance(body, Tree | Match | Result) or body.survey != cid:
            continue
        if isinstance(body, Result):
            return trees, matches, body
        if isinstance(body, Tree):
            trees.append(body)
        else:
            matches.append(body)
    return trees, matches, None


def _read_tree(db: sqlite3.Connection, tree: Tree, warnings: tuple[str, ...]) -> CrewTree:
    before = None
    if tree.prev is not None:
        found = db.execute("SELECT raw FROM record WHERE cid = ?", (bytes(tree.prev),)).fetchone()
        before = None if found is None else open_envelope(found[0]).expect(Tree)
    height, height_error = _measure(tree.height_mm, 1_000.0)
    diameter, diameter_error = _measure(_find_diameter(tree), 10.0)
    return CrewTree(
        code=format_code(tree.code),
        was_known=tree.prev is not None,
        species=None if tree.species is None else tree.species.name,
        status=tree.status,
        damage=tree.damage,
        height_m=height,
        height_error_m=height_error,
        diameter_cm=diameter,
        diameter_error_cm=diameter_error,
        biomass_kg=_measure(tree.biomass_g, 1_000.0)[0],
        is_top_hidden=bool(tree.is_top_hidden),
        height_before_m=None if before is None or before.is_top_hidden else _measure(before.height_mm, 1_000.0)[0],
        diameter_before_cm=None if before is None else _measure(_find_diameter(before), 10.0)[0],
        warnings=warnings,
    )


def _find_diameter(tree: Tree) -> Estimate | None:
    return max((stem.diameter_mm for stem in tree.stems or ()), key=lambda one: one.value, default=None)


def _measure(estimate: Estimate | None, per_unit: float) -> tuple[float | None, float | None]:
    if estimate is None:
        return None, None
    error = (estimate.own_error**2 + estimate.shared_error**2) ** 0.5
    return estimate.value / per_unit, round(error / per_unit, 3)


def _read_pairs(match: Match) -> list[OpenPair]:
    return [
        OpenPair(
            format_code(one.code),
            tuple((format_code(choice.code), choice.probability_ppm / 1e6) for choice in one.choices or ()),
            one.alone_ppm / 1e6,
        )
        for one in match.doubtful or ()
    ]


def _format_day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000.0, UTC).strftime("%Y-%m-%d")


def _print_day(day: CrewDay) -> None:
    known = sum(tree.was_known for tree in day.trees)
    print_text(
        f"{day.day}  {day.campaign} ({day.org}): {len(day.trees)} trees, {known} known before, "
        f"{len(day.trees) - known} new, {len(day.doubtful)} open pairs; {day.area_m2:,.0f} m² looked at"
    )
    print_text(f"  survey {day.survey}")
    for tree in day.trees[:_SHOWN]:
        print_text(f"  {_describe(tree)}")
        for words in tree.warnings:
            print_text(f"    ! {words}")
    if len(day.trees) > _SHOWN:
        print_text(f"  … and {len(day.trees) - _SHOWN} more; --json lists all")
    for pair in day.doubtful:
        print_text(f"  ? {_describe_pair(pair)}")
    for words in day.warnings:
        print_text(f"  ! {words}")


def _describe(tree: CrewTree) -> str:
    height = f"height over {tree.height_m or 0.0:.1f} m"
    if not tree.is_top_hidden:
        height = _show("height", "m", tree.height_before_m, (tree.height_m, tree.height_error_m))
    diameter = _show("diameter", "cm", tree.diameter_before_cm, (tree.diameter_cm, tree.diameter_error_cm))
    kind = "known" if tree.was_known else "new"
    status = "" if tree.status == "alive" else f"  {tree.status}"
    damage = "" if tree.damage is None else f"  damage: {tree.damage}"
    return f"{tree.code}  {kind:5}  {tree.species or 'species not said':24}  {height:34}  {diameter}{status}{damage}"


def _show(what: str, unit: str, before: float | None, measured: tuple[float | None, float | None]) -> str:
    value, error = measured
    if value is None or error is None:
        return f"no {what}"
    was = "" if before is None else f", was {before:.1f}"
    return f"{what} {value:.1f} ± {error:.1f} {unit}{was}"


def _describe_pair(pair: OpenPair) -> str:
    choices: Sequence[str] = [f"{code} ({100.0 * share:.0f} %)" for code, share in pair.choices]
    return f"{pair.known} may be {', or '.join(choices)}, or none of these ({100.0 * pair.none:.0f} %)"
