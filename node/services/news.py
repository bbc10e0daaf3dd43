"""News: what an office knows of itself and of those below it, for its parent and `status`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from node.store.tables import office_status
from sync import facts, log
from sync.audience import up
from sync.limits import CLOCK_AHEAD_MS_MAX
from sync.news import OfficeNews, SafeAt
from sync.schema import Lane
from sync.statements import run, sql
from sync.streams import StreamKey
from sync.tables import conflict, hole, incarnation, safe, stream
from sync.version import COUNTER_BITS

if TYPE_CHECKING:
    from node.app import Office

_SAVE = (
    "INSERT INTO office_status (unit, at_ms, last_contact_ms, connected, waiting_up, "
    "waiting_age_ms, waiting_down, conflicts, holes, incarnation, bulk_seq, program) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (unit) DO UPDATE SET at_ms=excluded.at_ms, "
    "last_contact_ms=excluded.last_contact_ms, connected=excluded.connected, "
    "waiting_up=excluded.waiting_up, waiting_age_ms=excluded.waiting_age_ms, "
    "waiting_down=excluded.waiting_down, conflicts=excluded.conflicts, holes=excluded.holes, "
    "incarnation=excluded.incarnation, bulk_seq=excluded.bulk_seq, program=excluded.program "
    "WHERE excluded.at_ms >= office_status.at_ms"
)
_SAFE = (
    "INSERT INTO safe (level, lane, position) VALUES (?,?,?) "
    "ON CONFLICT (level, lane) DO UPDATE SET position=excluded.position "
    "WHERE excluded.position > safe.position"
)


COPIES = "copies"  # the fact that names offices under whose name two stores were seen
EARLIER_MAX = 8  # of one office's older news: which of them we hold is seen when somebody asks


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far an office's cells are known here."""

    at_ms: int  # all that the office stamped up to this moment is here; 0: nothing is known
    behind: bool = False  # the office is known to have written more than is held here


class News:
    """Kept in memory while the office runs and written down by the tick (`save`)."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._known: dict[int, OfficeNews] = {}
        self._unsaid: set[int] = set()  # units whose news the parent has not heard
        self._offered: set[int] = set()  # units whose news is on its way; no answer yet
        self._earlier: dict[int, deque[OfficeNews]] = {}  # what an office said when it had less
        self._carries: dict[int, OfficeNews] = {}  # the newest news of each that is exact here
        self._exact: dict[int, int] = {}  # watermarks that were shown: they never go back (INV-12)
        self._saved: set[int] = set()
        self._ahead: dict[int, int] = {}  # unit -> ms that its clock was ahead of ours
        self._safe: dict[tuple[int, Lane], int] = {}
        self._acked: dict[Lane, int] = {}
        self._sure_ms = 0  # the last moment up to which our own log was known to be whole
        self.parent = 0
        self.parent_heard_ms = 0  # since this process started
        with office.store.read() as tx:
            self._copies = {int(u) for u in (facts.get(tx, COPIES) or "").split(",") if u}
            for row in tx.execute(select(office_status)):
                self._known[row.unit] = _from_row(row)
                self._saved.add(row.unit)
            for row in tx.execute(select(safe)):
                self._safe[row.level, Lane(row.lane)] = row.position

    def of_self(self, acked: dict[Lane, int] | None = None) -> OfficeNews:
        """Return how this office stands now. `acked`: how far the parent holds our log."""
        office = self._office
        with self._lock:
            if acked is not None:
                self._acked.update(acked)
            above = office.identity.level - 1
            # What is safe at the parent's is known across restarts, unlike what it acked.
            held = {
                lane: max(self._acked.get(lane, 0), self._safe.get((above, lane), 0))
                for lane in Lane
            }
            now_ms = office.clock.pledge()
            if not office.store.writing:  # what is being written may bear an earlier stamp
                self._sure_ms = now_ms
            sure_ms = self._sure_ms
        with office.store.read() as tx:  # the snapshot begins after that look
            return self._of_self(tx, held, now_ms, sure_ms)

    def _of_self(
        self, tx: Connection, held: dict[Lane, int], now_ms: int, sure_ms: int
    ) -> OfficeNews:
        office = self._office
        waiting, oldest = 0, 0
        for lane in Lane:
            count, since = log.waiting_up(tx, lane=lane, after=held.get(lane, 0))
            waiting += count
            oldest = min(filter(None, (oldest, since)), default=0)
        key = StreamKey(office.identity.incarnation, up(0), Lane.BULK)
        head = log.heads_of(tx, [key]).get(key)
        return OfficeNews(
            unit=office.identity.unit,
            at_ms=sure_ms,
            last_contact_ms=now_ms,
            connected=True,
            waiting_up=waiting,
            waiting_age_ms=max(0, now_ms - oldest) if oldest else 0,
            conflicts=_count(tx, conflict.name, "open"),
            holes=_count(tx, hole.name, "open", "deferred"),
            incarnation=office.identity.incarnation,
            bulk_seq=head.seq if head else 0,
            program=office.program,
        )

    def for_parent(self) -> list[OfficeNews]:
        """Return our own news and that from below which the parent has not heard yet.

        It counts as heard when the parent has answered; until then it is said again.
        """
        with self._lock:
            self._offered |= self._unsaid
            self._unsaid.clear()
            below = [self._known[unit] for unit in sorted(self._offered)]
        return [self.of_self(), *below]

    def hear(self, news: Iterable[OfficeNews], *, child: int | None = None) -> None:
        """Take news from below. What a child says of units that are not below it is ignored.

        Of its own line a child says nothing: that is for its parent to `observe`.
        """
        tree = self._office.tree
        with self._lock:
            for item in news:
                if child is not None and not (item.unit in tree and tree.within(item.unit, child)):
                    continue
                known = self._known.get(item.unit)
                if child == item.unit:
                    line = known or OfficeNews(unit=item.unit, at_ms=0)
                    item = replace(
                        item, connected=line.connected, last_contact_ms=line.last_contact_ms,
                        waiting_down=line.waiting_down,
                    )  # fmt: skip
                self._take(self._clamped(item))

    def observe(self, child: int, *, connected: bool, waiting_down: int) -> None:
        """Note what we see of a child's line ourselves: call it at each contact and at its end.

        What the child said of itself stays as old as it is: a contact is no proof of exactness.
        """
        now_ms = self._office.clock.now_ms()
        with self._lock:
            known = self._known.get(child) or OfficeNews(unit=child, at_ms=0)
            last_ms = max(now_ms, known.last_contact_ms) if connected else known.last_contact_ms
            self._take(
                replace(
                    known, connected=connected, last_contact_ms=last_ms, waiting_down=waiting_down
                )
            )

    def _take(self, item: OfficeNews) -> None:
        """Keep the newer; of what is equally old the later, for one path leads here, in order."""
        known = self._known.get(item.unit)
        newer = known is None or (item.at_ms, item.last_contact_ms) >= (
            known.at_ms,
            known.last_contact_ms,
        )
        if newer and item != known:
            if known is not None and item.bulk_seq != known.bulk_seq:
                kept = self._earlier.setdefault(item.unit, deque(maxlen=EARLIER_MAX))
                kept.append(known)
            self._known[item.unit] = item
            self._unsaid.add(item.unit)

    def _clamped(self, item: OfficeNews) -> OfficeNews:
        """Date news no later than now: a fast clock must not outdate what is said after it."""
        now_ms = self._office.clock.now_ms()
        if item.at_ms <= now_ms + CLOCK_AHEAD_MS_MAX:
            self._ahead.pop(item.unit, None)
            return item
        self._ahead[item.unit] = item.at_ms - now_ms
        return replace(item, at_ms=now_ms)

    def clocks_ahead(self) -> dict[int, int]:
        """Return unit -> by how many milliseconds its clock was ahead when it was last heard."""
        with self._lock:
            return dict(self._ahead)

    def watermarks(self, tx: Connection) -> dict[int, Watermark]:
        """Return how far the cells of each office below are known here; never less than before.

        An office's news says how long its stream was at that moment: if we hold as much, we
        are exact to just before, for more may be written in the same millisecond. So it is with
        the stamp of the stream's newest entry.
        """
        now_ms = self._office.clock.now_ms()
        held: dict[int, int] = {}
        exact: dict[int, int] = {}
        rows = tx.execute(
            select(stream.c.incarnation, incarnation.c.unit, stream.c.seq, stream.c.hlc)
            .join(incarnation, incarnation.c.id == stream.c.incarnation)
            .where(stream.c.audience == up(0), stream.c.lane == Lane.BULK.value)
        )
        for writer, unit, seq, hlc in rows:
            held[writer] = seq
            exact[unit] = max(exact.get(unit, 0), hlc >> COUNTER_BITS)
        found: dict[int, Watermark] = {}
        with self._lock:
            for unit in self._known.keys() | exact.keys():
                item = self._known.get(unit)
                behind = item is not None and item.bulk_seq > held.get(item.incarnation, 0)
                said = [*self._earlier.get(unit, ()), *([item] if item else ())]
                sure = [n for n in said if n.bulk_seq <= held.get(n.incarnation, 0)]
                if sure:
                    self._carries[unit] = max(sure, key=lambda n: n.at_ms)
                before_ms = max(exact.get(unit, 0), *(n.at_ms for n in sure), 1)
                at_ms = min(now_ms, before_ms - 1)
                self._exact[unit] = max(at_ms, self._exact.get(unit, 0))
                if not behind:
                    self._earlier.pop(unit, None)
                found[unit] = Watermark(self._exact[unit], behind)
        return found

    def copied(self, unit: int, *, no_more: bool = False) -> None:
        """Note that two stores work under one office's name, or that a person has ended it."""
        with self._lock:
            if (unit in self._copies) is not no_more:
                return
            (self._copies.discard if no_more else self._copies.add)(unit)
            text = ",".join(map(str, sorted(self._copies)))
        self._office.store.write(lambda tx: facts.put(tx, COPIES, text))

    def copies(self) -> frozenset[int]:
        """Return the offices under whose name two stores were seen at work."""
        with self._lock:
            return frozenset(self._copies)

    def known(self) -> dict[int, OfficeNews]:
        """Return the newest news of every office heard of, ourselves left out."""
        with self._lock:
            return dict(self._known)

    def heard_from_parent(self, unit: int, positions: Iterable[SafeAt]) -> None:
        """Note how far our log is safe above."""
        with self._lock:
            self.parent = unit
            self.parent_heard_ms = self._office.clock.now_ms()
            self._offered.clear()
            for item in positions:
                key = (item.level, item.lane)
                self._safe[key] = max(self._safe.get(key, 0), item.position)

    def safe_by_file(self, positions: Iterable[SafeAt]) -> None:
        """Note how far our log is safe above, as a bundle says: no sign that the line is up."""
        with self._lock:
            for item in positions:
                key = (item.level, item.lane)
                self._safe[key] = max(self._safe.get(key, 0), item.position)

    def safe(self) -> list[SafeAt]:
        """Return how far our log is durable at each level above, as last heard."""
        with self._lock:
            return [SafeAt(lv, lane, p) for (lv, lane), p in sorted(self._safe.items())]

    def save(self) -> None:
        """Write the news down: after a restart `status` starts from it.

        Of an office that we are behind of, older news is kept: it carries the watermark.
        """

        def write(tx: Connection) -> None:
            marks = self.watermarks(tx)
            known = self.known()
            with self._lock:
                known |= {u: n for u, n in self._carries.items() if u in known and marks[u].behind}
            rows = [
                (n.unit, n.at_ms, n.last_contact_ms, int(n.connected), n.waiting_up,
                 n.waiting_age_ms, n.waiting_down, n.conflicts, n.holes, n.incarnation,
                 n.bulk_seq, n.program)
                for n in known.values()
                if not marks[n.unit].behind
                or n.unit not in self._saved
                or n is self._carries.get(n.unit)
            ]  # fmt: skip
            if rows:
                tx.exec_driver_sql(sql(tx, _SAVE), rows)
                self._saved.update(row[0] for row in rows)
            positions = [(s.level, s.lane.value, s.position) for s in self.safe()]
            if positions:
                tx.exec_driver_sql(sql(tx, _SAFE), positions)

        if self.known() or self.safe():
            self._office.store.write(write)


def _count(tx: Connection, table: str, *states: str) -> int:
    marks = ",".join("?" * len(states))
    statement = f"SELECT count(*) FROM {table} WHERE state IN ({marks})"  # noqa: S608
    return int(run(tx, statement, states).fetchone()[0])


def _from_row(row: object) -> OfficeNews:
    m = row._mapping  # type: ignore[attr-defined]
    return OfficeNews(
        **{f: m[f] for f in OfficeNews.__dataclass_fields__ if f != "connected"},
        connected=False,
    )
