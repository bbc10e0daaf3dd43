"""Statements on the driver's own cursor, inside the caller's SQLAlchemy transaction.

The engine's hot path runs some twenty small statements a transaction; through SQLAlchemy's
result machinery each costs several times what SQLite needs for it (docs/benchmarks.md). The
transaction, the pool and the errors stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.trouble import trouble_of

_OF_VALUES = ("22", "23")  # classes of SQLSTATE: a value does not fit, a row breaks a rule


@lru_cache(maxsize=4_096)
def _formatted(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")  # a bare % is a mark to psycopg


def sql(tx: Connection, statement: str) -> str:
    """Return a statement written with `?` in the driver's own parameter style."""
    return statement if tx.dialect.paramstyle == "qmark" else _formatted(statement)


def run(tx: Connection, statement: str, parameters: Sequence[Any] = ()) -> Any:
    """Run one statement written with `?` and return the driver's cursor.

    Raises: sqlalchemy.exc.DBAPIError, without the parameters: they may be personal (INV-34).
    """
    driver: Any = tx.connection.dbapi_connection  # of both drivers it is the driver's own
    _announce(tx, statement, parameters, many=False)
    try:
        return driver.execute(sql(tx, statement), parameters)
    except tx.dialect.loaded_dbapi.Error as error:
        raise _wrapped(tx, statement, error) from error


def run_many(tx: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement for each row; return how many rows it changed in all. Raises: as `run`."""
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


class TakenBack(Exception):
    """Raised inside `savepoint` to take its work back and go on after it."""


@contextmanager
def savepoint(tx: Connection) -> Iterator[None]:
    """Keep what the block did, or none of it when it raises; the error goes on, `TakenBack` not."""
    run(tx, "SAVEPOINT piece")
    try:
        yield
    except BaseException as error:
        # In trouble of the store the whole transaction goes, and may be gone already.
        if not (isinstance(error, DBAPIError) and trouble_of(error)):
            run(tx, "ROLLBACK TO SAVEPOINT piece")
            run(tx, "RELEASE SAVEPOINT piece")
        if not isinstance(error, TakenBack):
            raise
    else:
        run(tx, "RELEASE SAVEPOINT piece")


def _forget_values(error: Any) -> None:
    """Keep of PostgreSQL's words which rule refused a row, not the row: errors are logged (INV-34).

    Its DETAIL has all values of the row, and the text of a value that does not fit has that value.
    """
    said = getattr(error, "diag", None)
    if said is None or not said.sqlstate:
        return
    if said.sqlstate[:2] in _OF_VALUES:
        where = filter(None, (said.table_name, said.column_name, said.constraint_name))
        error.args = (" ".join((type(error).__name__, said.sqlstate, *where)),)
    else:
        error.args = (said.message_primary or said.sqlstate,)


def _announce(tx: Connection, statement: str, parameters: Any, *, many: bool) -> None:
    """Tell those who listen on the engine, as SQLAlchemy does before its own statements."""
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
