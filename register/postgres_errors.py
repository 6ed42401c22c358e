"""What PostgreSQL and the way to it report, in the register's own failures.

Source of the codes: PostgreSQL 15, appendix A; the first two symbols are the class.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from register.errors import AccessRefused, RegisterBusy, RegisterError, RegisterFull, RegisterUnreachable

_OVERTAKEN: Final = ("23505", "40001", "40P01")
"""Unique violation, serialization failure, deadlock: another writer was faster."""
_BUSY: Final = (*_OVERTAKEN, "53300", "55P03", "57014")
"""And: too many connections, a lock not got in time, a statement that took too long."""
_GONE: Final = ("57P01", "57P02", "57P03", "57P05")
"""The server is shutting down, has crashed, is starting, or ended an idle session."""
_CLASS_CONNECTION: Final = "08"
_CLASS_AUTHORIZATION: Final = "28"
_REFUSED: Final = ("3D000", "42501")
"""No such database; the user may not do this."""
_DISK_FULL: Final = "53100"
_REPORTED: Final = (
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(DBAPIError, PoolTimeoutError, OSError),
)
"""What comes from the driver, from SQLAlchemy around it, and from the socket; `TimeoutError` is an `OSError`."""


def is_overtaken(error: BaseException) -> bool:
    """Tell whether doing the same transaction again may succeed at once."""
    return _find_state(error) in _OVERTAKEN


def tell_cause(error: BaseException) -> str:
    """Return the server's own sentence, without the statement that SQLAlchemy puts around it."""
    cause = _find_cause(error)
    return str(cause).strip().split("\n")[0] or type(cause).__name__


@contextmanager
def translate_errors(address: str) -> Iterator[None]:
    """Let failures of the database within be told by the register's classes; bugs pass as they are."""
    try:
        yield
    except _REPORTED as error:
        failure = _translate(error, address)
        if failure is None:
            raise
        raise failure from error


def _translate(error: Exception, address: str) -> RegisterError | None:
    state, reason = _find_state(error), tell_cause(error)
    if isinstance(error, PoolTimeoutError):
        return RegisterBusy(address, "all connections of this process are in use")
    if state in _BUSY:
        return RegisterBusy(address, reason)
    if state == _DISK_FULL:
        return RegisterFull(address)
    if state in _REFUSED or state.startswith(_CLASS_AUTHORIZATION):
        return AccessRefused(address, reason)
    if state in _GONE or state.startswith(_CLASS_CONNECTION) or _is_line_broken(error):
        return RegisterUnreachable(address, reason)
    return None


def _is_line_broken(error: Exception) -> bool:
    # The driver's InterfaceError says that the connection is closed, or that it was misused, which is a bug of ours;
    # its InternalClientError, that a goodbye of the server came when none was expected.
    cause = _find_cause(error)
    is_closed = isinstance(cause, asyncpg.InterfaceError) and "closed" in str(cause)
    is_told = isinstance(error, DBAPIError) and error.connection_invalidated
    return isinstance(cause, (OSError, asyncpg.InternalClientError)) or is_closed or is_told


def _find_state(error: BaseException) -> str:
    return getattr(_find_cause(error), "sqlstate", None) or ""


def _find_cause(error: BaseException) -> BaseException:
    """Return the driver's own exception beneath SQLAlchemy's two."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
