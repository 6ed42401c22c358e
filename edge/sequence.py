"""The device's sequence: which number a record gets, and when counting begins anew.

All but `Sequencer.begin` works in the caller's transaction.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from domain.cid import Cid
from domain.envelope import FieldBody, Record, open_envelope, seal
from domain.records.field import Birth, Blob, Close, Observation, Place
from edge import history, schema
from edge.clock import read_clock_ms, read_mono_ms
from edge.identity import Identity

SOFTWARE: Final = "cec-edge 0.1.0"


class Sequencer:
    """Numbers the records of one spool."""

    def __init__(self, db: sqlite3.Connection, identity: Identity) -> None:
        self._db = db
        self._identity = identity
        self._boot = _read_boot()

    def begin(self) -> None:
        """Begin the first epoch where there is none."""
        if schema.get_meta(self._db, "epoch") is not None:
            return
        with schema.transaction(self._db):
            if schema.get_meta(self._db, "epoch") is None:
                self._begin_epoch()

    @property
    def birth(self) -> bytes:
        """The epoch's first record."""
        raw = schema.get_meta(self._db, "birth")
        assert raw is not None, "an epoch begins with its birth"  # noqa: S101
        return raw

    def append(self, make: Callable[[Place], FieldBody], readings: int) -> Record:
        """Return a new record under the next number."""
        record = seal(make(self._next_place()), self._identity.key)
        self._db.execute("INSERT INTO item (cid, raw) VALUES (?, ?)", (bytes(record.cid), record.raw))
        history.note_record(self._db, record)
        schema.set_meta(self._db, "seq", (self._next_number() + 1).to_bytes(8, "big"))
        schema.set_meta(self._db, "prev", bytes(record.cid))
        schema.count(self._db, "recorded", 1)
        schema.count(self._db, "readings", readings)
        return record

    def renumber(self, record: Record) -> Record:
        """Return a record of the same body under a number of an epoch that is not the refused one's."""
        body = record.body
        assert isinstance(body, Observation | Blob | Birth | Close), "a spool holds field records"  # noqa: S101
        if body.place.epoch == schema.get_meta(self._db, "epoch"):
            self._begin_epoch()
        if isinstance(body, Birth):
            # The new epoch has its own.
            return open_envelope(self.birth)
        old = body.place

        def move(place: Place) -> FieldBody:
            moved = replace(body, place=replace(old, epoch=place.epoch, seq=place.seq, prev=place.prev))
            if isinstance(moved, Close) and place.prev is not None:
                # It vouches for the numbers of its own epoch.
                return replace(moved, last_seq=place.seq - 1, last=place.prev)
            return moved

        return self.append(move, 0)

    def _next_place(self) -> Place:
        epoch, prev = schema.get_meta(self._db, "epoch"), schema.get_meta(self._db, "prev")
        assert epoch is not None, "an epoch has begun"  # noqa: S101
        return Place(
            epoch=epoch,
            seq=self._next_number(),
            at_ms=read_clock_ms(),
            boot=self._boot,
            mono_ms=read_mono_ms(),
            prev=None if prev is None else Cid.from_bytes(prev),
        )

    def _begin_epoch(self) -> None:
        """Begin to count anew: a random epoch, and its birth under number 0."""
        body = self._identity.body
        schema.set_meta(self._db, "epoch", secrets.token_bytes(16))
        schema.set_meta(self._db, "seq", bytes(8))
        birth = self.append(lambda place: Birth(body.org, body.device, place, SOFTWARE, last=place.prev), 0)
        schema.set_meta(self._db, "birth", birth.raw)

    def _next_number(self) -> int:
        return int.from_bytes(schema.get_meta(self._db, "seq") or b"", "big")


def _read_boot() -> bytes:
    """Return this boot's random id where the system has one, else one for this process."""
    try:
        return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return os.urandom(16)
