"""The disk that loses and tears: SQLite's own promise on it, and that the disk keeps nobody's."""

from __future__ import annotations

import random

from tests.simulation import power
from tests.simulation.disk import Disk, Driver, OperationalError

PATH = "/a.db"
RESTARTS, WRITES = 5, 60


class Cut(BaseException):
    """The power fails."""


def lives(seed: int, synchronous: str) -> tuple[int, int]:
    """Write transactions through some power cuts; return (cuts, transactions lost though acked).

    Raises: OperationalError when the database was not even readable afterwards.
    """
    rng = random.Random(seed)
    disk = Disk()
    driver = Driver(disk)
    acked = asked = lost = 0
    for _ in range(RESTARTS):
        left = rng.randrange(1, WRITES)

        def before(_what: str, _path: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Cut

        disk.before = before
        try:
            db = driver.connect(PATH)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA synchronous={synchronous}")
            db.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, x)")
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise OperationalError("integrity")
            there = [row[0] for row in db.execute("SELECT n FROM t ORDER BY n").fetchall()]
            assert there == list(range(1, len(there) + 1)), "a hole, or part of a transaction"
            assert len(there) <= asked, "what nobody asked for"
            lost += max(0, acked - len(there))
            acked = asked = len(there)
            while True:
                db.execute("BEGIN IMMEDIATE")
                asked = acked + 1
                db.execute(
                    "INSERT INTO t VALUES (?,?)", (asked, rng.randbytes(rng.randrange(3000)))
                )
                db.commit()
                acked = asked
                if rng.random() < 0.1:
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except Cut:
            pass
        disk.cut(PATH, rng)
        disk.before = lambda _what, _path: None
        driver.drop(PATH)
    return RESTARTS, lost


def test_a_thousand_power_cuts_lose_nothing_that_was_acknowledged() -> None:
    done = [lives(seed, "FULL") for seed in range(200)]
    assert sum(cuts for cuts, _ in done) == 1_000
    assert sum(lost for _, lost in done) == 0


def test_an_offices_store_keeps_what_it_acknowledged_through_power_cuts() -> None:
    done = power.lives(7, cuts=150)
    assert (done.cuts, done.lost, done.broken) == (150, 0, "")
    assert done.acked > 50


def test_a_store_that_does_not_wait_for_the_disk_is_detected() -> None:
    assert power.lives(7, cuts=60, synchronous="NORMAL").lost > 0


def test_the_simulated_disk_loses_what_was_not_synced() -> None:
    assert sum(lives(seed, "NORMAL")[1] for seed in range(40)) > 0


def test_writes_of_a_dead_process_stay_with_the_operating_system() -> None:
    disk = Disk()
    driver = Driver(disk)
    db = driver.connect(PATH)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    db.execute("CREATE TABLE t (n)")
    db.execute("INSERT INTO t VALUES (1)")
    disk.kill(PATH)
    driver.drop(PATH)
    assert driver.connect(PATH).execute("SELECT n FROM t").fetchall() == [(1,)]


def test_a_torn_write_changes_part_of_a_sector_and_leaves_the_rest_old() -> None:
    rng = random.Random(1)
    seen: set[bytes] = set()
    for _ in range(200):
        disk = Disk()
        disk.load(PATH, bytes(1024))
        disk.files[PATH].write(0, b"\x01" * 1024)
        disk.cut(PATH, rng)
        seen.add(bytes(disk.files[PATH].seen))
    assert {bytes(1024), b"\x01" * 1024} <= seen
    assert any(image[:512].strip(b"\x01") and b"\x01" in image[:512] for image in seen)
