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
from typing import NamedTuple

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.log import entries as log
from sync.log import truncation
from sync.log.excerpt import Excerpt
from sync.model.change import Signature, StreamHead
from sync.model.errors import Malformed
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
    """Return the newest entry of each upward stream whose writer's unit `of` says yes to."""
    return {key: head for unit, key, head in log.heads_by_unit(tx, "up:") if of(unit)}


def heads_of_unit(tx: Connection, unit: int) -> Heads:
    """Return the newest entry of each upward stream of a unit, under every incarnation it had."""
    return {key: head for _, key, head in log.heads_by_unit(tx, "up:", unit)}


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
    wire = log.wire_at(tx, arrival)
    return codec.hash_of(wire) if wire else b""


class RequiredHead(NamedTuple):
    """An entry that the other side must have, and its position in that log; 0: not known.

    `signature`: the other side's own, that its log has it there.
    """

    key: StreamKey
    head: StreamHead
    position: int = 0
    signature: bytes = b""


def has_all(tx: Connection, required: Iterable[RequiredHead]) -> bool:
    """Say whether each of these very entries is in the log, or was when retention removed it."""
    for key, head, position, _ in required:
        here = log.heads_of(tx, [key]).get(key, StreamHead())
        if here.seq < head.seq or (here.seq == head.seq and here.hash != head.hash):
            return False
        if here.seq > head.seq and entry_hash(tx, key, head.seq) not in (b"", head.hash):
            return False
        if position and not is_at(tx, key.lane, position, head.hash):
            return False
    return True


def is_at(tx: Connection, lane: Lane, position: int, entry: bytes) -> bool:
    """Return whether the log has this very entry there, or had when retention removed it."""
    here = hash_at(tx, position)
    truncated = not here and position <= truncation.truncation_point(tx, lane)
    return here == entry or truncated


def entry_hash(tx: Connection, key: StreamKey, seq: int) -> bytes:
    """Return the hash of an entry; empty when it is not in the log."""
    row = execute(
        tx,
        "SELECT wire FROM entry WHERE incarnation=? AND audience=? AND lane=? AND seq=? "
        "ORDER BY arrival DESC LIMIT 1",
        (key.incarnation, key.audience, key.lane.value, seq),
    ).fetchone()
    return codec.hash_of(bytes(row[0])) if row is not None else b""


def newest_from(tx: Connection, peer: int, lane: Lane, *, after: int = 0) -> list[RequiredHead]:
    """Return the newest entry that came from a peer after a position of our log, if there is one.

    Its position is 0 where the peer replayed it to us.
    """
    row = execute(
        tx,
        "SELECT incarnation, audience, seq, wire, via_position FROM entry "
        "WHERE via=? AND lane=? AND arrival>? ORDER BY arrival DESC LIMIT 1",
        (peer, lane.value, after),
    ).fetchone()
    if row is None:
        return []
    writer, audience, seq, wire, position = row
    head = StreamHead(seq, codec.hash_of(bytes(wire)))
    signed_at, signature = log.log_signature(tx, peer, lane)
    if signed_at != position:
        signature = b""
    return [RequiredHead(StreamKey(writer, audience, lane), head, int(position or 0), signature)]


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What a handshake states of the peer's log, and of ours: over a link or in a bundle."""

    cursors: Mapping[Lane, tuple[int, int]]  # how far we have the peer's log: incarnation, position
    required: tuple[RequiredHead, ...]  # what the peer must have
    continues: int  # the incarnation whose log positions we go on with; 0: none


def peer_facts(tx: Connection, peer: int) -> PeerFacts:
    """Read what we say to a peer of its log.

    It must have what came from it under its present incarnation: what it replayed, or what came
    before that, shows no loss.
    """
    rebased_at = peers.load(tx, peer).rebased_at
    newest = [head for lane in Lane for head in newest_from(tx, peer, lane, after=rebased_at)]
    return PeerFacts(
        {lane: log.cursor_of(tx, peer, "in", lane) for lane in Lane},
        tuple(head for head in newest if head.position),
        meta.get(tx, meta.CONTINUES),
    )


def required_to_wire(required: Iterable[RequiredHead]) -> list[pb.RequiredHead]:
    return [
        pb.RequiredHead(head=codec.head_to_wire(key, head), position=position, signature=signature)
        for key, head, position, signature in required
    ]


def required_from_wire(messages: Iterable[pb.RequiredHead]) -> tuple[RequiredHead, ...]:
    """Raises: Malformed."""
    messages = list(messages)
    if any(m.position >= 1 << 62 for m in messages):
        raise Malformed("an entry that must be at an impossible position")
    return tuple(
        RequiredHead(*codec.head_from_wire(m.head), m.position, m.signature) for m in messages
    )


def required_of(
    messages: Iterable[pb.RequiredHead], cursors: Iterable[pb.Cursor], incarnation: int
) -> tuple[RequiredHead, ...]:
    """Return what a peer says that this incarnation must have: its cursors tell whom it means.

    Raises: Malformed.
    """
    lanes = codec.positions_from_wire(cursors, incarnation)
    return tuple(head for head in required_from_wire(messages) if head.key.lane in lanes)


def rebase_cursors(
    tx: Connection, peer: int, incarnation: int, positions: Mapping[Lane, int], now_ms: int
) -> None:
    """Continue a peer's log at these positions under another incarnation of the peer."""
    for lane, position in positions.items():
        log.advance(
            tx, peer=peer, direction="in", lane=lane, incarnation=incarnation,
            position=position, at_ms=now_ms, signed=(0, b""),
        )  # fmt: skip
    peers.update(tx, peer, rebased_at=log.position(tx))
    log.retire_others(tx, peer, incarnation)


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
    excerpt = Excerpt(bytes_max)
    more = len(rows) == HEADERS_MAX
    for (arrival,) in rows:
        wire, lane, incarnation, audience, seq, changes, signature = execute(
            tx,
            "SELECT wire, lane, incarnation, audience, seq, changes, signature FROM entry "
            "WHERE arrival=?",
            (arrival,),
        ).fetchone()
        if not excerpt.takes(wire, changes):
            more = True
            break
        key = StreamKey(incarnation, audience, Lane(lane))
        excerpt.add(key, seq, arrival, bytes(wire), changes, bytes(signature or b""))
    excerpt.cut()
    if not excerpt.wires:
        return ReplayPage((), after, more=False)
    return ReplayPage(tuple(excerpt.wires), excerpt.positions[-1], more, excerpt.signatures(tx))


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
        entry = codec.entry_from_wire(log.wire_at(tx, arrival))
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
