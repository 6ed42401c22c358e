"""``cec reindex``: the register made anew from journal and chain, here or on another database."""

import asyncio
from pathlib import Path
from typing import Any, Final

from cec.console import Console, print_json, print_text
from cec.errors import NotAHouse
from cec.folder import hold
from chain.node import ChainReader, read_chain
from domain.codec import decode_list
from domain.envelope import open_envelope
from ingest.journal import Journal
from ingest.pipeline.anchoring import KIND
from ingest.pipeline.manifest import build_batch
from register.entries import Anchor
from register.opening import open_register
from register.ports import Register

_BATCH: Final = 2_000
_NOBODY: Final = bytes(32)
"""For the transaction of an anchor: the journal does not keep it."""


def run_reindex(*, data: Path, register: str | None, as_json: bool) -> None:
    """Empty the register and index everything that the journal holds; the server must not run."""
    if not (data / "journal.sqlite").is_file():
        raise NotAHouse(data)
    with hold(data):
        found = asyncio.run(_reindex(data, register or data / "register.sqlite", Console(is_quiet=as_json)))
    if as_json:
        print_json(found)
    else:
        print_text(f"{found['records']} records, {found['trees']} trees and {found['anchors']} anchors are indexed")


async def _reindex(data: Path, address: str | Path, console: Console) -> dict[str, Any]:
    async with (
        Journal.open(data / "journal.sqlite") as journal,
        open_register(address) as register,
        read_chain(data / "chain") as chain,
    ):
        await register.clear()
        with console.stage("records", "records are indexed"):
            await _index_records(journal, register)
        with console.stage("anchors", "anchors are looked up on the chain"):
            await _index_anchors(journal, register, chain)
        counts = await register.counts()
        return {
            "records": counts.records,
            "trees": counts.trees,
            "anchors": counts.anchors,
            "anchored": counts.anchored,
        }


async def _index_records(journal: Journal, register: Register) -> None:
    """Index every record in the order of admission.

    How far the follower has come stays as it is: what it has not yet put into the block store it still must.
    """
    row = 0
    while entries := await journal.records_after(row, limit=_BATCH):
        await register.add_records([open_envelope(entry.raw) for entry in entries])
        row = entries[-1].row


async def _index_anchors(journal: Journal, register: Register, chain: ChainReader) -> None:
    """Compute each batch that was anchored again and find where its root stands."""
    statement = "SELECT payload FROM job WHERE kind = ? AND state = 'done' ORDER BY queued_ms, id"
    payloads = await journal.read(lambda db: [bytes(row[0]) for row in db.execute(statement, (KIND,))])
    for payload in payloads:
        after, until = decode_list(payload)
        assert isinstance(after, int), "written by the anchorer"  # noqa: S101
        assert isinstance(until, int), "written by the anchorer"  # noqa: S101
        batch = build_batch(await journal.cids_between(after, until))
        stands = chain.find_anchor(batch.tree.root)
        if stands is not None:
            anchor = Anchor(batch.tree.root, batch.tree.count, stands.height, stands.time_ms, _NOBODY, batch.manifest)
            await register.add_anchor(anchor, batch.cids)
