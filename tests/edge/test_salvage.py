"""What is taken over from a damaged spool hangs together: no number means two things, no receipt is another's."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from domain.cid import Cid
from domain.envelope import open_envelope, unpack_message
from domain.readings import Visit
from domain.records.field import Observation, Place
from domain.records.receipt import Answer, Receipt
from edge.damage import MOST_ROWS
from edge.desk import SpoolDesk
from edge.errors import NoReceipt
from edge.identity import Identity
from edge.settings import EdgeSettings
from edge.spool import Spool, open_spool
from tests.edge.desk import TREE
from tests.edge.test_durability import damage
from tests.edge.test_spool import enrol, observe, receipt

PAGE = 4096


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return enrol(tmp_path)


def visit(place: Place) -> Observation:
    return Observation("north-forest", "rover-1", "ridge", place, (Visit(1, TREE, species="Picea abies"),))


def find_last_leaf(path: Path, table: str) -> int:
    """Return the page, from 0, of a table's highest rows.

    An inner page begins with 5 and names its right-most child in bytes 8 to 11 (SQLite's file format, section 1.6).
    """
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    raw = path.read_bytes()
    while raw[PAGE * (page - 1)] == 5:
        start = PAGE * (page - 1) + 8
        page = int.from_bytes(raw[start : start + 4], "big")
    return int(page) - 1


def read_number(spool: Spool, cid: Cid) -> int:
    return int(spool.db.execute("SELECT row FROM history WHERE cid = ?", (bytes(cid),)).fetchone()[0])


def highest(path: Path, statement: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute(statement).fetchone()[0])


def check_visits(spool: Spool, settings: EdgeSettings, identity: Identity) -> None:
    """Each visit that the desk shows is of the record that it names."""
    assert spool.db.execute("SELECT count(*) FROM visit WHERE row NOT IN (SELECT row FROM history)").fetchone() == (0,)
    for item, found in SpoolDesk(spool, settings, identity).visits(TREE):
        row = spool.db.execute("SELECT raw FROM item WHERE cid = ?", (bytes(item.cid),)).fetchone()
        assert row is None or found in open_envelope(row[0]).expect(Observation).readings


@pytest.mark.parametrize("beside", [(), ("sqlite_sequence",)])
def test_a_damaged_page_of_the_history_keeps_no_agent_from_starting(
    tmp_path: Path, identity: Identity, beside: tuple[str, ...]
) -> None:
    with open_spool(tmp_path, identity) as spool:
        queued = [spool.append(visit).cid for _ in range(120)]
        last = read_number(spool, queued[-1])
    path = tmp_path / "spool.sqlite"
    damage(path, [find_last_leaf(path, table) for table in ("history", *beside)])
    settings = EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge")
    for is_damaged in (True, False):
        with open_spool(tmp_path, identity) as spool:
            assert (spool.damage is not None) == is_damaged
            assert all(spool.is_waiting(cid) for cid in queued)
            check_visits(spool, settings, identity)
            # A number that was given is never given again: the visits tell of the highest where nothing else does.
            assert read_number(spool, spool.append(visit).cid) > last
            check_visits(spool, settings, identity)


OPENER = """
import sys
from pathlib import Path
from edge.identity import load_identity
from edge.spool import open_spool

print("begun", flush=True)
with open_spool(Path(sys.argv[1]), load_identity(Path(sys.argv[1]))):
    print("open", flush=True)
"""


def open_until_killed(folder: Path, seconds: float) -> bool:
    """Open a spool in a process that is killed after a time; tell whether it was open before."""
    with subprocess.Popen([sys.executable, "-c", OPENER, str(folder)], stdout=subprocess.PIPE) as opener:
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"begun\n"
        time.sleep(seconds)
        opener.kill()
        return opener.stdout.readline() == b"open\n"


def test_a_kill_while_a_damaged_spool_is_taken_over_loses_nothing(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        queued = {spool.append(visit).cid for _ in range(1_500)}
    path = tmp_path / "spool.sqlite"
    damage(path, [find_last_leaf(path, "history")])
    chance = Random(3)
    was_open = [open_until_killed(tmp_path, chance.uniform(0.02, 0.15)) for _ in range(4)]
    assert not any(was_open)
    with open_spool(tmp_path, identity) as spool:
        found = {Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM item")}
        assert queued <= found
        assert spool.damage is not None
        assert spool.damage.kept.exists()
    assert [kept.name for kept in tmp_path.glob("spool-*")] == [spool.damage.kept.name]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_power_cut_between_the_last_steps_of_a_take_over_is_made_up_for(
    tmp_path: Path, identity: Identity, steps: int
) -> None:
    with open_spool(tmp_path, identity) as spool:
        queued = {spool.append(visit).cid for _ in range(90)}
    path = tmp_path / "spool.sqlite"
    damage(path, [find_last_leaf(path, "history")])
    raw = path.read_bytes()
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is not None
        kept = spool.damage.kept
    # As it was before the last steps: the damaged file in its place, the mended one beside it.
    path.rename(tmp_path / kept.name.replace("damaged", "mended"))
    kept.rename(path)
    path.with_name("spool.sqlite-wal").write_bytes(b"the log of before")
    if steps > 0:
        path.with_name("spool.sqlite-wal").rename(kept.with_name(kept.name + "-wal"))
    if steps > 1:
        path.rename(kept)
    with open_spool(tmp_path, identity) as spool:
        assert queued <= {Cid.from_bytes(cid) for (cid,) in spool.db.execute("SELECT cid FROM item")}
        assert spool.damage is not None
        assert spool.damage.kept == kept
    assert (kept.read_bytes(), kept.with_name(kept.name + "-wal").read_bytes()) == (raw, b"the log of before")


def test_a_receipt_on_a_damaged_page_is_nobody_elses(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        received = [spool.append(observe).cid for _ in range(60)]
        for cid in received:
            spool.apply_receipt(receipt(Answer(cid, "stored")))
        queued = [spool.append(observe).cid for _ in range(60)]
    path = tmp_path / "spool.sqlite"
    damage(path, [find_last_leaf(path, "receipt")])
    with open_spool(tmp_path, identity) as spool:
        assert spool.damage is not None
        for cid in queued:
            spool.apply_receipt(receipt(Answer(cid, "stored")))
        desk = SpoolDesk(spool, EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge"), identity)
        lost = 0
        for cid in (*received, *queued):
            try:
                (raw,) = unpack_message(desk.receipt(cid))
            except NoReceipt:
                lost += 1
            else:
                answers = open_envelope(raw).expect(Receipt).answers or ()
                assert [answer.record for answer in answers] == [cid]
        assert 0 < lost < len(received)
        assert highest(path, "SELECT min(receipt) FROM history WHERE receipt IS NOT NULL") > 0


def test_a_number_that_no_device_reaches_is_damage_and_stops_nobody(tmp_path: Path, identity: Identity) -> None:
    with open_spool(tmp_path, identity) as spool:
        queued = [spool.append(visit).cid for _ in range(60)]
        spool.db.execute("UPDATE visit SET row = ? WHERE row = 5", ((1 << 63) - 1,))
        spool.db.execute("UPDATE history SET row = ? WHERE row = 7", ((1 << 63) - 1,))
        spool.db.execute("UPDATE sqlite_sequence SET seq = ?", ((1 << 63) - 1,))
    path = tmp_path / "spool.sqlite"
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_history_1'").fetchone()
    damage(path, [page - 1])
    with open_spool(tmp_path, identity) as spool:
        # Beyond the largest number SQLite gives none at all: every record would be refused as if the disk were full.
        assert len(queued) < read_number(spool, spool.append(visit).cid) < MOST_ROWS
        check_visits(spool, EdgeSettings(tmp_path, "127.0.0.1", 1, "ridge"), identity)
