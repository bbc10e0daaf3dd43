"""Truncate the bulk log: remove entries that no office needs, in portions. The caller owns tx.

Some entries below the truncation point stay: the newest of each stream, because the next one names
its hash; those with a quarantined change that is open, deferred or closed by a person; and those
that their origin has not signed yet. An unsent entry, or one that a child with a running lease has
not received, holds the truncation point itself back (`sync.retention.plan`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.log import entries as log
from sync.log import truncation
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.retention.plan import ChildLease, HoldReason, RetentionHold, is_live
from sync.store.sql import execute, pieces

LANE = Lane.BULK  # control is the journal of work and money: its log stays complete
PORTION_ENTRIES = 500  # removed in one transaction, so that others need not wait long

_REMOVABLE = (
    "EXISTS (SELECT 1 FROM stream s WHERE s.incarnation=e.incarnation AND s.audience=e.audience "
    "AND s.lane=e.lane AND s.seq>e.seq AND s.signed_seq>=e.seq) "
    "AND NOT EXISTS (SELECT 1 FROM quarantine h WHERE h.arrival=e.arrival AND h.state<>'applied')"
)


@dataclass(frozen=True, slots=True)
class Portion:
    """What one transaction has removed. `upto`: the truncation point after it."""

    entries: int = 0
    bytes: int = 0
    upto: int = 0


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of the bulk log. `oldest_ms`: 0 if it is empty."""

    entries: int
    bytes: int
    oldest_ms: int


def retention_holds(
    tx: Connection,
    *,
    links: Iterable[ChildLease],
    incarnations: Sequence[int],
    now_ms: int,
    lease_ms: int,
    log_ms: int,
    durable_at_top: int | None,
) -> list[RetentionHold]:
    """Return which offices still need which part of the bulk log.

    `incarnations`: incarnations whose numbers this log has. `durable_at_top`: up to where what goes
    up is durable at the top; None: this is the top.
    """
    holds: list[RetentionHold] = []
    # Only the smallest first position counts: each search ends at the smallest one found so far.
    first = _first(tx, "at_ms>=?", (now_ms - log_ms,), 0, None)
    if first is not None:
        holds.append(RetentionHold(HoldReason.YOUNG, first))
    if durable_at_top is not None:
        above = _first(tx, "up_to IS NOT NULL", (), durable_at_top, first)
        if above is not None:
            holds.append(RetentionHold(HoldReason.ABOVE, above))
    for link in links:
        if not is_live(link.last_contact_ms, now_ms=now_ms, lease_ms=lease_ms):
            continue
        log_incarnation, acked = log.cursor_of(tx, link.unit, "out", LANE)
        after = acked if log_incarnation in incarnations else 0
        waits = _first(tx, log.addressed_to(link.unit), (), after, first)
        if waits is not None:
            holds.append(RetentionHold(HoldReason.CHILD, waits, link.unit, link.last_contact_ms))
    return holds


def _first(
    tx: Connection, where: str, parameters: tuple[object, ...], after: int, before: int | None
) -> int | None:
    end = log.position(tx) + 1 if before is None else before
    row = execute(
        tx,
        f"SELECT arrival FROM entry WHERE lane=? AND arrival>? AND arrival<? AND {where} "
        "ORDER BY arrival LIMIT 1",
        (LANE.value, after, end, *parameters),
    ).fetchone()
    return int(row[0]) if row is not None else None


def truncate(
    tx: Connection, upto: int, *, after: int, children: Iterable[int], limit: int = PORTION_ENTRIES
) -> Portion:
    """Remove the oldest entries after a position up to `upto`, at most `limit` of them.

    The low-water marks move in the same transaction. The caller repeats from the portion's `upto`
    until it equals `upto`.
    """
    log.lock(tx)
    rows = execute(
        tx,
        "SELECT e.arrival, e.incarnation, e.audience, e.seq, e.up_to, e.down_hop, e.via, e.hlc, "
        "length(e.wire) FROM entry e WHERE e.lane=? AND e.arrival>? AND e.arrival<=? "
        f"AND {_REMOVABLE} ORDER BY e.arrival LIMIT ?",
        (LANE.value, after, upto, limit),
    ).fetchall()
    reached = rows[-1][0] if len(rows) == limit else upto
    before = truncation.truncation_point(tx, LANE)
    peers = {truncation.UPWARD, *children, *_known_children(tx)}
    positions = {peer: truncation.truncation_point(tx, LANE, peer) for peer in peers}
    newest: dict[StreamKey, tuple[int, int, int]] = {}
    for arrival, incarnation, audience, seq, up_to, hop, via, hlc, _ in rows:
        newest[StreamKey(incarnation, audience, LANE)] = (seq, arrival, hlc)
        if up_to is not None:
            positions[truncation.UPWARD] = arrival
        for child in peers - {truncation.UPWARD} if hop is not None else ():
            if hop in (log.EVERY_CHILD, child) and via != child:
                positions[child] = arrival
    positions[truncation.ALL] = max(before, reached)
    truncation.raise_to(tx, LANE, positions)
    for key, (seq, arrival, hlc) in newest.items():
        log.record_truncation(tx, key, seq, codec.hash_of(log.wire_at(tx, arrival)), hlc)
    for part in pieces([row[0] for row in rows]):
        marks = ",".join("?" * len(part))
        execute(tx, f"DELETE FROM entry WHERE arrival IN ({marks})", tuple(part))
    if rows:  # what neighbours have shown is history as long as the log is
        stamp = max(row[7] for row in rows)
        execute(tx, "DELETE FROM shown_entry WHERE lane=? AND hlc<=?", (LANE.value, stamp))
    return Portion(len(rows), sum(row[8] for row in rows), reached)


def preview_truncation(tx: Connection, upto: int) -> Portion:
    """Return what truncation up to a position would remove; change nothing."""
    row = execute(
        tx,
        f"SELECT count(*), sum(length(e.wire)) FROM entry e WHERE e.lane=? AND e.arrival<=? "
        f"AND {_REMOVABLE}",
        (LANE.value, upto),
    ).fetchone()
    return Portion(int(row[0]), int(row[1] or 0), upto)


def extent(tx: Connection) -> Extent:
    """Return the size of the bulk log, and the time of its oldest entry."""
    row = execute(
        tx, "SELECT count(*), sum(length(wire)), min(at_ms) FROM entry WHERE lane=?", (LANE.value,)
    ).fetchone()
    return Extent(int(row[0]), int(row[1] or 0), int(row[2] or 0))


def added(one: Portion, other: Portion) -> Portion:
    """Return the sum of two portions."""
    return replace(other, entries=one.entries + other.entries, bytes=one.bytes + other.bytes)


def _known_children(tx: Connection) -> set[int]:
    rows = execute(tx, "SELECT DISTINCT peer FROM cursor WHERE direction='out'").fetchall()
    return {int(row[0]) for row in rows}
