"""What a survey was compared with, as its page tells it."""

from dataclasses import dataclass
from typing import Final

from domain.cid import Cid
from domain.envelope import open_envelope
from domain.errors import CecError
from domain.records.match import Change, DoubtfulTree, Match, MatchCounts
from domain.records.result import Survey
from portal.context import Portal
from portal.histories import read_parts, tell_taken
from register.entries import SurveyEntry

_PARTS: Final = 8
"""Parts read for the page: 10,000 trees; doubtful ones beyond are counted, not listed."""
_SHOWN: Final = 12
_EARLIER_SHOWN: Final = 6
_DAYS_YEAR: Final = 365.2425
_TWO_SIDED_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class EarlierSurvey:
    """A survey that this one was compared with.

    Attributes
    ----------
    record, campaign, taken_ms
        Its name, its campaign, and when it was taken.
    """

    record: Cid
    campaign: str
    taken_ms: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison, ready to print.

    Attributes
    ----------
    first
        Its first part, which tells it as a whole.
    counts
        How many trees had which lot.
    earlier, earlier_more
        Surveys that it was compared with, latest first, and how many more there are.
    years
        From the latest of them, decimal text.
    doubtful
        Some of the trees that a person should decide on.
    shift, growth
        The common shift, and the mean growth of trees seen twice, as sentences; empty where there is none.
    """

    first: Match
    counts: MatchCounts
    earlier: tuple[EarlierSurvey, ...]
    earlier_more: int
    years: str
    doubtful: tuple[DoubtfulTree, ...]
    shift: str
    growth: str


async def read_comparison(portal: Portal, entry: SurveyEntry) -> Comparison | None:
    """Return a survey's comparison; nothing where its ground was not known before."""
    parts = await read_parts(portal, entry, most=_PARTS)
    if not parts or parts[0].counts is None:
        return None
    first = parts[0]
    # Another server's software may name them in another order; a reader looks for the latest.
    dates = await portal.register.dates_of(first.earlier)
    latest = sorted(dates, key=lambda cid: (-dates[cid], bytes(cid)))[:_EARLIER_SHOWN]
    earlier = [one for one in [await _find_survey(portal, cid) for cid in latest] if one]
    return Comparison(
        first=first,
        counts=parts[0].counts,
        earlier=tuple(earlier),
        earlier_more=len(first.earlier) - len(earlier),
        years=f"{abs(first.days) / _DAYS_YEAR:.1f}",
        doubtful=tuple(one for part in parts for one in part.doubtful or ())[:_SHOWN],
        shift=_tell_shift(first),
        growth=_tell_growth(first.height) if first.height else "",
    )


async def _find_survey(portal: Portal, cid: Cid) -> EarlierSurvey | None:
    try:
        survey = open_envelope(await portal.register.record(cid)).expect(Survey)
    except CecError:
        return None
    return EarlierSurvey(cid, survey.campaign, tell_taken(survey))


def _tell_shift(match: Match) -> str:
    if match.shift is None:
        return ""
    shift = match.shift
    east = (
        f"{abs(shift.east_mm) / 1e3:.2f} ± {shift.east_error_mm / 1e3:.2f} m {'east' if shift.east_mm >= 0 else 'west'}"
    )
    north = f"{abs(shift.north_mm) / 1e3:.2f} ± {shift.north_error_mm / 1e3:.2f} m"
    return f"This survey lies {east} and {north} {'north' if shift.north_mm >= 0 else 'south'} of what was known."


def _tell_growth(height: Change) -> str:
    if height.days <= 0:
        return ""
    years = height.days / _DAYS_YEAR
    value, error = height.change_mm / 1e3 / years, height.error_mm / 1e3 / years
    is_clear = abs(value) > _TWO_SIDED_95 * error
    return (
        f"Trees seen again grew by {_signed(value)} ± {error:.2f} m a year on average"
        f"{'' if is_clear else ', which is within the error'}."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
