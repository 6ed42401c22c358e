"""A survey's charts as pictures of their own: ``/survey/CID/map.svg`` and the like."""

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from domain.cid import Cid
from domain.envelope import open_envelope
from domain.records.match import Match
from domain.records.result import Result, Survey, Tree
from portal.context import Portal, PortalDep
from portal.histories import read_parts
from register.ports import PAGE_LIMIT

CHARTS: Final = {
    "map": "Stand map",
    "heights": "Height and diameter",
    "stems": "Stems by diameter",
}
"""Name and title of each chart, in the order of the page."""
GROWTH: Final = {"growth": "Growth"}
"""Where a survey was compared with earlier ones."""
MOST_TREES: Final = 20_000
"""Trees drawn at most: some 3 s of work and 20 MB; a larger stand shows its first ones by code, an even sample."""
_MOST_PARTS: Final = 20
"""Parts of a comparison that are drawn: about as many trees as are drawn."""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A picture carries its own look, and loads nothing."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a survey's charts are drawn from."""

    survey: Survey
    closing: Result
    trees: tuple[bytes, ...]
    matches: tuple[Match, ...]


@router.get("/survey/{cid}/{chart}.svg", include_in_schema=False)
async def get_chart(cid: str, chart: str, portal: PortalDep) -> Response:
    """Return one chart of a survey."""
    if chart not in CHARTS | GROWTH:
        raise HTTPException(404)
    # One at a time: drawing is arithmetic, and the server has others to answer.
    async with portal.drawing:
        drawn = await _collect(portal, Cid.parse(cid), with_matches=chart in GROWTH)
        svg = await asyncio.to_thread(_draw, chart, drawn)
    # A survey's trees are fixed by its result record.
    headers = {"content-security-policy": _POLICY, "cache-control": "public, max-age=86400"}
    return Response(svg, media_type="image/svg+xml", headers=headers)


async def _collect(portal: Portal, cid: Cid, *, with_matches: bool) -> _Drawn:
    entry = await portal.register.survey(cid)
    matches = await read_parts(portal, entry, most=_MOST_PARTS) if with_matches else ()
    if entry.result is None or (with_matches and not matches):
        raise HTTPException(404)
    survey = open_envelope(await portal.register.record(cid)).expect(Survey)
    closing = open_envelope(await portal.register.record(entry.result)).expect(Result)
    trees: list[bytes] = []
    after = ""
    while len(trees) < MOST_TREES:
        page = await portal.register.trees_of(cid, after=after, limit=min(PAGE_LIMIT, MOST_TREES - len(trees)))
        if not page:
            break
        trees += page
        after = open_envelope(page[-1]).expect(Tree).code
    return _Drawn(survey, closing, tuple(trees), matches)


def _draw(chart: str, drawn: _Drawn) -> str:
    # Here, because drawing costs a second and 60 MB at its first use, which a server without visitors never has.
    from survey.report.canvas import draw_note  # noqa: PLC0415
    from survey.report.charts import draw_growth, draw_height_diameter, draw_stem_distribution  # noqa: PLC0415
    from survey.report.errors import InvalidPicture  # noqa: PLC0415
    from survey.report.growth_records import read_growth  # noqa: PLC0415
    from survey.report.maps import draw_stand_map, draw_stem_map  # noqa: PLC0415
    from survey.report.records import read_covered, read_records  # noqa: PLC0415

    bodies = [tree for raw in drawn.trees if (tree := open_envelope(raw).expect(Tree)).status != "gone"]
    try:
        if chart in GROWTH:
            return draw_growth(read_growth(bodies, drawn.matches))
        stand = read_records(bodies, drawn.closing, drawn.survey.crs)
        if chart == "map":
            # Where all stems are measured they are the stand; heights are then known of few. No number if one is not.
            are_stems = stand.is_dbh_measured and stand.dbh_cm.sum() > 0.0
            return (draw_stem_map if are_stems else draw_stand_map)(stand, read_covered(drawn.closing))
        return draw_height_diameter(stand) if chart == "heights" else draw_stem_distribution(stand)
    except InvalidPicture as error:
        # A picture that says so reads better than a broken one.
        return draw_note(f"Not drawn: {error.rule}")
