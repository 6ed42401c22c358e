"""A tree's page tells its life, a survey's page what it was compared with; both from signed records."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import httpx
import pytest
import pytest_asyncio

from domain.cid import Cid
from domain.codes import format_code, mint_cloud_code
from domain.envelope import Record, seal
from domain.records.match import (
    Change,
    Choice,
    CommonShift,
    DoubtfulTree,
    JoinedCrowns,
    Match,
    MatchCounts,
    SameTree,
    UnseenTree,
)
from domain.records.result import Absence, Estimate, Result, Survey, Tree
from portal import histories
from portal.histories import _tell_growth
from register.indexed import Access
from register.sqlite import SqliteRegister
from survey.report.errors import InvalidPicture
from survey.report.growth_records import read_growth
from tests.domain.samples import BODIES, CLOUD, KEY
from tests.portal.sources import connect, register_path
from tests.portal.test_charts import read_texts

TAKEN_MS: Final = 1_500_000_000_000
"""14 July 2017."""
YEAR_MS: Final = round(365.2425 * 86_400_000)
DAYS: Final = 1_826


def code_of(number: int) -> str:
    return mint_cloud_code(bytes(32), CLOUD, (number, 0, 0))


def make_survey(campaign: str, years: float) -> Record:
    body = BODIES["survey"]
    assert isinstance(body, Survey)
    taken = round(TAKEN_MS + years * YEAR_MS)
    return seal(replace(body, campaign=campaign, at_ms=taken + 60_000, taken_ms=taken), KEY)


def make_tree(
    number: int,
    survey: Record,
    height: tuple[int, int],
    *,
    prev: Cid | None = None,
    status: str = "alive",
    absence: Absence | None = None,
) -> Record:
    body = BODIES["tree"]
    assert isinstance(body, Tree)
    campaign = survey.expect(Survey).campaign
    estimate = Estimate(*height, 0, "apex")
    return seal(
        replace(
            body,
            code=code_of(number),
            campaign=campaign,
            survey=survey.cid,
            height_mm=estimate,
            prev=prev,
            status=status,
            absence=absence,
        ),
        KEY,
    )


def make_result(survey: Record, *, matches: tuple[Cid, ...] | None = None) -> Record:
    body = BODIES["result"]
    assert isinstance(body, Result)
    return seal(replace(body, campaign=survey.expect(Survey).campaign, survey=survey.cid, matches=matches), KEY)


FIRST, SECOND = make_survey("ridge-2017", 0.0), make_survey("ridge-2022", 5.0)
BEFORE: Final = [make_tree(number, FIRST, (23_400, 300)) for number in range(6)]
ABSENCE: Final = Absence(is_covered=True, gone_ppm=860_000, seen_ppm=980_000)
AFTER: Final = [
    # 1.5 m in five years with a standard error of 0.5 m: 0.3 m a year, three standard errors of zero.
    make_tree(0, SECOND, (24_900, 400), prev=BEFORE[0].cid),
    # 0.5 m with 0.5 m: one standard error.
    make_tree(1, SECOND, (23_900, 400), prev=BEFORE[1].cid),
    make_tree(2, SECOND, (23_400, 300), prev=BEFORE[2].cid, status="gone", absence=ABSENCE),
    make_tree(5, SECOND, (15_000, 400), prev=BEFORE[5].cid),
    make_tree(7, SECOND, (24_000, 400)),
]
MATCHES: Final = [
    seal(
        Match(
            "north-forest",
            "ridge-2022",
            SECOND.cid,
            (FIRST.cid,),
            part=0,
            parts=2,
            days=DAYS,
            counts=MatchCounts(same=3, new=0, undecided=1, doubtful=1, not_seen=1, outside=0, gone=1),
            shift=CommonShift(-1_250, 340, 60, 50),
            height=Change(1_000, 250, DAYS),
            same=(
                SameTree(code_of(0), BEFORE[0].cid, 990_000, Change(1_500, 500, DAYS)),
                SameTree(code_of(1), BEFORE[1].cid, 980_000, Change(500, 500, DAYS)),
                SameTree(code_of(5), BEFORE[5].cid, 700_000, Change(-8_400, 500, DAYS)),
            ),
        ),
        KEY,
    ),
    seal(
        Match(
            "north-forest",
            "ridge-2022",
            SECOND.cid,
            (FIRST.cid,),
            part=1,
            parts=2,
            days=DAYS,
            doubtful=(DoubtfulTree(code_of(3), 380_000, (Choice(code_of(7), 620_000),)),),
            unseen=(
                UnseenTree(code_of(2), "gone", "its place was covered", ABSENCE),
                UnseenTree(code_of(4), "not-seen", "a taller crown covers its place", Absence(True, 100_000)),  # noqa: FBT003
            ),
            merges=(JoinedCrowns(code_of(0), code_of(4)),),
        ),
        KEY,
    ),
]
CLOSINGS: Final = [make_result(FIRST), make_result(SECOND, matches=tuple(one.cid for one in MATCHES))]
RECORDS: Final = [FIRST, *BEFORE, CLOSINGS[0], SECOND, *AFTER, *MATCHES, CLOSINGS[1]]


class CountingRegister(SqliteRegister):
    """A register that tells which records were asked for."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.asked: list[Cid] = []

    async def record(self, cid: Cid) -> bytes:
        self.asked.append(cid)
        return await super().record(cid)


@pytest_asyncio.fixture
async def register(tmp_path: Path) -> AsyncIterator[SqliteRegister]:
    async with CountingRegister.open(register_path(tmp_path)) as opened:
        await opened.add_records(RECORDS)
        yield opened


@pytest_asyncio.fixture
async def client(register: SqliteRegister) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(register) as opened:
        yield opened


async def read_tree(client: httpx.AsyncClient, number: int) -> str:
    answer = await client.get(f"/tree/{code_of(number)}")
    assert answer.status_code == 200
    return " ".join(answer.text.split())


async def test_a_tree_seen_twice_shows_its_growth_a_year_with_its_error(client: httpx.AsyncClient) -> None:
    text = await read_tree(client, 0)
    assert '<span class="strong">+0.30 ± 0.10</span> <span class="unit">m a year</span>' in text
    assert "over 5.0 years, beyond its error" in text
    assert f'<a href="/survey/{FIRST.cid}">2017-07-14</a><small>ridge-2017</small>' in text
    assert text.index("2022-07-14") < text.index("2017-07-14")


async def test_growth_within_its_error_is_told_as_such(client: httpx.AsyncClient) -> None:
    text = await read_tree(client, 1)
    assert '<span class="unit">+0.10 ± 0.10</span>' in text
    assert "within its error" in text


async def test_a_tree_far_lower_than_before_is_pointed_out(client: httpx.AsyncClient) -> None:
    assert "it lost its top, or is another tree after all" in await read_tree(client, 5)
    assert "lost its top" not in await read_tree(client, 0)


def test_by_an_older_cloud_a_lower_tree_is_a_younger_one_and_a_taller_one_has_broken_since() -> None:
    tall, low = BEFORE[5].expect(Tree), AFTER[3].expect(Tree)
    lower, taller = _tell_growth(tall, low, -5.0), _tell_growth(low, tall, -5.0)
    assert lower is not None
    assert taller is not None
    assert (lower.is_broken, taller.is_broken) == (False, True)


async def test_a_tree_that_is_gone_says_so_with_its_evidence_and_grows_no_more(client: httpx.AsyncClient) -> None:
    text = await read_tree(client, 2)
    assert "gone. Its place was covered. 98 % of standing trees of its size are seen there." in text
    assert "It is gone with a probability of 86 %." in text
    assert "Last known figures" in text
    assert "a year" not in text


async def test_an_older_cloud_surveyed_late_takes_its_place_in_a_life_and_wakes_no_tree(
    client: httpx.AsyncClient, register: SqliteRegister
) -> None:
    oldest = seal(replace(make_survey("ridge-2012", -5.0).expect(Survey), at_ms=TAKEN_MS + 9 * YEAR_MS), KEY)
    late = make_tree(2, oldest, (20_400, 400), prev=AFTER[2].cid)
    await register.add_records([oldest, late])
    text = await read_tree(client, 2)
    assert "gone. Its place was covered." in text
    assert text.index("2022-07-14") < text.index("2017-07-14") < text.index("2012-07-1")
    # 3 m in the five years from 2012 to 2017, with a standard error of 0.5 m.
    assert '<span class="strong">+0.60 ± 0.10</span> <span class="unit">m a year</span>' in text


async def test_a_tree_in_doubt_and_the_one_that_it_may_be_lead_to_each_other(client: httpx.AsyncClient) -> None:
    known, found = await read_tree(client, 3), await read_tree(client, 7)
    assert f'In doubt: it may be <a class="tag" href="/tree/{format_code(code_of(7))}">' in known
    assert "(62 %), or none of the trees found (38 %)" in known
    assert "It may be a tree that was known before" in found
    assert f'href="/tree/{format_code(code_of(3))}"' in found


async def test_a_tree_that_a_later_survey_did_not_see_says_why(client: httpx.AsyncClient) -> None:
    text = await read_tree(client, 4)
    assert "Not seen: a taller crown covers its place." in text
    assert "Seen as one crown with" in text
    assert "Change in height" not in text  # one record has no change


async def test_a_survey_tells_what_it_was_compared_with_and_what_became_of_the_trees(
    client: httpx.AsyncClient,
) -> None:
    text = " ".join((await client.get(f"/survey/{SECOND.cid}")).text.split())
    counted = ("<dt>seen again</dt><dd>3</dd>", "<dt>gone, with evidence</dt><dd>1</dd>", "<dt>in doubt</dt><dd>1</dd>")
    for expected in (*counted, "<dt>not seen</dt><dd>1</dd>", "<dt>new</dt><dd>0</dd>"):
        assert expected in text
    assert f'<a href="/survey/{FIRST.cid}">ridge-2017 of 2017-07-14</a>, 5.0 years before.' in text
    assert "1.25 ± 0.06 m west and 0.34 ± 0.05 m north" in text
    assert "grew by +0.20 ± 0.05 m a year" in text
    assert "4 trees on" in text  # five records, one of a tree that is gone
    assert f"{format_code(code_of(7))}</a> 62 %" in text


def make_match(survey: Record, earlier: tuple[Cid, ...], *, part: int = 0, parts: int = 1) -> Record:
    """Return a part of a comparison that names no tree."""
    counts = MatchCounts(same=0, new=0, undecided=0, doubtful=0, not_seen=0, outside=0, gone=0)
    body = Match("north-forest", "ridge", survey.cid, earlier, part=part, parts=parts, days=30, counts=counts)
    return seal(body if part == 0 else replace(body, counts=None), KEY)


async def test_of_many_earlier_surveys_the_latest_are_named(
    client: httpx.AsyncClient, register: SqliteRegister
) -> None:
    earlier = [make_survey(f"spring-{year}", float(year)) for year in range(9)]
    last = make_survey("autumn", 10.0)
    names = tuple(sorted((survey.cid for survey in earlier), key=bytes))
    match = make_match(last, names)
    await register.add_records([*earlier, last, match, make_result(last, matches=(match.cid,))])
    text = " ".join((await client.get(f"/survey/{last.cid}")).text.split())
    places = [text.find(f">spring-{year} of") for year in range(8, 2, -1)]
    assert -1 not in places
    assert places == sorted(places)
    assert ">spring-2 of" not in text
    assert "and 3 more" in text


async def test_a_tree_page_looks_into_so_many_parts_whether_they_name_the_tree_or_not(
    client: httpx.AsyncClient, register: SqliteRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "_MOST_PARTS", 5)
    parts: set[Cid] = set()
    for number in range(3):
        survey = make_survey(f"later-{number}", 6.0 + number)
        matches = [make_match(survey, (SECOND.cid,), part=part, parts=4) for part in range(4)]
        parts |= {match.cid for match in matches}
        closing = make_result(survey, matches=tuple(match.cid for match in matches))
        await register.add_records([survey, *matches, closing])
    assert isinstance(register, CountingRegister)
    await read_tree(client, 0)
    assert len(parts.intersection(register.asked)) == 5


async def test_only_a_survey_that_was_compared_has_a_growth_chart(client: httpx.AsyncClient) -> None:
    assert "growth.svg" in (await client.get(f"/survey/{SECOND.cid}")).text
    chart = await client.get(f"/survey/{SECOND.cid}/growth.svg")
    assert any("Height growth" in text for text in read_texts(chart.text))
    label = ET.fromstring(chart.text).attrib["aria-label"]  # noqa: S314 - our own drawing
    assert "3 trees over 5.0 years" in label
    assert "growth.svg" not in (await client.get(f"/survey/{FIRST.cid}")).text
    assert "Compared with" not in (await client.get(f"/survey/{FIRST.cid}")).text
    assert (await client.get(f"/survey/{FIRST.cid}/growth.svg")).status_code == 404


async def test_a_stand_map_leaves_out_what_is_gone(client: httpx.AsyncClient) -> None:
    drawing = (await client.get(f"/survey/{SECOND.cid}/heights.svg")).text
    assert "of 4 trees" in ET.fromstring(drawing).attrib["aria-label"]  # noqa: S314 - our own drawing


def test_growth_is_drawn_of_trees_last_seen_at_one_time() -> None:
    trees = [record.expect(Tree) for record in AFTER]
    odd = replace(MATCHES[0].expect(Match), same=(SameTree(code_of(7), FIRST.cid, 1, Change(900, 100, 90)),))
    columns = read_growth(trees, [MATCHES[0].expect(Match), odd])
    assert columns.before_m.tolist() == pytest.approx([23.4, 23.4, 23.4])
    assert columns.years == pytest.approx(DAYS / 365.2425)
    with pytest.raises(InvalidPicture):
        read_growth(trees, [])
