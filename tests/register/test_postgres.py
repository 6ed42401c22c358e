"""The register on a real PostgreSQL server with PostGIS, and what becomes of it when the server fails."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import settings
from sqlalchemy import Connection, text
from sqlalchemy.types import UserDefinedType

from domain.envelope import Record
from register.errors import (
    AccessRefused,
    ExtensionMissing,
    InvalidRegisterUrl,
    RegisterBusy,
    RegisterError,
    RegisterTooNew,
    RegisterUnreachable,
)
from register.opening import open_register
from register.postgres import PostgresRegister
from register.tables import METADATA
from tests.register.conftest import TEMPLATE
from tests.register.lives import LifeSuite
from tests.register.machine import RegisterMachine
from tests.register.postgres_server import PASSWORD, PostgresServer
from tests.register.samples import SURVEY, code_of, make_tree
from tests.register.suite import RegisterSuite, list_features

pytestmark = pytest.mark.engine

PATIENCE_S = 60.0


class TestPostgresRegister(RegisterSuite):
    """The shared promises."""

    @pytest.fixture
    def address(self, cleared_url: str) -> str:
        return cleared_url


class TestPostgresLives(LifeSuite):
    """The shared promises on the lives of trees."""

    @pytest.fixture
    def address(self, cleared_url: str) -> str:
        return cleared_url


@pytest_asyncio.fixture
async def register(database_url: str) -> AsyncIterator[PostgresRegister]:
    async with PostgresRegister.open(database_url) as opened:
        yield opened


def test_random_operations_agree_with_the_model(database_url: str) -> None:
    class PostgresMachine(RegisterMachine):
        def make_address(self) -> str:
            return database_url

    case = PostgresMachine.TestCase
    case.settings = settings(max_examples=10, stateful_step_count=15)
    case("runTest").debug()


async def test_the_geometry_is_the_integers_to_the_last_bit(register: PostgresRegister) -> None:
    trees = [
        make_tree(n, lon_nd=n * 7_777_777_777 - 179 * 10**9, lat_nd=89 * 10**9 - n * 3_333_333_333) for n in range(40)
    ]
    await register.add_records([SURVEY, *trees])
    async with register.reading() as connection:
        rows = (
            await connection.execute(text("SELECT lon_nd, lat_nd, ST_X(geometry), ST_Y(geometry) FROM trees"))
        ).all()
    assert len(rows) == 40
    assert all((x, y) == (lon_nd / 1e9, lat_nd / 1e9) for lon_nd, lat_nd, x, y in rows)


async def test_a_box_among_many_trees_is_answered_by_the_spatial_index(register: PostgresRegister) -> None:
    async with register.writing() as connection:
        await connection.execute(
            text("""
                INSERT INTO trees (code, cid, survey, is_latest, hilbert, lon_nd, lat_nd, feature)
                SELECT lpad(n::text, 17, '0'), sha256(n::text::bytea), '', 1, n, n * 1000000, n * 100000, '{}'
                FROM generate_series(1, 20000::bigint) AS n
            """)
        )
        await connection.execute(text("ANALYZE trees"))
        plan = await connection.scalars(
            text("EXPLAIN SELECT id FROM trees WHERE geometry && ST_MakeEnvelope(1, 0.1, 1.01, 0.2, 4326)")
        )
        assert "trees_by_place" in "\n".join(plan)


async def test_processes_that_open_an_empty_database_at_once_make_its_tables_once(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.url(postgres_server.create_database())

    async def open_and_add(number: int) -> None:
        async with PostgresRegister.open(url) as register:
            await register.add_records([SURVEY, make_tree(number)])

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(open_and_add(number))
    async with PostgresRegister.open(url) as register:
        assert (await register.counts()).trees == 6


async def test_a_migrated_database_has_the_tables_that_the_code_expects(register: PostgresRegister) -> None:
    async with register.reading() as connection:
        differences = await connection.run_sync(_compare)
    assert differences == []


class Geometry(UserDefinedType[object]):
    """A name for the reflection to read PostGIS's type by."""

    def __init__(self, *kind_and_srid: object) -> None:
        self.kind_and_srid = kind_and_srid


def _compare(connection: Connection) -> object:
    # PostGIS brings a table of its own; what the geometry is and how it is indexed is in no model.
    dialect: Any = connection.dialect
    dialect.ischema_names = {**dialect.ischema_names, "geometry": Geometry}
    return [
        difference
        for difference in compare_metadata(MigrationContext.configure(connection), METADATA)
        if "spatial_ref_sys" not in str(difference) and "geometry" not in str(difference)
    ]


async def test_a_database_of_newer_software_is_left_alone(database_url: str) -> None:
    async with PostgresRegister.open(database_url) as register, register.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegisterTooNew, match="9999"):
        async with open_register(database_url):
            pass


async def fail_to_open(url: str) -> RegisterError:
    """Return the failure of opening `url`, after looking for the password in all that could be logged."""
    with pytest.raises(RegisterError) as caught:
        async with open_register(url):
            pass
    told = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in told
    assert "hidden-word" not in told
    assert "Wort" not in str(caught.value)
    return caught.value


async def test_each_reason_not_to_open_has_its_own_failure_and_never_tells_the_password(
    postgres_server: PostgresServer,
) -> None:
    bare = postgres_server.create_database()
    postgres_server.execute(f"CREATE ROLE crew LOGIN PASSWORD '{PASSWORD}'")
    owned = postgres_server.create_database(owner="crew")
    ready = postgres_server.create_database(template=TEMPLATE)
    closed = postgres_server.url(ready).replace(f":{postgres_server.port}/", ":1/")
    cases = [
        (postgres_server.url(bare, password="hidden-word"), AccessRefused),  # noqa: S106 - a wrong one
        (postgres_server.url(bare, user="nobody"), AccessRefused),
        (postgres_server.url("nowhere"), AccessRefused),
        (postgres_server.url(ready, user="crew"), AccessRefused),
        (postgres_server.url(owned, user="crew"), ExtensionMissing),
        (closed, RegisterUnreachable),
        (postgres_server.url(ready) + "?sslmode=hidden-word", InvalidRegisterUrl),
    ]
    assert [type(await fail_to_open(url)) for url, _ in cases] == [failure for _, failure in cases]


async def test_a_user_without_powers_is_served_where_the_administrator_has_added_postgis(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.execute(f"CREATE ROLE forester LOGIN PASSWORD '{PASSWORD}'")
    name = postgres_server.create_database(template=TEMPLATE, owner="forester")
    async with PostgresRegister.open(postgres_server.url(name, user="forester")) as register:
        await register.add_records([SURVEY, make_tree(1)])
        assert len(await list_features(register)) == 1


async def test_the_register_serves_again_after_the_server_has_restarted(
    postgres_server: PostgresServer, register: PostgresRegister
) -> None:
    await register.add_records([SURVEY, make_tree(1)])
    await asyncio.gather(*(register.counts() for _ in range(5)))  # several connections, all of them to die
    await asyncio.to_thread(postgres_server.stop)
    with pytest.raises(RegisterUnreachable):
        await register.counts()
    await asyncio.to_thread(postgres_server.start)
    assert (await register.counts()).trees == 1
    await register.add_records([make_tree(2)])
    assert (await register.counts()).trees == 2


def seal_trees(count: int) -> list[Record]:
    return [SURVEY, *(make_tree(n, lon_nd=n * 1_000_000) for n in range(count))]


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.05, 0.1])
async def test_a_server_killed_while_it_copies_has_all_of_a_set_or_nothing(
    postgres_server: PostgresServer, register: PostgresRegister, delay_s: float
) -> None:
    records = seal_trees(3_000)
    await register.add_records([make_tree(-1)])
    adding = asyncio.create_task(register.add_records(records))
    await _wait_until_copying(postgres_server, adding)
    await asyncio.sleep(delay_s)
    await asyncio.to_thread(postgres_server.kill)
    with contextlib.suppress(RegisterUnreachable):
        async with asyncio.timeout(PATIENCE_S):
            await adding
    is_done = adding.exception() is None
    await asyncio.to_thread(postgres_server.start)
    counts = await register.counts()
    assert (counts.trees, counts.records) in ([(3_001, 3_002)] if is_done else [(1, 1), (3_001, 3_002)])
    await register.add_records(records)
    counts = await register.counts()
    assert (counts.trees, counts.records, counts.surveys) == (3_001, 3_002, 1)


async def _wait_until_copying(server: PostgresServer, adding: "asyncio.Task[None]") -> None:
    for _ in range(200):
        active = "SELECT count(*) FROM pg_stat_progress_copy"
        if adding.done() or await asyncio.to_thread(server.execute, active) != "0":
            return
        await asyncio.sleep(0.005)
    raise AssertionError("no COPY was seen")


async def test_a_writer_that_is_cancelled_while_it_copies_leaves_nothing_and_no_broken_connection(
    register: PostgresRegister,
) -> None:
    records = seal_trees(2_000)
    for delay_s in (0.01, 0.03, 0.06):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await register.add_records(records)
        assert (await register.counts()).records in (0, 2_001)
    await register.add_records(records)
    assert (await register.counts()).records == 2_001


async def test_a_statement_that_the_server_ends_is_told_as_busy(
    postgres_server: PostgresServer, register: PostgresRegister
) -> None:
    async with register.writing() as holder:
        await holder.execute(text("LOCK TABLE trees IN ACCESS EXCLUSIVE MODE"))
        waiting = asyncio.create_task(register.tree(code_of(make_tree(1))))
        cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with asyncio.timeout(PATIENCE_S):
            while await asyncio.to_thread(postgres_server.execute, cancel) == "0":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        with pytest.raises(RegisterBusy):
            await waiting
