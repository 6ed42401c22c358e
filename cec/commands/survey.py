"""``cec survey``: one cloud to signed records beside it, without a server."""

import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from cec.console import Console, print_json, print_text
from cec.errors import NoSuchCloud
from cec.surveyor import draft_survey
from cec.vault import load_secret
from domain.codes import format_code
from domain.envelope import Record
from domain.keys import SigningKey
from domain.records.result import Estimate, Survey, Tree
from ingest.pipeline.ports import SurveyRequest
from ingest.pipeline.surveying import sign_draft
from ipfs.car import write_car
from ipfs.unixfs import plan_file

ORG, CAMPAIGN = "local", "local"
_SHOWN: Final = 5


def run_survey(cloud: Path, *, crs: str | None, out: Path | None, as_json: bool) -> None:
    """Find a cloud's trees, write their records as a CAR archive, tell the figures."""
    if not cloud.is_file():
        raise NoSuchCloud(cloud)
    console = Console(is_quiet=as_json)
    folder = out or cloud.with_name(f"{cloud.stem}-cec")
    folder.mkdir(parents=True, exist_ok=True)
    key = SigningKey.from_seed(load_secret(folder / "survey.key"))
    secret = load_secret(folder / "codes.key")
    root = plan_file(cloud).root
    request = SurveyRequest(cloud, root, root, ORG, CAMPAIGN, crs, time.time_ns() // 1_000_000)
    with console.stage("survey", f"trees are found in {cloud.name}"):
        draft = draft_survey(request, secret)
    records = sign_draft(draft, key)
    archive = folder / f"{cloud.stem}.car"
    with archive.open("wb") as stream:
        write_car(stream, [records[-1].cid], ((record.cid, record.raw) for record in records))
    if as_json:
        print_json(_summarise(records, draft.points, archive))
        return
    _print_summary(records, draft.points, archive)


def _summarise(records: list[Record], points: int, archive: Path) -> dict[str, Any]:
    survey = records[0].expect(Survey)
    trees = [record.body for record in records if isinstance(record.body, Tree)]
    return {
        "points": points,
        "trees": len(trees),
        "carbon_t": sum(tree.carbon_g.value for tree in trees if tree.carbon_g) / 1e6,
        "crs": survey.crs[:40],
        "warnings": list(survey.warnings or ()),
        "survey": str(records[0].cid),
        "records": str(archive),
        "kinds": dict(Counter(record.kind for record in records)),
    }


def _print_summary(records: list[Record], points: int, archive: Path) -> None:
    summary = _summarise(records, points, archive)
    trees = [record.body for record in records if isinstance(record.body, Tree)]
    print_text(f"  {points:,} points, {len(trees)} trees, {summary['carbon_t']:.1f} t of carbon ({summary['crs']})")
    for warning in summary["warnings"]:
        print_text(f"  note: {warning}")
    for tree in trees[:_SHOWN]:
        stem = tree.stems[0].diameter_mm if tree.stems else None
        crown = tree.crown.diameter_mm if tree.crown else None
        print_text(
            f"  {format_code(tree.code)}  height {_show(tree.height_mm)}  crown {_show(crown)}  stem {_show(stem)}"
        )
    if len(trees) > _SHOWN:
        print_text(f"  … and {len(trees) - _SHOWN} more")
    print_text(f"  records: {archive}")


def _show(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not available"
    return f"{estimate.value / 1000:.2f} ± {estimate.own_error / 1000:.2f} m"
