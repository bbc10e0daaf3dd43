"""Cutting: what of the bulk log nobody needs is removed, in portions. The caller owns tx.

Spared, and left standing below the floor: the newest entry of each stream, which the next one
names; entries of holes that are open, deferred or closed by a person; and what its origin has not
signed yet. What is unsent, or waits for a child whose lease runs, holds the floor itself back
(`sync.claims`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sync import codec, floors, log
from sync.claims import Claim, Link, Why, is_live
from sync.registers import pieces
from sync.schema import Lane
from sync.statements import run
from sync.streams import StreamKey

LANE = Lane.BULK  # control is the journal of work and money: its log stays whole
PORTION_ENTRIES = 500  # cut in one transaction: others wait no longer than that

_GONE = (
    "EXISTS (SELECT 1 FROM stream s WHERE s.incarnation=e.incarnation AND s.audience=e.audience "
    "AND s.lane=e.lane AND s.seq>e.seq AND (s.signed_seq=0 OR s.signed_seq>=e.seq)) "
    "AND NOT EXISTS (SELECT 1 FROM hole h WHERE h.arrival=e.arrival AND h.state<>'healed')"
)


@dataclass(frozen=True, slots=True)
class Portion:
    """What one transaction has cut. `upto`: the floor after it."""

    entries: int = 0
    bytes: int = 0
    upto: int = 0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of the bulk log there is. `oldest_ms`: 0 when there is none."""

    entries: int
    bytes: int
    oldest_ms: int


def claims_of(
    tx: Connection,
    *,
    links: Iterable[Link],
    lives: Sequence[int],
    now_ms: int,
    lease_ms: int,
    log_ms: int,
    safe_above: int | None,
) -> list[Claim]:
    """Return who needs what of the bulk log.

    `lives`: incarnations whose numbers this log has. `safe_above`: up to where what goes up is
    safe at the top; None: this is the top.
    """
    claims: list[Claim] = []
    # Only the least first need counts: nobody is looked for beyond what holds already.
    first = _first(tx, "at_ms>=?", (now_ms - log_ms,), 0, None)
    if first is not None:
        claims.append(Claim(Why.YOUNG, first))
    if safe_above is not None:
        above = _first(tx, "up_to IS NOT NULL", (), safe_above, first)
        if above is not None:
            claims.append(Claim(Why.ABOVE, above))
    for link in links:
        if not is_live(link.heard_ms, now_ms=now_ms, lease_ms=lease_ms):
            continue
        met, taken = log.cursor_of(tx, link.unit, "out", LANE)
        after = taken if met in lives else 0
        waits = _first(tx, log.heard_by(link.unit), (), after, first)
        if waits is not None:
            claims.append(Claim(Why.CHILD, waits, link.unit, link.heard_ms))
    return claims


def _first(
    tx: Connection, where: str, parameters: tuple[object, ...], after: int, before: int | None
) -> int | None:
    end = log.position(tx) + 1 if before is None else before
    row = run(
        tx,
        f"SELECT arrival FROM entry WHERE lane=? AND arrival>? AND arrival<? AND {where} "
        "ORDER BY arrival LIMIT 1",
        (LANE.value, after, end, *parameters),
    ).fetchone()
    return int(row[0]) if row is not None else None


def cut(
    tx: Connection, upto: int, *, after: int, children: Iterable[int], limit: int = PORTION_ENTRIES
) -> Portion:
    """Remove the oldest entries after a position and at most at `upto`, at most `limit` of them.

    Floors move in the same transaction. Repeat from the portion's `upto` until it is `upto`.
    """
    log.lock(tx)
    rows = run(
        tx,
        "SELECT e.arrival, e.incarnation, e.audience, e.seq, e.up_to, e.down_hop, e.via, e.hlc, "
        f"length(e.wire) FROM entry e WHERE e.lane=? AND e.arrival>? AND e.arrival<=? AND {_GONE} "
        "ORDER BY e.arrival LIMIT ?",
        (LANE.value, after, upto, limit),
    ).fetchall()
    reached = rows[-1][0] if len(rows) == limit else upto
    before = floors.floor_of(tx, LANE)
    peers = {floors.UPWARD, *children, *_known_children(tx)}
    positions = {peer: floors.floor_of(tx, LANE, peer) for peer in peers}
    newest: dict[StreamKey, tuple[int, int, int]] = {}
    for arrival, incarnation, audience, seq, up_to, hop, via, hlc, _ in rows:
        newest[StreamKey(incarnation, audience, LANE)] = (seq, arrival, hlc)
        if up_to is not None:
            positions[floors.UPWARD] = arrival
        for child in peers - {floors.UPWARD} if hop is not None else ():
            if hop in (log.EVERY_CHILD, child) and via != child:
                positions[child] = arrival
    positions[floors.ALL] = max(before, reached)
    floors.raise_to(tx, LANE, positions)
    for key, (seq, arrival, hlc) in newest.items():
        wire = run(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()[0]
        log.note_cut(tx, key, seq, codec.hash_of(bytes(wire)), hlc)
    for part in pieces([row[0] for row in rows]):
        marks = ",".join("?" * len(part))
        run(tx, f"DELETE FROM entry WHERE arrival IN ({marks})", tuple(part))
    for key, (seq, _, _) in newest.items():
        run(
            tx,
            "DELETE FROM signature WHERE incarnation=? AND audience=? AND lane=? AND seq<=?",
            (key.incarnation, key.audience, LANE.value, seq),
        )
    return Portion(len(rows), sum(row[8] for row in rows), reached)


def would_cut(tx: Connection, upto: int) -> Portion:
    """Return what cutting up to a position would remove; nothing is changed."""
    row = run(
        tx,
        f"SELECT count(*), sum(length(e.wire)) FROM entry e WHERE e.lane=? AND e.arrival<=? "
        f"AND {_GONE}",
        (LANE.value, upto),
    ).fetchone()
    return Portion(int(row[0]), int(row[1] or 0), upto)


def extent(tx: Connection) -> Extent:
    """Return how much of the bulk log is kept, and since when."""
    row = run(
        tx, "SELECT count(*), sum(length(wire)), min(at_ms) FROM entry WHERE lane=?", (LANE.value,)
    ).fetchone()
    return Extent(int(row[0]), int(row[1] or 0), int(row[2] or 0))


def added(one: Portion, other: Portion) -> Portion:
    """Return two portions as one."""
    return replace(other, entries=one.entries + other.entries, bytes=one.bytes + other.bytes)


def _known_children(tx: Connection) -> set[int]:
    rows = run(tx, "SELECT DISTINCT peer FROM cursor WHERE direction='out'").fetchall()
    return {int(row[0]) for row in rows}
