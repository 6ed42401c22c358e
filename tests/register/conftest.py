"""A PostgreSQL server with PostGIS for the tests that ask for one."""

from collections.abc import Iterator

import pytest
import pytest_asyncio

from register.postgres import PostgresRegister
from tests.conftest import engine
from tests.register.postgres_server import PostgresServer, running_server

TEMPLATE = "with_postgis"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_server(engine("postgis")) as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        server.execute("CREATE EXTENSION postgis", database=TEMPLATE)
        yield server


@pytest.fixture(scope="session")
def kept_url(postgres_server: PostgresServer) -> str:
    """The address of a database that many tests use one after the other: a new one is 10 MB to write each time."""
    return postgres_server.url(postgres_server.create_database(template=TEMPLATE))


@pytest_asyncio.fixture
async def cleared_url(kept_url: str) -> str:
    """The address of a register that holds nothing."""
    async with PostgresRegister.open(kept_url) as register:
        await register.clear()
    return kept_url


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> str:
    """The address of a new database that has PostGIS and nothing else."""
    return postgres_server.url(postgres_server.create_database(template=TEMPLATE))
