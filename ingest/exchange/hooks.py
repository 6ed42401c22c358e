"""Webhooks and their deliveries in the journal's file: SQL on one open transaction.

A delivery is made once for each record that a member may see, under an id that follows from webhook and record: made
again after a crash it is the same one. It waits, is delivered (and then only counted), or is given up and kept.
"""

import hashlib
import json
import random
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ingest.exchange.addresses import check_url
from ingest.exchange.cursors import format_cursor, get_secret
from ingest.exchange.errors import HookLimit
from ingest.exchange.feed import FeedEntry, read_feed
from ingest.exchange.signing import HookKeys, derive_key, make_secret

MAX_HOOKS: Final = 100
"""Webhooks of a server: each may have `IN_HAND` attempts open at once."""
IN_HAND: Final = 4
"""Attempts open at once for one webhook: it slows itself down, not the others."""
MAX_WAITING: Final = 500
"""Deliveries that wait for one webhook; further records wait in the feed, at the webhook's row."""
SCHEDULE_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Pause before each attempt, as Standard Webhooks proposes: ten attempts within some four days."""
JITTER: Final = 0.2
"""Share by which a pause is stretched at random, so that what failed together does not come back together."""
MAX_PAUSE_S: Final = 86_400
"""Longest pause that a receiver may ask for."""
EVENT: Final = "record.admitted"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook.

    Attributes
    ----------
    id, org, url
        Its id, whose, and where it goes.
    state
        ``active``, or ``gone`` when its receiver said so.
    reason
        Why it is not active.
    delivered, waiting, dead
        Its deliveries: done, to be done, and given up.
    """

    id: str
    org: str
    url: str
    state: str
    reason: str
    delivered: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to be sent.

    Attributes
    ----------
    id
        Stays the same however often it is sent.
    hook, url
        To whom.
    keys
        What signs it.
    payload
        JSON.
    attempts
        How often it was tried before.
    """

    id: str
    hook: str
    url: str
    keys: HookKeys
    payload: bytes
    attempts: int


def add_hook(db: sqlite3.Connection, org: str, url: str) -> tuple[str, HookKeys]:
    """Add a webhook that tells of records admitted from now on; return its id and keys.

    Raises
    ------
    InvalidHook
        When the URL is not one that webhooks are sent to.
    HookLimit
        When there are too many.
    """
    check_url(url)
    if db.execute("SELECT count(*) FROM exchange_hook").fetchone()[0] >= MAX_HOOKS:
        raise HookLimit(MAX_HOOKS)
    hook, secret = f"hook_{secrets.token_hex(8)}", make_secret()
    row = int(db.execute("SELECT coalesce(max(row), 0) FROM record").fetchone()[0])
    db.execute(
        "INSERT INTO exchange_hook (id, org, url, secret, state, row) VALUES (?, ?, ?, ?, 'active', ?)",
        (hook, org, url, secret, row),
    )
    return hook, HookKeys(secret, derive_key(get_secret(db), hook))


def remove_hook(db: sqlite3.Connection, hook: str) -> bool:
    """Forget a webhook and its deliveries; tell whether there was one."""
    db.execute("DELETE FROM exchange_delivery WHERE hook = ?", (hook,))
    return db.execute("DELETE FROM exchange_hook WHERE id = ?", (hook,)).rowcount == 1


def list_hooks(db: sqlite3.Connection) -> tuple[Hook, ...]:
    """Return all webhooks, by organisation."""
    statement = (
        "SELECT id, org, url, state, reason, delivered,"
        " (SELECT count(*) FROM exchange_delivery AS d WHERE d.hook = h.id AND d.state = 'waiting'),"
        " (SELECT count(*) FROM exchange_delivery AS d WHERE d.hook = h.id AND d.state = 'dead')"
        " FROM exchange_hook AS h ORDER BY org, id"
    )
    return tuple(Hook(*row) for row in db.execute(statement))


def revive(db: sqlite3.Connection, hook: str, now_ms: int) -> int:
    """Let a webhook's dead deliveries be sent again, and itself where it was gone; return how many."""
    db.execute("UPDATE exchange_hook SET state = 'active', reason = '' WHERE id = ?", (hook,))
    statement = (
        "UPDATE exchange_delivery SET state = 'waiting', attempts = 0, next_ms = ? WHERE hook = ? AND state = 'dead'"
    )
    return db.execute(statement, (now_ms, hook)).rowcount


def has_active(db: sqlite3.Connection) -> bool:
    """Tell whether there is an active webhook."""
    return db.execute("SELECT 1 FROM exchange_hook WHERE state = 'active' LIMIT 1").fetchone() is not None


def is_behind(db: sqlite3.Connection) -> bool:
    """Tell whether an active webhook has records to be told of and room for them; the index is brought up before."""
    statement = (
        "SELECT 1 FROM exchange_hook AS h WHERE state = 'active'"
        " AND row < (SELECT coalesce(max(row), 0) FROM exchange_entry)"
        " AND (SELECT count(*) FROM exchange_delivery WHERE state = 'waiting' AND hook = h.id) < ? LIMIT 1"
    )
    return db.execute(statement, (MAX_WAITING,)).fetchone() is not None


def fan_out(db: sqlite3.Connection, now_ms: int) -> int:
    """Make deliveries of new records for every active webhook that has room; return how many."""
    hooks = db.execute("SELECT id, org, row FROM exchange_hook WHERE state = 'active'").fetchall()
    return sum(_fan_out_one(db, hook, now_ms) for hook in hooks)


def select_due(db: sqlite3.Connection, now_ms: int) -> list[Delivery]:
    """Return what is to be sent now: the oldest `IN_HAND` due messages of each active webhook."""
    hooks = db.execute("SELECT id, url, secret FROM exchange_hook WHERE state = 'active'").fetchall()
    server = get_secret(db)
    statement = (
        "SELECT id, payload, attempts FROM exchange_delivery WHERE state = 'waiting' AND hook = ? AND next_ms <= ?"
        " ORDER BY next_ms, row LIMIT ?"
    )
    return [
        Delivery(message, hook, url, HookKeys(secret, derive_key(server, hook)), payload, attempts)
        for hook, url, secret in hooks
        for message, payload, attempts in db.execute(statement, (hook, now_ms, IN_HAND)).fetchall()
    ]


def note_delivered(db: sqlite3.Connection, delivery: Delivery) -> None:
    """Note that a receiver took a message."""
    if db.execute("DELETE FROM exchange_delivery WHERE id = ?", (delivery.id,)).rowcount:
        db.execute("UPDATE exchange_hook SET delivered = delivered + 1 WHERE id = ?", (delivery.hook,))


def note_failed(db: sqlite3.Connection, delivery: Delivery, reason: str, now_ms: int, *, pause_s: float) -> None:
    """Note why a message was not taken; it waits for its next attempt, or is given up after the last."""
    attempts = delivery.attempts + 1
    state, next_ms = "dead", now_ms
    if attempts < len(SCHEDULE_S):
        state, next_ms = "waiting", now_ms + compute_pause_ms(attempts, pause_s, random.random())  # noqa: S311  # jitter
    db.execute(
        "UPDATE exchange_delivery SET attempts = ?, state = ?, next_ms = ?, reason = ? WHERE id = ?",
        (attempts, state, next_ms, reason[:1_000], delivery.id),
    )


def note_gone(db: sqlite3.Connection, delivery: Delivery, reason: str) -> None:
    """Note that a receiver wants nothing more; what waits for it is given up."""
    db.execute("UPDATE exchange_hook SET state = 'gone', reason = ? WHERE id = ?", (reason[:1_000], delivery.hook))
    statement = "UPDATE exchange_delivery SET state = 'dead', reason = ? WHERE hook = ? AND state = 'waiting'"
    db.execute(statement, (reason[:1_000], delivery.hook))


def compute_pause_ms(attempts: int, asked_s: float, chance: float) -> int:
    """Return the pause after so many attempts, at least what the receiver asked for, stretched by chance in [0, 1).

    Examples
    --------
    >>> compute_pause_ms(1, 0.0, 0.0), compute_pause_ms(1, 60.0, 0.0), compute_pause_ms(9, 0.0, 0.5)
    (5000, 60000, 95040000)
    """
    pause_s = max(SCHEDULE_S[attempts], min(asked_s, MAX_PAUSE_S))
    return round(1_000 * pause_s * (1 + JITTER * chance))


def _fan_out_one(db: sqlite3.Connection, hook: tuple[str, str, int], now_ms: int) -> int:
    name, org, row = hook
    count = "SELECT count(*) FROM exchange_delivery WHERE state = 'waiting' AND hook = ?"
    room = MAX_WAITING - int(db.execute(count, (name,)).fetchone()[0])
    if room <= 0:
        return 0
    page = read_feed(db, org, row, room)
    for entry in page.entries:
        values = (make_message_id(name, entry), name, entry.row, _make_payload(db, entry), now_ms)
        statement = "INSERT OR IGNORE INTO exchange_delivery (id, hook, row, payload, next_ms) VALUES (?, ?, ?, ?, ?)"
        db.execute(statement, values)
    last = "SELECT max(row) FROM exchange_entry"
    behind = page.entries[-1].row if page.has_more else int(db.execute(last).fetchone()[0] or row)
    db.execute("UPDATE exchange_hook SET row = ? WHERE id = ?", (behind, name))
    return len(page.entries)


def make_message_id(hook: str, entry: FeedEntry) -> str:
    """Return the id of the message that tells a webhook of a record."""
    return "msg_" + hashlib.sha256(hook.encode() + b"\0" + bytes(entry.cid)).hexdigest()[:32]


def _make_payload(db: sqlite3.Connection, entry: FeedEntry) -> bytes:
    at = datetime.fromtimestamp(entry.received_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    data = {
        "cid": str(entry.cid),
        "kind": entry.kind,
        "org": entry.org,
        "campaign": entry.campaign,
        "cursor": format_cursor(db, entry.row),
    }
    body = {"type": EVENT, "timestamp": at.replace("+00:00", "Z"), "data": data}
    return json.dumps(body, separators=(",", ":")).encode()
