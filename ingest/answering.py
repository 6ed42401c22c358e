"""Answers to what devices ask: how far their records have come, and which frame records they lack."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from domain.cid import Cid
from domain.envelope import FRAME_KINDS, Record, open_envelope, pack_message, seal
from domain.inquiry import Inquiry
from domain.keys import SigningKey
from domain.records.frame import Area, Campaign, SpeciesList
from domain.records.receipt import Answer, Progress, Receipt
from domain.topics import Topic
from ingest.entries import Stand
from ingest.jobs import FOLLOWED, get_mark
from ingest.journal import Journal, now_ms

FRAME_MESSAGE: Final = 192 << 10
"""Bytes of frame records in one message; the list's own bytes must still fit."""

_FRAMES: Final = "FROM record WHERE org = ? AND kind IN ('campaign', 'area', 'species-list')"
"""Rows of an organisation's frame records, found by the index `record_frame`."""


class AnchorBook(Protocol):
    """Knows which records stand on the chain."""

    async def anchors_of(self, cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        """Return where those records stand that are anchored."""
        ...


class NoAnchors:
    """An `AnchorBook` for a server that anchors nothing."""

    async def anchors_of(self, _cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        """Return none."""
        return {}


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the journal knows of records that a device asks about."""

    processed: Mapping[Cid, bool]
    pardoned: tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers inquiries of devices.

    Attributes
    ----------
    journal, anchors
        What is known.
    key
        Signs.
    """

    journal: Journal
    anchors: AnchorBook
    key: SigningKey
    _frames: "dict[str, tuple[int, tuple[Record, ...]]]" = field(default_factory=dict)

    async def answer(self, topic: Topic, inquiry: Inquiry) -> list[tuple[Topic, bytes]]:
        """Return the messages for a device that asked on `topic`, each with its topic."""
        messages: list[tuple[Topic, bytes]] = []
        if inquiry.progress:
            messages += await self._tell_progress(Topic(topic.org, topic.device, "rcpt"), inquiry.progress)
        if inquiry.frames is not None:
            reply, held = Topic(topic.org, topic.device, "cmd"), set(inquiry.frames)
            lacking = [record.raw for record in await self._list_frames(topic.org) if record.cid not in held]
            messages += [(reply, pack_message(part)) for part in _cut(lacking)]
        return messages

    async def _tell_progress(self, reply: Topic, asked: Sequence[Cid]) -> list[tuple[Topic, bytes]]:
        standing = await self.journal.read(lambda db: _look_up(db, reply, asked))
        anchors = await self.anchors_of(tuple(standing.processed))
        progress = tuple(_list_progress(standing.processed, anchors))
        answers = tuple(Answer(cid, "stored") for cid in standing.pardoned)
        if not progress and not answers:
            return []
        receipt = Receipt(reply.org, reply.device, now_ms(), answers or None, progress=progress or None)
        return [(reply, pack_message([seal(receipt, self.key).raw]))]

    async def anchors_of(self, cids: Sequence[Cid]) -> Mapping[Cid, Stand]:
        """Return where those records stand that are anchored."""
        return await self.anchors.anchors_of(cids) if cids else {}

    async def _list_frames(self, org: str) -> tuple[Record, ...]:
        """Return the newest frame record of each id, read anew when one was added."""
        last = await self.journal.read(lambda db: _last_frame(db, org))
        if not last:
            # Nothing is kept for organisations that a stranger may invent.
            return ()
        known, records = self._frames.get(org, (-1, ()))
        if known != last:
            records = await self.journal.read(lambda db: _select_frames(db, org))
            self._frames[org] = (last, records)
        return records


def _list_progress(processed: Mapping[Cid, bool], anchors: Mapping[Cid, Stand]) -> Iterator[Progress]:
    for cid, is_processed in processed.items():
        anchor = anchors.get(cid)
        if anchor is not None and is_processed:
            yield Progress(cid, "anchored", anchor.root, anchor.height, anchor.time_ms)
        elif is_processed:
            yield Progress(cid, "processed")


def _look_up(db: sqlite3.Connection, topic: Topic, asked: Sequence[Cid]) -> _Standing:
    """Return how far the device's own records have come; of others' nothing is said."""
    followed = get_mark(db, FOLLOWED)
    processed: dict[Cid, bool] = {}
    pardoned: list[Cid] = []
    statement = "SELECT row, kind FROM record WHERE cid = ? AND org = ? AND device = ?"
    for cid in asked:
        found = db.execute(statement, (bytes(cid), topic.org, topic.device)).fetchone()
        if found is None:
            continue
        processed[cid] = found[0] <= followed and (found[1] != "blob" or _is_done(db, topic.org, cid))
        if db.execute("SELECT 1 FROM pardon WHERE cid = ?", (bytes(cid),)).fetchone():
            pardoned.append(cid)
    return _Standing(processed, tuple(pardoned))


def _is_done(db: sqlite3.Connection, org: str, blob: Cid) -> bool:
    """Tell whether a file is whole and the job that it caused, if any, is done."""
    whole = db.execute("SELECT 1 FROM upload WHERE org = ? AND record = ? AND whole", (org, bytes(blob))).fetchone()
    if whole is None:
        return False
    return db.execute("SELECT 1 FROM job WHERE id = ? AND state <> 'done'", (f"survey/{blob}",)).fetchone() is None


def _last_frame(db: sqlite3.Connection, org: str) -> int:
    return int(db.execute(f"SELECT coalesce(max(row), 0) {_FRAMES}", (org,)).fetchone()[0])


def _select_frames(db: sqlite3.Connection, org: str) -> tuple[Record, ...]:
    """Return the frame record of each id that was admitted last."""
    records = (open_envelope(raw) for (raw,) in db.execute(f"SELECT raw {_FRAMES} ORDER BY row", (org,)))
    return tuple({_name(record): record for record in records}.values())


def _name(record: Record) -> tuple[str, str]:
    body = record.body
    if isinstance(body, Campaign):
        return record.kind, body.campaign
    if isinstance(body, Area):
        return record.kind, body.area
    assert isinstance(body, SpeciesList), FRAME_KINDS  # noqa: S101  # the query asks for these kinds alone
    return record.kind, body.list_id


def _cut(envelopes: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield envelopes in messages' worth."""
    part: list[bytes] = []
    size = 0
    for raw in envelopes:
        if part and size + len(raw) > FRAME_MESSAGE:
            yield part
            part, size = [], 0
        part.append(raw)
        size += len(raw)
    if part:
        yield part
