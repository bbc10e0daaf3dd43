"""The store of one office: engines, transactions, durability; SQLite, or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from sync.errors import SilianError

try:
    import pysqlite3 as sqlite_driver  # bundles a SQLite without the WAL-reset bug
except ImportError:  # no wheel for this machine: `silian doctor` judges the system's library
    sqlite_driver = sqlite3

__all__ = [
    "NotAStore", "Store", "StoreUnavailable", "open_store", "redacted", "sqlite_driver",
    "sqlite_url",
]  # fmt: skip

# Without an adapter of its own the driver asks each `bytes` parameter in vain for `__conform__` and
# `__adapt__`: 3 us each, most of what it costs to write a row (docs/benchmarks.md). The value bound
# is the same.
sqlite_driver.register_adapter(bytes, bytearray)

T = TypeVar("T")
CHECKPOINT_PAGES = 16_384  # the default of 1,000 halves throughput (docs/benchmarks.md)
CACHE_KIB = 65_536
READERS_MAX = 8
BUSY_MS = 10_000
SQLITE_CORRUPT, SQLITE_NOTADB = 11, 26


class StoreUnavailable(SilianError):
    """The store cannot be opened or written now."""

    code = "store_unavailable"
    retryable = True

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"cannot use the store {where}: {why}",
            f"无法使用数据库 {where}: {why}",
            remedy_en="Free disk space or stop the other program that uses it, then try again.",
            remedy_zh="请检查磁盘空间, 或关闭占用该数据库的程序后重试。",
        )


class NotAStore(SilianError):
    """The file is no database, or a damaged one: waiting does not help, a backup does."""

    code = "not_a_store"

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} is not a database that can be read: {why}",
            f"{where} 不是可读取的数据库: {why}",
            remedy_en="Check that `store` names the office's own database, or restore a backup.",
            remedy_zh="请检查 store 设置是否指向本单位的数据库, 或恢复备份。",
        )


class Store:
    """Transactions on one office's data.

    Writers queue: one at a time, each transaction whole and durable when `write` returns. Readers
    see a snapshot and never wait.
    """

    def __init__(self, url: str, *, writer: Engine, reader: Engine) -> None:
        self.url = url
        self._writer = writer
        self._reader = reader
        self._turn = threading.Lock()
        self._is_sqlite = writer.dialect.name == "sqlite"

    @property
    def is_sqlite(self) -> bool:
        return self._is_sqlite

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection on one snapshot."""
        with self._reader.connect() as tx, tx.begin():
            yield tx

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it durably before returning.

        Raises: StoreUnavailable when the store refused for a passing reason (locked, disk full).
        After any error of the commit itself the outcome is unknown: the caller looks it up by id
        before it tries again (design.md 5).
        """
        with self._turn:
            try:
                with self._writer.begin() as tx:
                    return work(tx)
            except DBAPIError as error:
                if _is_passing(error):
                    raise StoreUnavailable(redacted(self.url), str(error.orig)) from error
                raise

    def checkpoint(self) -> None:
        """Bring the write-ahead log back into the database file (SQLite)."""
        if self._is_sqlite:
            self._outside(self._writer, "PRAGMA wal_checkpoint(PASSIVE)")

    def backup(self, target: Path) -> None:
        """Write a consistent copy of a SQLite store to `target`, which must not exist."""
        assert self._is_sqlite, "PostgreSQL is backed up with its own tools"
        self._outside(self._reader, "VACUUM INTO ?", (str(target),))

    def _outside(self, engine: Engine, statement: str, parameters: tuple[str, ...] = ()) -> None:
        """Run what SQLite takes outside a transaction only; the writer waits meanwhile."""
        with self._turn:
            connection = engine.raw_connection()
            try:
                connection.cursor().execute(statement, parameters)
            finally:
                connection.close()

    def close(self) -> None:
        """Bring everything into the file and let go of it."""
        if self._is_sqlite:
            self._reader.dispose()
            self._outside(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")
        self._reader.dispose()
        self._writer.dispose()


def open_store(url: str, *, synchronous: str = "FULL", cache_kib: int = CACHE_KIB) -> Store:
    """Open the store at a SQLAlchemy URL; nothing is created but an empty SQLite file.

    Raises: StoreUnavailable; NotAStore.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url, synchronous, cache_kib)
    return _open_postgres(url)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def redacted(url: str) -> str:
    """Return the URL as it may be shown: without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _open_sqlite(url: str, synchronous: str, cache_kib: int) -> Store:
    def prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # before any PRAGMA, or the driver opens a transaction
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",  # FULL: an ack leaves only after the disk has it
            "foreign_keys=ON",
            "trusted_schema=OFF",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={64 << 20}",
            f"cache_size=-{cache_kib}",
            "temp_store=MEMORY",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    def begin_immediate(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_deferred(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    engines = []
    for size, begin in ((1, begin_immediate), (READERS_MAX, begin_deferred)):
        engine = create_engine(
            url,
            module=sqlite_driver,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            connect_args={"check_same_thread": False, "cached_statements": 512},
        )
        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", begin)
        engines.append(engine)
    return _probed(Store(url, writer=engines[0], reader=engines[1]))


def _open_postgres(url: str) -> Store:
    target = make_url(url)
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    writer = create_engine(target, pool_size=2, max_overflow=2, pool_pre_ping=True)
    reader = create_engine(
        target, pool_size=READERS_MAX, pool_pre_ping=True, isolation_level="REPEATABLE READ"
    )
    return _probed(Store(url, writer=writer, reader=reader))


def _probed(store: Store) -> Store:
    try:
        with store.read() as tx:
            tx.exec_driver_sql("SELECT 1")
            if store.is_sqlite:
                tx.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except DBAPIError as error:
        kind = NotAStore if _is_damage(error) else StoreUnavailable
        raise kind(redacted(store.url), str(error.orig)) from error
    return store


def _is_damage(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest of it says where
    return code in (SQLITE_CORRUPT, SQLITE_NOTADB)


def _is_passing(error: DBAPIError) -> bool:
    text = str(error.orig).lower()
    return any(sign in text for sign in ("locked", "disk is full", "no space", "busy"))
