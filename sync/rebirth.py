"""Rebirth: own words that nobody above holds, said anew under another incarnation.

A restored store went on numbering where its backup ended: its next words bear numbers that its
lost words bear elsewhere. Nothing is numbered twice (INV-24), so these words get new numbers and,
with them, new versions: same clock stamp, new incarnation, in every record, conflict, digest and
later word that stood on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from sqlalchemy import Connection

from sync import codec, conflicts, facts, log, vouches
from sync.apply import Applier
from sync.change import Block, Entry, StreamHead
from sync.effects import Effect
from sync.merge import RecordState, arranged, renamed
from sync.merging import Merger
from sync.outcome import Wake
from sync.registers import RegisterTable
from sync.schema import Lane
from sync.signing import Signer
from sync.speaking import Saying, speak
from sync.statements import run, run_many
from sync.streams import StreamKey, key_of
from sync.version import Version, version_of, wall_ms_of

Names = Mapping[Version, Version]


@dataclass(frozen=True, slots=True)
class Word:
    """One own entry, and where it stands in the log."""

    arrival: int
    entry: Entry
    stands: bool = False  # said by another way as well, which is known above: it keeps its name

    @property
    def said_under(self) -> int:
        """The incarnation whose version it keeps; 0: it gets one of the present."""
        entry = self.entry
        return entry.said_under or (entry.incarnation if self.stands else 0)


@dataclass(slots=True)
class Reborn:
    """What was said anew."""

    words: int = 0
    effects: list[Effect] = field(default_factory=list)  # where a tie was decided otherwise
    wake: Wake = field(default_factory=Wake)


def words_beyond(
    tx: Connection, common: Mapping[StreamKey, StreamHead], unit: int, incarnation: int
) -> list[Word]:
    """Return the own words that the parent lacks and that `incarnation` did not write.

    With them the words that went only down since the first of these: whoever heard others under
    their numbers must not meet two.
    """
    rows = run(
        tx,
        "SELECT e.arrival, e.incarnation, e.audience, e.lane, e.seq, e.hlc FROM entry e "
        "JOIN incarnation i ON i.id = e.incarnation "
        "WHERE e.via=0 AND i.unit=? AND e.incarnation<>? ORDER BY e.arrival",
        (unit, incarnation),
    ).fetchall()
    chosen: list[int] = []
    held: set[tuple[int, int]] = set()  # (stamp, lane) of words that the parent holds
    for arrival, writer, audience, lane, seq, hlc in rows:
        if audience.startswith("up:"):
            if seq > common.get(StreamKey(writer, audience, Lane(lane)), StreamHead()).seq:
                chosen.append(arrival)
            else:
                held.add((hlc, lane))
    if not chosen:
        return []
    cut: set[tuple[int, str, int]] = set()  # downward streams that are cut off by now
    stamps = {hlc for arrival, *_, hlc in rows if arrival in set(chosen)}
    for arrival, writer, audience, lane, _, hlc in rows:
        if audience.startswith("up:"):
            continue
        stream = (writer, audience, lane)
        since = arrival > chosen[0] or hlc in stamps
        if stream in cut or (since and (hlc, lane) not in held):
            cut.add(stream)
            chosen.append(arrival)
    standing = {arrival for arrival, *_, lane, _, hlc in rows if (hlc, lane) in held}
    return words_at(tx, chosen, standing)


def words_against(tx: Connection, entries: Iterable[Entry]) -> list[Word]:
    """Return the own downward words that stand where others, come back, bear their numbers.

    With them all later ones of that incarnation: they were written in the same second life.
    """
    first: dict[int, int] = {}
    for entry in entries:
        row = run(
            tx,
            "SELECT arrival, wire FROM entry WHERE incarnation=? AND audience=? AND lane=? "
            "AND seq=? AND via=0 ORDER BY arrival DESC LIMIT 1",
            (entry.incarnation, entry.audience, entry.lane.value, entry.seq),
        ).fetchone()
        if row is not None and codec.hash_of(bytes(row[1])) != entry.hash:
            known = first.get(entry.incarnation, row[0])
            first[entry.incarnation] = min(known, row[0])
    found: list[int] = []
    standing: set[int] = set()
    for incarnation, arrival in first.items():
        rows = run(
            tx,
            "SELECT arrival, EXISTS (SELECT 1 FROM entry u WHERE u.via=0 AND u.hlc=e.hlc "
            "AND u.lane=e.lane AND u.incarnation=e.incarnation AND u.audience LIKE 'up:%') "
            "FROM entry e WHERE via=0 AND arrival>=? AND incarnation=? "
            "AND audience LIKE 'down:%'",
            (arrival, incarnation),
        ).fetchall()
        found += [r[0] for r in rows]
        standing |= {r[0] for r in rows if r[1]}
    return words_at(tx, found, standing)


def renew(tx: Connection, unit: int, level: int, incarnation: int, signer: Signer | None) -> None:
    """Let a store write under another incarnation; the former ones write no more."""
    log.learn_incarnation(tx, [(incarnation, unit, level)])
    vouches.own_key(tx, incarnation, signer)
    run(tx, "UPDATE incarnation SET retired=1 WHERE unit=? AND id<>?", (unit, incarnation))
    facts.put(tx, facts.INCARNATION, str(incarnation))
    # What was agreed with the links was agreed by a store that is no more.
    run(tx, "DELETE FROM meta WHERE key LIKE 'token:%'")


def words_at(
    tx: Connection, arrivals: Iterable[int], standing: Set[int] = frozenset()
) -> list[Word]:
    found = []
    for arrival in sorted(arrivals):
        row = run(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
        found.append(Word(arrival, codec.entry_from_wire(bytes(row[0])), arrival in standing))
    return found


def say_anew(applier: Applier, tx: Connection, words: list[Word]) -> Reborn:
    """Say own words again as the applier's present incarnation, at the end of the log.

    The caller holds the log's lock and has made the applier `become` another incarnation.
    """
    reborn = Reborn(words=len(words))
    if not words:
        return reborn
    me = applier.identity
    bodies = [codec.unpack(word.entry.payload) for word in words]
    names: dict[str, dict[Version, Version]] = defaultdict(dict)  # by register
    touched: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for word, blocks in zip(words, bodies, strict=True):
        if word.said_under:
            continue  # it is known by its name, and keeps it
        for block in blocks:
            names[block.register][word.entry.version] = version_of(word.entry.hlc, me.incarnation)
            touched[block.register, block.unit].update(block.ids)
    merger = applier.merger
    merger.begin(tx)
    for (register, unit), ids in touched.items():
        if register in applier.tables:
            reborn.effects += _rename(
                tx, merger, applier.tables[register], unit, sorted(ids), names[register]
            )
    merger.flush(tx)
    _cut_back(tx, words)
    for blocks in bodies:
        for block in blocks:
            _restand(block, names[block.register])
    said = [
        Saying(w.entry.audience, w.entry.lane, blocks, w.entry.hlc, w.said_under)
        for w, blocks in zip(words, bodies, strict=True)
    ]
    speak(applier, tx, said, reborn.wake)
    return reborn


def _rename(
    tx: Connection, merger: Merger, table: RegisterTable, unit: int, ids: list[bytes], names: Names
) -> list[Effect]:
    """Rename versions in the copies of these records and in their conflicts."""
    schema = table.schema
    pairs: list[tuple[bytes, RecordState, RecordState]] = []
    for record, before in merger.states(tx, schema.name, unit, ids).items():
        now = renamed(before, names)
        if now == before:
            continue
        after = arranged(now, schema.by_name)
        conflicts.rename(tx, schema.name, unit, record, names)
        run(tx, table.save, table.row_of(unit, record, after))
        merger.reprint(schema.name, unit, record, before, after)
        if after != now:  # two had one stamp, and the incarnation decides between them
            conflicts.follow(
                tx, schema, unit, record, now, after,
                closed_by=after.life_version, settled={}, now_ms=wall_ms_of(after.life_version),
            )  # fmt: skip
            pairs.append((record, before, after))
    effect = merger.effect_of(table, unit, pairs)
    return [effect] if effect is not None else []


def _cut_back(tx: Connection, words: list[Word]) -> None:
    """Take the words out of the log; their streams end before the first of them again."""
    run_many(tx, "DELETE FROM entry WHERE arrival=?", [(word.arrival,) for word in words])
    first: dict[StreamKey, Entry] = {}
    for word in words:
        key = key_of(word.entry)
        if key not in first or word.entry.seq < first[key].seq:
            first[key] = word.entry
    for key, entry in first.items():
        where = (key.incarnation, key.audience, key.lane.value)
        if entry.seq == 1:
            run(tx, "DELETE FROM stream WHERE incarnation=? AND audience=? AND lane=?", where)
            continue
        stamp = run(
            tx,
            "SELECT max(hlc) FROM entry WHERE incarnation=? AND audience=? AND lane=?",
            where,
        ).fetchone()[0]
        run(
            tx,
            "UPDATE stream SET seq=?, hash=?, hlc=? WHERE incarnation=? AND audience=? AND lane=?",
            (entry.seq - 1, entry.prev_hash, stamp or 0, *where),
        )


def _restand(block: Block, names: Names) -> None:
    """Let a block stand on the new names of what it stood on."""
    block.bases = [[names.get(v, v) for v in column] for column in block.bases]
    block.settled = {
        key: tuple(names.get(v, v) for v in versions) for key, versions in block.settled.items()
    }
