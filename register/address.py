"""Where a register is: a path, or the address of a database, whose password is never shown."""

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from register.errors import InvalidRegisterUrl

_POSTGRES_SCHEMES: Final = ("postgresql", "postgres")
_SQLITE: Final = "sqlite:"


def is_postgres(address: str) -> bool:
    """Tell whether text is meant as the address of a PostgreSQL database.

    Examples
    --------
    >>> is_postgres("postgresql://127.0.0.1/cec"), is_postgres("data/register.sqlite")
    (True, False)
    """
    return address.partition("://")[0] in _POSTGRES_SCHEMES


def parse_path(address: str) -> Path:
    """Return the path of an SQLite register; `InvalidRegisterUrl` when `address` is another database's.

    Examples
    --------
    >>> parse_path("sqlite:data/register.sqlite").as_posix()
    'data/register.sqlite'
    """
    path = address.removeprefix(_SQLITE)
    if not path or "://" in address or path.startswith("//"):
        raise InvalidRegisterUrl("expected a path, which may follow 'sqlite:' but has no // before it")
    return Path(path)


def format_address(url: str) -> str:
    """Return host, port and database of a PostgreSQL address as messages show them.

    Raises
    ------
    InvalidRegisterUrl
        When `url` is no such address or names no database.

    Examples
    --------
    >>> format_address("postgresql://cec:secret@db.example:5433/forest?sslmode=require")
    'db.example:5433/forest'
    """
    parts = _split(url)
    database = parts.path.removeprefix("/")
    if not is_postgres(url) or not database:
        raise InvalidRegisterUrl("expected postgresql:// and the name of a database")
    if "@" in database or "/" in database:
        raise InvalidRegisterUrl("a password holds / or @; write them as %2F and %40")
    return f"{parts.netloc.rpartition('@')[2] or 'the local socket'}/{database}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidRegisterUrl("it cannot be read") from None  # the cause may quote the password
    return parts
