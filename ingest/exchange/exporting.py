"""A member's whole data as files: every envelope in one CAR, its trees as GeoParquet, a summary, checksums.

The CAR's root is a manifest: who, up to which cursor, how many, a digest for each campaign, and links to parts, each a
list of records in the order of admission. Behind the root come each part and its records, then, where asked for, the
blocks of the clouds. Memory stays flat, whatever the count: only a part is held at a time. The folder appears under its
name when it is whole; what a crash leaves is called ``NAME.part`` and is swept by the next attempt.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.cid import DAG_CBOR, DAG_PB, Cid
from domain.codec import Value, encode
from domain.envelope import FIELD_KINDS, open_envelope
from domain.records.result import Tree
from ingest.exchange.cursors import format_cursor, get_server_id
from ingest.exchange.digest import CampaignDigest, digest_campaigns
from ingest.exchange.errors import ExportFolderUsed, ExportUnwritable
from ingest.exchange.parquet import TreeTable
from ipfs.car import write_car
from ipfs.dag_pb import decode_node
from ipfs.store import BlockStore

KIND: Final = "export"
PART: Final = 16_384
"""Records listed in one block of the manifest: 670 kB."""
RECORDS, TREES, SUMMARY, SUMS = "records.car", "trees.parquet", "export.json", "SHA256SUMS"
_MEMBERSHIP: Final = ("enrol", "rotate", "revoke")


@dataclass(slots=True)
class ExportCounts:
    """What an export holds.

    Attributes
    ----------
    records, trees, clouds
        Envelopes, those that are trees, and whole clouds.
    kinds
        Records by kind.
    signers
        Keys in hexadecimal that signed campaigns, surveys, trees and results, with how many: whoever imports must
        trust them.
    """

    records: int = 0
    trees: int = 0
    clouds: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    signers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The manifest of an export, before a record is written.

    Attributes
    ----------
    org
        Whose data.
    until
        Last row of the journal that belongs to it.
    at_ms
        When it was made, UTC.
    root, block
        The manifest.
    count
        Records.
    campaigns
        Digest of each campaign; disputed records are in the export and not in these.
    """

    org: str
    until: int
    at_ms: int
    root: Cid
    block: bytes
    count: int
    campaigns: tuple[CampaignDigest, ...]


def export(
    db: sqlite3.Connection, org: str, out: Path, *, now_ms: int, clouds: BlockStore | None = None
) -> dict[str, Any]:
    """Write the data of an organisation into a new folder and return its summary; the index must be brought up.

    Parameters
    ----------
    db
        The journal's connection; only read.
    org
        Whose data.
    out
        The folder, made by this.
    now_ms
        UTC.
    clouds
        Where the clouds' blocks are, when they are wanted too.

    Raises
    ------
    ExportFolderUsed
        When something stands there.
    ExportUnwritable
        When the disk does not take it.
    """
    with _folder(out) as folder, _snapshot(db):
        plan = plan_export(db, org, now_ms)
        counts = ExportCounts()
        with TreeTable(folder / TREES) as table, (folder / RECORDS).open("wb") as stream:
            write_car(stream, [plan.root], _blocks(db, plan, counts, table, clouds=clouds))
        summary = _summarise(db, plan, counts)
        (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        _write_sums(folder)
    return summary


def plan_export(db: sqlite3.Connection, org: str, now_ms: int) -> Plan:
    """Return the manifest over all records of an organisation as the journal stands."""
    until = int(db.execute("SELECT coalesce(max(row), 0) FROM exchange_entry").fetchone()[0])
    parts: list[Value] = []
    count = 0
    for cids in _parts(db, org, until):
        parts.append(Cid.of(DAG_CBOR, encode(list(cids))))
        count += len(cids)
    digests = digest_campaigns(db, org)
    campaigns: list[Value] = [
        {"campaign": digest.campaign, "count": digest.count, "root": digest.root} for digest in digests
    ]
    block = encode(
        {
            "v": 1,
            "kind": KIND,
            "org": org,
            "server": get_server_id(db),
            "at_ms": now_ms,
            "cursor": format_cursor(db, until),
            "count": count,
            "campaigns": campaigns,
            "parts": parts,
        }
    )
    return Plan(org, until, now_ms, Cid.of(DAG_CBOR, block), block, count, digests)


def list_cloud(root: Cid, blocks: BlockStore) -> Iterator[tuple[Cid, bytes]]:
    """Yield the blocks of a file, a parent before its children; `BlockMissing` where one is not held."""
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        block = blocks.get(cid)
        yield cid, block
        if cid.codec == DAG_PB:
            waiting += [link.cid for link in reversed(decode_node(block).links)]


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parts(db: sqlite3.Connection, org: str, until: int) -> Iterator[tuple[Cid, ...]]:
    """Yield the CIDs of an organisation part by part, in the order of admission."""
    row = 0
    statement = "SELECT row, cid FROM exchange_entry WHERE org = ? AND row > ? AND row <= ? ORDER BY row LIMIT ?"
    while rows := db.execute(statement, (org, row, until, PART)).fetchall():
        yield tuple(Cid.from_bytes(cid) for _, cid in rows)
        row = rows[-1][0]


def _blocks(
    db: sqlite3.Connection, plan: Plan, counts: ExportCounts, table: TreeTable, *, clouds: BlockStore | None
) -> Iterator[tuple[Cid, bytes]]:
    yield plan.root, plan.block
    for cids in _parts(db, plan.org, plan.until):
        part = encode(list(cids))
        yield Cid.of(DAG_CBOR, part), part
        for cid in cids:
            (raw,) = db.execute("SELECT raw FROM record WHERE cid = ?", (bytes(cid),)).fetchone()
            _count(cid, raw, counts, table)
            yield cid, raw
    if clouds is not None:
        yield from _cloud_blocks(db, plan, counts, clouds)


def _count(cid: Cid, raw: bytes, counts: ExportCounts, table: TreeTable) -> None:
    record = open_envelope(raw)
    counts.records += 1
    counts.kinds[record.kind] = counts.kinds.get(record.kind, 0) + 1
    if record.kind not in (*FIELD_KINDS, *_MEMBERSHIP):
        key = record.key.raw.hex()
        counts.signers[key] = counts.signers.get(key, 0) + 1
    if isinstance(record.body, Tree):
        counts.trees += 1
        table.add(cid, record.body)


def _cloud_blocks(
    db: sqlite3.Connection, plan: Plan, counts: ExportCounts, clouds: BlockStore
) -> Iterator[tuple[Cid, bytes]]:
    statement = "SELECT root FROM upload WHERE org = ? AND whole ORDER BY root"
    for (root,) in db.execute(statement, (plan.org,)).fetchall():
        counts.clouds += 1
        yield from list_cloud(Cid.from_bytes(root), clouds)


def _summarise(db: sqlite3.Connection, plan: Plan, counts: ExportCounts) -> dict[str, Any]:
    return {
        "org": plan.org,
        "server": get_server_id(db),
        "at_ms": plan.at_ms,
        "cursor": format_cursor(db, plan.until),
        "manifest": str(plan.root),
        "records": counts.records,
        "trees": counts.trees,
        "clouds": counts.clouds,
        "kinds": dict(sorted(counts.kinds.items())),
        "signers": dict(sorted(counts.signers.items())),
        "campaigns": [
            {"campaign": digest.campaign, "records": digest.count, "root": digest.root.hex()}
            for digest in plan.campaigns
        ],
    }


def _write_sums(folder: Path) -> None:
    lines = [f"{hash_file(folder / name)}  {name}\n" for name in (RECORDS, TREES, SUMMARY)]
    (folder / SUMS).write_text("".join(lines), encoding="ascii")


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its name once all that was written into it is on the disk."""
    if out.exists():
        raise ExportFolderUsed(str(out))
    part = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        for path in (*sorted(part.iterdir()), part):
            _sync(path)
        part.rename(out)
        _sync(out.parent)
    except OSError as error:
        raise ExportUnwritable(str(out), error.strerror or str(error)) from error


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Read the journal as it stands now, whatever a server admits meanwhile."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
