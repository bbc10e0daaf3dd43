"""Power cuts and nothing else: a small store under load, opened and written as offices do it.

The shipped store, with its pragmas and its transactions, on the disk that loses and tears. Each
life ends by a cut before one of the next writes; the next life must find all that was
acknowledged, nothing that nobody asked for, and a sound database.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from typing import Any
from unittest import mock

from sqlalchemy import Connection

from node.store import engine
from node.store.engine import Store, open_store
from tests.simulation.disk import Disk, Driver

PATH = "/power.db"
RESTARTS = 100  # of one store
WRITES_MAX = 36  # writes and syncs until the power fails, at most
CHECK = 10  # the whole database is looked at after every so many cuts


class Cut(BaseException):
    """The power fails."""


@dataclass(slots=True)
class Outcome:
    """What a store has lived through. `lost`: transactions that were acknowledged."""

    cuts: int = 0
    acked: int = 0
    lost: int = 0
    undecided: int = 0  # commits that the power cut off and that count all the same
    broken: str = ""

    def add(self, other: Outcome) -> None:
        self.cuts += other.cuts
        self.acked += other.acked
        self.lost += other.lost
        self.undecided += other.undecided
        self.broken = self.broken or other.broken


def lives(seed: int, cuts: int = RESTARTS, synchronous: str = "FULL") -> Outcome:
    """Let one store live and lose its power that often."""
    rng = random.Random(seed)
    disk = Disk()
    driver: Any = Driver(disk)
    done = Outcome()
    acked = asked = left = 0

    def before(_what: str, _path: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Cut

    with mock.patch.object(engine, "sqlite_driver", driver):
        while done.cuts < cuts and not done.broken:
            left = rng.randrange(1, WRITES_MAX)
            disk.before = before
            store: Any = None
            try:
                store = open_store(f"sqlite:///{PATH}", synchronous=synchronous, cache_kib=64)
                there = store.write(_there)
                if done.cuts % CHECK == 0 and (trouble := _inconsistency(store)):
                    done.broken = trouble
                if there > asked:
                    done.broken = f"{there} transactions, {asked} asked for"
                done.lost += max(0, acked - there)
                done.undecided += there > acked
                acked = asked = there
                while True:
                    if rng.random() < 0.1:
                        store.checkpoint()
                    asked = acked + 1
                    store.write(partial(_transaction, number=asked, rng=rng))
                    acked = asked
                    done.acked += 1
            except Cut:
                pass
            except engine.StoreUnavailable as error:
                done.broken = str(error)
            done.cuts += 1
            disk.before = lambda _what, _path: None
            disk.cut(PATH, rng)
            driver.drop(PATH)
            if store is not None:
                for pool in (store._reader, store._writer):
                    pool.dispose()
    return done


def _there(tx: Connection) -> int:
    """Return how many transactions the store has: complete ones, without a gap."""
    tx.exec_driver_sql("CREATE TABLE IF NOT EXISTS log (n INTEGER PRIMARY KEY, wire BLOB)")
    tx.exec_driver_sql("CREATE TABLE IF NOT EXISTS row (n INTEGER, k INTEGER, PRIMARY KEY (n, k))")
    count, newest, rows = tx.exec_driver_sql(
        "SELECT (SELECT count(*) FROM log), (SELECT max(n) FROM log), (SELECT count(*) FROM row)"
    ).one()
    if count and (count != newest or rows != 2 * count):
        raise AssertionError(f"{count} transactions up to {newest}, {rows} rows")
    return int(count)


def _transaction(tx: Connection, number: int, rng: random.Random) -> None:
    tx.exec_driver_sql(
        "INSERT INTO log VALUES (?,?)", (number, rng.randbytes(rng.randrange(1_500)))
    )
    for k in (1, 2):
        tx.exec_driver_sql("INSERT INTO row VALUES (?,?)", (number, k))


def _inconsistency(store: Store) -> str:
    with store.read() as tx:
        found = tx.exec_driver_sql("PRAGMA integrity_check").scalar_one()
    return "" if found == "ok" else str(found)


def main(cuts: int, jobs: int) -> int:
    """Print what became of that many cuts; return 0 when nothing was lost."""
    began_s = time.monotonic()
    stores = -(-cuts // RESTARTS)
    sizes = [RESTARTS] * (stores - 1) + [cuts - RESTARTS * (stores - 1)]
    total = Outcome()
    if jobs < 2:
        for outcome in map(lives, range(stores), sizes):
            total.add(outcome)
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for outcome in pool.map(lives, range(stores), sizes, repeat("FULL"), chunksize=4):
                total.add(outcome)
    print(
        f"{total.cuts} power cuts over {stores} stores in {time.monotonic() - began_s:.0f} s: "
        f"{total.acked} transactions acknowledged, {total.lost} lost; {total.undecided} commits "
        f"cut off and there; {total.broken or 'every database sound'}"
    )
    return 1 if total.lost or total.broken else 0
