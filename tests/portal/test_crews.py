"""A crew's survey and its trees have pages that speak of readings, not of clouds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

import httpx
import pytest_asyncio

from domain.envelope import Record, seal
from domain.records.result import Survey, Tree
from ingest.pipeline.ports import Draft
from ingest.pipeline.surveying import sign_draft
from register.sqlite import SqliteRegister
from survey.records.campaigns import KnownForest
from survey.records.field_join import FieldKnown
from tests.domain.samples import KEY
from tests.portal.sources import connect, register_path
from tests.portal.test_charts import read_texts
from tests.survey.records.crew_days import SURVEY, know_forest, know_tree, tell
from tests.survey.records.test_field import visit


@dataclass(frozen=True)
class Shown:
    """A register's records: a flight's tree, and a crew's day with this tree and another one."""

    records: tuple[Record, ...]
    survey: Record
    known: Record
    new: Record


def show() -> Shown:
    before = know_tree(0, east_m=0.0, height_m=20.4)
    around = know_forest([before]).forest.surveys[SURVEY]
    flight = seal(replace(around.survey, org="north-forest"), KEY)
    tree = seal(replace(before, survey=flight.cid), KEY)
    known = FieldKnown(KnownForest({tree.cid: tree.expect(Tree)}, {flight.cid: around}))
    day = [visit(0, tree=before.code, species="Abies alba"), visit(1, east_m=300.0, height_mm=9_000, status="fallen")]
    told = tell(day, known)
    signed = sign_draft(Draft(told.survey, told.trees, told.closing, 0, matches=told.matches), KEY)
    assert around.closing is not None
    closing = seal(replace(around.closing, survey=flight.cid, count=1), KEY)
    trees = [record for record in signed if isinstance(record.body, Tree)]
    (known_again,) = [record for record in trees if record.expect(Tree).prev]
    (new,) = [record for record in trees if not record.expect(Tree).prev]
    assert isinstance(signed[0].body, Survey)
    return Shown((flight, tree, closing, *signed), signed[0], known_again, new)


SHOWN = show()


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with SqliteRegister.open(register_path(tmp_path)) as register:
        await register.add_records(SHOWN.records)
        async with connect(register) as opened:
            yield opened


async def read(client: httpx.AsyncClient, address: str) -> str:
    answer = await client.get(address)
    assert answer.status_code == 200
    return " ".join(unescape(answer.text).split())


async def test_a_crews_survey_tells_what_was_measured_again_and_nothing_of_trees_it_did_not_look_at(
    client: httpx.AsyncClient,
) -> None:
    text = await read(client, f"/survey/{SHOWN.survey.cid}")
    assert "Crew's survey ridge" in text
    assert "2 observation records of a crew on foot" in text
    assert "<dt>measured again</dt><dd>1</dd>" in text
    assert "<dt>new</dt><dd>1</dd>" in text
    assert "not seen" not in text
    assert "Growth" not in text
    assert "Clouds" not in text


async def test_a_crews_charts_are_drawn_and_say_that_diameters_were_measured(client: httpx.AsyncClient) -> None:
    for chart in ("map", "heights", "stems"):
        answer = await client.get(f"/survey/{SHOWN.survey.cid}/{chart}.svg")
        assert answer.status_code == 200
    texts = read_texts((await client.get(f"/survey/{SHOWN.survey.cid}/heights.svg")).text)
    assert any("measured" in text for text in texts)


async def test_a_tree_that_both_saw_shows_both_in_its_history(client: httpx.AsyncClient) -> None:
    text = await read(client, f"/tree/{SHOWN.known.expect(Tree).code}")
    assert "Abies alba" in text
    assert "said by crew" in text
    assert "caliper-mean" in text
    assert "hypsometer-mean+apex-return" in text
    assert "from 1 observation record of a crew on foot" in text
    assert text.count('<th scope="row"><a href="/survey/') == 2


async def test_a_tree_that_the_crew_alone_knows_stands_at_its_foot(client: httpx.AsyncClient) -> None:
    text = await read(client, f"/tree/{SHOWN.new.expect(Tree).code}")
    assert "foot of the stem" in text
    assert "fallen" in text
