"""The store of one office: engines, transactions, durability; SQLite, or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.pool import QueuePool, StaticPool

from node.store import meta
from node.store.write_queue import QueueTimeout, WriteQueue
from sync.log import entries as log
from sync.model.errors import SilianError
from sync.store.priority import Priority
from sync.store.sql import RetryTransaction, StoreFault, execute, fault_of

try:
    import pysqlite3 as sqlite_driver  # bundles a SQLite without the WAL-reset bug
except ImportError:  # no wheel for this machine: `silian doctor` checks the system's library
    sqlite_driver = sqlite3

__all__ = [
    "CommitUnknown", "NotAStore", "Store", "StoreUnavailable", "open_store", "redacted",
    "sqlite_driver", "sqlite_url",
]  # fmt: skip

# Without an adapter the driver looks for `__conform__` and `__adapt__` on each `bytes` parameter in
# vain: 3 us each, most of the cost of a row (docs/benchmarks.md). The bound value is the same.
sqlite_driver.register_adapter(bytes, bytearray)

T = TypeVar("T")
CHECKPOINT_PAGES = 16_384  # the default of 1,000 halves throughput (docs/benchmarks.md)
CACHE_KIB = 65_536
READERS_MAX = 8
BUSY_MS = 10_000
QUEUE_S = 30.0  # how long a writer waits for others of this process
_BEGIN = ("BEGIN IMMEDIATE", "BEGIN")  # SQLite: of a writer, of a reader; the driver begins nothing
COLLISIONS_MAX = 3  # how often work that the server rolled back is run again


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


class CommitUnknown(SilianError):
    """The store failed during a commit, and it is unknown whether the change is stored."""

    code = "commit_unknown"
    retryable = True

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} failed while it committed; the change may be there or not: {why}",
            f"数据库 {where} 在提交时出错, 本次修改可能已保存, 也可能未保存: {why}",
            remedy_en="Look whether the change is there before you make it again.",
            remedy_zh="请先查看本次修改是否已保存, 再决定是否重做。",
        )


class NotAStore(SilianError):
    """The file is no database, or a damaged one: waiting does not help, restore a backup."""

    code = "not_a_store"

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} is not a database that can be read: {why}",
            f"{where} 不是可读取的数据库: {why}",
            remedy_en="Check that `store` names the office's own database, or restore a backup.",
            remedy_zh="请检查 store 设置是否指向本单位的数据库, 或恢复备份。",
        )


class CommitMark(NamedTuple):
    """Moves with every writing transaction; read again, it shows which one was the last durable."""

    arrival: int
    hlc: int
    incarnation: str


def read_commit_mark(tx: Connection) -> CommitMark:
    """Return the mark of an office's store as this transaction sees it."""
    statement = "SELECT h.arrival, h.hlc, m.value FROM log_head h, meta m WHERE h.id=1 AND m.key=?"
    return CommitMark(*execute(tx, statement, (meta.INCARNATION,)).fetchone())


class _PendingCommit(NamedTuple):
    """A failed commit: the mark after it, and the mark before it."""

    mark: CommitMark | None
    before: CommitMark | None
    why: str


class Store:
    """Transactions on one office's data.

    Writers queue: one at a time; each transaction is complete and durable when `write` returns.
    Readers see a snapshot and never wait.
    """

    def __init__(self, url: str, *, writer: Engine, reader: Engine) -> None:
        self.url = url
        self.write_queue = WriteQueue()
        self.writing = False  # a transaction of this process is under way
        self._checkpointed = False  # nothing was committed since the last checkpoint
        self._writer = writer
        self._reader = reader
        self._is_sqlite = writer.dialect.name == "sqlite"
        self._begin_write, self._begin_read = _BEGIN if self._is_sqlite else ("", "")
        self._read_mark: Callable[[Connection], CommitMark] | None = None
        self._reopened: Callable[[Connection], None] = lambda _tx: None
        self._mark: CommitMark | None = None  # of the last transaction that is known to be durable
        self._pending_commit: _PendingCommit | None = None

    @property
    def is_sqlite(self) -> bool:
        return self._is_sqlite

    def marked(self, read: Callable[[Connection], CommitMark]) -> None:
        """Say how to see which transaction was the last: asked after a commit that failed."""
        self._read_mark = read

    def on_reopened(self, reopened: Callable[[Connection], None]) -> None:
        """Set what updates the state in memory from the store after a failure, before any write."""
        self._reopened = reopened

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection on one snapshot. Raises: StoreUnavailable, NotAStore."""
        try:
            with self._reader.connect() as tx, tx.begin():
                if self._begin_read:
                    execute(tx, self._begin_read)
                yield tx
        except (DBAPIError, TimeoutError) as error:
            raise self._named(error) from error

    def write(self, work: Callable[[Connection], T], *, priority: Priority = Priority.LOCAL) -> T:
        """Run `work` in one transaction and commit it durably before returning.

        If the commit itself fails, the connection is closed and the store is read again: a change
        that is stored counts as done. `work` runs again when the server has rolled it back for
        another transaction, and when a merge asks for it (`RetryTransaction`): so it must set, not
        add to, values outside.
        Raises: StoreUnavailable if nothing was done for a passing reason (locked, disk full),
        CommitUnknown if the store cannot be read after a failed commit, NotAStore if it is damaged.
        """
        try:
            with self.write_queue.acquire(priority, QUEUE_S):
                self.writing = True
                try:
                    return self._write_with_retry(work)
                finally:
                    self.writing = False
        except QueueTimeout:
            raise StoreUnavailable(redacted(self.url), "other writers are busy") from None
        except (DBAPIError, TimeoutError) as error:
            raise self._named(error) from error

    def _write_with_retry(self, work: Callable[[Connection], T]) -> T:
        for left in reversed(range(COLLISIONS_MAX + 1)):
            if self._pending_commit is not None:
                self._verify_commit()
            try:
                try:
                    return self._transact(work)
                except RetryTransaction:
                    return self._transact(work)
            except DBAPIError as error:
                if fault_of(error) is not StoreFault.SERIALIZATION or not left:
                    raise
                self._verify_commit()  # the work may have changed state in memory
        raise AssertionError("unreachable")

    def _transact(self, work: Callable[[Connection], T]) -> T:
        mark = None
        self._checkpointed = False
        with self._writer.connect() as tx:
            try:
                tx.begin()
                if self._begin_write:
                    execute(tx, self._begin_write)
                if self._read_mark is not None and self._mark is None:
                    self._mark = self._read_mark(tx)
                result = work(tx)
                if self._read_mark is not None:
                    mark = self._read_mark(tx)
            except DBAPIError as error:
                if fault_of(error):
                    tx.invalidate(error)  # closes whatever the connection has open
                raise
            try:
                tx.commit()
            except BaseException as error:
                self._pending_commit = _PendingCommit(
                    mark, self._mark, str(getattr(error, "orig", error))
                )
                tx.invalidate(error)
                if not isinstance(error, DBAPIError):
                    raise
                failed = error
            else:
                self._mark = mark
                return result
        pending = self._pending_commit
        if fault_of(failed) is StoreFault.SERIALIZATION:
            raise failed  # the server itself says so: nothing is stored
        try:
            self._verify_commit()
        except DBAPIError as error:
            raise CommitUnknown(redacted(self.url), pending.why) from error
        if pending.mark is None or pending.mark == pending.before:
            raise CommitUnknown(redacted(self.url), pending.why) from failed
        if self._mark == pending.mark:
            structlog.get_logger().warning("commit_failed_and_is_there", why=pending.why)
            return result
        raise StoreUnavailable(redacted(self.url), pending.why) from failed

    def _verify_commit(self) -> None:
        """Reopen the store and see what is durable. Raises: DBAPIError; then the next call retries.

        Locks the counter row, so that on a server a commit still under way ends first.
        """
        self._writer.dispose()
        self._reader.dispose()
        if self._read_mark is None:
            self._pending_commit = None
            return
        with self._writer.connect() as tx, tx.begin():
            if self._begin_write:
                execute(tx, self._begin_write)
            log.lock(tx)
            self._mark = self._read_mark(tx)
            self._reopened(tx)
        self._pending_commit = None

    def _named(self, error: DBAPIError | TimeoutError) -> Exception:
        """Return the error for people for an error of the store, or itself if it is our fault."""
        why = str(getattr(error, "orig", None) or error)
        match fault_of(error):
            case None:
                return error
            case StoreFault.CORRUPT:
                return NotAStore(redacted(self.url), why)
        return StoreUnavailable(redacted(self.url), why)

    def checkpoint(self) -> None:
        """Bring the write-ahead log back into the database file (SQLite), if it has grown."""
        if self._is_sqlite and not self._checkpointed:
            self._checkpointed = True  # before: what is committed meanwhile is for the next one
            try:
                self._outside(self._writer, "PRAGMA wal_checkpoint(PASSIVE)")
            except BaseException:
                self._checkpointed = False
                raise

    def backup(self, target: Path) -> None:
        """Write a consistent copy of a SQLite store to `target`, which must not exist."""
        assert self._is_sqlite, "PostgreSQL is backed up with its own tools"
        self._outside(self._reader, "VACUUM INTO ?", (str(target),))

    def _outside(self, engine: Engine, statement: str, parameters: tuple[str, ...] = ()) -> None:
        """Run what SQLite allows only outside a transaction; the writer waits meanwhile.

        Raises: StoreUnavailable, NotAStore.
        """
        try:
            with self.write_queue.acquire(Priority.LOCAL, QUEUE_S), engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                try:
                    driver.cursor().execute(statement, parameters)
                except engine.dialect.loaded_dbapi.Error as error:
                    raise DBAPIError.instance(
                        statement, None, error, engine.dialect.loaded_dbapi.Error,
                        dialect=engine.dialect,
                    ) from error  # fmt: skip
        except QueueTimeout:
            raise StoreUnavailable(redacted(self.url), "other writers are busy") from None
        except (DBAPIError, TimeoutError) as error:
            raise self._named(error) from error

    def close(self) -> None:
        """Checkpoint into the file and close it."""
        try:
            if self._is_sqlite:
                self._reader.dispose()
                self._outside(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")
        except (StoreUnavailable, NotAStore) as error:
            # Nothing is lost: the write-ahead log has it, and the next start reads it.
            structlog.get_logger().warning("checkpoint_failed", reason=error.en)
        finally:
            self._reader.dispose()
            self._writer.dispose()


def open_store(url: str, *, synchronous: str = "FULL", cache_kib: int = CACHE_KIB) -> Store:
    """Open the store at a SQLAlchemy URL; create nothing but an empty SQLite file.

    Raises: StoreUnavailable; NotAStore.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url, synchronous, cache_kib)
    return _open_postgres(url)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def redacted(url: str) -> str:
    """Return the URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _open_sqlite(url: str, synchronous: str, cache_kib: int) -> Store:
    def prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # before any PRAGMA, or the driver opens a transaction
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",  # FULL: an ack is sent only after the disk has the data
            "foreign_keys=ON",
            "trusted_schema=OFF",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={64 << 20}",
            f"cache_size=-{cache_kib}",
            "temp_store=MEMORY",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    engines = []
    # There is one writing connection, used by whoever has the write queue: nothing waits for it.
    readers = {"pool_size": READERS_MAX, "max_overflow": 0}
    for pool, options in ((StaticPool, {}), (QueuePool, readers)):
        engine = create_engine(
            url,
            module=sqlite_driver,
            poolclass=pool,
            connect_args={"check_same_thread": False, "cached_statements": 512},
            **options,
        )
        event.listen(engine, "connect", prepare)
        engines.append(engine)
    return _probed(Store(url, writer=engines[0], reader=engines[1]))


def _open_postgres(url: str) -> Store:
    target = make_url(url)
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    writer = create_engine(target, pool_size=2, max_overflow=2, pool_pre_ping=True)
    event.listen(writer, "connect", _bounded_waits)
    reader = create_engine(
        target, pool_size=READERS_MAX, pool_pre_ping=True, isolation_level="REPEATABLE READ"
    )
    return _probed(Store(url, writer=writer, reader=reader))


def _bounded_waits(dbapi: Any, _record: Any) -> None:
    """Limit the wait for a lock to that of SQLite."""
    dbapi.autocommit = True
    dbapi.execute(f"SET lock_timeout = {BUSY_MS}")
    dbapi.autocommit = False


def _probed(store: Store) -> Store:
    try:
        with store.read() as tx:
            tx.exec_driver_sql("SELECT 1")
            if store.is_sqlite:
                tx.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except DBAPIError as error:  # unknown: a wrong password, a foreign server
        raise StoreUnavailable(redacted(store.url), str(error.orig)) from error
    return store
