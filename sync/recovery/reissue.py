"""Reissue own entries that nobody above has, under a new incarnation.

A restored store continued numbering where its backup ended: its next entries have the numbers of
entries that it lost and others have. No number counts twice (INV-24), so these entries get new
numbers and new versions: same clock stamp, new incarnation. Every record, conflict, digest and
later entry that names the old version is rewritten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sync.apply.blocks import Merger
from sync.apply.replica import Replica
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import signatures
from sync.log.append import append_own, reissued
from sync.log.outcome import Waiters
from sync.merge.record import RecordState, canonical, with_versions_replaced
from sync.model.change import Block, Entry, StreamHead
from sync.model.effect import Effect
from sync.model.schema import Lane
from sync.model.stream import StreamKey, key_of
from sync.model.version import Version, version_of, wall_ms_of
from sync.store import conflicts, meta, peers
from sync.store.registers import RegisterTable
from sync.store.sql import execute, execute_many

Names = Mapping[Version, Version]


@dataclass(frozen=True, slots=True)
class OwnLogEntry:
    """One own entry, and its position in the log."""

    arrival: int
    entry: Entry
    keeps_version: bool = False  # its transaction is known above, by an entry for another audience


@dataclass(slots=True)
class Reissued:
    """What was reissued."""

    effects: list[Effect] = field(default_factory=list)  # where a tie is decided otherwise now
    waiters: Waiters = field(default_factory=Waiters)


def own_entries_after(
    tx: Connection, common: Mapping[StreamKey, StreamHead], unit: int, incarnation: int
) -> list[OwnLogEntry]:
    """Return the own entries that the parent lacks and that `incarnation` did not write.

    With them those that went only down since the first of these: a child that received others under
    their numbers must not get two.
    """
    rows = execute(
        tx,
        "SELECT e.arrival, e.incarnation, e.audience, e.lane, e.seq, e.hlc FROM entry e "
        "JOIN incarnation i ON i.id = e.incarnation "
        "WHERE e.via=0 AND i.unit=? AND e.incarnation<>? ORDER BY e.arrival",
        (unit, incarnation),
    ).fetchall()
    chosen: list[int] = []
    at_parent: set[tuple[int, int]] = set()  # (stamp, lane) of entries that the parent has
    for arrival, writer, audience, lane, seq, hlc in rows:
        if audience.startswith("up:"):
            if seq > common.get(StreamKey(writer, audience, Lane(lane)), StreamHead()).seq:
                chosen.append(arrival)
            else:
                at_parent.add((hlc, lane))
    if not chosen:
        return []
    cut_off: set[tuple[int, str, int]] = set()  # downward streams that end by now
    stamps = {hlc for arrival, *_, hlc in rows if arrival in set(chosen)}
    for arrival, writer, audience, lane, _, hlc in rows:
        if audience.startswith("up:"):
            continue
        stream = (writer, audience, lane)
        since = arrival > chosen[0] or hlc in stamps
        if stream in cut_off or (since and (hlc, lane) not in at_parent):
            cut_off.add(stream)
            chosen.append(arrival)
    keeping = {arrival for arrival, *_, lane, _, hlc in rows if (hlc, lane) in at_parent}
    return own_entries_at(tx, chosen, keeping)


def own_entries_reused(tx: Connection, entries: Iterable[Entry]) -> list[OwnLogEntry]:
    """Return the own downward entries whose numbers other entries have that came back.

    With them all later ones of that incarnation: they were written after the same restore.
    """
    first: dict[int, int] = {}
    for entry in entries:
        row = execute(
            tx,
            "SELECT arrival, wire FROM entry WHERE incarnation=? AND audience=? AND lane=? "
            "AND seq=? AND via=0 ORDER BY arrival DESC LIMIT 1",
            (entry.incarnation, entry.audience, entry.lane.value, entry.seq),
        ).fetchone()
        if row is not None and codec.hash_of(bytes(row[1])) != entry.hash:
            known = first.get(entry.incarnation, row[0])
            first[entry.incarnation] = min(known, row[0])
    found: list[int] = []
    keeping: set[int] = set()
    for incarnation, arrival in first.items():
        rows = execute(
            tx,
            "SELECT arrival, EXISTS (SELECT 1 FROM entry u WHERE u.via=0 AND u.hlc=e.hlc "
            "AND u.lane=e.lane AND u.incarnation=e.incarnation AND u.audience LIKE 'up:%') "
            "FROM entry e WHERE via=0 AND arrival>=? AND incarnation=? "
            "AND audience LIKE 'down:%'",
            (arrival, incarnation),
        ).fetchall()
        found += [r[0] for r in rows]
        keeping |= {r[0] for r in rows if r[1]}
    return own_entries_at(tx, found, keeping)


def rotate_incarnation(
    tx: Connection, unit: int, level: int, incarnation: int, signer: Signer
) -> None:
    """Let a store write under another incarnation; the former ones write no more.

    It keeps the token of its parent, which shows whether its log is the one that was here last.
    """
    log.register_incarnations(tx, [(incarnation, unit, level)])
    signatures.own_key(tx, incarnation, signer)
    log.retire_others(tx, unit, incarnation)
    meta.put(tx, meta.INCARNATION, incarnation)
    peers.forget_issued_tokens(tx)


def own_entries_at(
    tx: Connection, arrivals: Iterable[int], keeping: Set[int] = frozenset()
) -> list[OwnLogEntry]:
    return [
        OwnLogEntry(at, codec.entry_from_wire(log.wire_at(tx, at)), at in keeping)
        for at in sorted(arrivals)
    ]


def reissue(replica: Replica, tx: Connection, own_entries: list[OwnLogEntry]) -> Reissued:
    """Append own entries again under the present incarnation, at the end of the log.

    The caller holds the log's lock, and the replica has switched to another incarnation.
    """
    done = Reissued()
    if not own_entries:
        return done
    me = replica.identity
    bodies = [codec.unpack(own_entry.entry.payload) for own_entry in own_entries]
    names: dict[str, dict[Version, Version]] = defaultdict(dict)  # by register
    touched: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for own_entry, blocks in zip(own_entries, bodies, strict=True):
        if own_entry.keeps_version or own_entry.entry.original_incarnation:
            continue  # it is known by its version
        for block in blocks:
            names[block.register][own_entry.entry.version] = version_of(
                own_entry.entry.hlc, me.incarnation
            )
            touched[block.register, block.unit].update(block.ids)
    merger = replica.merger
    merger.begin(tx)
    for (register, unit), ids in touched.items():
        if register in replica.tables:
            done.effects += _replace_versions(
                tx, merger, replica.tables[register], unit, sorted(ids), names[register]
            )
    merger.flush(tx)
    _remove_entries(tx, own_entries)
    for blocks in bodies:
        for block in blocks:
            _rebase(block, names[block.register])
    to_append = [
        reissued(w.entry, blocks, w.entry.audience, keeps_version=w.keeps_version)
        for w, blocks in zip(own_entries, bodies, strict=True)
    ]
    append_own(replica, tx, to_append, done.waiters)
    return done


def _replace_versions(
    tx: Connection, merger: Merger, table: RegisterTable, unit: int, ids: list[bytes], names: Names
) -> list[Effect]:
    """Replace versions in the copies of these records and in their conflicts."""
    schema = table.schema
    pairs: list[tuple[bytes, RecordState, RecordState]] = []
    for record, before in merger.states(tx, schema.name, unit, ids).items():
        now = with_versions_replaced(before, names)
        if now == before:
            continue
        after = canonical(now, schema.by_name)
        conflicts.replace_versions(tx, schema.name, unit, record, names)
        execute(tx, table.save, table.row_of(unit, record, after))
        merger.rehash(schema.name, unit, record, before, after)
        if after != now:  # two had one stamp, and the incarnation decides between them
            conflicts.follow(
                tx, schema, unit, record, now, after,
                closed_by=after.causal_length_version, resolved={},
                now_ms=wall_ms_of(after.causal_length_version),
            )  # fmt: skip
            pairs.append((record, before, after))
    effect = merger.effect_of(table, unit, pairs)
    return [effect] if effect is not None else []


def _remove_entries(tx: Connection, own_entries: list[OwnLogEntry]) -> None:
    """Remove the entries from the log; their streams end before the first of them again."""
    execute_many(
        tx, "DELETE FROM entry WHERE arrival=?", [(own_entry.arrival,) for own_entry in own_entries]
    )
    first: dict[StreamKey, Entry] = {}
    for own_entry in own_entries:
        key = key_of(own_entry.entry)
        if key not in first or own_entry.entry.seq < first[key].seq:
            first[key] = own_entry.entry
    for key, entry in first.items():
        where = (key.incarnation, key.audience, key.lane.value)
        if entry.seq == 1:
            execute(tx, "DELETE FROM stream WHERE incarnation=? AND audience=? AND lane=?", where)
            continue
        stamp = execute(
            tx,
            "SELECT max(hlc) FROM entry WHERE incarnation=? AND audience=? AND lane=?",
            where,
        ).fetchone()[0]
        execute(
            tx,
            "UPDATE stream SET seq=?, hash=?, hlc=?, signed_seq=?, signature=(SELECT e.signature "
            "FROM entry e WHERE e.incarnation=? AND e.audience=? AND e.lane=? AND e.seq=? LIMIT 1) "
            "WHERE incarnation=? AND audience=? AND lane=?",
            (entry.seq - 1, entry.prev_hash, stamp or 0, entry.seq - 1, *where, entry.seq - 1,
             *where),
        )  # fmt: skip


def _rebase(block: Block, names: Names) -> None:
    """Replace the base versions of a block by their new ones."""
    block.bases = [[names.get(v, v) for v in column] for column in block.bases]
    block.lives = tuple(names.get(v, v) for v in block.lives)
    block.resolved = {
        key: tuple(names.get(v, v) for v in versions) for key, versions in block.resolved.items()
    }
