import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import settings
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from domain.envelope import open_envelope, seal
from register.errors import RegisterBusy, RegisterDamaged, RegisterFull, RegisterTooNew, RegisterUnreachable
from register.opening import open_register
from register.sqlite import SqliteRegister, tell_failure
from register.tables import METADATA
from tests.domain.samples import KEY, OBSERVATION
from tests.register.lives import LifeSuite
from tests.register.machine import RegisterMachine
from tests.register.samples import SURVEY, make_tree
from tests.register.suite import RegisterSuite, list_features

UNNUMBERED = Path(__file__).parent / "unnumbered.sql"
"""A register as the code made it before schemas had numbers: a survey, its result, 6 trees, one of them with two
records, an anchor, and a private observation."""


class TestSqliteRegister(RegisterSuite):
    """The shared promises."""

    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:{tmp_path / 'register.sqlite'}"


class TestSqliteLives(LifeSuite):
    """The shared promises on the lives of trees."""

    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:{tmp_path / 'register.sqlite'}"


class SqliteMachine(RegisterMachine):
    def make_address(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        return f"{self.folder.name}/register.sqlite"

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = settings(max_examples=15, stateful_step_count=20)


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(path)
    try:
        with database:
            return database.execute(statement).fetchall()
    finally:
        database.close()


@pytest.fixture
def unnumbered(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite"
    database = sqlite3.connect(path)
    database.executescript(UNNUMBERED.read_text(encoding="utf-8"))
    database.close()
    return path


async def test_a_register_from_before_schemas_had_numbers_loses_nothing(unnumbered: Path, tmp_path: Path) -> None:
    raws = [raw for (raw,) in query(unnumbered, "SELECT envelope FROM records")]
    records = [open_envelope(raw) for raw in raws if isinstance(raw, bytes)]
    assert len(records) == 9
    async with SqliteRegister.open(unnumbered) as old, SqliteRegister.open(tmp_path / "new.sqlite") as new:
        anchor, batch = await old.anchor_of(records[0].cid)
        assert len(batch) == 9
        order = ("survey", "tree", "result")
        first = sorted(records, key=lambda each: (order.index(each.kind), bool(getattr(each.body, "prev", None))))
        await new.add_records([*first, seal(OBSERVATION, KEY)])
        await new.add_anchor(anchor, batch)
        assert await old.counts() == await new.counts()
        assert await old.surveys() == await new.surveys()
        features = await list_features(old)
        assert len(features) == 6
        assert features == await list_features(new)
        for feature in features:
            assert await old.tree(str(feature["id"])) == await new.tree(str(feature["id"]))
        twice = [code for (code,) in query(unnumbered, "SELECT code FROM trees GROUP BY code HAVING count(*) = 2")]
        assert len((await old.tree(str(twice[0]))).history) == 2
        assert await old.record(records[0].cid) == records[0].raw


async def test_what_two_writers_had_doubled_is_settled_by_the_later_row(unnumbered: Path) -> None:
    query(unnumbered, "UPDATE trees SET is_latest = 1")
    async with SqliteRegister.open(unnumbered) as register:
        assert (await register.counts()).trees == 6


async def test_a_migrated_register_has_the_tables_that_the_code_expects(unnumbered: Path, tmp_path: Path) -> None:
    for path in (unnumbered, tmp_path / "new.sqlite"):
        async with SqliteRegister.open(path):
            pass
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": _is_no_rtree})
            assert compare_metadata(context, METADATA) == []
        engine.dispose()


def _is_no_rtree(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not str(name).startswith("boxes")


async def test_a_migration_that_fails_half_way_has_not_happened(unnumbered: Path) -> None:
    schema = "SELECT name, sql FROM sqlite_master ORDER BY name"
    query(unnumbered, "CREATE INDEX trees_latest_by_code ON anchors (height)")  # a name that a late step needs
    before = query(unnumbered, schema), query(unnumbered, "SELECT * FROM trees")
    with pytest.raises(OperationalError, match="already exists"):
        async with SqliteRegister.open(unnumbered):
            pass
    assert (query(unnumbered, schema), query(unnumbered, "SELECT * FROM trees")) == before
    query(unnumbered, "DROP INDEX trees_latest_by_code")
    async with SqliteRegister.open(unnumbered) as register:
        assert (await register.counts()).trees == 6


async def test_a_register_of_newer_software_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    async with SqliteRegister.open(path):
        pass
    query(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RegisterTooNew, match="9999"):
        async with SqliteRegister.open(path):
            pass
    assert query(path, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_a_file_that_is_no_database_is_said_so_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    path.write_bytes(b"a letter\n" * 1_000)
    with pytest.raises(RegisterDamaged, match=r"register\.sqlite"):
        async with SqliteRegister.open(path):
            pass
    assert path.read_bytes() == b"a letter\n" * 1_000


@pytest.mark.parametrize("name", ["a file/register.sqlite", "a folder"])
async def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(RegisterUnreachable, match=r"a f"):
        async with open_register(tmp_path / name):
            pass


def test_a_held_file_and_a_full_disk_have_their_own_failures(tmp_path: Path) -> None:
    path = tmp_path / "database"
    holder, waiting = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    holder.execute("CREATE TABLE one (a)")
    holder.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as full:
        holder.execute("INSERT INTO one VALUES (zeroblob(100000))")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as busy:
        waiting.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as bug:
        waiting.execute("SELECT nothing FROM nowhere")
    holder.close()
    waiting.close()
    assert isinstance(tell_failure(full.value, "here"), RegisterFull)
    assert isinstance(tell_failure(busy.value, "here"), RegisterBusy)
    assert tell_failure(bug.value, "here") is None


async def test_a_reader_sees_the_state_before_a_set_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    async with SqliteRegister.open(path) as register, register.writing() as connection:
        await connection.exec_driver_sql("INSERT INTO records VALUES (x'00', 'tree', NULL)")
        assert (await register.counts()).records == 0
    async with SqliteRegister.open(path) as register:
        await register.add_records([SURVEY, make_tree(1)])
        assert (await register.counts()).records == 3


async def test_a_folder_of_any_name_holds_its_register(tmp_path: Path) -> None:
    folder = tmp_path / "what?now=1#x %41"
    async with SqliteRegister.open(folder / "register.sqlite") as register:
        await register.add_records([SURVEY])
    assert os.listdir(tmp_path) == [folder.name]  # noqa: PTH208
    async with SqliteRegister.open(folder / "register.sqlite") as register:
        assert (await register.counts()).records == 1
