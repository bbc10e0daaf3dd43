"""Retention of the log: what holds truncation back and for whom; truncation in portions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.china import DAY_MS
from node.domain.units import Level
from sync.log import entries as log
from sync.log import local_log, truncation
from sync.retention import truncate
from sync.retention.plan import (
    ChildLease,
    RetentionHold,
    blocking,
    safe_truncation_point,
    uptime_since,
)
from sync.retention.truncate import LANE, Extent, Portion
from sync.store import meta
from sync.store.priority import Priority
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.config import OfficeConfig
    from node.office import Office

PORTIONS_MAX = 2_000  # truncated in one run of the job: the rest follows the next day
GRACE_MS = 7 * DAY_MS  # after an outage of our own, everybody has so long to come back
ENDING_MS = 14 * DAY_MS  # a lease that ends so soon is shown


@dataclass(frozen=True, slots=True)
class Terms:
    """How long entries are kept. `log_ms`: None: for ever."""

    log_ms: int | None
    lease_ms: int
    grace_ms: int = GRACE_MS

    @classmethod
    def of(cls, config: OfficeConfig) -> Terms:
        return cls._of(config.log_days, config)

    @classmethod
    def of_tombstones(cls, config: OfficeConfig) -> Terms:
        """Return the terms for the values of ended records."""
        return cls._of(config.tombstone_days, config)

    @classmethod
    def _of(cls, days: int, config: OfficeConfig) -> Terms:
        return cls(days * DAY_MS if days else None, config.lease_days * DAY_MS)


@dataclass(frozen=True, slots=True)
class RetentionState:
    """The state of the bulk log. `portion`: what was removed, or would be."""

    low_water_mark: int  # all at or below it is removed, except what must stay
    end: int  # the log's last position
    extent: Extent  # what is kept
    portion: Portion
    holds: tuple[RetentionHold, ...]  # what keeps the truncation point from rising
    local: local_log.Extent = local_log.NONE  # edits that no other office receives: kept
    local_cut: local_log.Extent = local_log.NONE  # of these, removed now, or that would be


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a child's link still holds the log back. `left_ms`: below 0 when it is over."""

    unit: int
    last_contact_ms: int
    left_ms: int


def links(office: Office, tx: Connection) -> list[ChildLease]:
    """Return the children and the last contact of each, over the link or by a bundle."""
    known = office.peer_status.known()
    rows = execute(tx, "SELECT peer, max(at_ms) FROM cursor WHERE direction='out' GROUP BY peer")
    contacted_ms = {int(peer): int(at_ms) for peer, at_ms in rows.fetchall()}
    return [
        ChildLease(
            unit,
            max(known[unit].last_contact_ms if unit in known else 0, contacted_ms.get(unit, 0)),
        )
        for unit in office.tree.children(office.identity.unit)
    ]


def leases(office: Office, now_ms: int) -> list[Lease]:
    """Return the leases of children that ever connected, the one that ends first first."""
    lease_ms = office.config.lease_days * DAY_MS
    with office.store.read() as tx:
        found = [
            Lease(link.unit, link.last_contact_ms, link.last_contact_ms + lease_ms - now_ms)
            for link in links(office, tx)
            if link.last_contact_ms
        ]
    return sorted(found, key=lambda lease: (lease.left_ms, lease.unit))


def retention_state(office: Office, now_ms: int) -> RetentionState:
    """Return the state of the log and what truncation now would remove. Nothing is changed."""
    terms = Terms.of(office.config)
    with office.store.read() as tx:
        low_water_mark, holds = decided(office, tx, now_ms, terms)
        found = _state(tx, holds, low_water_mark)
        if terms.log_ms is None:
            return found
        return replace(
            found,
            portion=truncate.preview_truncation(tx, low_water_mark),
            local_cut=local_log.extent(tx, now_ms - terms.log_ms),
        )


def truncate_log(office: Office, now_ms: int, terms: Terms | None = None) -> RetentionState:
    """Truncate what nobody needs, in transactions of its own: no writer waits long.

    `terms`: None: those of the settings.
    """
    terms = terms or Terms.of(office.config)
    children = office.tree.children(office.identity.unit)

    def decide_truncation(tx: Connection) -> tuple[int, list[RetentionHold]]:
        _record_run(tx, now_ms)
        return decided(office, tx, now_ms, terms)

    low_water_mark, holds = office.store.write(decide_truncation, priority=Priority.BULK)
    done = Portion()
    for _ in range(PORTIONS_MAX if terms.log_ms is not None else 0):
        if done.upto >= low_water_mark:
            break
        after = done.upto
        portion = office.store.write(
            lambda tx, after=after: truncate.truncate(
                tx, low_water_mark, after=after, children=children
            ),  # type: ignore[misc]
            priority=Priority.BULK,
        )
        done = truncate.added(done, portion)
    if done.entries:
        office.log.info(
            "log_truncated", low_water_mark=done.upto, entries=done.entries, bytes=done.bytes
        )
    local = _cut_local(office, now_ms - terms.log_ms) if terms.log_ms is not None else None
    with office.store.read() as tx:
        found = replace(_state(tx, holds, low_water_mark), portion=done)
        return found if local is None else replace(found, local_cut=local)


def _cut_local(office: Office, before_ms: int) -> local_log.Extent:
    """Remove old edits that no other office receives: nobody needs them, only their age counts."""
    done = local_log.NONE
    for _ in range(PORTIONS_MAX):
        portion = office.store.write(
            lambda tx: local_log.cut(tx, before_ms, truncate.PORTION_ENTRIES),
            priority=Priority.BULK,
        )
        done = local_log.Extent(done.entries + portion.entries, done.bytes + portion.bytes)
        if portion.entries < truncate.PORTION_ENTRIES:
            break
    return done


def _state(tx: Connection, holds: list[RetentionHold], low_water_mark: int) -> RetentionState:
    return RetentionState(
        low_water_mark=truncation.truncation_point(tx, LANE),
        end=log.position(tx),
        extent=truncate.extent(tx),
        portion=Portion(),
        holds=tuple(blocking(holds, low_water_mark)),
        local=local_log.extent(tx),
    )


def decided(
    office: Office, tx: Connection, now_ms: int, terms: Terms
) -> tuple[int, list[RetentionHold]]:
    """Return how far the log may be truncated, and the holds on it."""
    since_ms = uptime_since(*_last_runs(tx), now_ms)
    in_grace = now_ms - since_ms < terms.grace_ms
    holds = truncate.retention_holds(
        tx,
        links=links(office, tx),
        incarnations=tuple(_incarnations(office, tx)),
        now_ms=now_ms,
        lease_ms=now_ms if in_grace else terms.lease_ms,
        log_ms=now_ms if terms.log_ms is None else terms.log_ms,
        durable_at_top=_durable_above(office),
    )
    before = truncation.truncation_point(tx, LANE)
    return safe_truncation_point(holds, end=log.position(tx), now=before), holds


def _incarnations(office: Office, tx: Connection) -> Iterator[int]:
    """Yield the incarnations whose numbers our log has: ours, and the one that it goes on from."""
    yield office.identity.incarnation
    if continued := meta.get(tx, meta.CONTINUES):
        yield int(continued)


def _durable_above(office: Office) -> int | None:
    """Return up to where what goes up is durable at everybody above, as reported; None: city."""
    if office.level is Level.CITY:
        return None
    positions = {s.level: s.position for s in office.peer_status.durable_above() if s.lane is LANE}
    return min(positions.get(level, 0) for level in range(office.level))


def _last_runs(tx: Connection) -> tuple[int, int]:
    """Return when retention ran last, and since when it has run day by day."""
    last_ms, since_ms = json.loads(meta.get(tx, meta.RETENTION) or "[0, 0]")
    return int(last_ms), int(since_ms)


def _record_run(tx: Connection, now_ms: int) -> None:
    since_ms = uptime_since(*_last_runs(tx), now_ms)
    meta.put(tx, meta.RETENTION, json.dumps([now_ms, since_ms]))
