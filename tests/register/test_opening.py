from pathlib import Path

import pytest

from register.address import format_address, is_postgres, parse_path
from register.errors import InvalidRegisterUrl
from register.opening import open_register
from register.sqlite import SqliteRegister


@pytest.mark.parametrize("spelling", ["{}", "sqlite:{}"])
async def test_a_path_opens_a_file(tmp_path: Path, spelling: str) -> None:
    path = tmp_path / "a forest" / "register.sqlite"
    async with open_register(spelling.format(path)) as register:
        assert isinstance(register, SqliteRegister)
        assert path.exists()


async def test_a_path_object_is_never_taken_for_a_url(tmp_path: Path) -> None:
    path = tmp_path / "postgresql:" / "register"
    async with open_register(path):
        assert path.exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db.example/forest", "db.example/forest"),
        ("postgres://crew@db.example:5433/forest", "db.example:5433/forest"),
        ("postgresql://crew:hidden@[::1]:5433/forest?sslmode=require", "[::1]:5433/forest"),
        ("postgresql://crew:hid%40den%2F@127.0.0.1/forest", "127.0.0.1/forest"),
        ("postgresql:///forest?host=/run/postgresql&password=hidden", "the local socket/forest"),
    ],
)
def test_an_address_is_shown_without_user_and_password(url: str, shown: str) -> None:
    assert is_postgres(url)
    assert format_address(url) == shown


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sqlite:",
        "sqlite:///data/register.sqlite",
        "mysql://crew:hidden@127.0.0.1/forest",
        "postgresql+asyncpg://crew:hidden@127.0.0.1/forest",
        "postgresql://crew:hidden@127.0.0.1",
        "postgresql://crew:hidden@127.0.0.1/",
        "postgresql://crew:hidden/or@127.0.0.1/forest",
        "postgresql://crew:hidden@[127.0.0.1/forest",
        "postgresql://crew:hidden@127.0.0.1:x/forest",
    ],
)
async def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(InvalidRegisterUrl) as caught:
        async with open_register(address):
            pass
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_path_is_read_as_it_stands() -> None:
    assert parse_path("sqlite:/data/a b.sqlite") == parse_path("/data/a b.sqlite") == Path("/data/a b.sqlite")
    assert not is_postgres("postgresql/register.sqlite")
