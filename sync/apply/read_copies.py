"""Read copies: records read from the store, and which of their changes are quarantined."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from sync.apply.blocks import Merger
from sync.codec import block as block_codec
from sync.codec import entry as codec
from sync.log import entries as log
from sync.merge.copies import Chunk, QuarantinedVersions, Rows, versions_in
from sync.model.access import Identity
from sync.model.change import ID_BYTES
from sync.model.schema import Lane
from sync.model.version import Version, incarnation_of
from sync.store import quarantined_copies
from sync.store.registers import RegisterTable
from sync.store.sql import execute


def read_rows(
    tx: Connection, merger: Merger, table: RegisterTable, unit: int, ids: Sequence[bytes]
) -> Rows:
    """Return our copies of those records that exist."""
    name = table.schema.name
    states = merger.states(tx, name, unit, ids)
    return Rows(name, unit, states, quarantined_versions(tx, name, unit, list(states)))


def ids_after(
    tx: Connection, table: RegisterTable, unit: int, after: bytes, count: int
) -> list[bytes]:
    """Return the next ids of a unit's records in key order; fewer than `count` end the unit."""
    rows = execute(
        tx,
        f"SELECT id FROM {table.table.name} WHERE unit=? AND id>? ORDER BY id LIMIT ?",
        (unit, after, count),
    )
    return [bytes(row[0]) for row in rows.fetchall()]


def read_version_vector(tx: Connection) -> dict[Lane, dict[int, int]]:
    """Return lane -> incarnation -> the newest stamp that this store has received."""
    version_vector: dict[Lane, dict[int, int]] = {lane: {} for lane in Lane}
    for incarnation, lane, hlc in execute(
        tx, "SELECT incarnation, lane, max(hlc) FROM stream GROUP BY incarnation, lane"
    ):
        version_vector[Lane(lane)][incarnation] = hlc
    return version_vector


def quarantined_versions(
    tx: Connection, register: str, unit: int, ids: Sequence[bytes]
) -> QuarantinedVersions:
    """Return record -> versions of its edits and copies that were received and are quarantined.

    One that a person closed counts: it was never joined here.
    """
    found: dict[bytes, set[Version]] = {}
    wanted = set(ids)
    for records, wire in execute(
        tx,
        "SELECT h.record, e.wire FROM quarantine h JOIN entry e ON e.arrival = h.arrival "
        "WHERE h.state IN ('open','closed') AND h.register=? AND h.unit=?",
        (register, unit),
    ):
        version = codec.entry_from_wire(bytes(wire)).version
        for record in block_codec.split(bytes(records), ID_BYTES):
            if record in wanted:
                found.setdefault(record, set()).add(version)
    for record, versions in quarantined_copies.versions(tx, register, unit, wanted).items():
        found.setdefault(record, set()).update(versions)
    return {record: frozenset(versions) for record, versions in found.items()}


def chunk_of(
    tx: Connection, rows: Sequence[Rows], *, me: Identity, concerns: Callable[[int], bool]
) -> Chunk:
    """Return rows read in this transaction with what is needed to understand them.

    `concerns`: whether the receiver may know what this unit's office wrote (INV-30).
    """
    writers = {**log.writers(tx), me.incarnation: (me.unit, me.level)}
    named = {
        incarnation_of(v)
        for part in rows
        for record, state in part.states.items()
        for v in versions_in(state) | part.quarantined.get(record, frozenset())
    }
    version_vector = {
        lane: {i: hlc for i, hlc in stamps.items() if i in writers and concerns(writers[i][0])}
        for lane, stamps in read_version_vector(tx).items()
    }
    named.update(*version_vector.values())
    return Chunk(
        rows=rows,
        version_vector=version_vector,
        writers={i: writer for i, writer in writers.items() if i in named},
    )
