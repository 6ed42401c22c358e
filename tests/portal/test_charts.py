"""A survey's charts come from its signed records, as pictures with a policy of their own."""

from xml.etree import ElementTree as ET

import httpx
import pytest

from domain.records.result import Result, Tree
from portal.charts import CHARTS
from survey.report.records import read_covered, read_records
from tests.portal.sources import LOOSE, RESULT, SURVEY, TREES

SVG = "{http://www.w3.org/2000/svg}"


def read_texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own drawing


async def test_a_map_shows_each_crown_of_the_survey(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/survey/{SURVEY.cid}/map.svg")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (crowns,) = [one for one in ET.fromstring(answer.text).iter(f"{SVG}g") if one.get("id") == "PolyCollection_1"]  # noqa: S314
    assert len(list(crowns.iter(f"{SVG}path"))) == len([*TREES, LOOSE])


@pytest.mark.parametrize("chart", CHARTS)
async def test_the_page_offers_each_chart_and_each_is_there(client: httpx.AsyncClient, chart: str) -> None:
    page = (await client.get(f"/survey/{SURVEY.cid}")).text
    assert f'src="/survey/{SURVEY.cid}/{chart}.svg"' in page
    answer = await client.get(f"/survey/{SURVEY.cid}/{chart}.svg")
    assert read_texts(answer.text)


async def test_charts_that_are_not_there_are_told(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/survey/{SURVEY.cid}/portrait.svg")).status_code == 404
    assert (await client.get(f"/survey/{RESULT.cid}/map.svg")).status_code == 404


def test_records_become_columns_in_metres_with_both_errors() -> None:
    trees = [record.expect(Tree) for record in TREES]
    columns = read_records(trees, RESULT.expect(Result), "EPSG:32633")
    first = trees[0]
    assert first.position.x_mm is not None
    assert columns.x_m[0] == first.position.x_mm / 1000
    assert first.height_mm is not None
    assert columns.height_m[0] == first.height_mm.value / 1000
    own, shared = first.height_mm.own_error, first.height_mm.shared_error
    assert columns.height_error_m[0] == pytest.approx((own**2 + shared**2) ** 0.5 / 1000)
    assert columns.area_m2 == RESULT.expect(Result).area_cm2 / 1e4
    assert [len(ring) for ring in columns.outlines if ring] == [7, 7, 7]
    assert len(read_covered(RESULT.expect(Result))) == len(RESULT.expect(Result).covered)
