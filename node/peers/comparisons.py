"""Comparisons with the parent: when one is due, how the last one ended, what was repaired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, func, select

from node.china import china_time
from node.peers.context import PeerContext
from node.store.job_runs import claim, is_done, note_end
from sync.model.limits import DIGEST_BUCKETS
from sync.model.report import CompareOptions, Comparison
from sync.store.tables import REFUSED_HERE, repair

JOB = "compare"
DAY_S = 86_400


class Compares(Protocol):
    """Carries out a comparison (`sync.link.dialer.Dialer`)."""

    @property
    def comparing(self) -> bool:
        """Whether a comparison is requested or under way."""

    def compare(self, options: CompareOptions | None = None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One thing that was repaired. Equal checksums mean equal copies."""

    at_ms: int
    peer: int
    register: str
    unit: int
    record: bytes  # empty: the kept sum of a bucket
    side: str  # whose copy changed: here, there, both; unproven: ours; refused: none
    before: int | None  # the checksum of our copy; None: there was none
    after: int | None


class Comparisons:
    """One office's comparisons with its parent."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._period = ""  # of the daily comparison that is requested
        self.last: Comparison | None = None  # since this process began

    def ask_if_due(self, line: Compares) -> None:
        """Request the daily comparison, at this office's own time of the day.

        Besides the sums it reads one of the 64 buckets from the records, another one each day: the
        sum does not show a record that was changed in the database directly.
        """
        if line.comparing:
            return
        office = self._office
        now_ms = office.clock.now_ms()
        day = day_of(now_ms, office.identity.unit)
        period = f"{day:%Y-%m-%d}"
        with office.store.read() as tx:
            if is_done(tx, JOB, period):
                return
        if office.store.write(lambda tx: claim(tx, JOB, period, now_ms)):
            self._period = period
            line.compare(CompareOptions(read=frozenset({day.toordinal() % DIGEST_BUCKETS})))

    def ended(self, comparison: Comparison) -> None:
        """Called with a comparison's result; one that could not be made is requested again."""
        office, period = self._office, self._period
        self.last = comparison
        if not comparison.comparable:
            return
        self._period = ""
        if period:
            detail = f"{comparison.outcome} units={comparison.units} found={len(comparison.found)}"
            now_ms = office.clock.now_ms()
            office.store.write(
                lambda tx: note_end(tx, JOB, period, state="done", now_ms=now_ms, detail=detail)
            )
        if not comparison.equal:
            office.log.warning(
                "records_differed", peer=comparison.peer, found=len(comparison.found),
                left=len(comparison.left), sums_here=len(comparison.fixed_here),
                sums_there=len(comparison.fixed_there),
            )  # fmt: skip

    def forget(self) -> None:
        """Forget the last result, so that a caller who waits recognises the next one."""
        self.last = None

    def repairs(self, limit: int = 100, skip: int = 0) -> list[Repair]:
        """Return a page of repairs, the newest first."""
        in_order = select(repair).order_by(repair.c.at_ms.desc(), repair.c.id)
        with self._office.store.read() as tx:
            rows = tx.execute(in_order.limit(limit).offset(skip)).all()
        return [
            Repair(
                at_ms=r.at_ms, peer=r.peer, register=r.register, unit=r.unit,
                record=bytes(r.record), side=r.side, before=r.before, after=r.after,
            )
            for r in rows
        ]  # fmt: skip

    def repairs_in_all(self) -> int:
        """Return how many repairs are stored."""
        with self._office.store.read() as tx:
            return int(tx.execute(select(func.count()).select_from(repair)).scalar_one())

    def repaired_since(self, tx: Connection, at_ms: int) -> int:
        """Return how many records and sums were repaired since a moment."""
        since = (repair.c.at_ms >= at_ms) & (repair.c.side != REFUSED_HERE)
        return int(tx.execute(select(func.count()).select_from(repair).where(since)).scalar_one())

    def refused_since(self, tx: Connection, at_ms: int) -> int:
        """Return how many records this store has refused to repair since a moment."""
        since = (repair.c.at_ms >= at_ms) & (repair.c.side == REFUSED_HERE)
        names = select(repair.c.register, repair.c.unit, repair.c.record).where(since).distinct()
        return int(tx.execute(select(func.count()).select_from(names.subquery())).scalar_one())


def day_of(now_ms: int, unit: int) -> datetime:
    """Return the day of an office's newest comparison: each has its own time of the day."""
    offset = timedelta(seconds=unit % DAY_S)
    return china_time(now_ms) - offset
