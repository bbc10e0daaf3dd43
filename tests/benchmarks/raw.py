"""The physical limit here: processes that only write the rows with the raw sqlite3 module."""

from __future__ import annotations

import multiprocessing as mp
import sqlite3
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tests.benchmarks.data import FIELDS, INDEXED, rows

TRANSACTION = 1_000
PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=16384",
)  # fmt: skip


def connect(path: Path, *, log: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    columns = ",".join(f"{name} TEXT NOT NULL" for name in FIELDS)
    db.execute(f"CREATE TABLE resident(id TEXT PRIMARY KEY,{columns},hlc INTEGER NOT NULL)")
    for name in INDEXED:
        db.execute(f"CREATE INDEX ix_{name} ON resident({name})")
    if log:
        db.execute("CREATE TABLE log(seq INTEGER PRIMARY KEY, tbl INTEGER, pk TEXT, body BLOB)")
    return db


def write(db: sqlite3.Connection, data: list[tuple[Any, ...]], bodies: list[Any] | None) -> float:
    """Insert all rows in transactions of 1,000; return seconds."""
    insert = f"INSERT INTO resident VALUES ({','.join('?' * (len(FIELDS) + 2))})"
    start = time.perf_counter()
    for at in range(0, len(data), TRANSACTION):
        db.execute("BEGIN")
        db.executemany(insert, data[at : at + TRANSACTION])
        if bodies is not None:
            db.executemany(
                "INSERT INTO log(tbl, pk, body) VALUES (1,?,?)", bodies[at : at + TRANSACTION]
            )
        db.execute("COMMIT")
    return time.perf_counter() - start


def prepared(count: int) -> list[tuple[Any, ...]]:
    return [(rid.hex(), *values, n) for n, (rid, values) in enumerate(rows(count))]


def _one(path: Path, count: int, ready: Any, go: Event, took: Any) -> None:
    data = prepared(count)
    db = connect(path)
    ready.put(1)
    go.wait()
    took.put(write(db, data, None))
    db.close()


def rate(folder: Path, count: int, processes: int) -> float:
    """Return rows a second for each of `processes` that write at once (the slowest counts)."""
    context = mp.get_context("spawn")
    ready, took, go = context.Queue(), context.Queue(), context.Event()
    running = [
        context.Process(target=_one, args=(folder / f"raw{n}.db", count, ready, go, took))
        for n in range(processes)
    ]
    for process in running:
        process.start()
    for _ in running:
        ready.get()
    time.sleep(0.2)
    go.set()
    slowest: float = max(took.get() for _ in running)
    for process in running:
        process.join()
    for n in range(processes):
        for suffix in ("", "-wal", "-shm"):
            (folder / f"raw{n}.db{suffix}").unlink(missing_ok=True)
    return count / slowest


def rate_with_log(folder: Path, count: int) -> float:
    """Return rows a second of one process that writes each row and a log row with it."""
    data = prepared(count)
    bodies = [(row[0], "|".join(map(str, row[1:])).encode()) for row in data]
    path = folder / "rawlog.db"
    db = connect(path, log=True)
    took = write(db, data, bodies)
    db.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return count / took
