"""The peer: PostgreSQL's own logical replication, cascaded over four private servers."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.benchmarks.bench import Skipped
from tests.benchmarks.data import FIELDS, INDEXED, Row
from tests.benchmarks.offices import TRANSACTION, phone_of
from tests.support.postgres import NOBODY, launched, stop

SERVERS = 4
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "synchronous_commit": "on",
    "fsync": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "60",
    "max_worker_processes": "16",
    "max_logical_replication_workers": "8",
}
READY_S_MAX = 60
NEEDED = "no PostgreSQL here; apt-get install postgresql puts one under /usr/lib/postgresql"


def programs() -> Path:
    """Return the folder of Debian's newest PostgreSQL programs; 15 where it is installed.

    Raises: Skipped.
    """
    found = sorted(
        (path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()),
        key=lambda path: (path.parent.name == "15", float(path.parent.name)),
    )
    if not found:
        raise Skipped(NEEDED)
    return found[-1]


class Cascade:
    """Server 0 is the root; each subscribes to the next. The last is written to."""

    def __init__(self, bin: Path, ports: Sequence[int]) -> None:
        self.name = f"PostgreSQL {bin.parent.name} cascade"
        self._ports = ports
        self._connections = [connect(port) for port in ports]
        self.root, self.leaf = self._connections[0], self._connections[-1]
        self._rows: list[tuple[str, ...]] = []

    def prepare(self, data: Sequence[Row]) -> None:
        """Have the rows ready as COPY wants them."""
        self._rows = [(record_id.hex(), *values) for record_id, values in data]

    def fresh(self) -> None:
        """Empty tables with a new subscription; nothing is left of the last round."""
        for connection in self._connections:
            for (name,) in connection.execute("SELECT subname FROM pg_subscription").fetchall():
                run(connection, "ALTER SUBSCRIPTION {} DISABLE", name)
                run(connection, "DROP SUBSCRIPTION {}", name)
        columns = ",".join(f"{name} text NOT NULL" for name in FIELDS)
        for connection in self._connections:
            connection.execute("DROP PUBLICATION IF EXISTS p")
            connection.execute("DROP TABLE IF EXISTS resident")
            run(connection, f"CREATE TABLE resident(id text PRIMARY KEY,{columns},hlc bigint)")
            for name in INDEXED:
                run(connection, "CREATE INDEX ON resident({})", name)
            connection.execute("CREATE PUBLICATION p FOR TABLE resident")
            connection.execute("CHECKPOINT")
        for tier in range(SERVERS - 2, -1, -1):
            self._subscribe(tier)

    def _subscribe(self, tier: int) -> None:
        above = f"host=127.0.0.1 port={self._ports[tier + 1]} user=postgres dbname=postgres"
        connection = self._connections[tier]
        connection.execute(
            sql.SQL(
                "CREATE SUBSCRIPTION {0} CONNECTION {1} PUBLICATION p "
                "WITH (slot_name={0}, synchronous_commit=on)"
            ).format(sql.Identifier(f"s{tier}"), sql.Literal(above))
        )
        waiting = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
        until(lambda: connection.execute(waiting).fetchone() == (0,))

    def load(self) -> float:
        """Return rows a second from the first transaction at the leaf until visible at the root."""
        start = time.perf_counter()
        for at in range(0, len(self._rows), TRANSACTION):
            part = self._rows[at : at + TRANSACTION]
            text = "".join("\t".join((*row, "1")) + "\n" for row in part)
            with self.leaf.transaction(), self.leaf.cursor().copy("COPY resident FROM STDIN") as to:
                to.write(text)
        self._until(self._rows[-1][0], "hlc", 1)
        return len(self._rows) / (time.perf_counter() - start)

    def update(self, order: Sequence[str], round: int) -> float:
        """Return records a second, two fields of each set."""
        start = time.perf_counter()
        for at in range(0, len(order), TRANSACTION):
            self.leaf.execute(
                "UPDATE resident SET phone=%s, remark=%s, hlc=%s WHERE id = ANY(%s)",
                (phone_of(round), f"改{round}", round, list(order[at : at + TRANSACTION])),
            )
        self._until(order[-1], "phone", phone_of(round))
        return len(order) / (time.perf_counter() - start)

    def edit(self, record_id: str, round: int) -> float:
        """Return seconds from the beginning of one edit until it is visible at the root."""
        start = time.perf_counter()
        self.leaf.execute(
            "UPDATE resident SET phone=%s, remark=%s, hlc=%s WHERE id=%s",
            (phone_of(round), f"改{round}", round, record_id),
        )
        self._until(record_id, "phone", phone_of(round), pause=0.0003)
        return time.perf_counter() - start

    def _until(self, record_id: str, column: str, value: Any, pause: float = 0.005) -> None:
        query = f"SELECT {column} FROM resident WHERE id=%s"
        until(
            lambda: self.root.execute(query, (record_id,), prepare=True).fetchone() == (value,),
            pause,
        )

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def until(holds: Any, pause: float = 0.02) -> None:
    while not holds():
        time.sleep(pause)


def run(connection: psycopg.Connection[Any], statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def connect(port: int) -> psycopg.Connection[Any]:
    """Connect as soon as the server answers."""
    give_up = time.monotonic() + READY_S_MAX
    while True:
        try:
            return psycopg.connect(
                host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
            )
        except psycopg.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


@contextmanager
def cascade(folder: Path) -> Iterator[Cascade]:
    """Start the servers in `folder`, yield the cascade, end them. Raises: Skipped."""
    bin = programs()
    os.chmod(folder.parent, 0o755)
    with ExitStack() as stack:
        ports = [free_port() for _ in range(SERVERS)]
        for tier, port in enumerate(ports):
            stack.callback(stop, server(bin, folder / f"pg{tier}", port))
        found = Cascade(bin, ports)
        stack.callback(found.close)
        yield found


def server(bin: Path, data: Path, port: int) -> subprocess.Popen[bytes]:
    """Make a cluster and start its server, as an ordinary user and tied to our life."""
    data.mkdir(mode=0o700, parents=True)
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
    initdb = launched(
        bin / "initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--encoding=UTF8",
        "--locale=C", "--no-instructions",
    )  # fmt: skip
    done = subprocess.run(initdb, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise Skipped(f"PostgreSQL cannot make a cluster: {done.stderr.strip()}")
    options = (f"--{key}={value}" for key, value in (SETTINGS | {"port": str(port)}).items())
    command = launched(bin / "postgres", "-D", str(data), *options)
    with (data.parent / f"{data.name}.log").open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, cwd="/")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
