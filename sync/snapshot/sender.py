"""The sender of a snapshot: the next chunk, read in one transaction of the sender's store.

First the records that both may receive, in key order. What is changed meanwhile follows in rounds,
by the log; the last round is read together with stream heads and log position, so that whoever has
joined it has what the log up to there would have brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sync.apply.read_copies import chunk_of, ids_after, read_rows
from sync.apply.replica import Replica
from sync.codec import chunk as codec_chunk
from sync.codec import entry as codec
from sync.log import certified
from sync.log import entries as log
from sync.merge.copies import Chunk, Rows, StreamTip
from sync.model.errors import Malformed, TooLarge
from sync.model.limits import SNAPSHOT_ROWS
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.snapshot.plan import Place
from sync.store.sql import execute

LANE = Lane.BULK  # the other lane's log is never truncated
ENTRIES = 64  # read at a time
Scope = Mapping[str, Sequence[int]]  # register -> units whose records are sent


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who receives the copies, as the sender's log knows it."""

    peer: int
    scope: Scope
    entry_filter: str  # which entries of our log it receives: a condition on `entry`
    concerns: Callable[[int], bool]  # whether it may know what this unit's office wrote
    receives_stream: Callable[[str, int], bool]  # audience, and the unit of the writer


@dataclass(frozen=True, slots=True)
class Sent:
    """One chunk, packed. `next`: None after the last."""

    payload: bytes
    next: Place | None
    records: int
    place: Place


def begin(tx: Connection, replica: Replica, scope: Scope) -> Place:
    """Return the place at which a snapshot starts."""
    total = sum(count for _, _, count in _units(tx, scope))
    return Place(replica.identity.incarnation, log.position(tx), total)


def next_chunk(
    tx: Connection, replica: Replica, to: Receiver, place: Place, rows_max: int = SNAPSHOT_ROWS
) -> Sent:
    """Return the chunk at a place, smaller when its records are large."""
    while True:
        rows, after = (_touched if place.ranged else _ranges)(tx, replica, to, place, rows_max)
        chunk = chunk_of(tx, rows, me=replica.identity, concerns=to.concerns)
        if after is None:
            chunk = _last(tx, replica, to, chunk)
        try:
            payload = codec_chunk.pack(chunk)
        except TooLarge:
            if rows_max == 1:
                raise
            rows_max = max(1, rows_max // 4)
            continue
        count = sum(len(part.states) for part in rows)
        return Sent(payload, after.sent(count) if after else None, count, place.sent(count))


def _units(
    tx: Connection, scope: Scope, from_register: str = "", from_unit: int = 0
) -> Iterator[tuple[str, int, int]]:
    """Yield (register, unit, records) in the order of the keys, from these on; without units that
    have no records.
    """
    for register in sorted(name for name in scope if name >= from_register):
        wanted = set(scope[register])
        rows = execute(
            tx,
            "SELECT unit, sum(count) FROM digest WHERE register=? AND unit>=? "
            "GROUP BY unit ORDER BY unit",
            (register, from_unit if register == from_register else 0),
        )
        for unit, count in rows.fetchall():
            if unit in wanted and count:
                yield register, int(unit), int(count)


def _ranges(
    tx: Connection, replica: Replica, to: Receiver, place: Place, rows_max: int
) -> tuple[list[Rows], Place | None]:
    """Return the next records in key order."""
    found: list[Rows] = []
    room = rows_max
    for register, unit, _ in _units(tx, to.scope, place.register, place.unit):
        after = place.record if (register, unit) == (place.register, place.unit) else b""
        table = replica.tables[register]
        ids = ids_after(tx, table, unit, after, room)
        if ids:
            found.append(read_rows(tx, replica.merger, table, unit, ids))
            room -= len(ids)
            after = ids[-1]
        if not room:
            return found, replace(place, register=register, unit=unit, record=after)
    return found, replace(place, ranged=True)


def _touched(
    tx: Connection, replica: Replica, to: Receiver, place: Place, rows_max: int
) -> tuple[list[Rows], Place | None]:
    """Return the records that the log has changed since; None for a place: these are all."""
    end = log.position(tx)
    ids: dict[tuple[str, int], set[bytes]] = {}
    at, count, whole = place.round, 0, False
    while not whole and count < rows_max:
        entries = execute(
            tx,
            f"SELECT arrival, wire FROM entry WHERE lane=? AND arrival>? AND arrival<=? "
            f"AND {to.entry_filter} ORDER BY arrival LIMIT {ENTRIES}",
            (LANE.value, at, end),
        ).fetchall()
        whole = len(entries) < ENTRIES
        for arrival, wire in entries:
            at = arrival
            _note(bytes(wire), to.scope, ids)
            count = sum(map(len, ids.values()))
            if count >= rows_max:
                whole = False
                break
    rows = [
        read_rows(tx, replica.merger, replica.tables[register], unit, sorted(records))
        for (register, unit), records in sorted(ids.items())
    ]
    return rows, None if whole else replace(place, round=at)


def _note(wire: bytes, scope: Scope, ids: dict[tuple[str, int], set[bytes]]) -> None:
    try:
        blocks = codec.unpack(codec.entry_from_wire(wire).payload)
    except Malformed:
        return  # quarantined here, and it will be there: it changes no record
    for block in blocks:
        if block.unit in scope.get(block.register, ()):
            ids.setdefault((block.register, block.unit), set()).update(block.ids)


def _last(tx: Connection, replica: Replica, to: Receiver, chunk: Chunk) -> Chunk:
    """Return the last chunk, with the streams and the positions to go on from."""
    rows = execute(
        tx,
        "SELECT s.incarnation, s.audience, s.seq, s.hash, s.hlc, s.signed_seq, s.signature, "
        "i.unit, i.level, i.public_key FROM stream s JOIN incarnation i ON i.id = s.incarnation "
        "WHERE s.lane=?",
        (LANE.value,),
    ).fetchall()
    heads: dict[StreamKey, StreamTip] = {}
    writers, keys = dict(chunk.writers), dict(chunk.keys)
    for writer, audience, seq, hash_, hlc, signed, signature, unit, level, key in rows:
        # A stream that an older program left unsigned would be refused, and the rest with it.
        if signed == seq and to.receives_stream(audience, unit):
            heads[StreamKey(writer, audience, LANE)] = StreamTip(
                seq, bytes(hash_), hlc, signed, bytes(signature or b"")
            )
            writers[writer] = (unit, level)
            keys[writer] = bytes(key)
    return replace(
        chunk,
        writers=writers,
        keys={i: key for i, key in keys.items() if key},
        chains=certified.chains(tx, keys),
        heads=heads,
        cursors={LANE: (replica.identity.incarnation, log.position(tx))},
        acked={LANE: log.cursor_of(tx, to.peer, "in", LANE)},
    )
