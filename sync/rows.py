"""Rows: records as they stand, read from the store with what makes them understood elsewhere.

What packs them is `sync.rows_codec`; what takes them in is `sync.copying`; what says how two copies
become one is `sync.heard`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync import codec, log
from sync.change import ID_BYTES
from sync.heard import Heard
from sync.merge import RecordState
from sync.merging import Merger
from sync.registers import RegisterTable
from sync.schema import Lane
from sync.statements import run
from sync.streams import StreamKey
from sync.version import Version, incarnation_of

if TYPE_CHECKING:
    from sync.apply import Identity

Held = Mapping[bytes, frozenset[Version]]
Writer = tuple[int, int]  # unit, level


@dataclass(frozen=True, slots=True)
class Rows:
    """Copies of records of one register and unit, and which of their edits a hole holds up."""

    register: str
    unit: int
    states: Mapping[bytes, RecordState]
    held: Held = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamTip:
    """The newest entry of a stream, and how far its origin vouches for it."""

    seq: int
    hash: bytes
    hlc: int
    signed_seq: int = 0
    signature: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Part of a snapshot; the last one has heads, cursors and how far our log was `taken`."""

    rows: Sequence[Rows]
    newest: Mapping[Lane, Mapping[int, int]]  # lane -> incarnation -> newest stamp heard there
    writers: Mapping[int, Writer]
    keys: Mapping[int, bytes] = field(default_factory=dict)  # incarnation -> what it signs with
    heads: Mapping[StreamKey, StreamTip] = field(default_factory=dict)
    cursors: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)  # incarnation, position
    taken: Mapping[Lane, tuple[int, int]] = field(default_factory=dict)

    def heard(self, lane: Lane, held: frozenset[Version]) -> Heard:
        return Heard(self.newest.get(lane, {})).but(held)


# -- the store -----------------------------------------------------------------------------------


def read_rows(
    tx: Connection, merger: Merger, table: RegisterTable, unit: int, ids: Sequence[bytes]
) -> Rows:
    """Return the copies held here of those records that exist."""
    name = table.schema.name
    states = merger.states(tx, name, unit, ids)
    return Rows(name, unit, states, held_up(tx, name, unit, list(states)))


def ids_after(
    tx: Connection, table: RegisterTable, unit: int, after: bytes, count: int
) -> list[bytes]:
    """Return the next ids of a unit's records in key order; fewer than `count` end the unit."""
    rows = run(
        tx,
        f"SELECT id FROM {table.table.name} WHERE unit=? AND id>? ORDER BY id LIMIT ?",
        (unit, after, count),
    )
    return [bytes(row[0]) for row in rows.fetchall()]


def newest_heard(tx: Connection) -> dict[Lane, dict[int, int]]:
    """Return lane -> incarnation -> the newest stamp that this store has heard."""
    newest: dict[Lane, dict[int, int]] = {lane: {} for lane in Lane}
    for incarnation, lane, hlc in run(
        tx, "SELECT incarnation, lane, max(hlc) FROM stream GROUP BY incarnation, lane"
    ):
        newest[Lane(lane)][incarnation] = hlc
    return newest


def held_up(tx: Connection, register: str, unit: int, ids: Sequence[bytes]) -> Held:
    """Return record -> versions of its edits that were heard and that a hole keeps out.

    What a person closed counts: it was never joined here.
    """
    found: dict[bytes, set[Version]] = {}
    wanted = set(ids)
    for records, wire in run(
        tx,
        "SELECT h.record, e.wire FROM hole h JOIN entry e ON e.arrival = h.arrival "
        "WHERE h.state IN ('open','closed') AND h.register=? AND h.unit=?",
        (register, unit),
    ):
        version = codec.entry_from_wire(bytes(wire)).version
        for record in codec.split(bytes(records), ID_BYTES):
            if record in wanted:
                found.setdefault(record, set()).add(version)
    return {record: frozenset(versions) for record, versions in found.items()}


def chunk_of(
    tx: Connection, rows: Sequence[Rows], *, me: Identity, concerns: Callable[[int], bool]
) -> Chunk:
    """Return rows read in this transaction with what makes them understood.

    `concerns`: whether the receiver may know of what this unit's office wrote (INV-30).
    """
    writers = {**log.writers(tx), me.incarnation: (me.unit, me.level)}
    named = {
        incarnation_of(v)
        for part in rows
        for record, state in part.states.items()
        for v in versions_in(state) | part.held.get(record, frozenset())
    }
    newest = {
        lane: {i: hlc for i, hlc in stamps.items() if i in writers and concerns(writers[i][0])}
        for lane, stamps in newest_heard(tx).items()
    }
    named.update(*newest.values())
    return Chunk(
        rows=rows,
        newest=newest,
        writers={i: writer for i, writer in writers.items() if i in named},
    )


def versions_in(state: RecordState) -> set[Version]:
    """Return every version that a copy names."""
    heads = {h.version for heads in state.fields.values() for h in heads.all}
    return heads | {state.born, state.life_version} | {v for _, v in state.unseen}
