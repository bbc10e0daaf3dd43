"""The tree's records: those the store started from, and what the city has decided since."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection

from node.domain.units import Level, Unit
from sync.statements import sql

_COLUMNS = "unit, f_unit_code, f_name, f_level, f_parent, f_valid_from, f_valid_to"


def dated_units(tx: Connection, base: Iterable[Unit]) -> tuple[Unit, ...]:
    """Return every dated record of every unit; a decided one takes the place of its base."""
    records = {(u.unit_id, u.valid_from): u for u in base}
    rows = tx.exec_driver_sql(
        sql(tx, f"SELECT {_COLUMNS} FROM r_unit WHERE life % 2 = 1")  # noqa: S608
    )
    for unit, code, name, level, parent, since, until in rows:
        record = Unit(
            unit_id=unit,
            code=code,
            name=name,
            level=Level(level),
            parent_id=parent,
            valid_from=date.fromisoformat(since),
            valid_to=date.fromisoformat(until) if until else None,
        )
        records[unit, record.valid_from] = record
    return tuple(records.values())
