"""Measures of comparing two copies: what it costs when they are equal, and when ten differ."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from sqlalchemy import Connection, event

from hub.serve.process import Process
from node.office import Office
from sync.compare import digests
from sync.link.child import ChildEnd
from sync.link.dialer import Dialer
from sync.link.lines import Lines, dial
from sync.merge.digest import bucket_of
from sync.model.report import CompareOptions, Comparison
from sync.store.sql import execute
from tests.benchmarks.bench import Bench
from tests.benchmarks.data import rows
from tests.benchmarks.idle import Counting
from tests.benchmarks.offices import CODES, commit_all, creations, new_folder, now_ms, opened

STREET, COMMUNITY = CODES[2], CODES[3]
DIFFERING = 10
LOAD_S = 3_600.0
COMPARE_S = 600.0


@dataclass
class Pair:
    """A community that holds the records, its street, and the line between them."""

    child: Office
    street: Office
    dialer: Dialer
    counted: Counting
    read: list[str] = field(default_factory=list)  # statements on the register's table

    def compare(self) -> tuple[Comparison, float]:
        """Compare now; return how it ended and the seconds."""
        self.child.comparisons.forget()
        self.counted.calls, self.counted.bytes = [], 0
        self.read.clear()
        start = time.perf_counter()
        self.dialer.compare(CompareOptions())
        assert self.dialer.wait_compared(COMPARE_S), self.dialer.reason
        seconds = time.perf_counter() - start
        found = self.child.comparisons.last
        assert found is not None, self.dialer.reason
        return found, seconds


def digest(bench: Bench) -> None:
    """1,000,000 records compared: equal, and with ten that one side lost."""
    count = bench.count(1_000_000)
    with bench.folder() as folder, _pair(folder, count) as pair:
        equal_bytes: list[float] = []
        equal_ms: list[float] = []
        ten_bytes: list[float] = []
        ten_ms: list[float] = []
        reads = 0
        pair.compare()
        for n in range(bench.runs):
            found, seconds = pair.compare()
            assert found.equal, found
            reads += len(pair.read)
            equal_bytes.append(pair.counted.bytes)
            equal_ms.append(seconds * 1_000)
            _lose(pair, n)
            found, seconds = pair.compare()
            assert found.outcome == "repaired", found
            assert len(found.found) == min(DIFFERING, count), found
            ten_bytes.append(pair.counted.bytes)
            ten_ms.append(seconds * 1_000)
    bench.found("digest_equal_bytes", equal_bytes, "B")
    bench.found("digest_equal_time", equal_ms, "ms")
    bench.found("digest_equal_reads", [reads], "statements on records")
    bench.found("digest_ten_bytes", ten_bytes, "B")
    bench.found("digest_ten_time", ten_ms, "ms")


@contextlib.contextmanager
def _pair(folder: Path, count: int) -> Iterator[Pair]:
    process = Process([new_folder(folder / "street", STREET)], wall_ms=now_ms, rng=random.Random(1))
    address = process.start()
    street = next(iter(process.served.values())).office
    child = opened(new_folder(folder / "child", COMMUNITY, parent=address), COMMUNITY)
    parent_unit = child.tree.parent(child.identity.unit)
    assert parent_unit is not None
    counted = Counting()
    lines = Lines(lambda address: grpc.intercept_channel(dial(address), counted))
    with ThreadPoolExecutor(2) as workers:
        dialer = Dialer(
            ChildEnd(child, parent_unit),
            connect=lambda: lines.connect(address),
            workers=workers,
            later=lambda _delay_ms, _work: None,
            rng=random.Random(2),
        )
        pair = Pair(child, street, dialer, counted)
        child.on_wake(lambda wake: dialer.notify(up=frozenset(wake.up)))
        commit_all(child, creations(rows(count), child.identity.unit))
        dialer.start()
        assert dialer.wait_idle(LOAD_S), "the records did not arrive"
        engines: list[Any] = [o.store._reader for o in (child, street)]

        def record_statement(_tx: object, _cursor: object, statement: str, *_rest: object) -> None:
            if "r_bench " in statement:
                pair.read.append(statement)

        for engine in engines:
            event.listen(engine, "before_cursor_execute", record_statement)
        try:
            yield pair
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", record_statement)
            dialer.close()
            child.close()
            process.stop()


def _lose(pair: Pair, n: int) -> None:
    """Let the street lose ten records, its sums following: as if it had never received them."""
    unit = pair.child.identity.unit
    table = pair.street.tables["bench"]

    def work(tx: Connection) -> None:
        total = execute(tx, "SELECT count(*) FROM r_bench WHERE unit=?", (unit,)).fetchone()[0]
        found = [
            bytes(row[0])
            for k in range(DIFFERING)
            for row in execute(
                tx, "SELECT id FROM r_bench WHERE unit=? ORDER BY id LIMIT 1 OFFSET ?",
                (unit, (total * k // DIFFERING + n) % total),
            ).fetchall()
        ]  # fmt: skip
        for record in set(found):
            execute(tx, "DELETE FROM r_bench WHERE unit=? AND id=?", (unit, record))
        digests.fix_digest(tx, table, unit, sorted(set(map(bucket_of, found))))

    pair.street.store.write(work)
