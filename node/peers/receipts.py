"""Receipts of the offices above: what each has signed that it holds of this office and those below.

Kept in memory while the office runs and written down by the tick (`save`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from node.peers.context import PeerContext
from sync.apply import receipts
from sync.codec import receipt as wire
from sync.codec.receipt import Receipt
from sync.model.change import StreamHead
from sync.model.report import DurableAt
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.store import meta
from sync.store.sql import execute, execute_many

_SAVE = (
    "INSERT INTO receipt (holder, unit, signed) VALUES (?,?,?) "
    "ON CONFLICT (holder, unit) DO UPDATE SET signed=excluded.signed"
)


class Receipts:
    """The newest receipt of each office above for each unit here. Thread-safe."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._known: dict[tuple[int, int], Receipt] = {}  # by holder and unit
        self._dirty: set[tuple[int, int]] = set()
        self._positions: dict[tuple[int, Lane], int] = {}
        self._due: set[int] = set()  # levels whose receipts have changed since
        with office.store.read() as tx:
            for row in execute(tx, "SELECT signed FROM receipt").fetchall():
                known = wire.read(bytes(row[0]))
                self._known[known.holder, known.unit] = known
            for level, lane, position in meta.get(tx, meta.RECEIPTS_TO):
                self._positions[level, Lane(lane)] = position

    def take(self, given: Iterable[Receipt]) -> None:
        """Keep genuine receipts (`sync.apply.receipts.take`); of two of one holder the later."""
        tree = self._office.tree
        with self._lock:
            for receipt in given:
                key = (receipt.holder, receipt.unit)
                known = self._known.get(key)
                if known is None or known.at_ms <= receipt.at_ms:
                    self._known[key] = receipt
                    self._dirty.add(key)
                    self._due.add(tree.level(receipt.holder))

    def below(self, concerns: Callable[[int], bool]) -> list[Receipt]:
        """Return the receipts for the units that `concerns` says yes to."""
        with self._lock:
            return [each for each in self._known.values() if concerns(each.unit)]

    def positions(self) -> list[DurableAt]:
        """Return up to where our log is durable at each level above, as its office has signed."""
        tree = self._office.tree
        with self._lock:
            due, self._due = self._due, set()
            durable: dict[int, dict[StreamKey, StreamHead]] = {level: {} for level in due}
            for each in self._known.values():
                if each.holder in tree and tree.level(each.holder) in due:
                    durable[tree.level(each.holder)].update(each.heads)
            before = dict(self._positions)
        if due:
            with self._office.store.read() as tx:
                moved = {
                    (level, lane): receipts.durable_to(
                        tx, lane, level, before.get((level, lane), 0), durable[level]
                    )
                    for level in due
                    for lane in Lane
                }
            with self._lock:
                for key, at in moved.items():
                    self._positions[key] = max(at, self._positions.get(key, 0))
        with self._lock:
            return [DurableAt(lv, lane, at) for (lv, lane), at in sorted(self._positions.items())]

    def save(self) -> None:
        """Write down what has come since."""
        positions = [(s.level, s.lane.value, s.position) for s in self.positions()]
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            rows = [(*key, self._known[key].signed) for key in sorted(dirty)]
        if not rows:
            return

        def write(tx: Connection) -> None:
            execute_many(tx, _SAVE, rows)
            meta.put(tx, meta.RECEIPTS_TO, positions)

        try:
            self._office.store.write(write)
        except BaseException:
            with self._lock:
                self._dirty |= dirty
            raise
