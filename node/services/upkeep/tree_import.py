"""Import of the tree of units: a new list of offices at the city, as dated records for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind
from node.domain.english import counted
from node.domain.tree_operations import (
    Match,
    OperationKind,
    TreeOperation,
    apply_operations,
    diff_units,
)
from node.domain.unit_csv import read_units
from node.domain.units import Level, Tree, Unit
from node.ids import natural_id
from node.store.units import dated_units, tree_on
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.audience import DOWN_ALL
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.errors import ErrorKind, SilianError
from sync.model.limits import TRANSACTION_CHANGES_MAX

if TYPE_CHECKING:
    from node.office import Office

UNIT = "unit"


class NotTheCity(SilianError):
    """Only the city decides about the tree (R1)."""

    code = "not_the_city"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self) -> None:
        super().__init__(
            "only the city's office changes the tree of units",
            "只有市级单位可以调整行政区划",
            remedy_en="Send the file to the city's office.",
            remedy_zh="请将文件交市级单位处理。",
        )


class WouldClose(SilianError):
    """The file leaves out units. Importing it would close them, so nothing was done."""

    code = "would_close"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, count: int, names: Sequence[str]) -> None:
        shown = "、".join(names[:5])
        super().__init__(
            f"the file leaves out {counted(count, 'unit')}, which would be closed: {shown}",
            f"文件中缺少 {count} 个现有单位，导入后这些单位将被撤销：{shown}",
            remedy_en="Complete the file, or allow closing if that is meant.",
            remedy_zh="请补全文件；如确需撤销，请明确允许后重试。",
        )


@dataclass(frozen=True, slots=True)
class UnitChange:
    """One change to one unit, for a person who compares it with the file.

    `path`: before, of a new unit afterwards; `becomes`: the new name, code, or path of the parent.
    `match`: how the unit was recognised in the file; None: it is created or closed.
    """

    kind: OperationKind
    path: str
    becomes: str
    match: Match | None


@dataclass(frozen=True, slots=True)
class TreeImport:
    """What a file would change, or has changed."""

    on: date
    changes: tuple[UnitChange, ...]
    units: int  # of the tree afterwards
    dry_run: bool

    @property
    def counts(self) -> dict[OperationKind, int]:
        """How many changes of each kind."""
        return dict(Counter(change.kind for change in self.changes))


def import_units(
    office: Office,
    data: bytes,
    source: str,
    *,
    on: date | None = None,
    dry_run: bool = False,
    allow_close: bool = False,
    by: Attribution = UNKNOWN,
) -> TreeImport:
    """Import a CSV (code,name,level,parent_code) as the tree from `on` (default today) onward.

    Units keep their ids where they are recognised; the days before stay unchanged. The same
    file twice changes nothing. With `dry_run` nothing is done.
    Raises: NotTheCity; BadUnitFile with every fault by line; WouldClose; BadTreeOperation.
    """
    if office.level is not Level.CITY:
        raise NotTheCity
    day = on or office.today()
    target = read_units(data, source, day)
    with office.store.read() as tx:
        known = dated_units(tx)
        old = tree_on(tx, day)
    operations = tuple(diff_units(old, target, day))
    closed = [old.path(o.unit_id) for o in operations if o.kind is OperationKind.CLOSE]
    if closed and not (allow_close or dry_run):
        raise WouldClose(len(closed), closed)
    wanted = apply_operations(known, operations)
    if operations and not dry_run:
        _publish(office, known, wanted, by)
    new = Tree(wanted, day)
    changes = tuple(_shown(o, old, new) for o in operations)
    return TreeImport(day, changes, len(target), dry_run)


def _shown(operation: TreeOperation, old: Tree, new: Tree) -> UnitChange:
    path = (old if operation.unit_id in old else new).path(operation.unit_id)
    match operation:
        case TreeOperation(kind=OperationKind.MOVE, parent_id=int() as parent):
            becomes = new.path(parent)
        case TreeOperation(kind=OperationKind.RENAME):
            becomes = operation.name or ""
        case _:
            becomes = operation.code or ""
    return UnitChange(operation.kind, path, becomes, operation.matched_by)


def _publish(
    office: Office, known: Sequence[Unit], wanted: Sequence[Unit], by: Attribution
) -> None:
    before = {_place(u): u for u in known}
    changed = [u for u in wanted if before.get(_place(u)) != u]
    city = office.identity.unit
    table = office.tables[UNIT]
    for start in range(0, len(changed), TRANSACTION_CHANGES_MAX):
        part = changed[start : start + TRANSACTION_CHANGES_MAX]

        def edits(tx: Connection, part: Sequence[Unit] = part) -> list[Edit]:
            event = AuditEvent(
                event=EventKind.TREE_IMPORTED, by=by.actor, unit=city, facts={"changed": len(part)}
            )
            office.audit.append(tx, event)
            ids = [_record_id(u) for u in part]
            there = {bytes(row[0]) for row in table.rows(tx, city, ids, ["id"])}
            return [
                Edit(
                    key=RecordKey(UNIT, city, record_id),
                    operation=Operation.UPDATE if record_id in there else Operation.CREATE,
                    values=_values(unit),
                    audiences=(DOWN_ALL,),
                )
                for unit, record_id in zip(part, ids, strict=True)
            ]

        office.commit(edits, by=by)


def _place(unit: Unit) -> tuple[int, date]:
    return unit.unit_id, unit.valid_from


def _record_id(unit: Unit) -> bytes:
    return natural_id(UNIT, str(unit.unit_id), unit.valid_from.isoformat())


def _values(unit: Unit) -> dict[str, Value]:
    return {
        "unit_id": unit.unit_id,
        "unit_code": unit.code,
        "name": unit.name,
        "level": int(unit.level),
        "parent": unit.parent_id,
        "valid_from": unit.valid_from.isoformat(),
        "valid_to": unit.valid_to.isoformat() if unit.valid_to else None,
    }
