"""The one door to a register, whichever database holds it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from register.address import is_postgres, parse_path
from register.ports import Register
from register.sqlite import SqliteRegister


@asynccontextmanager
async def open_register(address: str | Path) -> AsyncIterator[Register]:
    """Open or make the register at an address and bring its schema up to date.

    Parameters
    ----------
    address
        A path, ``sqlite:PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

    Raises
    ------
    InvalidRegisterUrl
        When the address is none of these.
    RegisterUnusable, RegisterUnavailable
        See `SqliteRegister.open` and `PostgresRegister.open`.
    """
    if isinstance(address, str) and is_postgres(address):
        from register.postgres import PostgresRegister  # noqa: PLC0415  # its driver costs a command's start

        async with PostgresRegister.open(address) as register:
            yield register
    else:
        path = parse_path(address) if isinstance(address, str) else address
        async with SqliteRegister.open(path) as opened:
            yield opened
