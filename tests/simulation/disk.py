"""A disk that loses and tears what was not synced: files in memory under a VFS of SQLite.

Each file is what the platter holds and what was written since. A power cut lets any subset of the
512-byte sectors written since the last sync reach the platter, some of them in part. `Driver` is
the DB-API face of it (`node.store.engine` takes it for pysqlite3), on apsw, which lets Python be a
file system; its WAL has no shared memory, so the connections of one process share one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import apsw

SECTOR = 512
TORN = 0.1  # share of the sectors that survive a cut in part
NAMES = iter(range(1 << 30))


@dataclass
class File:
    """`seen`: as the system reads it. `platter`: as it is after a cut, but for `pending`."""

    seen: bytearray = field(default_factory=bytearray)
    platter: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(
        default_factory=list
    )  # writes; int: truncated to

    def write(self, offset: int, data: bytes) -> None:
        _put(self.seen, offset, data)
        self.pending.append((offset, data))

    def truncate(self, size: int) -> None:
        del self.seen[size:]
        self.pending.append(size)

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.platter, change)
        self.pending.clear()

    def cut(self, rng: random.Random) -> None:
        """Let some of what was pending arrive, in any order that sectors may take."""
        for change in self.pending:
            if isinstance(change, int):
                if rng.random() < 0.5:
                    _apply(self.platter, change)
                continue
            offset, data = change
            for start in range(0, len(data), SECTOR):
                if rng.random() < 0.5:
                    sector = data[start : start + SECTOR]
                    if rng.random() < TORN:
                        sector = sector[: rng.randrange(len(sector))]
                    _put(self.platter, offset + start, sector)
        self.pending.clear()
        self.seen = bytearray(self.platter)


class Disk(apsw.VFS):
    """The file system. `before` is called before each write and sync, and may raise."""

    def __init__(self) -> None:
        self.name = f"silian-{next(NAMES)}"
        super().__init__(self.name, "")
        self.files: dict[str, File] = {}
        self.before: Callable[[str, str], None] = lambda _what, _path: None
        self.syncs = 0
        self.deaf = False  # while the connection of a dead process is thrown away
        self._generation: dict[str, int] = {}

    # -- what the simulator does to it ---------------------------------------------------------

    def load(self, path: str, content: bytes) -> None:
        self.files[path] = File(bytearray(content), bytearray(content))

    def kill(self, path: str) -> None:
        """A process died: what its open files still try to write is written by nobody."""
        self._generation[path] = self._generation.get(path, 0) + 1

    def cut(self, path: str, rng: random.Random) -> None:
        """The power fails for all files of a database."""
        self.kill(path)
        for name, file in self.files.items():
            if name.startswith(path):
                file.cut(rng)

    # -- what SQLite asks of it ----------------------------------------------------------------

    def alive(self, path: str, generation: int) -> bool:
        return self._generation.get(_base(path), 0) == generation

    def xOpen(self, name: Any, flags: list[int]) -> Handle:
        path = name.filename() if hasattr(name, "filename") else str(name)
        flags[1] = flags[0]
        self.files.setdefault(path, File())
        return Handle(self, path, self._generation.get(_base(path), 0))

    def xDelete(self, name: str, syncdir: bool) -> None:
        if not self.deaf:
            self.files.pop(name, None)

    def xAccess(self, path: str, flags: int) -> bool:
        return path in self.files

    def xFullPathname(self, name: str) -> str:
        return name


class Handle:
    """One open file."""

    def __init__(self, disk: Disk, path: str, generation: int) -> None:
        self._disk, self._path, self._generation = disk, path, generation
        self._file = disk.files[path]

    def _alive(self, what: str) -> bool:
        if not self._disk.alive(self._path, self._generation):
            return False
        self._disk.before(what, _base(self._path))
        return True

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._file.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._alive("write"):
            self._file.write(offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        if self._alive("truncate"):
            self._file.truncate(size)

    def xSync(self, flags: int) -> None:
        if self._alive("sync"):
            self._disk.syncs += 1
            self._file.sync()

    def xFileSize(self) -> int:
        return len(self._file.seen)

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None: ...


def _base(path: str) -> str:
    return path.removesuffix("-wal").removesuffix("-journal")


def _put(image: bytearray, offset: int, data: bytes) -> None:
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


def _apply(image: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del image[change:]
    else:
        _put(image, *change)


# -- the DB-API face ---------------------------------------------------------------------------


class Error(Exception):
    """Base of what this driver raises (PEP 249)."""


class OperationalError(Error): ...


class IntegrityError(Error): ...


class ProgrammingError(Error): ...


class Cursor:
    """Runs a statement and keeps its rows."""

    arraysize = 1
    lastrowid = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: Any = None
        self.rowcount = -1

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self._run(statement, [parameters])

    def executemany(self, statement: str, many: Iterable[Sequence[Any]]) -> Cursor:
        return self._run(statement, many)

    def _run(self, statement: str, many: Iterable[Sequence[Any]]) -> Cursor:
        self.description, self._rows, self.rowcount = None, [], -1
        if self._connection.steers(statement):
            return self
        base = self._connection.shared.base
        cursor = base.cursor()

        def described(which: Any, _statement: str, _bindings: Any) -> bool:
            self.description = which.get_description() or None
            return True

        cursor.exec_trace = described
        before = base.total_changes()
        try:
            for parameters in many:
                self._rows.extend(cursor.execute(statement, tuple(parameters)))
        except apsw.ConstraintError as error:
            raise IntegrityError(str(error)) from error
        except apsw.Error as error:
            raise OperationalError(str(error)) from error
        if self.description is None:
            self.rowcount = base.total_changes() - before
        else:
            self.description = [(d[0], *[None] * 6) for d in self.description]
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        size = self.arraysize if size is None else size
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    def fetchall(self) -> list[tuple[Any, ...]]:
        found, self._rows = self._rows, []
        return found

    def __iter__(self) -> Iterable[tuple[Any, ...]]:
        return iter(self.fetchall())

    def close(self) -> None:
        self._rows = []


@dataclass
class Shared:
    """The one connection of a process to a database."""

    base: Any
    users: int = 0
    owner: Connection | None = None  # whose transaction is open
    dropped: bool = False  # with its process


class Connection:
    """One of several faces of the shared connection; a nested reader sees its writer's work."""

    isolation_level: Any = None
    total_changes = 0

    def __init__(self, shared: Shared, closed: Callable[[], None]) -> None:
        self.shared = shared
        self._closed = closed
        shared.users += 1

    def steers(self, statement: str) -> bool:
        """Deal with what opens and ends transactions; say whether nothing is left to do."""
        head = statement.lstrip()[:8].upper()
        if head.startswith("BEGIN"):
            if self.shared.owner is not None:
                return True
            self.shared.owner = self
        return False

    def cursor(self, *_: Any) -> Cursor:
        return Cursor(self)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        return Cursor(self).execute(statement, parameters)

    def executemany(self, statement: str, many: Iterable[Sequence[Any]]) -> Cursor:
        return Cursor(self).executemany(statement, many)

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self.shared.owner is not self or self.shared.dropped:
            return
        self.shared.owner = None
        if self.shared.base.in_transaction:
            try:
                self.shared.base.execute(how)
            except apsw.Error as error:
                if self.shared.base.in_transaction:
                    self.shared.owner = self  # it can still be rolled back
                raise OperationalError(str(error)) from error

    def create_function(self, *_: Any, **__: Any) -> None: ...

    def close(self) -> None:
        if self.shared.dropped:
            return
        self.rollback()
        self.shared.users -= 1
        if self.shared.users == 0:
            self._closed()


class Driver:
    """What a DB-API module offers, for databases on one disk."""

    apilevel, threadsafety, paramstyle = "2.0", 1, "qmark"
    sqlite_version = apsw.sqlite_lib_version()
    sqlite_version_info = tuple(map(int, sqlite_version.split(".")))
    Error = DatabaseError = InterfaceError = Warning = Error
    OperationalError, IntegrityError, ProgrammingError = (
        OperationalError, IntegrityError, ProgrammingError,
    )  # fmt: skip
    DataError = InternalError = NotSupportedError = Error
    Binary = bytes

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._shared: dict[str, Shared] = {}

    def connect(self, path: Any, *_: Any, **__: Any) -> Connection:
        path = unquote(urlsplit(str(path)).path)  # a URI, so that no file is made
        if path not in self._shared:
            base = apsw.Connection(path, vfs=self.disk.name)
            base.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._shared[path] = Shared(base)
        return Connection(self._shared[path], lambda: self._close(path))

    def drop(self, path: str) -> None:
        """Forget the connection of a process that died."""
        shared = self._shared.pop(path, None)
        if shared is not None:
            shared.dropped = True
            self.disk.deaf = True
            try:
                shared.base.close(True)
            finally:
                self.disk.deaf = False

    def _close(self, path: str) -> None:
        shared = self._shared.pop(path, None)
        if shared is not None:
            shared.base.close()
