"""Recovery: what a restored or new store lost comes back from its parent's log, entry by entry.

The parent keeps every entry that came from the child as it came. Both find, by halving, the
newest entry of each stream that they have in common; the child says anew what the parent lacks
(`sync.recovery.reissue`); then the parent replays its own log as far as it came from the child or
goes down to it. Its order is one in which every entry follows those that its writer knew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import signatures, truncation
from sync.model.change import Signature, StreamHead
from sync.model.limits import BATCH_BYTES_MAX, BATCH_CHANGES_MAX
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.recovery.bisect import Sought
from sync.store import meta
from sync.store.sql import execute

HEADERS_MAX = 2_000  # log rows looked at for one page


# -- both sides ---------------------------------------------------------------------------------


def upward_heads(tx: Connection, of: Callable[[int], bool]) -> Heads:
    """Return the newest entry of each upward stream whose writer's unit `of` says yes to."""
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
    """Return an empty stream for each incarnation that a unit was known by, whatever it said.

    Who comes back under one of them needs another: its tokens, and its numbers, are spent.
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
    """Say whether each of these very entries is in the log, or was when retention removed it."""
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
    """An entry that the other side must hold, at this position of its log."""

    lane: Lane
    position: int
    hash: bytes


def newest_from(tx: Connection, peer: int, lane: Lane) -> list[Proof]:
    """Return the newest entry that came from a peer by its own numbers, if there is one.

    Its numbers are those of its present incarnation: what came before we met that proves nothing.
    """
    rebased_at = int(meta.get(tx, f"{meta.REBASED_AT}{peer}") or 0)
    row = execute(
        tx,
        "SELECT via_position, wire FROM entry WHERE via=? AND lane=? AND arrival>? "
        "ORDER BY arrival DESC LIMIT 1",
        (peer, lane.value, rebased_at),
    ).fetchone()
    if row is None or not row[0]:
        return []
    return [Proof(lane, row[0], codec.hash_of(bytes(row[1])))]


def rebase_cursors(
    tx: Connection, peer: int, incarnation: int, position: int, now_ms: int,
    lanes: Iterable[Lane] = tuple(Lane),
) -> None:  # fmt: skip
    """Go on from a position of a peer's log under another incarnation, in these lanes."""
    for lane in lanes:
        log.advance(
            tx, peer=peer, direction="in", lane=lane, incarnation=incarnation,
            position=position, at_ms=now_ms,
        )  # fmt: skip
    meta.put(tx, f"{meta.REBASED_AT}{peer}", str(log.position(tx)))
    execute(tx, "UPDATE incarnation SET retired=1 WHERE unit=? AND id<>?", (peer, incarnation))


def is_missing_any(tx: Connection, proofs: Iterable[Proof]) -> bool:
    """Say whether a child took what is not in this log: then this store is the restored one."""
    for proof in proofs:
        here = hash_at(tx, proof.position)
        truncated = not here and proof.position <= truncation.truncation_point(tx, proof.lane)
        if not truncated and here != proof.hash:
            return True
    return False


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """Part of a log, read aloud to the office that lost it."""

    entries: tuple[bytes, ...]
    upto: int
    more: bool
    signatures: tuple[Signature, ...] = ()


def own_entries_of(
    tx: Connection, parent: int, after: int, bytes_max: int = BATCH_BYTES_MAX
) -> ReplayPage:
    """Return what the parent itself has said down to us, in the order in which it came.

    But nothing of streams whose beginning came as copies: that goes up as copies
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


# -- the parent ---------------------------------------------------------------------------------


def is_behind(known_heads: Heads, listed_heads: Mapping[StreamKey, StreamHead]) -> bool:
    """Say whether a child's own streams, as it names them, end before or beside what we hold."""
    for key, head in known_heads.items():
        theirs = listed_heads.get(key, StreamHead())
        if theirs.seq < head.seq or (theirs.seq == head.seq and theirs.hash != head.hash):
            return True
    return False


def required_heads(
    tx: Connection,
    child: int,
    known_heads: Heads,
    listed_heads: Mapping[StreamKey, StreamHead],
    *,
    hub: bool,
) -> Heads:
    """Return entries of ours that the child must hold, and that its newest ones do not prove.

    Those of its own streams that go on at its side, and, of a hub, the newest that it relayed.
    """
    found = {k: h for k, h in known_heads.items() if listed_heads.get(k, StreamHead()).seq > h.seq}
    for lane in Lane if hub else ():
        row = execute(
            tx,
            "SELECT incarnation, audience, seq, wire FROM entry WHERE via=? AND lane=? "
            "ORDER BY arrival DESC LIMIT 1",
            (child, lane.value),
        ).fetchone()
        if row is not None:
            key = StreamKey(row[0], row[1], lane)
            if key not in known_heads:
                found[key] = StreamHead(row[2], codec.hash_of(bytes(row[3])))
    return found


def known_entries(
    tx: Connection, child: int, probes: Sequence[tuple[StreamKey, StreamHead]]
) -> list[bool]:
    """Say of each entry whether this very one came from the child.

    Of what is not in this log any more only the newest is known by its hash: the child is told up
    to where that is, and goes by what was acknowledged to it (`Probing.truncated`).
    """
    bases = log.bases(tx)
    heads = log.heads_of(tx, {key for key, _ in probes})
    unsure = {
        (key, probe.seq) for key, probe in probes if probe.seq < heads.get(key, StreamHead()).seq
    }
    hashes = hashes_of(tx, unsure, child)
    known = []
    for key, probe in probes:
        head = heads.get(key, StreamHead())
        if probe.seq == head.seq:
            known.append(probe.hash == head.hash)
        else:
            base = bases.get(key, StreamHead())
            base_hash = base.hash if probe.seq == base.seq else b""
            known.append(
                probe.seq < head.seq and hashes.get((key, probe.seq), base_hash) == probe.hash
            )
    return known


def read_replay(
    tx: Connection,
    child: int,
    *,
    common: Mapping[StreamKey, StreamHead],
    acked: Mapping[Lane, int],
    after: int,
    bytes_max: int = BATCH_BYTES_MAX,
    signer: Signer | None = None,
    lanes: Iterable[Lane] = tuple(Lane),
) -> ReplayPage:
    """Return what follows `after`: entries that came from the child and go beyond `common`, and
    entries that go down to it and that it has not taken; in the order of this log.

    `lanes`: those that are echoed; what is in another comes as copies.
    Raises: LogCut.
    """
    _require_all_after(tx, child, common, lanes)
    end = last = log.position(tx)
    headers = "SELECT arrival, incarnation, audience, lane, seq, changes FROM entry WHERE "
    found: list[Any] = []
    for lane in lanes:
        down_after = max(after, acked.get(lane, 0))
        for where, parameters in (
            ("via=? AND lane=? AND arrival>?", (child, lane.value, after)),
            (
                "lane=? AND arrival>? AND down_hop IN (0, ?) AND via<>?",
                (lane.value, down_after, child, child),
            ),
        ):
            rows = execute(
                tx, f"{headers}{where} ORDER BY arrival LIMIT {HEADERS_MAX}", parameters
            ).fetchall()
            found += rows
            if len(rows) == HEADERS_MAX:
                end = min(end, rows[-1][0])
    entries: list[bytes] = []
    sent_ranges: signatures.SentRanges = {}
    size = changes = 0
    upto = after
    for arrival, writer, audience, lane_number, seq, count in sorted(found, key=lambda r: r[0]):
        if arrival > end:
            break
        key = StreamKey(writer, audience, Lane(lane_number))
        head = common.get(key)
        if head is None or seq > head.seq:
            row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
            wire = bytes(row[0])
            if entries and (size + len(wire) > bytes_max or changes + count > BATCH_CHANGES_MAX):
                signed = signatures.signatures_for(tx, sent_ranges, signer)
                return ReplayPage(tuple(entries), upto, True, signed)
            entries.append(wire)
            size += len(wire)
            changes += count
            signatures.record_sent(sent_ranges, key, seq, wire)
        upto = arrival
    signed = signatures.signatures_for(tx, sent_ranges, signer)
    return ReplayPage(tuple(entries), max(end, after), end < last, signed)


def covers(
    tx: Connection, listed_heads: Mapping[StreamKey, StreamHead], ours: Iterable[StreamKey]
) -> bool:
    """Say whether our log has what follows these entries, in each stream that is not cut later."""
    bases = log.bases(tx)
    return all(listed_heads.get(k, StreamHead()).seq >= bases[k].seq for k in ours if k in bases)


def _require_all_after(
    tx: Connection, child: int, common: Mapping[StreamKey, StreamHead], lanes: Iterable[Lane]
) -> None:
    """Make sure that what came from a child and goes beyond `common` is all in the log."""
    for lane in lanes:
        rows = execute(
            tx,
            "SELECT DISTINCT incarnation, audience FROM entry WHERE via=? AND lane=?",
            (child, lane.value),
        ).fetchall()  # the newest entry of each stream is never cut
        if not covers(tx, common, [StreamKey(r[0], r[1], lane) for r in rows]):
            raise truncation.LogTruncated(
                asked=0, low_water_mark=truncation.truncation_point(tx, lane)
            )


# -- the child ----------------------------------------------------------------------------------


def acknowledged(tx: Connection, level: int, keys: Iterable[StreamKey]) -> Heads:
    """Return the newest entry of each stream that the office of this level above was last known
    to hold."""
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
    """Return, for each stream that retention cut, the entry before the first kept."""
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
        # Single entries may be spared before it.
        if key in heads and base.seq > found.get(key, StreamHead()).seq:
            found[key] = base
    return found
