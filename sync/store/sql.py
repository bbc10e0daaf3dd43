"""SQL on the driver's own cursor, inside the caller's SQLAlchemy transaction.

The engine's hot path runs about twenty small statements in a transaction; through SQLAlchemy's
result machinery each costs several times what SQLite needs for it (docs/benchmarks.md). The
transaction, the pool and the errors stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from sync.model.limits import SQL_KEYS_MAX

_OF_VALUES = ("22", "23")  # SQLSTATE classes: a value does not fit, a row violates a constraint


@lru_cache(maxsize=4_096)
def _formatted(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")  # a bare % is a mark to psycopg


def sql(tx: Connection, statement: str) -> str:
    """Return a statement written with `?` in the driver's own parameter style."""
    return statement if tx.dialect.paramstyle == "qmark" else _formatted(statement)


def execute(tx: Connection, statement: str, parameters: Sequence[Any] = ()) -> Any:
    """Run one statement written with `?` and return the driver's cursor.

    Raises: sqlalchemy.exc.DBAPIError, without the parameters: they may be personal (INV-34).
    """
    driver: Any = tx.connection.dbapi_connection  # for both drivers the driver's own connection
    _announce(tx, statement, parameters, many=False)
    try:
        return driver.execute(sql(tx, statement), parameters)
    except tx.dialect.loaded_dbapi.Error as error:
        raise _wrapped(tx, statement, error) from error


def execute_many(tx: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement for each row; return how many rows it changed. Raises: as `execute`."""
    driver: Any = tx.connection.dbapi_connection
    cursor = driver.cursor()
    _announce(tx, statement, rows, many=True)
    try:
        cursor.executemany(sql(tx, statement), rows)
        return int(cursor.rowcount)
    except tx.dialect.loaded_dbapi.Error as error:
        raise _wrapped(tx, statement, error) from error
    finally:
        cursor.close()


class RollbackSavepoint(Exception):
    """Raised inside `savepoint` to roll its work back and continue after it."""


@contextmanager
def savepoint(tx: Connection) -> Iterator[None]:
    """Keep all that the block did, or nothing if it raises; do not pass `RollbackSavepoint` on."""
    execute(tx, "SAVEPOINT piece")
    try:
        yield
    except BaseException as error:
        # After a fault of the store the whole transaction is lost, and maybe ended already.
        if not (isinstance(error, DBAPIError) and fault_of(error)):
            execute(tx, "ROLLBACK TO SAVEPOINT piece")
            execute(tx, "RELEASE SAVEPOINT piece")
        if not isinstance(error, RollbackSavepoint):
            raise
    else:
        execute(tx, "RELEASE SAVEPOINT piece")


def _forget_values(error: Any) -> None:
    """Remove values from PostgreSQL's error; keep the violated constraint (INV-34).

    Errors are logged. PostgreSQL's DETAIL has all values of the row, and its message for a value
    that does not fit has that value.
    """
    diagnostics = getattr(error, "diag", None)
    if diagnostics is None or not diagnostics.sqlstate:
        return
    if diagnostics.sqlstate[:2] in _OF_VALUES:
        where = filter(
            None, (diagnostics.table_name, diagnostics.column_name, diagnostics.constraint_name)
        )
        error.args = (" ".join((type(error).__name__, diagnostics.sqlstate, *where)),)
    else:
        error.args = (diagnostics.message_primary or diagnostics.sqlstate,)


def _announce(tx: Connection, statement: str, parameters: Any, *, many: bool) -> None:
    """Call the engine's listeners, as SQLAlchemy does before its own statements (tests use it)."""
    for listener in tx.engine.dispatch.before_cursor_execute:  # a connection's own costs a join
        listener(tx, None, statement, parameters, None, many)


def _wrapped(tx: Connection, statement: str, error: Exception) -> DBAPIError:
    _forget_values(error)
    driver = tx.connection.driver_connection
    cut_off = tx.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
    wrapped = DBAPIError.instance(
        statement, None, error, tx.dialect.loaded_dbapi.Error, hide_parameters=True,
        connection_invalidated=cut_off, dialect=tx.dialect,
    )  # fmt: skip
    assert isinstance(wrapped, DBAPIError)
    return wrapped


class StoreFault(Enum):
    """Why a store fails, independent of the data."""

    TRANSIENT = "passing"  # locked, a failed disk, a server that stops: it may work later
    FULL = "full"  # no room: it works when there is some
    LOST = "lost"  # no server answers, or the connection to it broke
    SERIALIZATION = "collision"  # the server rolled it back for another transaction: run it again
    CORRUPT = "damage"  # damaged: waiting does not help; a backup does
    CLOSED = "closed"  # the file cannot be opened: the file system knows why
    READ_ONLY = "read_only"  # a person must allow writing
    FORBIDDEN = "forbidden"  # a person must allow the account
    MISSING = "missing"  # there is no such database


class RetryTransaction(Exception):
    """An assumption of the transaction was wrong: roll it back and run its work again.

    The code that raises it has recorded what to do differently then.
    """


# SQLite's primary result codes. These few are about what was asked; all others are faults.
_OF_DATA = frozenset({1, 18, 19, 20, 21, 25})
_BY_NUMBER = {
    3: StoreFault.FORBIDDEN,
    8: StoreFault.READ_ONLY,
    11: StoreFault.CORRUPT,
    13: StoreFault.FULL,
    14: StoreFault.CLOSED,
    24: StoreFault.CORRUPT,
    26: StoreFault.CORRUPT,
}
# SQLSTATE: a code that means more than its class, then the classes that are not about the data.
_BY_STATE = {
    "25006": StoreFault.READ_ONLY,
    "40001": StoreFault.SERIALIZATION,
    "40P01": StoreFault.SERIALIZATION,
    "42501": StoreFault.FORBIDDEN,
    "53100": StoreFault.FULL,
}
_BY_CLASS = {
    "08": StoreFault.LOST,
    "28": StoreFault.FORBIDDEN,
    "3D": StoreFault.MISSING,
    "53": StoreFault.TRANSIENT,  # resources
    "55": StoreFault.TRANSIENT,  # not now
    "57": StoreFault.TRANSIENT,  # an operator
    "58": StoreFault.TRANSIENT,  # the system
    "F0": StoreFault.TRANSIENT,  # its settings
    "XX": StoreFault.CORRUPT,
}
# For a driver that gives no code: parts of its message.
_BY_SIGN = {
    "malformed": StoreFault.CORRUPT,
    "not a database": StoreFault.CORRUPT,
    "could not decode": StoreFault.CORRUPT,
    "disk is full": StoreFault.FULL,
    "no space": StoreFault.FULL,
    "readonly": StoreFault.READ_ONLY,
    "locked": StoreFault.TRANSIENT,
    "busy": StoreFault.TRANSIENT,
    "disk i/o error": StoreFault.TRANSIENT,
    "unable to open": StoreFault.TRANSIENT,
    "out of memory": StoreFault.TRANSIENT,
}


def fault_of(error: DBAPIError | TimeoutError) -> StoreFault | None:
    """Return what is wrong with the store; None if it refused the data."""
    if isinstance(error, TimeoutError):  # no connection was free
        return StoreFault.TRANSIENT
    origin = error.orig
    number = getattr(origin, "sqlite_errorcode", None)
    if isinstance(number, int):
        primary = number & 0xFF  # the other bits have details
        return None if primary in _OF_DATA else _BY_NUMBER.get(primary, StoreFault.TRANSIENT)
    state = getattr(origin, "sqlstate", "")
    if state:
        found = trouble_of_state(state)
        return found or (StoreFault.LOST if error.connection_invalidated else None)
    if error.connection_invalidated:
        return StoreFault.LOST
    if state is None and isinstance(error, OperationalError | InterfaceError):
        return StoreFault.LOST  # the server gave no code at all
    text = str(origin).lower()
    return next((trouble for sign, trouble in _BY_SIGN.items() if sign in text), None)


def trouble_of_state(state: str) -> StoreFault | None:
    """Return what a server's SQLSTATE means; None when it is about what was asked."""
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])


T = TypeVar("T")


def pieces(items: Sequence[T], size: int = SQL_KEYS_MAX) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
