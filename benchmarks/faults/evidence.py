"""What a server's folder shows after all: what was lost, and what happened twice."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from chain.node import read_chain
from domain.envelope import open_envelope
from domain.readings import Note
from domain.records.field import Observation
from domain.records.result import Tree
from ingest.audit import audit_links
from ingest.beside import open_beside, select_links
from ingest.journal import Journal
from register.sqlite import SqliteRegister

ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a server has.

    Attributes
    ----------
    records
        Records in its journal.
    lost
        Numbers that were on the device's card and did not arrive.
    twice
        What is there twice, in words: numbers of a device, trees, anchors, transactions that took no effect.
    quarantined
        Records refused.
    verdict
        Of the audit of the device's sequence.
    """

    records: int
    lost: int
    twice: tuple[str, ...]
    quarantined: int
    verdict: str


async def gather_evidence(folder: Path, *, org: str, device: str, owed: set[int]) -> Evidence:
    """Return what the server of a data folder has, when nobody works in it; `owed` are numbers on the device's card."""
    async with (
        Journal.open(folder / "journal.sqlite") as journal,
        SqliteRegister.open(folder / "register.sqlite") as register,
        read_chain(folder / "chain") as chain,
    ):
        entries = await journal.records_after(0, limit=ROWS)
        arrived, places, trees = Counter[int](), Counter[tuple[bytes, int]](), Counter[str]()
        for entry in entries:
            body = open_envelope(entry.raw).body
            if isinstance(body, Observation):
                arrived.update(int(one.text.split()[1]) for one in body.readings if isinstance(one, Note))
                places[body.place.epoch, body.place.seq] += 1
            elif isinstance(body, Tree):
                trees[body.code] += 1
        counts = await register.counts()
        results = [chain.blocks.results(height) or () for height in range(1, chain.blocks.last_height() + 1)]
        codes = [result.code for block in results for result in block]
        twice = [
            *(f"number {place[1]}" for place, times in places.items() if times > 1),
            *(f"tree {code}" for code, times in trees.items() if times > 1),
            *(["a transaction without effect"] if any(codes) else []),
            *(["an anchor"] if len(codes) != counts.anchors + 1 else []),
            *(["a tree of the register"] if counts.trees + counts.gone != len(trees) else []),
            *(["an anchored record"] if counts.anchored != len(entries) else []),
        ]
        quarantined = (await journal.counts()).quarantined
        with open_beside(folder / "journal.sqlite") as db:
            verdict = audit_links(select_links(db, org, device)).verdict
    return Evidence(len(entries), len(owed - set(arrived)), tuple(twice), quarantined, verdict)
