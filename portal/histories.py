"""A tree's life as its records tell it: states, growth with its error, and what surveys could not decide."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.match import Match
from domain.records.result import Absence, Estimate, Result, Survey, Tree
from portal.context import Portal
from portal.figures import format_percent
from register.entries import SurveyEntry, TreeEntry

MOST_STEPS: Final = 30
"""Records of one tree on its page; the rest are linked by their names."""
_LATER_SURVEYS: Final = 8
"""Surveys of newer evidence than a tree's latest that are looked into for it, the oldest of them."""
_MOST_PARTS: Final = 100
"""Records of comparisons that are looked into for one page; each is 20 µs, as it names the tree or does not."""
_BROKEN_M, _BROKEN_SIGMAS = 2.0, 3.0
"""A tree lower by more than both was not just measured badly, as `survey.resurvey.compare` has it."""
_STANDING: Final = ("alive", "standing-dead")
_VERDICTS: Final = {"not-seen": "Not seen", "outside": "Not looked for"}
_YEAR_MS: Final = 365.2425 * 86_400_000.0
_LEAST_YEARS: Final = 0.25
"""Between two surveys nearer than this no growth a year is told: its error would be several times its size."""


@dataclass(frozen=True, slots=True)
class GrowthText:
    """How a height changed since the record before.

    Attributes
    ----------
    value, error
        Change and its standard error, decimal text.
    unit
        ``m a year``, or ``m`` where the surveys lie near each other.
    years
        Between both, decimal text.
    is_significant
        Whether its 95 % interval leaves out zero.
    is_broken
        Whether it is lower by far more than the errors: it lost its top, or is another tree after all.
    """

    value: str
    error: str
    unit: str
    years: str
    is_significant: bool
    is_broken: bool


@dataclass(frozen=True, slots=True)
class LifeStep:
    """One record of a tree.

    Attributes
    ----------
    record, survey
        Its name, and its survey's.
    taken_ms, campaign
        When and in which campaign the tree was looked for.
    status
        What it was.
    is_changed
        Whether it was something else before.
    height, error
        Height and its standard error, metres, decimal text; empty where the tree does not stand.
    growth
        Since the record before; absent in the first, and where a tree does not stand.
    note
        Evidence, for a tree that is gone.
    """

    record: Cid
    survey: Cid
    taken_ms: int
    campaign: str
    status: str
    is_changed: bool
    height: str
    error: str
    growth: GrowthText | None
    note: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a survey could not tell of a tree, or told without seeing it.

    Attributes
    ----------
    survey, taken_ms
        Which survey.
    words
        What it says.
    others
        Codes of trees that it speaks of, and the probability of each in percent; none where there is none.
    ending
        What follows on them.
    """

    survey: Cid
    taken_ms: int
    words: str
    others: tuple[tuple[str, str], ...] = ()
    ending: str = ""


def tell_taken(survey: Survey) -> int:
    """Return when a survey's evidence was taken, as far as it says; else when it was made."""
    return survey.at_ms if survey.taken_ms is None else survey.taken_ms


async def read_before(portal: Portal, entry: TreeEntry) -> tuple[tuple[int, Tree], ...]:
    """Return a tree's records but the newest, with when their evidence was taken, newest first."""
    trees = [open_envelope(await portal.register.record(cid)).expect(Tree) for cid in entry.history[1:MOST_STEPS]]
    dates = await portal.register.dates_of({tree.survey for tree in trees})
    return tuple((dates[tree.survey], tree) for tree in trees if tree.survey in dates)


async def read_life(portal: Portal, entry: TreeEntry) -> tuple[LifeStep, ...]:
    """Return a tree's records, newest evidence first."""
    trees = [(cid, open_envelope(await portal.register.record(cid)).expect(Tree)) for cid in entry.history[:MOST_STEPS]]
    surveys = {
        cid: open_envelope(await portal.register.record(cid)).expect(Survey)
        for cid in {tree.survey for _, tree in trees}
    }
    return await asyncio.to_thread(_tell_life, trees, surveys)


def _tell_life(trees: Sequence[tuple[Cid, Tree]], surveys: Mapping[Cid, Survey]) -> tuple[LifeStep, ...]:
    steps: list[LifeStep] = []
    before: Tree | None = None
    for cid, tree in reversed(trees):
        years = 0.0
        if before is not None:
            years = (tell_taken(surveys[tree.survey]) - tell_taken(surveys[before.survey])) / _YEAR_MS
        stands = tree.status in _STANDING
        steps.append(
            LifeStep(
                record=cid,
                survey=tree.survey,
                taken_ms=tell_taken(surveys[tree.survey]),
                campaign=tree.campaign,
                status=tree.status,
                is_changed=before is not None and before.status != tree.status,
                height=_tell_height(tree) if stands else "",
                error=f"{_error(tree.height_mm):.2f}" if tree.height_mm and not tree.is_top_hidden else "",
                growth=_tell_growth(before, tree, years) if before is not None else None,
                note=_tell_absence(tree.absence) if tree.absence else "",
            )
        )
        before = tree
    return tuple(reversed(steps))


def _tell_height(tree: Tree) -> str:
    if tree.height_mm is None:
        return ""
    return f"{'over ' if tree.is_top_hidden else ''}{tree.height_mm.value / 1e3:.2f}"


def _error(estimate: Estimate) -> float:
    return math.hypot(estimate.own_error, estimate.shared_error) / 1e3


def _tell_growth(before: Tree, after: Tree, years: float) -> GrowthText | None:
    heights = [one.height_mm for one in (before, after) if one.status in _STANDING and not one.is_top_hidden]
    known = [one for one in heights if one is not None]
    if len(known) < 2:  # noqa: PLR2004  # growth needs both
        return None
    # Here, because the science costs a server without such visitors its start.
    from survey.estimate import Estimate as Metres  # noqa: PLC0415
    from survey.resurvey.growth import subtract  # noqa: PLC0415

    first, last = (Metres(one.value / 1e3, one.own_error / 1e3, one.shared_error / 1e3, one.model) for one in known)
    growth = subtract(first, last, years)
    is_yearly = abs(years) >= _LEAST_YEARS
    per = years if is_yearly else 1.0
    return GrowthText(
        value=f"{growth.change.value / per:+.2f}".replace("-", "\N{MINUS SIGN}"),
        error=f"{growth.error / abs(per):.2f}",
        unit="m a year" if is_yearly else "m",
        years=f"{years:.1f}".replace("-", "\N{MINUS SIGN}"),
        is_significant=growth.is_significant,
        # The later record may be of an older cloud.
        is_broken=math.copysign(1.0, years) * growth.change.value < -max(_BROKEN_M, _BROKEN_SIGMAS * growth.error),
    )


def _tell_absence(absence: Absence) -> str:
    seen = ""
    if absence.seen_ppm is not None:
        seen = f" {format_percent(absence.seen_ppm)} of standing trees of its size are seen there."
    place = "Its place was covered." if absence.is_covered else "Its place was not surely covered."
    return f"{place}{seen} It is gone with a probability of {format_percent(absence.gone_ppm)}."


async def read_questions(portal: Portal, entry: TreeEntry) -> tuple[Question, ...]:
    """Return what the tree's last survey, and those after it, could not tell of it; latest first."""
    own = await portal.register.survey(entry.survey)
    later = await portal.register.newer_surveys(entry.survey, limit=_LATER_SURVEYS)
    found: list[Question] = []
    left = _MOST_PARTS
    for survey in (*reversed(later), own):
        links = await _list_parts(portal, survey, most=left)
        left -= len(links)
        for match in await _open_parts(portal, links, naming=entry.code):
            made = open_envelope(await portal.register.record(survey.record)).expect(Survey)
            where = (survey.record, tell_taken(made))
            found += _ask(match, entry.code, where)
            if survey.record != own.record:
                found += _ask_unseen(match, entry.code, where)
    return tuple(found)


async def read_parts(portal: Portal, entry: SurveyEntry, *, most: int, naming: str = "") -> tuple[Match, ...]:
    """Return the parts of a survey's comparison that name a tree, or all of them.

    Parameters
    ----------
    portal, entry
        Where, and which survey.
    most
        Parts that are looked at.
    naming
        A tree's code; empty: all parts.
    """
    return await _open_parts(portal, await _list_parts(portal, entry, most=most), naming=naming)


async def _list_parts(portal: Portal, entry: SurveyEntry, *, most: int) -> tuple[Cid, ...]:
    """Return the names of a survey's first parts."""
    if entry.result is None or most <= 0:
        return ()
    closing = open_envelope(await portal.register.record(entry.result)).expect(Result)
    return (closing.matches or ())[:most]


async def _open_parts(portal: Portal, links: Sequence[Cid], *, naming: str) -> tuple[Match, ...]:
    """Return those parts that name a tree, or all of them."""
    parts: list[Match] = []
    for cid in links:
        try:
            raw = await portal.register.record(cid)
        except CecError:
            continue  # it has not come yet; the page lives without it
        if naming.encode() in raw:
            parts.append((await asyncio.to_thread(open_envelope, raw)).expect(Match))
    return tuple(parts)


def _ask(match: Match, code: str, where: tuple[Cid, int]) -> list[Question]:
    """Return what a comparison leaves open on a tree."""
    asked: list[Question] = []
    for doubt in match.doubtful or ():
        choices = tuple((one.code, format_percent(one.probability_ppm)) for one in doubt.choices or ())
        if doubt.code == code:
            ending = f", or none of the trees found ({format_percent(doubt.alone_ppm)})"
            asked.append(Question(*where, "In doubt: it may be", choices, ending))
        asked += [
            Question(*where, "It may be a tree that was known before,", ((doubt.code, share),))
            for other, share in choices
            if other == code
        ]
    for pairs, words in ((match.merges, "Seen as one crown with"), (match.splits, "Seen before as one crown with")):
        for one in pairs or ():
            if code in (one.code, one.other):
                asked.append(Question(*where, words, ((one.other if one.code == code else one.code, ""),)))
    return asked


def _ask_unseen(match: Match, code: str, where: tuple[Cid, int]) -> list[Question]:
    """Return why a later survey did not see a tree, where it does not tell it to be gone."""
    return [
        Question(*where, f"{_VERDICTS[one.verdict]}: {one.reason}.")
        for one in match.unseen or ()
        if one.code == code and one.verdict in _VERDICTS
    ]
