"""Conflicts in the store: the losing values of every record, apart from its row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection

from sync.merge.record import FieldConflict, Head, RecordState, conflicts_of
from sync.model.change import Value
from sync.model.schema import Policy, RegisterSchema
from sync.model.version import Version
from sync.store.sql import execute, execute_many, pieces

OPEN = "open"  # a person must look
AUTO_RESOLVED = "auto_resolved"  # kept for the merge only
RESOLVED = "resolved"  # an edit named the losing value
SUPERSEDED = "superseded"  # a later edit overwrote it without naming it

_SAVE = (
    "INSERT INTO conflict (id, register, unit, record, field, version, value, level, head, "
    "deleted, state, opened_ms, closed_by) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT (id) DO UPDATE SET head=excluded.head, deleted=excluded.deleted, "
    "state=excluded.state, closed_by=excluded.closed_by"
)
_CLOSE = "UPDATE conflict SET head=0, state=?, closed_by=? WHERE id=?"


def conflict_id(register: str, unit: int, record: bytes, field: str, version: Version) -> bytes:
    """Return a conflict's id: the same 16 bytes at every office."""
    name = f"{register}|{unit}|{field}|".encode()
    return blake2b(name + record + version, digest_size=16).digest()


def value_to_json(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def losers(
    tx: Connection, register: str, unit: int, ids: Sequence[bytes]
) -> dict[bytes, dict[str, tuple[Head, ...]]]:
    """Return record -> field -> heads stored apart from the row.

    These are the losing values and, if several heads are shown as one value, the shown head's own
    value. Nearly always there are none, and then this costs one query.
    """
    probe = "SELECT 1 FROM conflict WHERE register=? AND unit=? AND head=1 LIMIT 1"
    if execute(tx, probe, (register, unit)).fetchone() is None:
        return {}
    found: dict[bytes, dict[str, tuple[Head, ...]]] = {}
    for part in pieces(ids):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx,
            "SELECT record, field, version, value, level FROM conflict WHERE register=? "
            f"AND unit=? AND record IN ({marks}) AND head=1 ORDER BY version",
            (register, unit, *part),
        )
        for record, field, version, value, level in rows:
            head = Head(bytes(version), json.loads(value), level)
            fields = found.setdefault(bytes(record), {})
            fields[field] = (*fields.get(field, ()), head)
    return found


def replace_versions(
    tx: Connection, register: str, unit: int, record: bytes, names: Mapping[Version, Version]
) -> None:
    """Replace versions in one record's conflict rows, and so the rows' ids."""
    rows = execute(
        tx,
        "SELECT id, field, version, closed_by FROM conflict "
        "WHERE register=? AND unit=? AND record=?",
        (register, unit, record),
    ).fetchall()
    for old_id, field, version, closed_by in rows:
        loser = names.get(bytes(version), bytes(version))
        closer = None if closed_by is None else names.get(bytes(closed_by), bytes(closed_by))
        execute(
            tx,
            "UPDATE conflict SET id=?, version=?, closed_by=? WHERE id=?",
            (conflict_id(register, unit, record, field, loser), loser, closer, bytes(old_id)),
        )


def follow(
    tx: Connection,
    schema: RegisterSchema,
    unit: int,
    record: bytes,
    before: RecordState | None,
    after: RecordState,
    *,
    closed_by: Version,
    resolved: Mapping[str, Sequence[Version]],
    now_ms: int,
) -> None:
    """Update the conflict rows of one record to its merged copy."""
    old = _expected_rows(before, schema) if before is not None else {}
    new = _expected_rows(after, schema)
    saves: list[tuple[Any, ...]] = []
    for key, (conflict, head, state) in new.items():
        if old.get(key) == (conflict, head, state):
            continue
        field, version = key
        # A head may stay after its conflict: it was resolved when the record was ended.
        decided = (
            key in old and state == AUTO_RESOLVED and version in tuple(resolved.get(field, ()))
        )
        saves.append((
            conflict_id(schema.name, unit, record, field, version), schema.name, unit, record,
            field, version, value_to_json(conflict.loser.value), conflict.loser.level, head,
            int(conflict.deleted), RESOLVED if decided else state, now_ms,
            closed_by if decided else None,
        ))  # fmt: skip
    closes = [
        (
            RESOLVED if version in tuple(resolved.get(field, ())) else SUPERSEDED,
            closed_by,
            conflict_id(schema.name, unit, record, field, version),
        )
        for field, version in old.keys() - new.keys()
    ]
    if saves:
        execute_many(tx, _SAVE, saves)
    if closes:
        execute_many(tx, _CLOSE, closes)


def rewrite_values(
    tx: Connection, register: str, unit: int, record: bytes, state: RecordState
) -> None:
    """Bring the stored values of a record's heads in line with a copy of it."""
    for name, heads in state.fields.items():
        for head in heads.all if heads.losers else ():
            value = value_to_json(head.value)
            execute(
                tx,
                "UPDATE conflict SET value=? WHERE id=? AND value<>?",
                (value, conflict_id(register, unit, record, name, head.version), value),
            )


def _expected_rows(
    state: RecordState, schema: RegisterSchema
) -> dict[tuple[str, Version], tuple[FieldConflict, int, str]]:
    """Return (field, head's version) -> (conflict, 1 if stored apart, state) of expected rows."""
    expected: dict[tuple[str, Version], tuple[FieldConflict, int, str]] = {}
    for name, heads in state.fields.items():
        if heads.losers:
            combined = schema.by_name[name].policy is Policy.UNION
            for head in heads.all if combined else heads.losers:
                expected[name, head.version] = (
                    FieldConflict(name, head, deleted=False),
                    1,
                    AUTO_RESOLVED,
                )
    for key, conflict in conflicts_of(state, schema.by_name).items():
        expected[key] = (conflict, 1 if key in expected else 0, OPEN)
    return expected
