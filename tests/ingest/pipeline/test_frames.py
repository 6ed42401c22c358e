"""Trees of a frame off the map are found by its name, of the same organisation alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.cid import DAG_CBOR, Cid
from domain.codes import mint_reading_code
from domain.envelope import Record, seal
from domain.records.result import Survey, Tree
from ingest.pipeline import frames
from ingest.pipeline.errors import TooManyKnown
from ingest.pipeline.frames import list_codes_in
from register.sqlite import SqliteRegister
from tests.domain.samples import BODIES, KEY


def make_survey(org: str, frame: str, names: Sequence[int], *, at_ms: int = 1_790_000_000_000) -> list[Record]:
    survey, tree = BODIES["survey"], BODIES["tree"]
    assert isinstance(survey, Survey)
    assert isinstance(tree, Tree)
    made = seal(replace(survey, org=org, crs=frame, at_ms=at_ms), KEY)
    position = replace(tree.position, crs=frame, lon_nd=None, lat_nd=None)
    return [
        made,
        *(
            seal(replace(tree, org=org, survey=made.cid, position=position, code=code_of(org, frame, name)), KEY)
            for name in names
        ),
    ]


def code_of(org: str, frame: str, name: int) -> str:
    return mint_reading_code(bytes(32), Cid.of(DAG_CBOR, f"{org} {frame}".encode()), name)


async def test_a_frame_has_the_trees_of_all_its_surveys_and_of_no_other(tmp_path: Path) -> None:
    async with SqliteRegister.open(tmp_path / "r") as register:
        for one in (
            make_survey("north-forest", "local:plot-7", range(3)),
            make_survey("north-forest", "local:plot-8", range(2)),
            make_survey("south-forest", "local:plot-7", range(2)),
            make_survey("north-forest", "local:m", range(2)),
        ):
            await register.add_records(one)
        await register.add_records(make_survey("north-forest", "local:plot-7", [5], at_ms=1_791_000_000_000))
        found = await list_codes_in(register, "north-forest", "local:plot-7")
        assert set(found) == {code_of("north-forest", "local:plot-7", name) for name in (0, 1, 2, 5)}
        assert await list_codes_in(register, "north-forest", "local:m") == []
        assert await list_codes_in(register, "north-forest", "EPSG:32633") == []
        assert await list_codes_in(register, "east-forest", "local:plot-7") == []


async def test_more_trees_than_one_comparison_takes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteRegister.open(tmp_path / "r") as register:
        await register.add_records(make_survey("north-forest", "local:plot-7", range(5)))
        monkeypatch.setattr(frames, "MOST_CODES", 4)
        with pytest.raises(TooManyKnown, match="in its frame; survey less at once"):
            await list_codes_in(register, "north-forest", "local:plot-7")
