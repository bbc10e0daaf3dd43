"""Compose local edits into blocks, each based on what the store has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.model.access import Routes, denial_reason
from sync.model.change import Block, Edit, Operation, RecordKey, Value
from sync.model.errors import ErrorKind, RecordMissing, SilianError
from sync.model.schema import AUTO_RESOLVED
from sync.model.version import Version
from sync.store import conflicts
from sync.store.registers import RegisterTable, RegisterTables


class NotWritable(SilianError):
    """This office's level does not own a field of the edit; ask the owner for a correction."""

    code = "not_owner"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: str, reason: str) -> None:
        super().__init__(
            f"{register}: this office may not write this ({reason})",
            f"{register}：本级单位无权填写此内容（{reason}）",
            remedy_en="Ask the owning office to change it.",
            remedy_zh="请联系负责单位修改。",
        )


class Composer:
    """Turns edits into blocks: by register, unit, operation, fields, causal length, audiences."""

    def __init__(self, tables: RegisterTables) -> None:
        self._tables = tables

    def permit(self, block: Block, unit: int, level: int, routes: Routes) -> None:
        """Raises: NotWritable, with the reason that a receiver would give."""
        schema = self._tables.schema.registers[block.register]
        reason = denial_reason(block, schema, writer=unit, level=level, routes=routes)
        if reason is not None:
            raise NotWritable(block.register, reason)

    def blocks(
        self, tx: Connection, edits: Sequence[Edit]
    ) -> Iterator[tuple[Block, tuple[str, ...]]]:
        """Yield the blocks of one transaction with the audiences each goes to.

        Raises: RecordMissing.
        """
        groups: dict[tuple[object, ...], list[Edit]] = {}
        shape: tuple[object, ...] = ()
        for edit in _coalesced(edits):
            key = edit.key
            its = (key.register, key.unit, edit.operation, tuple(edit.values), edit.audiences)
            if its != shape:  # edits of one shape come together; comparing is cheaper than hashing
                shape = its
                members = groups.setdefault(shape, [])
            members.append(edit)
        for (_, _, operation, _, _), members in groups.items():
            if operation is Operation.CREATE:
                yield self._created(members), members[0].audiences
            else:
                for block in self._existing(tx, members):
                    yield block, members[0].audiences

    def _created(self, members: list[Edit]) -> Block:
        first = members[0]
        schema = self._tables.schema.registers[first.key.register]
        names = schema.names  # always all, so that hashes agree wherever the record arrives
        columns = _all_columns([m.values for m in members], names)
        ids = [m.key.id for m in members]
        return Block(first.key.register, first.key.unit, Operation.CREATE, ids, names, columns)

    def _existing(self, tx: Connection, members: list[Edit]) -> Iterator[Block]:
        first = members[0]
        table = self._tables[first.key.register]
        names = table.schema.names if first.operation is Operation.DELETE else tuple(first.values)
        ids = [m.key.id for m in members]
        current = _versions(tx, table, first.key.unit, ids, names)
        covered = self._covered(tx, table, first.key.unit, ids, first.operation)
        if missing := [m.key for m in members if m.key.id not in current]:
            raise RecordMissing(missing[0])
        found = [current[record_id] for record_id in ids]
        for causal_length in dict.fromkeys(row[1] for row in found):
            edits = [m for m, row in zip(members, found, strict=True) if row[1] == causal_length]
            rows = [row for row in found if row[1] == causal_length]
            if first.operation is Operation.DELETE and causal_length % 2 == 0:
                causal_length -= (
                    1  # an ended record is ended again: its end is confirmed, not undone
                )
            _, _, *columns = zip(*rows, strict=True)  # of id, causal length, each field's version
            bases: list[Sequence[Version]] = [*columns]
            if any(e.base for e in edits):
                bases = [
                    [
                        e.base.get(n, current_version)
                        for e, current_version in zip(edits, column, strict=True)
                    ]
                    for n, column in zip(names, bases, strict=True)
                ]
            block = Block(
                first.key.register,
                first.key.unit,
                first.operation,
                [e.key.id for e in edits],
                names,
                [] if first.operation is Operation.DELETE else _columns(edits, names),
                bases,
                causal_length,
            )
            if first.operation is Operation.DELETE or causal_length % 2 == 0:
                block.lives = _lives(tx, table, first.key.unit, block.ids)
            if covered or any(e.resolves for e in edits):
                self._add_resolved(block, edits, covered)
            yield block

    @staticmethod
    def _add_resolved(
        block: Block, edits: Sequence[Edit], covered: Mapping[bytes, Mapping[str, _Covered]]
    ) -> None:
        """Add the losers that the edits resolve: those they name, and those their writer saw."""
        names = block.fields
        for k, edit in enumerate(edits):
            for name, versions in edit.resolves.items():
                block.resolved[k, name] = tuple(versions)
            for name, heads in covered.get(edit.key.id, {}).items():
                # A screen older than the store did not show them: then they stay heads.
                if name in names and block.bases[names.index(name)][k] == heads.shown:
                    known = block.resolved.get((k, name), ())
                    block.resolved[k, name] = tuple(dict.fromkeys((*known, *heads.losers)))

    def _covered(
        self, tx: Connection, table: RegisterTable, unit: int, ids: Sequence[bytes],
        operation: Operation,
    ) -> dict[bytes, dict[str, _Covered]]:  # fmt: skip
        """Return record -> field -> the losers that its shown value covers.

        They are part of the value on the writer's screen (a union, a maximum) or equal to it: who
        changes that value has seen them all. Who re-creates a record bases that on its end: what
        the writer of the end had seen comes back neither as the shown value nor as a loser.
        """
        schema = table.schema
        losers = conflicts.losers(tx, schema.name, unit, ids)
        if not losers:
            return {}
        covered: dict[bytes, dict[str, _Covered]] = {}
        # Levels matter to a merge only; here the shown heads are read as stored.
        for record_id, state in table.states(tx, unit, list(losers), {}, losers).items():
            begins = operation is Operation.UPDATE and not state.alive
            for name, heads in state.fields.items():
                silent = schema.by_name[name].policy in AUTO_RESOLVED
                versions = tuple(
                    h.version for h in heads.losers
                    if silent or h.value == heads.shown.value
                    or (begins and (name, h.version) not in state.survived_delete)
                )  # fmt: skip
                if versions:
                    fields = covered.setdefault(record_id, {})
                    fields[name] = _Covered(heads.shown.version, versions)
        return covered


class _Covered(NamedTuple):
    shown: Version
    losers: tuple[Version, ...]


def _coalesced(edits: Iterable[Edit]) -> list[Edit]:
    """Join edits of one record in one transaction: they have one version."""
    edits = list(edits)
    if len({edit.key for edit in edits}) == len(edits):
        return edits
    joined: dict[RecordKey, Edit] = {}
    for edit in edits:
        earlier = joined.setdefault(edit.key, edit)
        if earlier is edit:
            continue
        operation = edit.operation
        if earlier.operation is Operation.CREATE and operation is Operation.UPDATE:
            operation = Operation.CREATE
        joined[edit.key] = Edit(
            key=edit.key,
            operation=operation,
            values={**earlier.values, **edit.values},
            audiences=tuple(dict.fromkeys((*earlier.audiences, *edit.audiences))),
            base={**edit.base, **earlier.base},
            resolves={**earlier.resolves, **edit.resolves},
        )
    return list(joined.values())


def _all_columns(
    rows: Sequence[Mapping[str, Value]], names: Sequence[str]
) -> list[Sequence[Value]]:
    """Return each field's values; a field that a row lacks is null there."""
    if len(names) < 2:
        return [[row.get(n) for row in rows] for n in names]
    try:
        return list(zip(*map(itemgetter(*names), rows), strict=True))
    except KeyError:
        return [[row.get(n) for row in rows] for n in names]


def _columns(edits: list[Edit], names: Sequence[str]) -> list[Sequence[Value]]:
    return [[e.values[n] for e in edits] for n in names]


def _lives(tx: Connection, table: RegisterTable, unit: int, ids: Sequence[bytes]) -> list[Version]:
    """Return the version that began the present life, or the end, of each of these records."""
    rows = table.rows(tx, unit, ids, ["id", "coalesce(causal_length_version,created)"])
    found = {bytes(row[0]): bytes(row[1]) for row in rows}
    return [found[record] for record in ids]


def _versions(
    tx: Connection, table: RegisterTable, unit: int, ids: Sequence[bytes], names: Sequence[str]
) -> dict[bytes, Sequence[Any]]:
    """Return id -> (id, causal length, version of each field ...) of those records that exist."""
    columns = ["id", "causal_length", *(f"coalesce(v_{n},created)" for n in names)]
    return {row[0]: row for row in table.rows(tx, unit, ids, columns)}
