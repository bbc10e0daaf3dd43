"""Restating: own words that came back by one of their two ways are said again by the other.

What an office says both up and down is two entries with one stamp. A store that lost both gets
one back from its parent and the other from a child, unless one of the two had not heard it yet:
then nobody that way ever would. Such words are said again under the present incarnation, with the
version that they have wherever they were heard (`Entry.said_under`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync import audience, codec, facts
from sync.change import Block, Entry
from sync.effects import Effect
from sync.limits import BATCH_BYTES_MAX, PORTION_CHANGES_MAX, SQL_KEYS_MAX
from sync.merge import Heads, RecordState, arranged
from sync.narrowing import RecordName
from sync.registers import RegisterTables
from sync.speaking import Saying, speak
from sync.statements import run
from sync.testimony import testify
from sync.version import Version
from sync.wire_errors import Malformed

if TYPE_CHECKING:
    from sync.apply import Applier
    from sync.merging import Merger
    from sync.outcome import Wake

PAGE_ENTRIES = 20_000  # of which only their places are read at once
Ways = Callable[[Connection, Block], tuple[str, ...]]


@dataclass(slots=True)
class Said:
    """One transaction of an office in one lane: by which ways its log says that it was said."""

    sample: Entry
    blocks: list[Block] = field(default_factory=list)
    by_way: dict[str, list[Block]] = field(default_factory=lambda: defaultdict(list))
    cut: frozenset[str] = frozenset()  # ways whose words of that time are not in the log any more


def own_words(tx: Connection, entry: Entry) -> None:
    """Raises: Malformed, for words said before under an incarnation that is another unit's."""
    if not entry.said_under:
        return
    row = run(tx, "SELECT unit FROM incarnation WHERE id=?", (entry.said_under,)).fetchone()
    if row is not None and row[0] != entry.unit:
        raise Malformed("words that another unit said before")


# -- the writer ---------------------------------------------------------------------------------


def is_due(tx: Connection, child: int, incarnation: int) -> bool:
    """Say whether what a child lacks was not yet looked for in this incarnation."""
    return facts.get(tx, f"{facts.WAYS}{child}") != str(incarnation)


def note_done(tx: Connection, child: int, incarnation: int) -> None:
    """Note that what a child lacked was said again in this incarnation."""
    facts.put(tx, f"{facts.WAYS}{child}", str(incarnation))


def say_again(applier: Applier, tx: Connection, child: int, ways: Ways, wake: Wake) -> int:
    """Say again what came back by another way only; return how many entries that took.

    That goes up, down to this child, and to those that were done before: this one may have given
    back what nobody had then. The caller holds the log's lock, and the child has given back all
    that it heard.
    """
    me = applier.identity
    count = waiting = 0
    lacking: list[Saying] = []
    for said in said_before(tx, me.unit, me.incarnation):
        wanted: dict[str, list[Block]] = defaultdict(list)
        for block in said.blocks:
            for way in ways(tx, block):
                lacks = block not in said.by_way.get(way, ()) and way not in said.cut
                if lacks and _leads(applier, tx, way, child):
                    wanted[way].append(block)
                    waiting += len(block.ids)
        first = said.sample
        under = first.said_under or first.incarnation
        lacking += (
            Saying(way, first.lane, blocks, first.hlc, under)
            for way, blocks in sorted(wanted.items())
        )
        if waiting >= PORTION_CHANGES_MAX:
            speak(applier, tx, lacking, wake)
            count += len(lacking)
            lacking, waiting = [], 0
    if lacking:
        speak(applier, tx, lacking, wake)
    return count + len(lacking)


def _leads(applier: Applier, tx: Connection, way: str, child: int) -> bool:
    """Say whether words that go this way are heard above, by this child or by one done before."""
    heard = audience.parse(way)
    if heard.up_to is not None:
        return heard.up_to < applier.identity.level
    hop = applier.routes.hop(heard.down_to) if heard.down_to is not None else None
    return hop is not None and (hop == child or not is_due(tx, hop, applier.identity.incarnation))


def said_before(tx: Connection, unit: int, incarnation: int) -> Iterator[Said]:
    """Go through what the log has of a unit's words under all incarnations but this one, in order.

    Read in portions: however long the log, little of it is held at once. The caller may append to
    the log meanwhile, but words only that it has been given already.
    """
    bases = run(tx, "SELECT incarnation, audience, lane, hlc FROM stream_base").fetchall()
    gone = {(row[0], row[1], row[2]): int(row[3]) for row in bases}
    for arrivals in _portions(tx, unit, incarnation):
        found: dict[tuple[Version, int], Said] = {}
        marks = ",".join("?" * len(arrivals))
        rows = run(
            tx,
            f"SELECT wire FROM entry WHERE arrival IN ({marks}) ORDER BY hlc, arrival",
            arrivals,
        )
        for (wire,) in rows.fetchall():
            entry = codec.entry_from_wire(bytes(wire))
            if entry.incarnation == incarnation and not entry.said_under:
                continue
            try:
                blocks = codec.unpack(entry.payload)
            except Malformed:
                continue  # held everywhere, whichever way it went
            cut = {
                way for (writer, way, lane), hlc in gone.items()
                if (writer, lane) == (entry.incarnation, entry.lane.value) and hlc >= entry.hlc
            }  # fmt: skip
            said = found.setdefault(
                (entry.version, entry.lane.value), Said(entry, cut=frozenset(cut))
            )
            said.by_way[entry.audience] += blocks
            said.blocks += (block for block in blocks if block not in said.blocks)
        yield from found.values()


def _portions(tx: Connection, unit: int, incarnation: int) -> Iterator[list[int]]:
    """Return where in the log own words stand, a bounded number of bytes at once.

    What has one stamp stays together: it is one transaction, said by several ways. Stamps under
    which only the present incarnation has spoken are passed over.
    """
    ids = run(tx, "SELECT id FROM incarnation WHERE unit=? AND id<>?", (unit, incarnation))
    former = {row[0] for row in ids.fetchall()}
    portion: list[int] = []
    size = after = 0
    while rows := _page(tx, after):
        after = rows[-1][0]
        for _, group in groupby(rows, key=lambda row: row[0]):
            some = list(group)
            if former.isdisjoint(row[2] for row in some):
                continue
            portion += (row[1] for row in some)
            size += sum(row[3] for row in some)
            if size >= BATCH_BYTES_MAX or len(portion) >= SQL_KEYS_MAX:
                yield portion
                portion, size = [], 0
    if portion:
        yield portion


def _page(tx: Connection, after: int) -> list[tuple[int, int, int, int]]:
    """Return (stamp, position, incarnation, bytes) of own words after a stamp, in order, and of
    the last of these stamps all."""
    columns = "hlc, arrival, incarnation, LENGTH(wire)"
    rows = run(
        tx,
        f"SELECT {columns} FROM entry WHERE via=0 AND hlc>? ORDER BY hlc, arrival LIMIT ?",
        (after, PAGE_ENTRIES),
    ).fetchall()
    if len(rows) < PAGE_ENTRIES:
        return rows  # type: ignore[no-any-return]
    last = rows[-1][0]
    whole = run(
        tx,
        f"SELECT {columns} FROM entry WHERE via=0 AND hlc=? ORDER BY arrival",
        (last,),
    ).fetchall()
    return [*(row for row in rows if row[0] != last), *whole]


# -- whoever hears it ---------------------------------------------------------------------------


def overtaken(
    tx: Connection, merger: Merger, tables: RegisterTables, block: Block, version: Version
) -> list[Effect]:
    """Take away again what restated words brought and an edit heard before had overwritten.

    Merge counts on hearing an edit before those that stand on it. These come late: whoever heard
    the later ones by the other way finds the earlier beside them.
    """
    if block.register not in tables:
        return []
    table = tables[block.register]
    states = merger.states(tx, block.register, block.unit, block.ids)
    named = {record: RecordName(block.register, block.unit, record) for record in states}
    others = {
        named[record]: {h.version for hs in state.fields.values() for h in hs.all} - {version}
        for record, state in states.items()
        if any(hs.losers and _has(hs, version) for hs in state.fields.values())
    }
    if not others:
        return []
    testimony = testify(tx, others)
    pairs: list[tuple[bytes, RecordState | None, RecordState]] = []
    for record, before in states.items():
        said = testimony.get(named[record], {})
        gone = {
            n for one in said.values() for n, versions in one.gone.items() if version in versions
        }
        late = {n: hs for n, hs in before.fields.items() if n in gone and _has(hs, version)}
        late = {n: hs for n, hs in late.items() if hs.losers}
        if not late:
            continue
        fields = dict(before.fields)
        for name, heads in late.items():
            stay = [head for head in heads.all if head.version != version]
            fields[name] = Heads(stay[0], tuple(stay[1:]))
        unseen = before.unseen - {(name, version) for name in late}
        after = arranged(replace(before, fields=fields, unseen=unseen), table.schema.by_name)
        closer = max(head.version for name in late for head in fields[name].all)
        if merger.put(tx, table, block.unit, record, before, after, closed_by=closer):
            pairs.append((record, before, after))
    effect = merger.effect_of(table, block.unit, pairs)
    return [effect] if effect is not None else []


def _has(heads: Heads, version: Version) -> bool:
    return any(head.version == version for head in heads.all)
