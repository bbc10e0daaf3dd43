"""The store of one office: engines, transactions, durability; SQLite, or PostgreSQL by URL."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.pool import QueuePool, StaticPool

from node.private import make_file, naming, sync_folder
from node.store import meta
from node.store.refusals import (
    StoreForbidden,
    StoreMissing,
    StoreReadOnly,
    StoreUnreachable,
    StoreUnsuited,
)
from node.store.urls import address_of, redacted, shown, sqlite_url
from node.store.write_queue import QueueTimeout, WriteQueue
from sync.log import entries as log
from sync.model.errors import ErrorKind, SilianError
from sync.store.priority import Priority
from sync.store.sql import RetryTransaction, StoreFault, execute, fault_of, trouble_of_state

try:
    import pysqlite3 as sqlite_driver  # bundles a SQLite without the WAL-reset bug
except ImportError:  # no wheel for this machine: `silian doctor` checks the system's library
    sqlite_driver = sqlite3

__all__ = [
    "CommitUnknown", "NotAStore", "Store", "StoreForbidden", "StoreMissing", "StoreReadOnly",
    "StoreUnavailable", "StoreUnreachable", "StoreUnsuited", "address_of", "copied_to",
    "open_store", "redacted", "shown", "sqlite_driver", "sqlite_url",
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
SIDE_FILES = ("-wal", "-shm", "-journal")
_OF_FILE = (StoreFault.CLOSED, StoreFault.READ_ONLY, StoreFault.FORBIDDEN)  # in SQLite
COLLISIONS_MAX = 3  # how often work that the server rolled back is run again


class StoreUnavailable(SilianError):
    """The office cannot open or write the database now."""

    code = "store_unavailable"
    kind = ErrorKind.UNAVAILABLE

    def __init__(
        self, where: str, why: str, trouble: StoreFault = StoreFault.TRANSIENT, why_zh: str = ""
    ) -> None:
        full = trouble is StoreFault.FULL
        why_zh = why_zh or ("磁盘空间不足" if full else "暂时不能读写")
        super().__init__(
            f"cannot use the store {where}: {why}",
            f"无法使用数据库 {where}：{why_zh}",
            remedy_en="Free disk space, then try again; nothing else is needed."
            if full
            else "Stop the other program that uses it, and check the disk; then try again.",
            remedy_zh="请清理磁盘空间后重试，无需其他操作。"
            if full
            else "请关闭占用该数据库的程序，并检查磁盘，然后重试。",
        )


class CommitUnknown(SilianError):
    """The store failed during a commit, and it is unknown whether the change is stored."""

    code = "commit_unknown"
    kind = ErrorKind.UNAVAILABLE

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} failed while it committed; it is not known whether the change "
            f"is stored: {why}",
            f"数据库 {where} 在提交时出错，本次修改可能已保存，也可能未保存：{why}",
            remedy_en="Check whether the change is stored before you repeat it.",
            remedy_zh="请先查看本次修改是否已保存，再决定是否重做。",
        )


class NotAStore(SilianError):
    """The file is not an office's database, or it is damaged. Restore a backup."""

    code = "not_a_store"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, where: str, why: str, why_zh: str = "内容已损坏或格式不符") -> None:
        super().__init__(
            f"the store {where} cannot be read as an office's database: {why}",
            f"{where} 不是可读取的单位数据库：{why_zh}",
            remedy_en="Check that `store` names the office's own database, or put a backup back: "
            "silian db restore FILE.",
            remedy_zh="请检查 store 设置是否指向本单位的数据库，或用 silian db restore 恢复备份。",
        )


class CommitMark(NamedTuple):
    """Moves with every writing transaction; read again, it shows which one was the last durable."""

    arrival: int
    hlc: int
    incarnation: str


def read_commit_mark(tx: Connection) -> CommitMark:
    """Return the mark of an office's store as this transaction sees it."""
    statement = "SELECT h.arrival, h.hlc, m.value FROM log_head h, meta m WHERE h.id=1 AND m.key=?"
    return CommitMark(*execute(tx, statement, (meta.INCARNATION.name,)).fetchone())


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

    def __init__(self, url: URL, *, writer: Engine, reader: Engine) -> None:
        self.url = url
        self.shown = shown(url)  # how people read which store it is
        self.refused: SilianError | None = None  # why it accepted nothing at the last attempt
        self._file = _identity_of(url)
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
        """Set how to read which transaction was the last; used after a commit that failed."""
        self._read_mark = read

    def on_reopened(self, reopened: Callable[[Connection], None]) -> None:
        """Set what updates the state in memory from the store after a failure, before any write."""
        self._reopened = reopened

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection on one snapshot.

        Raises: StoreUnavailable, NotAStore, and those of `node.store.refusals`.
        """
        try:
            with self._reader.connect() as tx, tx.begin():
                if self._begin_read:
                    execute(tx, self._begin_read)
                yield tx
        except (DBAPIError, TimeoutError) as error:
            raise self.named(error) from error

    def write(self, work: Callable[[Connection], T], *, priority: Priority = Priority.LOCAL) -> T:
        """Run `work` in one transaction and commit it durably before returning.

        When the commit itself fails, the connection is closed and the store read again: what is
        found durable is returned as done. `work` runs again when the server has rolled it back for
        another transaction, and when a merge requires it (`RetryTransaction`): what it counts
        outside must be set, not added to.
        Raises: StoreUnavailable when nothing was done for a passing reason (locked, disk full),
        CommitUnknown when reading does not show whether it was, NotAStore when it is damaged, and
        those of `node.store.refusals`.
        """
        try:
            with self.write_queue.acquire(priority, QUEUE_S):
                self.writing = True
                try:
                    done = self._write_with_retry(work)
                finally:
                    self.writing = False
        except QueueTimeout:
            raise StoreUnavailable(
                self.shown, "other writers are busy", why_zh="其他操作正在写入"
            ) from None
        except (StoreUnavailable, CommitUnknown) as error:
            self._note(error)
            raise
        except (DBAPIError, TimeoutError) as error:
            named = self.named(error)
            if isinstance(named, SilianError):
                self._note(named)
            raise named from error
        if self.refused is not None:
            structlog.get_logger().info("store_well", store=self.shown)
            self.refused = None
        return done

    def _note(self, error: SilianError) -> None:
        """Record why nothing was written, and log it once."""
        if self.refused is None or self.refused.code != error.code:
            structlog.get_logger().warning("store_refused", code=error.code, reason=error.en)
        self.refused = error

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
            raise failed  # the server's answer is final: nothing is stored
        try:
            self._verify_commit()
        except DBAPIError as error:
            raise CommitUnknown(self.shown, pending.why) from error
        if pending.mark is None or pending.mark == pending.before:
            raise CommitUnknown(self.shown, pending.why) from failed
        if self._mark == pending.mark:
            structlog.get_logger().warning("commit_failed_and_is_there", why=pending.why)
            return result
        trouble = fault_of(failed) or StoreFault.TRANSIENT
        raise StoreUnavailable(self.shown, pending.why, trouble) from failed

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

    def named(self, error: DBAPIError | TimeoutError) -> Exception:
        """Return the error for people for an error of the store, or itself if it is our fault."""
        why = _message_of(getattr(error, "orig", None) or error)
        trouble = fault_of(error)
        if trouble is None:
            return error
        if trouble is StoreFault.CORRUPT:
            return NotAStore(self.shown, why)
        if self._is_sqlite:
            found = _of_file(Path(self.url.database or "")) if trouble in _OF_FILE else None
            return found or self._refusal(trouble, why)
        if trouble is StoreFault.LOST:
            from node.store.postgres import state_of_dial

            state = state_of_dial(self.url)
            trouble = StoreFault.TRANSIENT if state is None else trouble_of_state(state) or trouble
        return self._refusal(trouble, why)

    def _refusal(self, trouble: StoreFault, why: str) -> SilianError:
        match trouble:
            case StoreFault.LOST:
                return StoreUnreachable(self.shown, why)
            case StoreFault.FORBIDDEN:
                return StoreForbidden(self.shown, why)
            case StoreFault.MISSING:
                why_zh = f"数据库服务器上没有该数据库（{why}）"
                return StoreMissing(self.shown, why, why_zh, on_server=True)
            case StoreFault.READ_ONLY:
                return StoreReadOnly(self.shown, why)
            case StoreFault.CORRUPT:
                return NotAStore(self.shown, why)
        return StoreUnavailable(self.shown, why, trouble)

    def lost(self) -> bool:
        """Return whether the SQLite file that was opened is gone or replaced.

        Later writes go into the unnamed file and are lost with the process.
        """
        return self._file is not None and _identity_of(self.url) != self._file

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
        """Write a consistent copy of a SQLite store to `target`, for this account only.

        Raises: as `copy_database`.
        """
        assert self._is_sqlite, "PostgreSQL is backed up with its own tools"
        copy_database(Path(self.url.database or ""), target)

    def _outside(self, engine: Engine, statement: str) -> None:
        """Run what SQLite allows only outside a transaction; the writer waits meanwhile.

        Raises: StoreUnavailable, NotAStore.
        """
        try:
            with self.write_queue.acquire(Priority.LOCAL, QUEUE_S), engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                try:
                    driver.cursor().execute(statement)
                except engine.dialect.loaded_dbapi.Error as error:
                    raise _wrapped(statement, error, engine.dialect.loaded_dbapi) from error
        except QueueTimeout:
            raise StoreUnavailable(
                self.shown, "other writers are busy", why_zh="其他操作正在写入"
            ) from None
        except (DBAPIError, TimeoutError) as error:
            raise self.named(error) from error

    def close(self) -> None:
        """Checkpoint into the file and close it."""
        try:
            if self._is_sqlite:
                self._reader.dispose()
                self._outside(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")
        except SilianError as error:
            # Nothing is lost: the write-ahead log has it, and the next start reads it.
            structlog.get_logger().warning("checkpoint_failed", reason=error.en)
        finally:
            self._reader.dispose()
            self._writer.dispose()


def copy_database(source: Path, target: Path, *, meant: Path | None = None) -> None:
    """Write a consistent copy of a SQLite file, also while others write to it.

    What is committed when it starts is in the copy. The copy is for this account only; it is
    complete, or it is not there. `meant`: the file that a person asked for, if it is another.
    Raises: FileExistsError, OSError; StoreUnavailable, NotAStore, those of `node.store.refusals`.
    """
    statement = "VACUUM INTO CAST(? AS TEXT)"  # bytes: a name of a file need not be UTF-8
    with copied_to(target) as part:
        try:
            reading = f"{source.absolute().as_uri()}?mode=ro"
            with closing(sqlite_driver.connect(reading, uri=True)) as connection:
                connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
                connection.execute(statement, (os.fsencode(part),))
        except sqlite_driver.Error as error:
            why, trouble = _message_of(error), fault_of(_wrapped(statement, error, sqlite_driver))
            if trouble is StoreFault.CORRUPT:
                raise NotAStore(str(source), why) from error
            if trouble in _OF_FILE and (found := _of_file(source)):
                raise found from error
            full = trouble is StoreFault.FULL
            where = str((meant or target) if full else source)
            raise StoreUnavailable(where, why, trouble or StoreFault.TRANSIENT) from error


@contextmanager
def copied_to(target: Path) -> Iterator[Path]:
    """Yield an empty file to write a copy into; it gets the name `target` when it is whole.

    Raises: FileExistsError when there is something of that name; nothing of ours is left then.
    """
    part = target.absolute().with_name(f".{target.name}.{os.getpid()}")
    _must_be_free(target)
    try:
        with naming(target if target.parent.is_dir() else target.parent):
            make_file(part)
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        try:
            os.link(part, target)  # unlike a rename it overwrites nothing
        except FileExistsError:
            raise
        except OSError:  # a stick that knows no second names
            _must_be_free(target)
            part.rename(target)
        sync_folder(part.parent)
    finally:
        for path in (part, *(part.with_name(part.name + end) for end in SIDE_FILES)):
            path.unlink(missing_ok=True)


def _must_be_free(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def open_store(
    url: URL | str, *, create: bool = False, synchronous: str = "FULL", cache_kib: int = CACHE_KIB
) -> Store:
    """Open the store at a URL. With `create` a SQLite file is made first, and must not exist.

    Raises: StoreUnavailable, NotAStore, those of `node.store.refusals`; FileExistsError.
    """
    found = address_of(url)
    if found.get_backend_name() != "sqlite":
        return _open_postgres(found)
    if create:
        make_file(Path(found.database or ""))
    return _open_sqlite(found, synchronous, cache_kib)


def _identity_of(url: URL) -> tuple[int, int] | None:
    """Return which file a SQLite store is; None when there is none, or on a server."""
    if url.get_backend_name() != "sqlite":
        return None
    try:
        found = os.stat(url.database or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _wrapped(statement: str, error: Exception, driver: Any) -> DBAPIError:
    """Return a driver's own error as SQLAlchemy gives it."""
    wrapped = DBAPIError.instance(statement, None, error, driver.Error)
    assert isinstance(wrapped, DBAPIError)
    return wrapped


def _message_of(origin: object) -> str:
    """Return a driver's message on one line, without the text of a cell (INV-34)."""
    return " ".join(str(origin).partition(" with text ")[0].split())


def _of_file(path: Path) -> SilianError | None:
    """Return what is wrong with a SQLite file that failed, by the file system; None: nothing."""
    may = partial(os.access, effective_ids=os.access in os.supports_effective_ids)
    if not path.parent.is_dir():
        return StoreUnavailable(
            str(path), f"there is no folder {path.parent}", why_zh=f"目录 {path.parent} 不存在"
        )
    if not path.exists():
        return StoreMissing(str(path))
    if path.is_dir():
        return NotAStore(str(path), "it is a folder", "这是目录")
    if not may(path, os.R_OK):
        return StoreForbidden(str(path), "it may not read the file", "没有读取权限")
    if not may(path, os.W_OK):
        return StoreReadOnly(str(path), "the file may not be written", "没有写入权限")
    if not may(path.parent, os.W_OK | os.X_OK):
        return StoreReadOnly(
            str(path), f"the folder {path.parent} may not be written",
            f"没有目录 {path.parent} 的写入权限",
        )  # fmt: skip
    return None


def _open_sqlite(url: URL, synchronous: str, cache_kib: int) -> Store:
    path = Path(url.database or "").absolute()
    # As a URI and not as a path, so that a missing store is never created, whichever connection
    # finds it missing first.
    existing = f"{path.as_uri()}?mode=rw"
    driver = sqlite_driver

    def connect() -> Any:
        return driver.connect(existing, uri=True, check_same_thread=False, cached_statements=512)

    def prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # before any PRAGMA, or the driver opens a transaction
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            f"synchronous={synchronous}",  # FULL: an ack is sent only after the disk has the data
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "secure_delete=ON",  # what retention removes is overwritten, not only unlinked
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={64 << 20}",
            f"cache_size=-{cache_kib}",
            "temp_store=MEMORY",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    engines = []
    # There is one writing connection, used by the owner of the write queue: nothing waits for it.
    readers = {"pool_size": READERS_MAX, "max_overflow": 0}
    for pool, options in ((StaticPool, {}), (QueuePool, readers)):
        engine = create_engine(
            "sqlite://", module=driver, creator=connect, poolclass=pool, **options
        )
        event.listen(engine, "connect", prepare)
        engines.append(engine)
    return _probed(Store(url, writer=engines[0], reader=engines[1]))


def _open_postgres(url: URL) -> Store:
    from node.store.postgres import CONNECT_S  # psycopg is a third of a start: only where needed

    bounded = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_S}
    writer = create_engine(
        url, pool_size=2, max_overflow=2, pool_pre_ping=True, connect_args=bounded
    )
    event.listen(writer, "connect", _bounded_waits)
    reader = create_engine(
        url, pool_size=READERS_MAX, pool_pre_ping=True, isolation_level="REPEATABLE READ",
        connect_args=bounded,
    )  # fmt: skip
    return _probed(Store(url, writer=writer, reader=reader))


def _must_be_utf8(store: Store) -> None:
    """Raises: StoreUnsuited; and as `open_store`."""
    import psycopg

    from node.store.postgres import encoding_of

    try:
        encoding = encoding_of(store.url)
    except psycopg.Error as error:
        raise store.named(_wrapped("", error, psycopg)) from error
    if encoding != "UTF8":
        raise StoreUnsuited(
            store.shown, f"its encoding is {encoding}", f"该数据库的编码是 {encoding}",
            "Make the database with ENCODING 'UTF8' TEMPLATE template0.",
            "请用 `ENCODING 'UTF8' TEMPLATE template0` 重新建立数据库。",
        )  # fmt: skip


def _bounded_waits(dbapi: Any, _record: Any) -> None:
    """Limit the wait for a lock to that of SQLite."""
    dbapi.autocommit = True
    dbapi.execute(f"SET lock_timeout = {BUSY_MS}")
    dbapi.autocommit = False


def _probed(store: Store) -> Store:
    """Return a store that has answered. Raises: as `open_store`."""
    try:
        if not store.is_sqlite:
            _must_be_utf8(store)
        with store.read() as tx:
            tx.exec_driver_sql(
                "SELECT count(*) FROM sqlite_master" if store.is_sqlite else "SELECT 1"
            )
    except DBAPIError as error:  # nothing that we know of
        raise StoreUnavailable(store.shown, _message_of(error.orig)) from error
    path = Path(store.url.database or "")
    if store.is_sqlite and path.exists() and (refusal := _of_file(path)):
        raise refusal
    return store
