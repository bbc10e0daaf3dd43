"""Redact ended records: remove their values, keep their versions. The caller owns the transaction.

A redacted record keeps id, creation, causal length, the version of its end, and the version of
every field. Merge, digests and copies need nothing else. So a late edit merges as if the values
were there: it restores no record, and no comparison brings the values back. Two kinds of value
stay: those by which merge ranks heads (`max`, `min`), and those that the record's own office could
not write again when it re-creates the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection

from sync.compare import repair_log
from sync.log import edit_history
from sync.log import entries as log
from sync.model.change import RecordKey
from sync.model.schema import Lane, Policy, RegisterSchema
from sync.model.version import COUNTER_BITS, Version, hlc_of, version_of
from sync.store import conflicts
from sync.store.quarantine import quarantined_records
from sync.store.registers import RegisterTable
from sync.store.sql import execute, execute_many, pieces

LANE = Lane.BULK  # work and money are a journal: nothing is removed from it
PORTION_RECORDS = 500  # redacted in one transaction, so that others need not wait long
_RANKED = frozenset({Policy.MAX, Policy.MIN})  # the shown head depends on the values


class KeepReason(StrEnum):
    """Why an ended record keeps its values."""

    YOUNG = "young"  # it has not ended long enough ago
    CONTESTED = "contested"  # a value survived its end: a person must decide
    NEEDED = "needed"  # its end is not durable above, or a child with a lease has not received it
    QUARANTINED = "quarantined"  # it has a quarantined change
    ASKED = "asked"  # it has an open correction request


class Ended(NamedTuple):
    """An ended record that has values, and the version of its end."""

    unit: int
    id: bytes
    end: Version


def removable(schema: RegisterSchema, level: int) -> tuple[str, ...]:
    """Return the fields whose values may be removed. `level`: of the unit that owns the records."""
    if schema.lane is not LANE:
        return ()
    return tuple(
        f.name for f in schema.fields if level in f.owners and f.policy not in _RANKED
    )  # fmt: skip


def units_of(tx: Connection, register: str) -> list[int]:
    """Return the units that have records."""
    rows = execute(tx, "SELECT DISTINCT unit FROM digest WHERE register=? AND count>0", (register,))
    return sorted(int(row[0]) for row in rows.fetchall())


def ended_with_values(
    tx: Connection, table: RegisterTable, level: int, before_ms: int, limit: int
) -> list[Ended]:
    """Return records that ended before a time without a surviving value, the oldest end first.

    Records of units of other levels are included; the caller leaves them out.
    """
    where, parameters = _has_values(table, level)
    rows = execute(
        tx,
        f"SELECT r.unit, r.id, r.causal_length_version FROM {table.table.name} r "
        "WHERE r.causal_length % 2 = 0 "
        f"AND r.survived_delete IS NULL AND r.causal_length_version < ? AND {where} "
        "ORDER BY r.causal_length_version LIMIT ?",
        (version_of(max(0, before_ms) << COUNTER_BITS, 0), *parameters, limit),
    )
    return [Ended(int(u), bytes(i), bytes(v)) for u, i, v in rows.fetchall()]


def keep_reasons(
    tx: Connection,
    register: str,
    some: Sequence[Ended],
    *,
    low_water_mark: int,
    asked: Set[RecordKey],
) -> dict[tuple[int, bytes], KeepReason]:
    """Return which of these records keep their values for now, and why.

    `low_water_mark`: nobody needs what the log has at or below it. `asked`: records that open
    correction requests are about.
    """
    above: set[int] = set()
    for part in pieces([hlc_of(one.end) for one in some]):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx, f"SELECT hlc FROM entry WHERE lane=? AND arrival>? AND hlc IN ({marks})",
            (LANE.value, low_water_mark, *part),
        )  # fmt: skip
        above.update(int(row[0]) for row in rows.fetchall())
    names = [RecordKey(register, one.unit, one.id) for one in some]
    quarantined = quarantined_records(tx, names)
    found: dict[tuple[int, bytes], KeepReason] = {}
    for one, name in zip(some, names, strict=True):
        if hlc_of(one.end) in above:
            found[one.unit, one.id] = KeepReason.NEEDED
        elif name in quarantined:
            found[one.unit, one.id] = KeepReason.QUARANTINED
        elif name in asked:
            found[one.unit, one.id] = KeepReason.ASKED
    return found


def redact(
    tx: Connection, table: RegisterTable, level: int, some: Sequence[Ended], *, low_water_mark: int,
    asked: Set[RecordKey],
) -> int:  # fmt: skip
    """Redact those of the records that may be redacted; return their number.

    No digest changes: hashes are over versions.
    """
    log.lock(tx)
    name, fields = table.schema.name, removable(table.schema, level)
    stay = keep_reasons(tx, name, some, low_water_mark=low_water_mark, asked=asked)
    go = [one for one in some if (one.unit, one.id) not in stay]
    if not go or not fields:
        return 0
    sets = ",".join(f"f_{field}=NULL" for field in fields)
    marks = ",".join("?" * len(fields))
    # It may have been re-created or edited since it was found.
    still = (
        "unit=? AND id=?"
        " AND causal_length % 2 = 0 AND causal_length_version=? AND survived_delete IS NULL"
    )
    redacted: list[Ended] = []
    for one in go:
        if execute(tx, f"UPDATE {table.table.name} SET {sets} WHERE {still}", one).rowcount:
            redacted.append(one)
    _erase_history(tx, table, redacted)
    execute_many(
        tx,
        "UPDATE conflict SET value='null' WHERE register=? AND unit=? AND record=? "
        f"AND value<>'null' AND field IN ({marks})",
        [(name, one.unit, one.id, *fields) for one in redacted],
    )
    _redact_repair_log(tx, name, [one.id for one in redacted])
    return len(redacted)


def _erase_history(tx: Connection, table: RegisterTable, redacted: Sequence[Ended]) -> None:
    """Remove the records from the local log, which has their values.

    Changes that other offices receive are in the change log (`sync.retention.truncate`).
    """
    for unit in {one.unit for one in redacted}:
        ids = [one.id for one in redacted if one.unit == unit]
        losers = conflicts.losers(tx, table.schema.name, unit, ids)
        for record, state in table.states(tx, unit, ids, {}, losers).items():
            edit_history.erase_local(tx, RecordKey(table.schema.name, unit, record), state)


def _redact_repair_log(tx: Connection, register: str, ids: Sequence[bytes]) -> None:
    """Remove the values of these records from the repair log; versions stay."""
    for part in pieces(list(ids)):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx,
            "SELECT id, evidence FROM repair WHERE register=? AND (removed<>'' OR evidence<>'') "
            f"AND record IN ({marks})",
            (register, *part),
        ).fetchall()
        notes = [(repair_log.without_values(evidence), bytes(note)) for note, evidence in rows]
        if notes:
            execute_many(tx, "UPDATE repair SET removed='', evidence=? WHERE id=?", notes)


def counted(tx: Connection, table: RegisterTable, level: int, units: Set[int]) -> Counter[str]:
    """Count ended records of units: `values`, of these `contested`, and `stubs` (redacted)."""
    where, parameters = _has_values(table, level)
    rows = execute(
        tx,
        "SELECT r.unit, count(*), "
        f"sum(CASE WHEN {where} THEN 1 ELSE 0 END), "
        "sum(CASE WHEN r.survived_delete IS NOT NULL THEN 1 ELSE 0 END) "
        f"FROM {table.table.name} r WHERE r.causal_length % 2 = 0 GROUP BY r.unit",
        parameters,
    )
    found: Counter[str] = Counter()
    for unit, ended, values, contested in rows.fetchall():
        if unit in units:
            found.update(
                values=int(values), contested=int(contested), stubs=int(ended) - int(values)
            )
    return +found


def _has_values(table: RegisterTable, level: int) -> tuple[str, tuple[object, ...]]:
    """Return the condition that there is a value to remove, in the row or in its conflicts."""
    fields = removable(table.schema, level)
    if not fields:
        return "1=0", ()
    own = " OR ".join(f"r.f_{name} IS NOT NULL" for name in fields)
    marks = ",".join("?" * len(fields))
    loser_has_value = (
        "EXISTS (SELECT 1 FROM conflict c WHERE c.register=? AND c.unit=r.unit AND c.record=r.id "
        f"AND c.value<>'null' AND c.field IN ({marks}))"
    )
    return f"({own} OR {loser_has_value})", (table.schema.name, *fields)
