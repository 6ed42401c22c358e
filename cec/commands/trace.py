"""``cec trace`` and ``cec pin``: read a server's folder as it stands, also while the server runs."""

import asyncio
from pathlib import Path
from typing import Any

from cec.commands.pins import format_pin
from cec.console import print_json, print_text
from cec.errors import NotAHouse
from cec.sources import Proofs
from chain.node import read_chain
from chain.proof import describe, verify_proof
from domain.codes import format_code, parse_code
from domain.envelope import open_envelope
from domain.records.result import Survey, Tree
from register.opening import open_register


def run_trace(code: str, *, data: Path, register: str | None, proof: Path | None, as_json: bool) -> None:
    """Follow a tree and check its proof on the way."""
    found, raw = asyncio.run(_trace(parse_code(code), _check(data), register or data / "register.sqlite"))
    if proof is not None and raw is not None:
        proof.write_bytes(raw)
        found["proof"] = str(proof)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        if name != "words":
            print_text(f"  {name:<10} {value}")
    for sentence in found.get("words", ["No anchor yet: the record is admitted and waits for the next block."]):
        print_text(sentence)


def run_pin(data: Path) -> None:
    """Print the pin of a server's chain."""

    async def read() -> str:
        async with read_chain(_check(data) / "chain") as reader:
            return format_pin(reader.pin)

    print_text(asyncio.run(read()))


async def _trace(code: str, data: Path, address: str | Path) -> tuple[dict[str, Any], bytes | None]:
    async with open_register(address) as register, read_chain(data / "chain") as reader:
        entry = await register.tree(code)
        tree = open_envelope(await register.record(entry.record)).expect(Tree)
        survey = open_envelope(await register.record(entry.survey)).expect(Survey)
        found: dict[str, Any] = {
            "code": format_code(code),
            "height": _tell_height(tree),
            "record": str(entry.record),
            "survey": str(entry.survey),
            **_tell_evidence(survey, tree),
            "software": survey.software,
        }
        if entry.anchor is None:
            return found, None
        raw = await Proofs(register, reader).proof(entry.record)
        verdict = verify_proof(raw, reader.pin)
        found |= {
            "anchor": verdict.root.hex(),
            "block": verdict.height,
            "pin": format_pin(reader.pin),
            "words": list(describe(verdict)),
        }
        return found, raw


def _tell_height(tree: Tree) -> str:
    height = tree.height_mm
    if height is None:
        return "not measured"
    error = "" if tree.is_top_hidden else f" ± {height.own_error / 1000:.2f} m"
    return f"{'over ' if tree.is_top_hidden else ''}{height.value / 1000:.2f} m{error} ({height.model})"


def _tell_evidence(survey: Survey, tree: Tree) -> dict[str, str]:
    """Return what a tree's figures rest on: clouds, or a crew's readings."""
    if survey.clouds:
        return {"cloud": ", ".join(str(cloud) for cloud in survey.clouds)}
    return {"readings": ", ".join(str(reading) for reading in tree.readings or ())}


def _check(data: Path) -> Path:
    if not (data / "register.sqlite").exists():
        raise NotAHouse(data)
    return data
