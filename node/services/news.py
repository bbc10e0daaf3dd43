"""News: what an office knows of itself and of those below it, for its parent and `status`."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, func, select

from node.store.tables import office_status
from sync import log
from sync.audience import up
from sync.news import OfficeNews, SafeAt
from sync.registers import sql
from sync.schema import Lane
from sync.streams import StreamKey
from sync.tables import conflict, hole, safe

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
    "WHERE excluded.at_ms > office_status.at_ms"
)
_SAFE = (
    "INSERT INTO safe (level, lane, position) VALUES (?,?,?) "
    "ON CONFLICT (level, lane) DO UPDATE SET position=excluded.position "
    "WHERE excluded.position > safe.position"
)


class News:
    """Kept in memory while the office runs and written down by the tick (`save`)."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._known: dict[int, OfficeNews] = {}
        self._unsaid: set[int] = set()  # units whose news the parent has not heard
        self._safe: dict[tuple[int, Lane], int] = {}
        self._acked: dict[Lane, int] = {}
        self.parent = 0
        with office.store.read() as tx:
            for row in tx.execute(select(office_status)):
                self._known[row.unit] = _from_row(row)
            for row in tx.execute(select(safe)):
                self._safe[row.level, Lane(row.lane)] = row.position

    def of_self(self, acked: dict[Lane, int] | None = None) -> OfficeNews:
        """Return how this office stands now. `acked`: how far the parent holds our log."""
        office = self._office
        with self._lock:
            if acked is not None:
                self._acked.update(acked)
            held = dict(self._acked)
        with office.store.read() as tx:
            return self._of_self(tx, held)

    def _of_self(self, tx: Connection, held: dict[Lane, int]) -> OfficeNews:
        office = self._office
        now_ms = office.clock.now_ms()
        waiting, oldest = 0, 0
        for lane in Lane:
            count, since = log.waiting_up(tx, lane=lane, after=held.get(lane, 0))
            waiting += count
            oldest = min(filter(None, (oldest, since)), default=0)
        key = StreamKey(office.identity.incarnation, up(0), Lane.BULK)
        head = log.heads_of(tx, [key]).get(key)
        return OfficeNews(
            unit=office.identity.unit,
            at_ms=now_ms,
            last_contact_ms=now_ms,
            connected=True,
            waiting_up=waiting,
            waiting_age_ms=max(0, now_ms - oldest) if oldest else 0,
            conflicts=_count(tx, conflict),
            holes=_count(tx, hole),
            incarnation=office.identity.incarnation,
            bulk_seq=head.seq if head else 0,
            program=office.program,
        )

    def for_parent(self) -> list[OfficeNews]:
        """Return our own news and that from below which the parent has not heard yet."""
        with self._lock:
            units, self._unsaid = self._unsaid, set()
            below = [self._known[unit] for unit in sorted(units)]
        return [self.of_self(), *below]

    def hear(self, news: Iterable[OfficeNews], *, child: int | None = None) -> None:
        """Take news from below. What a child says of units that are not below it is ignored."""
        tree = self._office.tree
        with self._lock:
            for item in news:
                if child is not None and not (item.unit in tree and tree.within(item.unit, child)):
                    continue
                known = self._known.get(item.unit)
                if known is None or item.at_ms > known.at_ms:
                    self._known[item.unit] = item
                    self._unsaid.add(item.unit)

    def known(self) -> dict[int, OfficeNews]:
        """Return the newest news of every office heard of, ourselves left out."""
        with self._lock:
            return dict(self._known)

    def heard_from_parent(self, unit: int, positions: Iterable[SafeAt]) -> None:
        """Note how far our log is safe above."""
        with self._lock:
            self.parent = unit
            for item in positions:
                key = (item.level, item.lane)
                self._safe[key] = max(self._safe.get(key, 0), item.position)

    def safe(self) -> list[SafeAt]:
        """Return how far our log is durable at each level above, as last heard."""
        with self._lock:
            return [SafeAt(lv, lane, p) for (lv, lane), p in sorted(self._safe.items())]

    def save(self) -> None:
        """Write the news down: after a restart `status` starts from it."""
        rows = [
            (n.unit, n.at_ms, n.last_contact_ms, int(n.connected), n.waiting_up, n.waiting_age_ms,
             n.waiting_down, n.conflicts, n.holes, n.incarnation, n.bulk_seq, n.program)
            for n in self.known().values()
        ]  # fmt: skip
        positions = [(s.level, s.lane.value, s.position) for s in self.safe()]

        def write(tx: Connection) -> None:
            if rows:
                tx.exec_driver_sql(sql(tx, _SAVE), rows)
            if positions:
                tx.exec_driver_sql(sql(tx, _SAFE), positions)

        if rows or positions:
            self._office.store.write(write)


def _count(tx: Connection, table: Table) -> int:
    open_rows = select(func.count()).select_from(table).where(table.c.state == "open")
    return int(tx.execute(open_rows).scalar_one())


def _from_row(row: object) -> OfficeNews:
    m = row._mapping  # type: ignore[attr-defined]
    return OfficeNews(
        **{f: m[f] for f in OfficeNews.__dataclass_fields__ if f != "connected"},
        connected=False,
    )
