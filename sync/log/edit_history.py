"""Edit history of one record: what the logs have of its edits, from today's values to its creation.

An edit names the versions it was based on: so a path leads from the present values, and from every
losing value, back to the first edit that the log still has. No index by record is needed. Where the
log was truncated, or records came as copies, the path ends, and what is missing is counted. One
edit is not found: an end that was repeated (to resolve a conflict) while another office, without
knowing of it, re-created the record: no edit is based on that end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.log import local_log
from sync.merge.record import RecordState
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Block, Operation, RecordKey, Value
from sync.model.errors import Malformed
from sync.model.version import Version, hlc_of
from sync.store.sql import execute, pieces

EDITS_MAX = 2_000  # of one record: older ones are counted as missing

Place = tuple[str, Version]  # a field, and the edit that gave it a value
Transactions = Iterator[tuple[Version, Attribution, list[Block]]]
Logs = Callable[[Connection, set[Version]], Transactions]


class Loser(NamedTuple):
    """A losing value, and the state of its conflict (`sync.store.conflicts`)."""

    value: Value
    state: str
    closed_by: Version | None  # the edit that resolved or overwrote it


Losers = Mapping[Place, Loser]


class FieldEdit(NamedTuple):
    """One field's part of an edit. `old_known`: False where the log lacks what it was based on."""

    field: str
    old: Value
    new: Value
    old_known: bool


@dataclass(frozen=True, slots=True)
class RecordEdit:
    """One transaction's part in a record's history.

    `operation`: None where no log has the edit, and only those of its values are known that are
    heads or losers now. `begins`: it re-created an ended record.
    """

    version: Version
    operation: Operation | None
    begins: bool
    by: Attribution
    fields: tuple[FieldEdit, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A record's edits, oldest first. `missing`: known edits that no log here has."""

    edits: tuple[RecordEdit, ...]
    missing: frozenset[Version]


@dataclass(slots=True)
class _Stated:
    """What the logs have of one edit of the record."""

    operation: Operation
    causal_length: int
    by: Attribution
    values: dict[str, Value] = field(default_factory=dict)
    bases: dict[str, Version] = field(default_factory=dict)
    based_on: set[Version] = field(default_factory=set)


def losers_of(tx: Connection, name: RecordKey) -> dict[Place, Loser]:
    """Return every value of a record that ever lost, resolved ones too."""
    rows = execute(
        tx,
        "SELECT field, version, value, state, closed_by FROM conflict "
        "WHERE register=? AND unit=? AND record=?",
        name,
    )
    return {
        (field, bytes(version)): Loser(json.loads(value), state, closer and bytes(closer))
        for field, version, value, state, closer in rows
    }


def history_of(tx: Connection, name: RecordKey, state: RecordState, losers: Losers) -> History:
    """Return a record's history; `losers` are those of `losers_of`."""
    lost = {place: loser.value for place, loser in losers.items()}
    deciders = {loser.closed_by for loser in losers.values() if loser.closed_by}
    present = {(n, h.version): h.value for n, heads in state.fields.items() for h in heads.all}
    kept: dict[Place, Value] = {**lost, **present}
    known = {version for _, version in kept} | {
        state.created,
        state.causal_length_version,
        *deciders,
    }
    stated = _walk(tx, name, known)
    referred = {version for one in stated.values() for version in one.based_on}
    missing = (known | referred) - stated.keys()
    edits = [_edit(version, one, stated, kept) for version, one in stated.items()]
    edits += (_unlogged_edit(version, kept) for version in known - stated.keys())
    return History(tuple(sorted(edits, key=lambda e: e.version)), frozenset(missing))


def edits_of(tx: Connection, name: RecordKey, versions: set[Version]) -> dict[Version, RecordEdit]:
    """Return what only these edits did to a record, as far as the logs have them."""
    stated: dict[Version, _Stated] = {}
    for version, by, blocks in _transactions(tx, versions):
        for block in blocks:
            if (block.register, block.unit) == (name.register, name.unit):
                _record_edits(stated, version, by, block, name.id)
    return {version: _edit(version, one, stated, {}) for version, one in stated.items()}


def erase_local(tx: Connection, name: RecordKey, state: RecordState) -> None:
    """Remove a record from the local log: its values must not be kept."""
    heads = {h.version for heads in state.fields.values() for h in heads.all}
    stated = _walk(tx, name, heads | {state.created, state.causal_length_version}, local_log.stated)
    local_log.erase(tx, set(stated), name.register, name.unit, name.id)


def _walk(
    tx: Connection, name: RecordKey, roots: set[Version], logs: Logs | None = None
) -> dict[Version, _Stated]:
    """Return the edits from these versions back, as far as the logs have them."""
    read = logs or _transactions
    stated: dict[Version, _Stated] = {}
    looked: set[Version] = set()
    wanted = set(roots)
    while wanted and len(looked) < EDITS_MAX:
        looked |= wanted
        for version, by, blocks in read(tx, wanted):
            for block in blocks:
                if (block.register, block.unit) == (name.register, name.unit):
                    _record_edits(stated, version, by, block, name.id)
        wanted = {v for one in stated.values() for v in one.based_on} - looked
    return stated


def _transactions(tx: Connection, versions: set[Version]) -> Transactions:
    """Yield what the logs have of these versions: an edit for two audiences comes twice."""
    stamps = sorted({hlc for version in versions if (hlc := hlc_of(version)) < 1 << 63})
    for part in pieces(stamps):
        marks = ",".join("?" * len(part))
        rows = execute(tx, f"SELECT wire FROM entry WHERE hlc IN ({marks})", tuple(part))
        for (wire,) in rows.fetchall():
            entry = codec.entry_from_wire(bytes(wire))
            if entry.version not in versions:
                continue
            try:
                blocks = codec.unpack(entry.payload)
            except Malformed:
                continue  # quarantined since it came: it never became part of a record
            yield entry.version, entry.by, blocks
    yield from local_log.stated(tx, versions)


def _record_edits(
    stated: dict[Version, _Stated], version: Version, by: Attribution, block: Block, record: bytes
) -> None:
    """Record what a block did to the record, if it did anything."""
    if record not in block.ids:
        return
    k = block.ids.index(record)
    one = stated.setdefault(version, _Stated(block.operation, block.causal_length, by))
    if one.by == UNKNOWN:
        one.by = by
    if block.operation is not Operation.DELETE:
        columns = zip(block.fields, block.columns, strict=True)
        one.values.update((name, column[k]) for name, column in columns)
    bases = {n: column[k] for n, column in zip(block.fields, block.bases, strict=False)}
    one.bases.update((n, base) for n, base in bases.items() if base != version)
    resolved = {v for (at, _), versions in block.resolved.items() if at == k for v in versions}
    lives = {block.lives[k]} if block.lives else set()
    one.based_on |= ({*bases.values(), *resolved, *lives}) - {version}


def _edit(
    version: Version, one: _Stated, stated: Mapping[Version, _Stated], kept: Mapping[Place, Value]
) -> RecordEdit:
    fields = []
    for name, new in one.values.items():
        old, old_known = _before(name, one, stated, kept)
        fields.append(FieldEdit(name, old, new, old_known))
    begins = one.operation is Operation.UPDATE and one.causal_length % 2 == 0
    return RecordEdit(version, one.operation, begins, one.by, tuple(fields))


def _before(
    name: str, one: _Stated, stated: Mapping[Version, _Stated], kept: Mapping[Place, Value]
) -> tuple[Value, bool]:
    """Return the value that an edit was based on, and whether it is known."""
    if one.operation is Operation.CREATE:
        return None, True
    base = one.bases.get(name)
    if base is None:
        return None, False
    if (name, base) in kept:
        return kept[name, base], True
    before = stated.get(base)
    if before is None:
        return None, False
    if name in before.values:
        return before.values[name], True
    # A new record has all the fields that its writer's program knew: others had no value.
    return None, before.operation is Operation.CREATE


def _unlogged_edit(version: Version, kept: Mapping[Place, Value]) -> RecordEdit:
    """Return what is known of an edit that no log has."""
    fields = (
        FieldEdit(name, None, value, old_known=False)
        for (name, wrote), value in kept.items()
        if wrote == version
    )
    return RecordEdit(version, None, begins=False, by=UNKNOWN, fields=tuple(fields))
