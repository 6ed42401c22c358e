"""The crew's desk over the spool: what its screen and its page ask and enter."""

import functools
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from domain.cid import Cid
from domain.codec import decode_map
from domain.envelope import Record, pack_message
from domain.readings import Visit
from domain.records.field import Observation, Place
from domain.schema import from_map
from domain.upload import compute_shape
from edge import campaigns, health
from edge.clock import read_mono_ms
from edge.errors import NoReceipt, SpoolUnreadable, UnknownItem
from edge.identity import Identity
from edge.pulse import NOTE, PulseNote, parse_note
from edge.settings import EdgeSettings
from edge.spool import Spool
from edge.views import STAGES, FrameView, HealthView, ItemView, LinkView, Overview

P = ParamSpec("P")
R = TypeVar("R")
MAX_ITEMS: Final = 500
"""Rows given at once."""
MAX_VISITS: Final = 100
"""Visits of one tree given at once."""
FRESH_S: Final = 40.0
"""An agent in another process notes its pulse every few seconds; an older one is that of an agent that ended."""
_COLUMNS: Final = (
    "SELECT h.row, h.cid, h.kind, h.words, h.seq, h.at_ms, h.stage, h.times_sent, h.rule, h.remedy, h.height, "
    "h.anchored_ms, u.size, u.held, u.is_whole, u.path, u.problem "
)
_SELECT: Final = f"{_COLUMNS} FROM history h LEFT JOIN upload u ON u.root = h.upload "
_SELECT_FILES: Final = f"{_COLUMNS} FROM upload u CROSS JOIN history h ON h.upload = u.root "
"""By the files, which are few, to their records: SQLite takes a CROSS JOIN from left to right."""


def _told(read: Callable[P, R]) -> Callable[P, R]:
    """Let a bad card reach the crew in words, and neither end their screen nor look like a bug."""

    @functools.wraps(read)
    def read_or_tell(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        except sqlite3.Error as error:
            raise SpoolUnreadable(str(error)) from error

    return read_or_tell


class SpoolDesk:
    """Answers the crew from the spool; fulfils `edge.views.Desk`.

    Parameters
    ----------
    spool
        Open in this process, beside the agent's or with it.
    settings
        For which campaign is measured, and where.
    identity
        Who the device is.
    read_pulse
        Returns how the agent is doing; by default what an agent in another process noted in the spool.
    notify
        Tells the agent that something new is in the spool.
    """

    def __init__(
        self,
        spool: Spool,
        settings: EdgeSettings,
        identity: Identity,
        *,
        read_pulse: Callable[[], PulseNote] | None = None,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._identity = identity
        self._read_pulse = read_pulse
        self._notify = notify
        self._frames: tuple[int, FrameView] | None = None

    @_told
    def overview(self) -> Overview:
        """Return everything at a glance."""
        body, status, pulse = self._identity.body, self._spool.status(), self._pulse()
        found = dict(
            self._spool.db.execute(
                "SELECT stage, count(*) FROM history WHERE stage <> 'refused' GROUP BY stage "
                "UNION ALL SELECT 'refused', count(*) FROM history WHERE stage = 'refused' AND NOT is_read"
            )
        )
        return Overview(
            org=body.org,
            device=body.device,
            campaign=self._settings.campaign,
            counts={stage: found.get(stage, 0) for stage in STAGES},
            readings=status.readings,
            skipped=status.skipped,
            files=status.uploads,
            files_whole=status.uploads_whole,
            link=_see_link(pulse),
            health=_see_health(self._settings, pulse),
        )

    @_told
    def items(self, *, stage: str | None = None, before: int | None = None, limit: int = 50) -> tuple[ItemView, ...]:
        """Return records, newest first: at one stage or all, of rows below `before`.

        Refused ones that the crew has read are not among the refused.
        """
        conditions, values = ["1"], list[Any]()
        if stage is not None:
            conditions.append("h.stage = ?")
            values.append(stage)
            if stage == "refused":
                conditions.append("NOT h.is_read")
        return self._list(_SELECT, conditions, values, before=before, limit=limit)

    @_told
    def files(
        self, *, is_whole: bool | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[ItemView, ...]:
        """Return files, newest first, of rows below `before`: that the server has whole, that it has not, or all.

        However many records lie between them.
        """
        conditions, values = ["1"], list[Any]()
        if is_whole is not None:
            conditions.append("u.is_whole = ?")
            values.append(is_whole)
        return self._list(_SELECT_FILES, conditions, values, before=before, limit=limit)

    @_told
    def item(self, cid: Cid) -> ItemView:
        """Return one record; `UnknownItem` when this device has none of that name."""
        row = self._spool.db.execute(f"{_SELECT} WHERE h.cid = ?", (bytes(cid),)).fetchone()
        if row is None:
            raise UnknownItem(str(cid))
        return _view(row)

    @_told
    def receipt(self, cid: Cid) -> bytes:
        """Return the server's signed receipt for a record as a message of envelopes, to be saved as proof.

        Raises
        ------
        UnknownItem
            When this device has no such record.
        NoReceipt
            When the server has not answered for it yet.
        """
        self.item(cid)
        row = self._spool.db.execute(
            "SELECT r.raw FROM history h JOIN receipt r ON r.id = h.receipt WHERE h.cid = ?", (bytes(cid),)
        ).fetchone()
        if row is None:
            raise NoReceipt(str(cid))
        return pack_message([row[0]])

    @_told
    def receipts(self) -> bytes:
        """Return every receipt that this device holds, as a CBOR sequence (RFC 8742) of messages of envelopes."""
        rows = self._spool.db.execute(
            "SELECT raw FROM receipt WHERE EXISTS (SELECT 1 FROM history WHERE history.receipt = receipt.id) "
            "ORDER BY id"
        )
        return b"".join(pack_message([raw]) for (raw,) in rows)

    @_told
    def acknowledge(self, cid: Cid) -> None:
        """Take a refused record off the crew's list: they have read it; its bytes stay in the spool."""
        self.item(cid)
        self._spool.mark_read(cid)

    @_told
    def frames(self) -> FrameView:
        """Return campaigns, plots and species lists."""
        # A replaced or added record has a new row number, so the highest tells whether anything changed.
        (latest,) = self._spool.db.execute("SELECT coalesce(max(row), 0) + count(*) FROM frame").fetchone()
        if self._frames is None or self._frames[0] != latest:
            self._frames = (latest, campaigns.read_frames(self._spool.db))
        return self._frames[1]

    @_told
    def enter(self, visit: Visit) -> Cid:
        """Record what the crew entered and return the record's name; it is on the disk then, link or none.

        Nothing is read again: were that to fail, the crew would be told to enter once more what was recorded.

        Raises
        ------
        DiskFull
            When there is no room.
        InvalidField
            When a field of the visit breaks its bound.
        SpoolUnreadable
            When the card is damaged; nothing was recorded.
        """
        body = self._identity.body

        def observe(place: Place) -> Observation:
            return Observation(body.org, body.device, self._settings.campaign, place, (visit,))

        record: Record = self._spool.append(observe, readings=1)
        self._notify()
        return record.cid

    @_told
    def visits(self, tree: str) -> tuple[tuple[ItemView, Visit], ...]:
        """Return what this device recorded of a tree (17 symbols), newest first."""
        rows = self._spool.db.execute(
            "SELECT h.cid, v.reading FROM visit v JOIN history h ON h.row = v.row WHERE v.tree = ? "
            "ORDER BY v.row DESC, v.place DESC LIMIT ?",
            (tree, MAX_VISITS),
        ).fetchall()
        return tuple((self.item(Cid.from_bytes(cid)), from_map(Visit, decode_map(raw))) for cid, raw in rows)

    def _list(
        self, select: str, conditions: list[str], values: list[Any], *, before: int | None, limit: int
    ) -> tuple[ItemView, ...]:
        if before is not None:
            conditions.append("h.row < ?")
            values.append(before)
        clause = " AND ".join(conditions)
        rows = self._spool.db.execute(
            f"{select} WHERE {clause} ORDER BY h.row DESC LIMIT ?", (*values, min(max(0, limit), MAX_ITEMS))
        )
        return tuple(_view(row) for row in rows)

    def _pulse(self) -> PulseNote:
        if self._read_pulse is not None:
            return self._read_pulse()
        note = parse_note(self._spool.noted(NOTE))
        now = read_mono_ms()
        if note is None or not 0 <= now - note.at_ms < FRESH_S * 1_000:
            return PulseNote(f"{self._settings.host}:{self._settings.port}", False, 0, now)  # noqa: FBT003
        return note


def _see_link(pulse: PulseNote) -> LinkView:
    now = read_mono_ms()
    silent = None if pulse.heard_ms is None else max(0, now - pulse.heard_ms) // 1_000
    return LinkView(
        pulse.is_connected,
        pulse.broker,
        pulse.connections,
        silent_s=silent,
        refusal=pulse.refusal,
        sent_bytes=pulse.sent_bytes,
        budget_bytes=pulse.budget_bytes,
    )


def _see_health(settings: EdgeSettings, pulse: PulseNote) -> HealthView:
    battery = health.read_battery()
    return HealthView(
        disk_free_bytes=health.read_disk_free(settings.folder),
        memory_bytes=pulse.memory_bytes,
        battery_percent=None if battery is None else battery.percent,
        is_charging=None if battery is None else battery.is_charging,
        satellites_used=pulse.satellites_used,
        satellites_seen=pulse.satellites_seen,
        quality=pulse.quality,
        hdop_c=pulse.hdop_c,
        alarms=pulse.alarms or (),
    )


def _view(row: tuple[Any, ...]) -> ItemView:
    (number, cid, *known), (size, held, is_whole, path, problem) = row[:12], row[12:]
    # In the order of the view's fields, as `_SELECT` names them.
    view = ItemView(number, Cid.from_bytes(cid), *known)
    if size is None:
        return view
    return replace(
        view,
        size=size,
        held_ppm=_compute_held(size, held, is_whole=bool(is_whole)),
        name=Path(path).name,
        problem=problem,
    )


def _compute_held(size: int, held: bytes, *, is_whole: bool) -> int:
    """Return the part of a file that the server holds, in millionths."""
    if is_whole:
        return 1_000_000
    return int.from_bytes(held, "little").bit_count() * 1_000_000 // compute_shape(size).frames
