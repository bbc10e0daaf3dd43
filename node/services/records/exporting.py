"""Exporting a register for people: .xlsx or CSV, streamed from one snapshot of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from sqlalchemy import ColumnElement, Connection, select

from node.domain.audit import AuditEvent, EventKind
from node.domain.catalogue import Field, Register
from node.services.records.rules import covered, must_be_here, registered
from node.services.records.search import (
    Condition,
    Key,
    beyond,
    field_of,
    keys_of,
    matching,
    ordered,
    token_of,
)
from node.services.records.views import unit_filter
from node.workbook.writer import write_csv, write_xlsx
from sync.model.change import Value
from sync.model.errors import ErrorKind, SilianError

if TYPE_CHECKING:
    from node.office import Office

ROWS_AT_ONCE = 2_000

_UNIT_FIELDS = (
    Field(name="unit_code", zh="单位代码", en="Unit code", type="text"),
    Field(name="unit_name", zh="单位名称", en="Unit name", type="text"),
)
"""Stand first in a sheet that holds more than one unit; an import takes them for remarks."""


class PersonalRegister(SilianError):
    """Only the office that keeps records of persons exports them."""

    code = "personal_register"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: Register) -> None:
        super().__init__(
            f"{register.en} has personal data: only the unit's own office exports it",
            f"“{register.zh}”含个人信息，只能由本单位导出",
            remedy_en="Export this office's own unit, or use figures instead.",
            remedy_zh="请只导出本单位数据，或查询汇总指标。",
        )


def export_register(
    office: Office,
    name: str,
    target: Path | BinaryIO,
    *,
    kind: Literal["xlsx", "csv"] = "xlsx",
    unit: int | None = None,
    subtree: bool = False,
    lang: str = "zh",
    conditions: Sequence[Condition] = (),
    search: str = "",
    sort: Sequence[str] = (),
    columns: Sequence[str] = (),
    by: str = "",
) -> int:
    """Write the living records of a unit, or of it and all below it; return how many.

    The audit log has it when this returns: hand the file out only then. `by`: who exports.

    `unit`: this office's own if not given. What it writes for one unit, an import takes back
    without a change. `conditions`, `search`, `sort`: as those of a list. `columns`: these fields,
    in this order; all of them if none is named.
    Raises: UnknownRegister, SystemRegister, ForeignUnit, PersonalRegister, KeptElsewhere,
    InvalidRecord, WorkbookTooLarge.
    """
    register = registered(office, name)
    of_unit = covered(office, office.identity.unit if unit is None else unit)
    personal = any(each.personal for each in register.fields.values())
    if personal and (subtree or of_unit != office.identity.unit):
        raise PersonalRegister(register)
    must_be_here(office, register, of_unit, subtree=subtree)
    chosen = [field_of(register, name) for name in columns]
    fields = {each.name: each for each in chosen or register.fields.values()}
    if subtree:
        fields = {**{each.name: each for each in _UNIT_FIELDS}, **fields}
    write = {"xlsx": write_xlsx, "csv": write_csv}[kind]
    with office.store.read() as tx:
        table = office.tables[name].table
        c = table.c
        within = [
            unit_filter(office, c.unit, of_unit, subtree),
            c.causal_length.bitwise_and(1) == 1,
        ]
        matches = [*within, *matching(tx, register, table, conditions, search, within=within)]
        rows = _rows(tx, office, register, matches, keys_of(register, sort), subtree=subtree)
        count = write(target, replace(register, fields=fields), rows, lang)
    event = AuditEvent(
        event=EventKind.RECORDS_EXPORTED, by=by, unit=of_unit, register=name,
        fields=tuple(sorted(each.name for each in fields.values() if each.personal)),
        facts={"records": count, "format": kind, "subtree": int(subtree)},
    )  # fmt: skip
    office.audit.record(event)
    return count


def _rows(
    tx: Connection, office: Office, register: Register, matches: Sequence[ColumnElement[bool]],
    keys: Sequence[Key], *, subtree: bool,
) -> Iterator[dict[str, Value]]:  # fmt: skip
    table = office.tables[register.name].table
    names = list(register.fields)
    query = (
        select(table.c.unit, table.c.id, *(table.c[f"f_{name}"] for name in names))
        .where(*matches)
        .order_by(*ordered(table, keys))
        .limit(ROWS_AT_ONCE)
    )
    token = ""
    while True:
        part = query.where(beyond(table, keys, token)) if token else query
        rows = tx.execute(part).all()
        for of_unit, _, *values in rows:
            about: dict[str, Value] = {}
            if subtree:
                known = office.tree.get(of_unit) if of_unit in office.tree else None
                about["unit_code"] = known.code if known else str(of_unit)
                about["unit_name"] = known.name if known else None
            yield {**about, **dict(zip(names, values, strict=True))}
        if len(rows) < ROWS_AT_ONCE:
            return
        unit, record, *values = rows[-1]
        token = token_of(keys, dict(zip(names, values, strict=True)), unit, bytes(record))
