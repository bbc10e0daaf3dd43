"""Heads of streams and the other facts by which both ends recover what a store has lost.

The parent keeps every entry of a child as it came. Both find, by bisection, the newest entry of
each stream that they have in common; the child reissues what the parent lacks
(`sync.recovery.reissue`); then the parent replays its own log, as far as it came from the child or
goes down to it (`sync.recovery.parent`). In this order every entry follows those that its writer
knew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.log import entries as log
from sync.log import truncation
from sync.model.change import Signature, StreamHead
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery.bisect import Sought
from sync.store import meta, peers
from sync.store.sql import execute
from sync.wire.link.v1 import link_pb2 as pb

HEADERS_MAX = 2_000  # log rows read for one page


# -- both sides ---------------------------------------------------------------------------------


def upward_heads(tx: Connection, of: Callable[[int], bool]) -> Heads:
    """Return the newest entry of each upward stream of those writers whose unit `of` accepts."""
    rows = execute(
        tx,
        "SELECT s.incarnation, s.audience, s.lane, s.seq, s.hash, i.unit FROM stream s "
        "JOIN incarnation i ON i.id = s.incarnation WHERE s.audience LIKE 'up:%'",
    )
    return {
        StreamKey(writer, audience, Lane(lane)): StreamHead(seq, bytes(hash_))
        for writer, audience, lane, seq, hash_, unit in rows
        if of(unit)
    }


def heads_of_unit(tx: Connection, unit: int) -> Heads:
    """Return the newest entry of each upward stream of a unit, under every incarnation it had."""
    rows = execute(
        tx,
        "SELECT s.incarnation, s.audience, s.lane, s.seq, s.hash FROM incarnation i "
        "JOIN stream s ON s.incarnation = i.id WHERE i.unit=? AND s.audience LIKE 'up:%'",
        (unit,),
    )
    return {
        StreamKey(writer, audience, Lane(lane)): StreamHead(seq, bytes(hash_))
        for writer, audience, lane, seq, hash_ in rows
    }


def past_incarnations(tx: Connection, unit: int, token_incarnation: int) -> Heads:
    """Return an empty stream for each known incarnation of a unit, whatever it wrote.

    Who returns under one of them needs another: its tokens and numbers have been used.
    """
    rows = execute(tx, "SELECT id FROM incarnation WHERE unit=?", (unit,))
    return {
        StreamKey(incarnation, "", Lane.CONTROL): StreamHead()
        for incarnation in {token_incarnation, *(row[0] for row in rows)} - {0}
    }


def hashes_of(
    tx: Connection, sought: Iterable[Sought], via: int | None = None
) -> dict[Sought, bytes]:
    """Return the hashes of those entries that the log still has: one pass over its headers."""
    wanted = set(sought)
    if not wanted:
        return {}
    where, parameters = ("", ()) if via is None else (" WHERE via=?", (via,))
    places: dict[Sought, int] = {}
    rows = execute(
        tx, f"SELECT arrival, incarnation, audience, lane, seq FROM entry{where}", parameters
    )
    for arrival, writer, audience, lane, seq in rows:
        key = (StreamKey(writer, audience, Lane(lane)), seq)
        if key in wanted:
            places[key] = arrival
    return {key: hash_at(tx, arrival) for key, arrival in places.items()}


def hash_at(tx: Connection, arrival: int) -> bytes:
    """Return the hash of the entry at a position; empty when there is none."""
    row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
    return codec.hash_of(bytes(row[0])) if row is not None else b""


def has_all(tx: Connection, shown: Iterable[tuple[StreamKey, StreamHead]]) -> bool:
    """Return whether each of these very entries is in the log, or was when retention removed it."""
    for key, head in shown:
        here = log.heads_of(tx, [key]).get(key, StreamHead())
        if here.seq > head.seq:
            row = execute(
                tx,
                "SELECT wire FROM entry WHERE incarnation=? AND audience=? AND lane=? AND seq=? "
                "ORDER BY arrival DESC LIMIT 1",
                (key.incarnation, key.audience, key.lane.value, head.seq),
            ).fetchone()
            if row is None or codec.hash_of(bytes(row[0])) == head.hash:
                continue
        if here != head:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry that the other side must have, at this position of its log."""

    lane: Lane
    position: int
    hash: bytes


def newest_from(tx: Connection, peer: int, lane: Lane) -> list[Proof]:
    """Return the newest entry that came from a peer by its own numbers, if there is one.

    The numbers are those of its present incarnation: earlier entries prove nothing of it.
    """
    rebased_at = peers.load(tx, peer).rebased_at
    row = execute(
        tx,
        "SELECT via_position, wire FROM entry WHERE via=? AND lane=? AND arrival>? "
        "ORDER BY arrival DESC LIMIT 1",
        (peer, lane.value, rebased_at),
    ).fetchone()
    if row is None or not row[0]:
        return []
    return [Proof(lane, row[0], codec.hash_of(bytes(row[1])))]


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What a handshake states of the peer's log, and of ours: over a link or in a bundle."""

    cursors: Mapping[Lane, tuple[int, int]]  # how far we have the peer's log: incarnation, position
    proofs: tuple[Proof, ...]  # what the peer must have of its log
    continues: int  # the incarnation whose log positions we go on with; 0: none

    def cursors_to_wire(self) -> list[pb.Cursor]:
        return [codec.cursor_to_wire(lane, *cursor) for lane, cursor in self.cursors.items()]

    def proofs_to_wire(self) -> list[pb.Proof]:
        return [
            pb.Proof(
                lane=proof.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
                incarnation=self.cursors[proof.lane][0],
                position=proof.position,
                hash=proof.hash,
            )
            for proof in self.proofs
        ]


def peer_facts(tx: Connection, peer: int) -> PeerFacts:
    """Read what we state to a peer of its log."""
    return PeerFacts(
        {lane: log.cursor_of(tx, peer, "in", lane) for lane in Lane},
        tuple(proof for lane in Lane for proof in newest_from(tx, peer, lane)),
        int(meta.get(tx, meta.CONTINUES) or 0),
    )


def proofs_from_wire(messages: Iterable[pb.Proof], incarnation: int) -> tuple[Proof, ...]:
    """Return the proofs that are about an incarnation's log. Raises: Malformed."""
    return tuple(
        Proof(codec.lane_from_wire(m.lane), m.position, m.hash)
        for m in messages
        if m.incarnation == incarnation
    )


def rebase_cursors(
    tx: Connection, peer: int, incarnation: int, positions: Mapping[Lane, int], now_ms: int
) -> None:
    """Continue a peer's log at these positions under another incarnation of the peer."""
    for lane, position in positions.items():
        log.advance(
            tx, peer=peer, direction="in", lane=lane, incarnation=incarnation,
            position=position, at_ms=now_ms,
        )  # fmt: skip
    peers.update(tx, peer, rebased_at=log.position(tx))
    log.retire_others(tx, peer, incarnation)


def is_missing_any(tx: Connection, proofs: Iterable[Proof]) -> bool:
    """Return whether a child has what is not in this log: then this store is the restored one."""
    for proof in proofs:
        here = hash_at(tx, proof.position)
        truncated = not here and proof.position <= truncation.truncation_point(tx, proof.lane)
        if not truncated and here != proof.hash:
            return True
    return False


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """Part of a log, for the office that lost it."""

    entries: tuple[bytes, ...]
    upto: int
    more: bool
    signatures: tuple[Signature, ...] = ()


def own_entries_of(
    tx: Connection, parent: int, after: int, bytes_max: int = BATCH_BYTES_MAX
) -> ReplayPage:
    """Return the parent's own entries that came down to us, in the order in which they came.

    Streams whose beginning came as copies are left out: these go up as copies
    (`sync.snapshot.upload`).
    """
    rows = execute(
        tx,
        "SELECT e.arrival FROM entry e JOIN incarnation i ON i.id = e.incarnation "
        "WHERE e.via=? AND i.unit=? AND e.arrival>? AND e.audience LIKE 'down:%' "
        "AND NOT EXISTS (SELECT 1 FROM stream_base b WHERE b.incarnation = e.incarnation "
        "AND b.audience = e.audience AND b.lane = e.lane) "
        f"ORDER BY e.arrival LIMIT {HEADERS_MAX}",
        (parent, parent, after),
    ).fetchall()
    entries: list[bytes] = []
    size = 0
    upto = after
    for (arrival,) in rows:
        row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
        wire = bytes(row[0])
        if entries and size + len(wire) > bytes_max:
            return ReplayPage(tuple(entries), upto, more=True)
        entries.append(wire)
        size += len(wire)
        upto = arrival
    return ReplayPage(tuple(entries), upto, more=len(rows) == HEADERS_MAX)


def is_behind(known_heads: Heads, listed_heads: Mapping[StreamKey, StreamHead]) -> bool:
    """Return whether a child's own streams, by its heads, end before ours or differ from ours."""
    for key, head in known_heads.items():
        theirs = listed_heads.get(key, StreamHead())
        if theirs.seq < head.seq or (theirs.seq == head.seq and theirs.hash != head.hash):
            return True
    return False


# -- the child ----------------------------------------------------------------------------------


def acknowledged(tx: Connection, level: int, keys: Iterable[StreamKey]) -> Heads:
    """Return the newest entry of each stream that the office of this level above surely has."""
    wanted = set(keys)
    found: Heads = {}
    for lane in Lane:
        statement = "SELECT position FROM durable WHERE level=? AND lane=?"
        row = execute(tx, statement, (level, lane.value)).fetchone()
        rows = execute(
            tx,
            "SELECT incarnation, audience, max(seq), max(arrival) FROM entry "
            "WHERE lane=? AND arrival<=? AND up_to IS NOT NULL GROUP BY incarnation, audience",
            (lane.value, int(row[0]) if row is not None else 0),
        ).fetchall()
        for incarnation, audience, seq, arrival in rows:
            key = StreamKey(incarnation, audience, lane)
            if key in wanted:
                found[key] = StreamHead(seq, hash_at(tx, arrival))
    return found


def oldest_kept(tx: Connection, heads: Mapping[StreamKey, StreamHead]) -> Heads:
    """Return, for each truncated stream, the entry before the first one kept."""
    found: Heads = {}
    seen: set[StreamKey] = set()
    rows = execute(
        tx, "SELECT arrival, incarnation, audience, lane, seq FROM entry ORDER BY arrival"
    )
    trimmed: list[int] = []
    for arrival, writer, audience, lane, seq in rows:
        key = StreamKey(writer, audience, Lane(lane))
        if key in heads and key not in seen:
            seen.add(key)
            if seq > 1:
                trimmed.append(arrival)
    for arrival in trimmed:
        row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
        entry = codec.entry_from_wire(bytes(row[0]))
        found[StreamKey(entry.incarnation, entry.audience, entry.lane)] = StreamHead(
            entry.seq - 1, entry.prev_hash
        )
    for key in heads.keys() - seen:
        found[key] = heads[key]  # nothing of it is kept: it was acknowledged long ago
    for key, base in log.bases(tx).items():
        # Single entries may have been kept before it.
        if key in heads and base.seq > found.get(key, StreamHead()).seq:
            found[key] = base
    return found
