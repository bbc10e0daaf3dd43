"""Log entries: numbers, streams and cursors. The caller owns the transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from sync.log import truncation
from sync.log.excerpt import Excerpt
from sync.model.change import Batch, Entry, Signature, StreamHead
from sync.model.errors import OverQuota
from sync.model.limits import BATCH_BYTES_MAX, PEER_LIMITS
from sync.model.schema import Lane
from sync.model.stream import StreamKey, levels_of
from sync.store.sql import execute, execute_many, pieces
from sync.store.tables import incarnation

READ_ENTRIES = 64  # read at a time: enough for single edits; an import's batch is full earlier
GOES_UP = "up_to IS NOT NULL"
MINUTE_MS = 60_000
EVERY_CHILD = 0  # `down_hop` of an entry that goes to every child
# Of a stamp's 16 counter bits a position keeps 8: 256 positions for each millisecond.
POSITION_SHIFT = 8

_ALLOCATE = (
    "UPDATE log_head SET previous = arrival, "
    "arrival = CASE WHEN arrival < ? THEN ? ELSE arrival + ? END, hlc = ? "
    "WHERE id = 1 RETURNING previous, arrival"
)

_INSERT = (
    "INSERT INTO entry (arrival, lane, incarnation, audience, seq, hlc, up_to, down_hop, via, "
    "via_position, changes, at_ms, wire, signature) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_ADVANCE = (
    "INSERT INTO cursor (peer, direction, lane, incarnation, position, at_ms) "
    "VALUES (?,?,?,?,?,?) ON CONFLICT (peer, direction, lane) DO UPDATE SET "
    "incarnation=excluded.incarnation, position=excluded.position, at_ms=excluded.at_ms"
)
_ADVANCE_SIGNED = (
    "INSERT INTO cursor (peer, direction, lane, incarnation, position, at_ms, signed_position, "
    "signature) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (peer, direction, lane) DO UPDATE SET "
    "incarnation=excluded.incarnation, position=excluded.position, at_ms=excluded.at_ms, "
    "signed_position=excluded.signed_position, signature=excluded.signature"
)
_TIP = (
    " (incarnation, audience, lane, seq, hash, hlc) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (incarnation, audience, lane) DO UPDATE SET seq=excluded.seq, "
    "hash=excluded.hash, hlc=excluded.hlc"
)
_HEAD = (
    "INSERT INTO stream (incarnation, audience, lane, seq, hash, hlc, signed_seq, signature) "
    "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (incarnation, audience, lane) DO UPDATE SET "
    "seq=excluded.seq, hash=excluded.hash, hlc=excluded.hlc, signed_seq=excluded.signed_seq, "
    "signature=excluded.signature"
)
_BASE = f"INSERT INTO stream_base{_TIP}"


def lock(tx: Connection) -> int:
    """Lock the counter row for this transaction: writers of one store queue here.

    The lock lasts until the commit, so commit order is number order and no reader skips a late
    entry (INV-9). For SQLite, BEGIN IMMEDIATE has done it already.
    Returns: the last clock stamp that any writer of this store issued.
    """
    suffix = "" if tx.dialect.name == "sqlite" else " FOR UPDATE"
    return int(execute(tx, f"SELECT hlc FROM log_head WHERE id = 1{suffix}").fetchone()[0])


def newest_stamp(tx: Connection) -> int:
    """Return the last clock stamp that any writer of this store issued; 0: none yet."""
    return int(execute(tx, "SELECT hlc FROM log_head WHERE id = 1").fetchone()[0])


class Positions(NamedTuple):
    """Positions that a transaction was given: the last one before it, and its own first."""

    before: int
    first: int


def allocate(tx: Connection, count: int, hlc: int) -> Positions:
    """Allocate `count` positions and record the clock.

    A position is not below the time of its transaction. So the distance of two entries says how
    much time was between them, and not how much others wrote (INV-30).
    """
    first = (hlc >> POSITION_SHIFT) if count else 0
    before, last = execute(tx, _ALLOCATE, (first, first - 1 + count, count, hlc)).fetchone()
    return Positions(int(before), int(last) - count + 1)


def append(tx: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write log rows; the tuples are in the order of the table's columns."""
    execute_many(tx, _INSERT, list(rows))


def wire_at(tx: Connection, arrival: int) -> bytes:
    """Return the serialized entry at a position; empty when there is none."""
    row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
    return bytes(row[0]) if row is not None else b""


def position(tx: Connection) -> int:
    """Return the last position of this log."""
    return int(execute(tx, "SELECT arrival FROM log_head WHERE id = 1").fetchone()[0])


def heads_of(tx: Connection, keys: Iterable[StreamKey]) -> dict[StreamKey, StreamHead]:
    """Return how far each of these streams is known; unknown ones are left out."""
    found: dict[StreamKey, StreamHead] = {}
    statement = "SELECT seq, hash FROM stream WHERE incarnation=? AND audience=? AND lane=?"
    for key in keys:
        row = execute(tx, statement, (key.incarnation, key.audience, key.lane.value)).fetchone()
        if row is not None:
            found[key] = StreamHead(row[0], bytes(row[1]))
    return found


def heads_by_unit(
    tx: Connection, audiences: str, unit: int | None = None
) -> Iterator[tuple[int, StreamKey, StreamHead]]:
    """Yield the newest entry of each stream, with its writer's unit.

    `audiences`: how their names begin. `unit`: only of this one, under every incarnation it had.
    """
    where, parameters = ("AND i.unit=?", (unit,)) if unit is not None else ("", ())
    rows = execute(
        tx,
        "SELECT i.unit, s.incarnation, s.audience, s.lane, s.seq, s.hash FROM incarnation i "
        f"JOIN stream s ON s.incarnation = i.id WHERE s.audience LIKE ? {where}",
        (f"{audiences}%", *parameters),
    )
    for of, writer, audience, lane, seq, hash_ in rows.fetchall():
        yield of, StreamKey(writer, audience, Lane(lane)), StreamHead(seq, bytes(hash_))


def save_heads(tx: Connection, newest: Iterable[tuple[Entry, Signature]]) -> None:
    """Record the newest entry of each stream, and that its origin has signed it."""
    rows = [
        (e.incarnation, e.audience, e.lane.value, e.seq, e.hash, e.hlc, e.seq, signed.signature)
        for e, signed in newest
    ]
    if rows:
        execute_many(tx, _HEAD, rows)


def adopt(
    tx: Connection, key: StreamKey, seq: int, hash_: bytes, hlc: int, signature: bytes
) -> None:
    """Continue a stream after an entry that is not in the log: its changes came as copies."""
    row = (key.incarnation, key.audience, key.lane.value, seq, hash_, hlc)
    execute(tx, _HEAD, (*row, seq, signature))
    execute(tx, _BASE, row)


def record_truncation(tx: Connection, key: StreamKey, seq: int, hash_: bytes, hlc: int) -> None:
    """Record the newest entry of a stream that retention removed: the next one names its hash."""
    row = (key.incarnation, key.audience, key.lane.value, seq, hash_, hlc)
    execute(tx, f"{_BASE} WHERE excluded.seq > stream_base.seq", row)


def bases(tx: Connection) -> dict[StreamKey, StreamHead]:
    """Return for each stream its newest entry that is not in the log: snapshot or truncation."""
    rows = execute(tx, "SELECT incarnation, audience, lane, seq, hash FROM stream_base").fetchall()
    return {StreamKey(r[0], r[1], Lane(r[2])): StreamHead(r[3], bytes(r[4])) for r in rows}


def unlogged_stamps(tx: Connection, lane: Lane) -> dict[int, int]:
    """Return for each incarnation the stamp up to which received entries may not be in the log.

    Their changes came as copies, or the entries were removed.
    """
    statement = "SELECT incarnation, max(hlc) FROM stream_base WHERE lane=? GROUP BY incarnation"
    return {int(row[0]): int(row[1] or 0) for row in execute(tx, statement, (lane.value,))}


def unlogged_to(tx: Connection, writer: int, lane: Lane) -> int:
    """Return the stamp up to which received entries of an incarnation may be missing in the log.

    Their changes came as copies, or the entries were removed.
    """
    statement = "SELECT max(hlc) FROM stream_base WHERE incarnation=? AND lane=?"
    row = execute(tx, statement, (writer, lane.value)).fetchone()
    return int(row[0] or 0)


def register_incarnations(tx: Connection, newest: Iterable[tuple[int, int, int]]) -> None:
    """Record (incarnation, unit, level) of new writers."""
    rows = [(i, u, level, b"") for i, u, level in newest]
    if rows:
        execute_many(
            tx,
            "INSERT INTO incarnation (id, unit, level, public_key) VALUES (?,?,?,?) "
            "ON CONFLICT DO NOTHING",
            rows,
        )


def writers(tx: Connection) -> dict[int, tuple[int, int]]:
    """Return incarnation -> (unit, level) of every known writer."""
    rows = tx.execute(select(incarnation.c.id, incarnation.c.unit, incarnation.c.level))
    return {r.id: (r.unit, r.level) for r in rows}


def writers_of(tx: Connection, incarnations: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return incarnation -> (unit, level) of those of these writers that are known."""
    found: dict[int, tuple[int, int]] = {}
    for part in pieces(sorted(incarnations)):
        marks = ",".join("?" * len(part))
        statement = f"SELECT id, unit, level FROM incarnation WHERE id IN ({marks})"
        found.update((r[0], (r[1], r[2])) for r in execute(tx, statement, tuple(part)))
    return found


def check_new_lives(
    tx: Connection, named: Mapping[int, int], *, allowed: int = PEER_LIMITS.incarnations
) -> None:
    """Refuse incarnations of a unit that has had more than any honest office comes to.

    `named`: incarnation -> unit, of those that are not known yet. Raises: OverQuota.
    """
    for unit, new in Counter(named.values()).items():
        row = execute(tx, "SELECT count(*) FROM incarnation WHERE unit=?", (unit,)).fetchone()
        if int(row[0]) + new > allowed:
            raise OverQuota("incarnations", int(row[0]) + new, allowed, MINUTE_MS)


def was_restored(tx: Connection, unit: int) -> bool:
    """Return whether this office, of this unit, wrote under another incarnation before."""
    row = execute(tx, "SELECT count(*) FROM incarnation WHERE unit=?", (unit,)).fetchone()
    return int(row[0]) > 1


def levels(tx: Connection) -> dict[int, int]:
    """Return incarnation -> level of every writer ever received from."""
    return levels_of(writers(tx))


def retire_others(tx: Connection, unit: int, incarnation: int) -> None:
    """Note that a unit writes under this incarnation, and under its others no more."""
    execute(tx, "UPDATE incarnation SET retired=1 WHERE unit=? AND id<>?", (unit, incarnation))


def cursor_of(tx: Connection, peer: int, direction: str, lane: Lane) -> tuple[int, int]:
    """Return (incarnation, position) of a cursor; (0, 0) when there is none yet."""
    statement = "SELECT incarnation, position FROM cursor WHERE peer=? AND direction=? AND lane=?"
    row = execute(tx, statement, (peer, direction, lane.value)).fetchone()
    return (row[0], row[1]) if row is not None else (0, 0)


def advance(
    tx: Connection,
    *,
    peer: int,
    direction: str,
    lane: Lane,
    incarnation: int,
    position: int,
    at_ms: int,
    signed: tuple[int, bytes] | None = None,
) -> None:
    """Move a cursor. "in" moves in the transaction that applies the batch (INV-4).

    `signed`: a position and the peer's signature that its log has there what came from it; None:
    what is known of that stays.
    """
    row = (peer, direction, lane.value, incarnation, position, at_ms)
    if signed is None:
        execute(tx, _ADVANCE, row)
    else:
        execute(tx, _ADVANCE_SIGNED, (*row, *signed))


def log_signature(tx: Connection, peer: int, lane: Lane) -> tuple[int, bytes]:
    """Return the newest position of a peer's log for which we have its signature, and that."""
    statement = (
        "SELECT signed_position, signature FROM cursor WHERE peer=? AND direction='in' AND lane=?"
    )
    row = execute(tx, statement, (peer, lane.value)).fetchone()
    return (int(row[0]), bytes(row[1] or b"")) if row is not None else (0, b"")


def read_up(
    tx: Connection,
    *,
    lane: Lane,
    incarnation: int,
    after: int,
    bytes_max: int = BATCH_BYTES_MAX,
) -> Batch:
    """Return what goes up next, in complete transactions, after `after`. Raises: LogTruncated."""
    truncation.require_from(tx, lane, truncation.UPWARD, after)
    return _read(tx, lane, incarnation, after, GOES_UP, bytes_max)


def read_down(
    tx: Connection,
    *,
    child: int,
    lane: Lane,
    incarnation: int,
    after: int,
    bytes_max: int = BATCH_BYTES_MAX,
) -> Batch:
    """Return what goes down to `child` next: only what is addressed to it and did not come from it.

    Raises: LogTruncated.
    """
    truncation.require_from(tx, lane, child, after)
    found = _read(tx, lane, incarnation, after, addressed_to(child), bytes_max)
    # Not to the end of the log: that would move with what others write.
    return replace(found, upto=found.positions[-1] if found.positions else after)


def waiting_up(tx: Connection, *, lane: Lane, after: int) -> tuple[int, int]:
    """Return (entries that wait to go up, when the oldest was committed; 0 if none)."""
    return _waiting(tx, lane, after, GOES_UP)


def goes_up_after(tx: Connection, lane: Lane, after: int, level: int) -> bool:
    """Return whether an entry after a position goes up as far as to a level, or farther."""
    statement = "SELECT 1 FROM entry WHERE lane=? AND arrival>? AND up_to<=? LIMIT 1"
    return execute(tx, statement, (lane.value, after, level)).fetchone() is not None


def waiting_down(tx: Connection, *, child: int, lane: Lane, after: int) -> tuple[int, int]:
    """Return (entries that wait for `child`, when the oldest was committed; 0 if none)."""
    return _waiting(tx, lane, after, addressed_to(child))


def replay_of(tx: Connection, child: int, lane: Lane) -> int:
    """Return how many changes a child that has lost everything would have to replay."""
    statement = (
        f"SELECT coalesce(sum(changes), 0) FROM entry WHERE lane=? AND {addressed_to(child)}"
    )
    down = execute(tx, statement, (lane.value,)).fetchone()[0]
    statement = "SELECT coalesce(sum(changes), 0) FROM entry WHERE via=? AND lane=?"
    return int(down) + int(execute(tx, statement, (child, lane.value)).fetchone()[0])


def has_quarantined_from(tx: Connection, child: int, lane: Lane) -> bool:
    """Return whether a change that came from a child is quarantined, deferred or was closed."""
    statement = (
        "SELECT 1 FROM quarantine h JOIN entry e ON e.arrival = h.arrival "
        "WHERE h.state<>'applied' AND e.via=? AND e.lane=? LIMIT 1"
    )
    return execute(tx, statement, (child, lane.value)).fetchone() is not None


def addressed_to(child: int) -> str:
    """Return the SQL condition for entries that go to a child and did not come from it."""
    return f"down_hop IN ({EVERY_CHILD}, {int(child)}) AND via <> {int(child)}"


def _waiting(tx: Connection, lane: Lane, after: int, entry_filter: str) -> tuple[int, int]:
    statement = (
        f"SELECT count(*), min(at_ms) FROM entry WHERE lane=? AND arrival>? AND {entry_filter}"
    )
    count, oldest = execute(tx, statement, (lane.value, after)).fetchone()
    return int(count), int(oldest or 0)


def _read(
    tx: Connection, lane: Lane, incarnation: int, after: int, entry_filter: str, bytes_max: int
) -> Batch:
    upto = position(tx)  # read before the entries: later commits belong to the next batch
    excerpt = Excerpt(bytes_max)
    last = after
    while True:
        rows = execute(
            tx,
            f"SELECT arrival, wire, changes, incarnation, audience, seq, signature FROM entry "
            f"WHERE lane=? AND arrival>? AND arrival<=? "
            f"AND {entry_filter} ORDER BY arrival LIMIT {READ_ENTRIES}",
            (lane.value, last, upto),
        ).fetchall()
        full = False
        for arrival, wire, count, writer, audience, seq, signature in rows:
            full = not excerpt.takes(wire, count)
            if full:
                break
            key = StreamKey(writer, audience, lane)
            excerpt.add(key, seq, arrival, bytes(wire), count, bytes(signature or b""))
            last = arrival
        if full or len(rows) < READ_ENTRIES:
            break
    if excerpt.cut() or full:
        upto = excerpt.positions[-1] if excerpt.positions else after
    return Batch(
        lane, incarnation, after, max(upto, after),
        tuple(excerpt.wires), tuple(excerpt.positions), excerpt.signatures(tx),
    )  # fmt: skip


def position_of_child(tx: Connection, child: int, lane: Lane, here: int) -> int:
    """Return the position of a child's log that corresponds to our log position `here`.

    It is the position of the child's newest entry at or before `here` that was not replayed to us.
    """
    statement = (
        "SELECT via_position FROM entry WHERE via=? AND lane=? AND arrival<=? AND via_position>0 "
        "ORDER BY arrival DESC LIMIT 1"
    )
    row = execute(tx, statement, (child, lane.value, here)).fetchone()
    return int(row[0]) if row is not None else 0
