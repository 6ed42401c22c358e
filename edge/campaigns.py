"""What came down from the organisation: campaigns, plots and species lists, the newest of each.

Only what the key signed that also signed this device's enrolment is taken: neither broker nor server can make a crew
measure something else.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import FRAME_KINDS, Record, open_envelope, parse_body
from domain.inquiry import MAX_HELD
from domain.records.frame import Area, Campaign, SpeciesList
from edge.errors import UntrustedFrame
from edge.identity import Identity
from edge.views import FrameView

MAX_FRAME_RECORD_BYTES: Final = 4 << 20
"""Bytes of all frame records held: a few hundred plots with surveyed outlines; decoded they take some 40 MB."""
FrameBody = Campaign | Area | SpeciesList


def open_frame(raw: bytes, identity: Identity) -> Record:
    """Return a frame record of this device's organisation.

    Raises
    ------
    UntrustedFrame
        When it is of another kind, another organisation, or another signer.
    CecError
        When it is no record.
    """
    record = open_envelope(raw)
    if record.kind not in FRAME_KINDS or not isinstance(record.body, FrameBody):
        raise UntrustedFrame(f"a {record.kind!r} does not come down to devices")
    if record.key != identity.enrol.key:
        raise UntrustedFrame(f"signed by {record.key}, not by the key that signed this device's enrolment")
    if record.body.org != identity.body.org:
        raise UntrustedFrame(f"it is of {record.body.org!r}")
    return record


def keep_frame(db: sqlite3.Connection, record: Record) -> bool:
    """Return whether a frame record took its place: the first of its id, or later than the one before.

    Raises
    ------
    UntrustedFrame
        When the device holds as many as it may.
    """
    kind, name = record.kind, _name(record)
    row = db.execute("SELECT cid, raw FROM frame WHERE kind = ? AND id = ?", (kind, name)).fetchone()
    if row is not None and (row[0] == bytes(record.cid) or not _is_later(record, row[1])):
        return False
    held, size = db.execute(
        "SELECT count(*), coalesce(sum(length(raw)), 0) FROM frame WHERE NOT (kind = ? AND id = ?)", (kind, name)
    ).fetchone()
    if held >= MAX_HELD or size + len(record.raw) > MAX_FRAME_RECORD_BYTES:
        raise UntrustedFrame(f"this device already holds {held} frame records of {size} bytes")
    db.execute(
        "INSERT OR REPLACE INTO frame (kind, id, cid, raw) VALUES (?, ?, ?, ?)",
        (kind, name, bytes(record.cid), record.raw),
    )
    return True


def list_held(db: sqlite3.Connection) -> tuple[Cid, ...]:
    """Return the names of all frame records held."""
    return tuple(
        Cid.from_bytes(cid) for (cid,) in db.execute("SELECT cid FROM frame ORDER BY row LIMIT ?", (MAX_HELD,))
    )


def read_frames(db: sqlite3.Connection) -> FrameView:
    """Return all frame records; their signatures were checked when they came."""
    bodies = [_body(raw) for (raw,) in db.execute("SELECT raw FROM frame ORDER BY kind, id")]
    return FrameView(tuple(_only(bodies, Campaign)), tuple(_only(bodies, Area)), tuple(_only(bodies, SpeciesList)))


def _only(bodies: Iterable[object], kind: type) -> list:  # type: ignore[type-arg]
    return [body for body in bodies if isinstance(body, kind)]


def _name(record: Record) -> str:
    match record.body:
        case Campaign():
            return record.body.campaign
        case Area():
            return record.body.area
        case SpeciesList():
            return record.body.list_id
        case _:
            raise AssertionError(f"a {record.kind} is no frame record")


def _is_later(record: Record, held: bytes) -> bool:
    """Tell whether a record is later than the one held; by order of coming where none bears a time of signing."""
    before = _body(held)
    if isinstance(record.body, SpeciesList) and isinstance(before, SpeciesList):
        return record.body.at_ms >= before.at_ms
    return True


def _body(raw: bytes) -> object:
    fields = decode_map(raw)["body"]
    assert isinstance(fields, dict), "it was checked when it came"  # noqa: S101
    return parse_body(fields)
