"""Run statements on the driver's own cursor, inside the caller's SQLAlchemy transaction.

The engine's hot path runs some twenty small statements a transaction; through SQLAlchemy's
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
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

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

    TRANSIENT = "passing"  # locked, full, a failed disk or connection: it may work later
    SERIALIZATION = "collision"  # the server rolled it back for another transaction: run it again
    CORRUPT = "damage"  # damaged: waiting does not help


class RetryTransaction(Exception):
    """An assumption of the transaction was wrong: roll it back and run its work again.

    The code that raises it has recorded what to do differently then.
    """


# SQLite's primary result codes
_TRANSIENT = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15})
_CORRUPT = frozenset({11, 26})
# PostgreSQL's classes of SQLSTATE: connection, resources, state, operator, system
_TRANSIENT_CLASSES = ("08", "53", "55", "57", "58")
_SERIALIZATION = frozenset({"40001", "40P01"})
_CORRUPT_CLASS = "XX"
# For a driver that gives no code: words of its message.
_TRANSIENT_SIGNS = (
    "locked", "busy", "disk is full", "no space", "disk i/o error", "unable to open",
    "out of memory", "readonly",
)  # fmt: skip
_CORRUPT_SIGNS = ("malformed", "not a database")


def fault_of(error: DBAPIError | TimeoutError) -> StoreFault | None:
    """Return what is wrong with the store; None if it refused the data."""
    if isinstance(error, TimeoutError):  # no connection was free
        return StoreFault.TRANSIENT
    if error.connection_invalidated:
        return StoreFault.TRANSIENT
    origin = error.orig
    number = getattr(origin, "sqlite_errorcode", None)
    if isinstance(number, int):
        primary = number & 0xFF  # the other bits have details
        if primary in _CORRUPT:
            return StoreFault.CORRUPT
        return StoreFault.TRANSIENT if primary in _TRANSIENT else None
    state = getattr(origin, "sqlstate", "")
    if state is None and isinstance(error, OperationalError):
        return StoreFault.TRANSIENT  # the server did not answer
    if state:
        if state in _SERIALIZATION:
            return StoreFault.SERIALIZATION
        if state.startswith(_CORRUPT_CLASS):
            return StoreFault.CORRUPT
        return StoreFault.TRANSIENT if state.startswith(_TRANSIENT_CLASSES) else None
    text = str(origin).lower()
    if any(sign in text for sign in _CORRUPT_SIGNS):
        return StoreFault.CORRUPT
    return StoreFault.TRANSIENT if any(sign in text for sign in _TRANSIENT_SIGNS) else None


T = TypeVar("T")


def pieces(items: Sequence[T], size: int = SQL_KEYS_MAX) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
