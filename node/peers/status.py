"""Peer status: what an office knows of itself and those below it, for its parent and `status`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from sqlalchemy import Connection, select

from node.peers.context import PeerContext
from node.store.tables import office_status
from sync.log import entries as log
from sync.model.audience import up
from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.model.report import DurableAt, NodeStatus
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.model.version import COUNTER_BITS
from sync.store import peers
from sync.store.sql import execute, pieces, sql
from sync.store.tables import conflict, durable_above, quarantine

_SAVE = (
    "INSERT INTO office_status (unit, at_ms, last_contact_ms, connected, waiting_up, "
    "waiting_age_ms, waiting_down, conflicts, quarantined, incarnation, bulk_seq, program) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (unit) DO UPDATE SET at_ms=excluded.at_ms, "
    "last_contact_ms=excluded.last_contact_ms, connected=excluded.connected, "
    "waiting_up=excluded.waiting_up, waiting_age_ms=excluded.waiting_age_ms, "
    "waiting_down=excluded.waiting_down, conflicts=excluded.conflicts, "
    "quarantined=excluded.quarantined, incarnation=excluded.incarnation, "
    "bulk_seq=excluded.bulk_seq, program=excluded.program "
    "WHERE excluded.at_ms >= office_status.at_ms"
)
_SAVE_DURABLE = (
    "INSERT INTO durable (level, lane, position) VALUES (?,?,?) "
    "ON CONFLICT (level, lane) DO UPDATE SET position=excluded.position "
    "WHERE excluded.position > durable.position"
)


_STREAMS = (
    "SELECT s.incarnation, i.unit, s.seq, s.hlc FROM stream s "
    "JOIN incarnation i ON i.id=s.incarnation WHERE s.audience=? AND s.lane=?"
)
_MOMENTS = frozenset({"at_ms", "last_contact_ms", "waiting_age_ms"})
_apart_from_moments = attrgetter(
    *(field for field in NodeStatus.__dataclass_fields__ if field not in _MOMENTS)
)


MOMENTS_KEPT_MS = 3_600_000  # a stored status is at most this old if only its moments changed
NUMBER_END = 1 << 63  # what a store takes
PROGRAM_MAX = 100  # characters of a program's version
EARLIER_MAX = 8  # older statuses of one office, from which its watermark is computed


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far an office's cells are known here."""

    at_ms: int  # all that the office stamped up to this moment is here; 0: nothing is known
    behind: bool = False  # the office is known to have written more than is here


class PeerStatus:
    """Kept in memory while the office runs; the tick stores it (`save`)."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._known: dict[int, NodeStatus] = {}
        self._dirty: set[int] = set()  # units whose status the parent has not received
        self._in_flight: set[int] = set()  # units whose status was sent; no answer yet
        self._earlier: dict[int, deque[NodeStatus]] = {}  # older ones, when it had written less
        self._watermark_source: dict[
            int, NodeStatus
        ] = {}  # the newest status of each up to which we have everything
        self._exact: dict[int, int] = {}  # watermarks that were shown: they never go back (INV-12)
        self._shown: set[int] = set()  # units whose watermark was shown since it was stored
        self._saved: dict[int, NodeStatus] = {}
        self._safe_saved: dict[tuple[int, Lane], int] = {}
        self._ahead: dict[int, int] = {}  # unit -> ms that its clock was ahead of ours
        self._durable: dict[tuple[int, Lane], int] = {}
        self._acked: dict[Lane, int] = {}
        self._complete_to_ms = 0  # the last moment at which our own log was known to be complete
        self.parent = 0
        self.parent_contact_ms = 0  # since this process started
        with office.store.read() as tx:
            self._clones = {u for u, known in peers.load_all(tx).items() if known.cloned}
            for row in tx.execute(select(office_status)):
                self._known[row.unit] = self._saved[row.unit] = _from_row(row)
            for row in tx.execute(select(durable_above)):
                self._durable[row.level, Lane(row.lane)] = row.position
            self._safe_saved.update(self._durable)

    def own_status(self, acked: dict[Lane, int] | None = None) -> NodeStatus:
        """Return the present status of this office. `acked`: how far the parent has our log."""
        office = self._office
        with self._lock:
            if acked is not None:
                self._acked.update(acked)
            above = office.identity.level - 1
            # What is durable at the parent is known across restarts, unlike what it acked.
            positions = {
                lane: max(self._acked.get(lane, 0), self._durable.get((above, lane), 0))
                for lane in Lane
            }
            now_ms = office.clock.no_stamp_before_now()
            if not office.store.writing:  # what is being written may have an earlier stamp
                self._complete_to_ms = now_ms
            complete_to_ms = self._complete_to_ms
        with office.store.read() as tx:  # the snapshot begins after that check
            return self._own_status(tx, positions, now_ms, complete_to_ms)

    def _own_status(
        self, tx: Connection, positions: dict[Lane, int], now_ms: int, complete_to_ms: int
    ) -> NodeStatus:
        office = self._office
        waiting, oldest = 0, 0
        for lane in Lane:
            count, since = log.waiting_up(tx, lane=lane, after=positions.get(lane, 0))
            waiting += count
            oldest = min(filter(None, (oldest, since)), default=0)
        key = StreamKey(office.identity.incarnation, up(0), Lane.BULK)
        head = log.heads_of(tx, [key]).get(key)
        return NodeStatus(
            unit=office.identity.unit,
            at_ms=complete_to_ms,
            last_contact_ms=now_ms,
            connected=True,
            waiting_up=waiting,
            waiting_age_ms=max(0, now_ms - oldest) if oldest else 0,
            conflicts=_count(tx, conflict.name, "open"),
            quarantined=_count(tx, quarantine.name, "open", "deferred"),
            incarnation=office.identity.incarnation,
            bulk_seq=head.seq if head else 0,
            program=office.program,
        )

    def for_parent(self) -> list[NodeStatus]:
        """Return our own status and those from below that the parent has not received yet.

        A status counts as received when the parent has answered; until then it is sent again.
        """
        with self._lock:
            self._in_flight |= self._dirty
            self._dirty.clear()
            below = [self._known[unit] for unit in sorted(self._in_flight)]
        return [self.own_status(), *below]

    def receive_status(
        self, peer_status: Iterable[NodeStatus], *, child: int | None = None
    ) -> None:
        """Store statuses from below; ignore those of units that are not below the child.

        A child reports nothing of its own link: its parent records that (`record_contact`).
        """
        tree = self._office.tree
        with self._lock:
            for item in peer_status:
                if child is not None and not (item.unit in tree and tree.within(item.unit, child)):
                    continue
                if not _is_possible(item):  # a stored one would stop every tick above
                    self._office.log.warning("status_left_out", unit=item.unit)
                    continue
                known = self._known.get(item.unit)
                if child == item.unit:
                    line = known or NodeStatus(unit=item.unit, at_ms=0)
                    item = replace(
                        item, connected=line.connected, last_contact_ms=line.last_contact_ms,
                        waiting_down=line.waiting_down,
                    )  # fmt: skip
                self._store_newer(self._clamped(item))

    def record_contact(self, child: int, *, connected: bool, waiting_down: int) -> None:
        """Record what we see of a child's link ourselves: call it at each contact and at its end.

        The child's own report keeps its age: a contact is no proof of exactness.
        """
        now_ms = self._office.clock.now_ms()
        with self._lock:
            known = self._known.get(child) or NodeStatus(unit=child, at_ms=0)
            last_ms = max(now_ms, known.last_contact_ms) if connected else known.last_contact_ms
            self._store_newer(
                replace(
                    known, connected=connected, last_contact_ms=last_ms, waiting_down=waiting_down
                )
            )

    def _store_newer(self, item: NodeStatus) -> None:
        """Keep the newer; of two equally old ones the later: they come by one path, in order."""
        known = self._known.get(item.unit)
        newer = known is None or (item.at_ms, item.last_contact_ms) >= (
            known.at_ms,
            known.last_contact_ms,
        )
        if newer and item != known:
            if known is not None and item.bulk_seq != known.bulk_seq:
                earlier = self._earlier.setdefault(item.unit, deque(maxlen=EARLIER_MAX))
                earlier.append(known)
            self._known[item.unit] = item
            self._dirty.add(item.unit)

    def _clamped(self, item: NodeStatus) -> NodeStatus:
        """Date a status no later than now: with a fast clock it must not outdate later ones."""
        now_ms = self._office.clock.now_ms()
        if item.at_ms <= now_ms + CLOCK_AHEAD_MS_MAX:
            self._ahead.pop(item.unit, None)
            return item
        self._ahead[item.unit] = item.at_ms - now_ms
        return replace(item, at_ms=now_ms)

    def clocks_ahead(self) -> dict[int, int]:
        """Return unit -> by how many milliseconds its clock was ahead at its last report."""
        with self._lock:
            return dict(self._ahead)

    def watermarks(
        self, tx: Connection, units: Collection[int] | None = None
    ) -> dict[int, Watermark]:
        """Return how far the cells of these offices are known here; never less than before.

        `units`: None: of every office below. An office that never reported has none. They are for
        showing: what was shown is stored by the next `save`.
        """
        found = self._watermarks(tx, units)
        with self._lock:
            self._shown.update(found)
        return found

    def _watermarks(self, tx: Connection, units: Collection[int] | None) -> dict[int, Watermark]:
        """Return the watermarks of these offices.

        An office's status states the length of its stream at that moment: if we have as much, we
        are exact to just before, for more may be written in the same millisecond. The same is true
        of the stamp of the stream's newest entry.
        """
        now_ms = self._office.clock.now_ms()
        positions: dict[int, int] = {}
        exact: dict[int, int] = {}
        for writer, unit, seq, hlc in _streams(tx, units):
            positions[writer] = seq
            exact[unit] = max(exact.get(unit, 0), hlc >> COUNTER_BITS)
        found: dict[int, Watermark] = {}
        with self._lock:
            asked = self._known.keys() if units is None else self._known.keys() & set(units)
            for unit in asked | exact.keys():
                item = self._known.get(unit)
                behind = item is not None and item.bulk_seq > positions.get(item.incarnation, 0)
                reports = [*self._earlier.get(unit, ()), *([item] if item else ())]
                complete = [n for n in reports if n.bulk_seq <= positions.get(n.incarnation, 0)]
                if complete:
                    self._watermark_source[unit] = max(complete, key=lambda n: n.at_ms)
                before_ms = max(exact.get(unit, 0), *(n.at_ms for n in complete), 1)
                at_ms = min(now_ms, before_ms - 1)
                self._exact[unit] = max(at_ms, self._exact.get(unit, 0))
                if not behind:
                    self._earlier.pop(unit, None)
                found[unit] = Watermark(self._exact[unit], behind)
        return found

    def flag_clone(self, unit: int, *, no_more: bool = False) -> None:
        """Record that two stores run under one office's name, or that a person has ended it."""
        with self._lock:
            if (unit in self._clones) is not no_more:
                return
            (self._clones.discard if no_more else self._clones.add)(unit)
        self._office.store.write(lambda tx: peers.update(tx, unit, cloned=0 if no_more else 1))

    def clones(self) -> frozenset[int]:
        """Return the offices under whose name two stores were seen running."""
        with self._lock:
            return frozenset(self._clones)

    def known(self) -> dict[int, NodeStatus]:
        """Return the newest status of every known office, ourselves left out."""
        with self._lock:
            return dict(self._known)

    def on_parent_contact(self, unit: int, positions: Iterable[DurableAt]) -> None:
        """Record how far our log is durable above."""
        with self._lock:
            self.parent = unit
            self.parent_contact_ms = self._office.clock.now_ms()
            self._in_flight.clear()
            for item in positions:
                key = (item.level, item.lane)
                self._durable[key] = max(self._durable.get(key, 0), item.position)

    def durable_from_bundle(self, positions: Iterable[DurableAt]) -> None:
        """Record how far our log is durable above, from a bundle: no sign that the link is up."""
        with self._lock:
            for item in positions:
                key = (item.level, item.lane)
                self._durable[key] = max(self._durable.get(key, 0), item.position)

    def durable_above(self) -> list[DurableAt]:
        """Return how far our log is durable at each level above, by the last report."""
        with self._lock:
            return [DurableAt(lv, lane, p) for (lv, lane), p in sorted(self._durable.items())]

    def waits_above(self) -> bool:
        """Return whether something goes up that is not known to be durable at all its levels."""
        floors = {(s.level, s.lane): s.position for s in self.durable_above()}
        with self._office.store.read() as tx:
            return any(
                log.goes_up_after(tx, lane, floors.get((level, lane), 0), level)
                for lane in Lane
                for level in range(self._office.identity.level)
            )

    def save(self, *, moments: bool = False) -> None:
        """Store what has changed since: after a restart `status` starts from it.

        A status of which only the moments are newer is stored once an hour, and when its watermark
        was shown; `moments`: store all of it, for this process ends. Of an office of which we lack
        something, an older status is kept: the watermark comes from it.
        """
        with self._lock:
            fresh = [u for u, item in self._known.items() if self._is_due(item, moments)]
            shown, self._shown = self._shown, set()
            places = [key for key, n in self._durable.items() if self._safe_saved.get(key) != n]
            positions = [(level, lane.value, self._durable[level, lane]) for level, lane in places]
        rows: list[NodeStatus] = []
        try:
            if fresh:
                with self._office.store.read() as tx:
                    rows = self._to_be_kept(self._watermarks(tx, fresh))
            if rows or positions:
                self._office.store.write(partial(_write, rows=rows, positions=positions))
        except BaseException:
            with self._lock:
                self._shown |= shown
            raise
        with self._lock:
            self._saved.update((item.unit, item) for item in rows)
            self._safe_saved.update(
                {key: row[2] for key, row in zip(places, positions, strict=True)}
            )

    def _is_due(self, item: NodeStatus, moments: bool) -> bool:
        saved = self._saved.get(item.unit)
        if saved is None or _apart_from_moments(item) != _apart_from_moments(saved):
            return True
        if moments or item.unit in self._shown:
            return item != saved
        newer_ms = (item.at_ms - saved.at_ms, item.last_contact_ms - saved.last_contact_ms)
        return max(newer_ms) >= MOMENTS_KEPT_MS

    def _to_be_kept(self, marks: Mapping[int, Watermark]) -> list[NodeStatus]:
        """Return the statuses to store of these offices, except those stored already."""
        earlier: list[NodeStatus] = []
        with self._lock:
            for unit, mark in marks.items():
                item, carries = self._known.get(unit), self._watermark_source.get(unit)
                saved = self._saved.get(unit)
                if item is None or (mark.behind and carries is None and saved is not None):
                    continue
                if mark.behind and carries is not None:
                    item = carries
                if item != saved:
                    earlier.append(item)
        return earlier


def _is_possible(item: NodeStatus) -> bool:
    """Return whether a status has only possible numbers and a text that can be shown."""
    values = [getattr(item, name) for name in NodeStatus.__dataclass_fields__]
    fit = all(0 <= n < NUMBER_END for n in values if isinstance(n, int))
    return fit and len(item.program) <= PROGRAM_MAX and item.program.isprintable()


def _streams(tx: Connection, units: Collection[int] | None) -> Iterator[tuple[int, int, int, int]]:
    """Yield writer, unit, newest number and stamp of the streams of cells of these offices."""
    which = (up(0), Lane.BULK.value)
    if units is None:
        yield from execute(tx, _STREAMS, which).fetchall()
        return
    for part in pieces(sorted(units)):
        marks = ",".join("?" * len(part))
        yield from execute(tx, f"{_STREAMS} AND i.unit IN ({marks})", (*which, *part)).fetchall()


def _write(
    tx: Connection, rows: Sequence[NodeStatus], positions: Sequence[tuple[int, int, int]]
) -> None:
    if rows:
        tx.exec_driver_sql(sql(tx, _SAVE), [
            (n.unit, n.at_ms, n.last_contact_ms, int(n.connected), n.waiting_up,
             n.waiting_age_ms, n.waiting_down, n.conflicts, n.quarantined, n.incarnation,
             n.bulk_seq, n.program)
            for n in rows
        ])  # fmt: skip
    if positions:
        tx.exec_driver_sql(sql(tx, _SAVE_DURABLE), list(positions))


def _count(tx: Connection, table: str, *states: str) -> int:
    marks = ",".join("?" * len(states))
    statement = f"SELECT count(*) FROM {table} WHERE state IN ({marks})"  # noqa: S608
    return int(execute(tx, statement, states).fetchone()[0])


def _from_row(row: object) -> NodeStatus:
    m = row._mapping  # type: ignore[attr-defined]
    return NodeStatus(
        **{f: m[f] for f in NodeStatus.__dataclass_fields__ if f != "connected"},
        connected=False,
    )
