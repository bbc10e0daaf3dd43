"""Edits of register records: add one, change it, end it; each checked inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.audit import AuditEvent, EventKind
from node.domain.catalogue import Register
from node.services.records.history import Past, past
from node.services.records.rules import (
    FieldNotOwned,
    InvalidRecord,
    KeyTaken,
    covered,
    find_by_key,
    fresh_id,
    key_id,
    key_of,
    maintained_register,
    named_by_key,
    not_owned,
    registered,
    validated,
)
from node.services.records.views import (
    Event,
    Page,
    RecordView,
    VersionToken,
    get,
    list_records,
    search_all,
    state_of,
    unit_of,
)
from sync.merge.record import RecordState
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.errors import ErrorKind, RecordMissing, SilianError
from sync.store.registers import values_of

if TYPE_CHECKING:
    from node.office import Office

__all__ = [
    "Event",
    "Page",
    "Past",
    "RecordView",
    "change",
    "create",
    "end",
    "get",
    "list_records",
    "past",
    "restore",
    "search_all",
    "unit_of",
]


class StaleEdit(SilianError):
    """Someone else changed the same field after you last looked at the record."""

    code = "stale_edit"
    kind = ErrorKind.ABORTED

    def __init__(self, register: Register, names: Sequence[str]) -> None:
        fields = [register.fields[name] for name in names]
        super().__init__(
            f"{register.en}: changed by others meanwhile: " + ", ".join(f.en for f in fields),
            f"{register.zh}：以下内容已被他人修改：" + "、".join(f.zh for f in fields),
            remedy_en="Open the record again; if forced, both values are kept as a conflict.",
            remedy_zh="请重新打开记录后再改；若强制保存，两个值都会保留并列为冲突。",
        )
        self.fields = tuple(names)


class RecordEnded(SilianError):
    """The record was ended."""

    code = "record_ended"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, record: bytes) -> None:
        super().__init__(
            f"{register.en} {record.hex()} has been ended",
            f"{register.zh} {record.hex()} 已注销",
            remedy_en="Bring it back with `silian record restore`, or add it again.",
            remedy_zh="可用 silian record restore 恢复，或重新新增。",
        )


class NotEnded(SilianError):
    """The record has not been ended; there is nothing to bring back."""

    code = "not_ended"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, record: bytes) -> None:
        super().__init__(
            f"{register.en} {record.hex()} has not been ended",
            f"{register.zh} {record.hex()} 未注销",
            remedy_en="Nothing to do: the record is active.",
            remedy_zh="请查看该记录，无需恢复。",
        )


class StillContested(SilianError):
    """Another office changed the record at the same time as it was ended. Resolve that conflict
    first.
    """

    code = "still_contested"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, record: bytes) -> None:
        super().__init__(
            f"{register.en} {record.hex()}: another office wrote to it while it was being ended",
            f"{register.zh} {record.hex()}：注销时其他单位有改动",
            remedy_en="Settle the conflict (`silian conflict ls`): its value brings it back.",
            remedy_zh="请先处理冲突（silian conflict ls），改采未采用的值即可恢复该记录。",
        )


class ValuesGone(SilianError):
    """The record was ended long ago and its values were removed."""

    code = "values_gone"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, register: Register, record: bytes) -> None:
        super().__init__(
            f"{register.en} {record.hex()}: its values were removed after its end",
            f"{register.zh} {record.hex()}：注销后内容已按保留期限清除",
            remedy_en="Add the record again.",
            remedy_zh="请重新新增该记录。",
        )


def create(
    office: Office, name: str, raw: Mapping[str, object], *, by: Attribution = UNKNOWN
) -> RecordView:
    """Add a record of this office's own unit; `raw`: field -> value as a form or sheet has it.

    A record that was ended and has the same natural key comes back under its id.
    Raises: UnknownRegister, SystemRegister, NotKeptHere, InvalidRecord, FieldNotOwned, KeyTaken.
    """
    register = maintained_register(office, name)
    unit = office.identity.unit
    stored, faults = validated(register, raw, office.level, None)
    if faults:
        raise InvalidRecord(register, faults)
    values = {n: v for n, v in stored.items() if v is not None}
    if foreign := not_owned(register, values, office.level):
        raise FieldNotOwned(register, foreign)
    made: list[bytes] = []

    def work(tx: Connection) -> list[Edit]:
        made.clear()
        record, ended = _place_for(tx, office, register, unit, values)
        made.append(record)
        return [created(office, register, unit, record, values, ended=ended)]

    office.commit(work, by=by)
    return get(office, name, unit, made[0])


def change(
    office: Office,
    name: str,
    unit: int,
    record: bytes,
    raw: Mapping[str, object],
    *,
    version_token: str = "",
    force: bool = False,
    by: Attribution = UNKNOWN,
) -> RecordView:
    """Change fields of a record of this unit or of one below it; fields not given stay.

    `version_token`: the view's token; a field that moved since is refused, another field passes.
    With `force` it is written all the same, and the other value becomes a conflict.
    Raises: UnknownRegister, SystemRegister, ForeignUnit, RecordMissing, RecordEnded,
    InvalidRecord, FieldNotOwned, StaleEdit, KeyTaken, BadVersionToken.
    """
    register = registered(office, name)
    covered(office, unit)
    was = VersionToken.parse(version_token) if version_token else None

    def work(tx: Connection) -> list[Edit]:
        edits = edits_of_change(tx, office, register, unit, record, raw, was=was, force=force)
        if force:
            _note_forced(tx, office, edits, by)
        return edits

    office.commit(work, by=by)
    return get(office, name, unit, record)


def end(
    office: Office,
    name: str,
    record: bytes,
    *,
    version_token: str = "",
    force: bool = False,
    by: Attribution = UNKNOWN,
) -> RecordView:
    """End (delete) a record of this office's own unit; its conflicts stay listed.

    `version_token`: as for `change`, for all fields: with `force`, what was written meanwhile is
    kept and listed as an edit that lost against the end.
    Raises: UnknownRegister, SystemRegister, NotKeptHere, RecordMissing, RecordEnded, StaleEdit.
    """
    register = maintained_register(office, name)
    unit = office.identity.unit
    was = VersionToken.parse(version_token) if version_token else None
    by = by._replace(reason=register.end_reason(by.reason)) if by.reason else by

    def work(tx: Connection) -> list[Edit]:
        state = get_active(tx, office, register, unit, record)
        if was is not None and not force:
            _refuse_stale(register, state, was, state.fields)
        base = {n: was.version(n) for n in state.fields} if was is not None else {}
        edits = [
            Edit(
                key=RecordKey(name, unit, record),
                operation=Operation.DELETE,
                audiences=audiences_for(office, register, unit),
                base=base,
            )
        ]
        if force:
            _note_forced(tx, office, edits, by)
        return edits

    office.commit(work, by=by)
    return get(office, name, unit, record)


def restore(office: Office, name: str, record: bytes, *, by: Attribution = UNKNOWN) -> RecordView:
    """Bring an ended record of this office's own unit back, with the values that it had.

    It is the same record, under its id: its history goes on. What survived its end has to be
    decided first (`node.services.conflicts.resolve`).
    Raises: UnknownRegister, SystemRegister, NotKeptHere, RecordMissing, NotEnded, StillContested,
    ValuesGone, KeyTaken.
    """
    register = maintained_register(office, name)
    unit = office.identity.unit

    def work(tx: Connection) -> list[Edit]:
        state = state_of(tx, office, name, unit, record)
        if state is None:
            raise RecordMissing(RecordKey(name, unit, record))
        if state.alive:
            raise NotEnded(register, record)
        if state.survived_delete:
            raise StillContested(register, record)
        stored_values = values_of(state, office.tables[name].schema)
        own = {n: f for n, f in register.fields.items() if office.level in f.owners}
        if any(f.required and stored_values[n] is None for n, f in own.items()) or not any(
            stored_values[n] is not None for n in own
        ):
            raise ValuesGone(register, record)
        existing = find_by_key(
            tx, office.tables[name], register, unit, key_of(register, stored_values)
        )
        if existing is not None:
            raise KeyTaken(register, existing)
        # It writes all fields of this level: another office may no longer have their values.
        values = {n: stored_values[n] for n in own}
        return [changed(office, register, unit, record, values)]

    office.commit(work, by=by)
    return get(office, name, unit, record)


# -- edits: also for imports, for resolving conflicts, and for corrections ---------------------


def edits_of_change(
    tx: Connection,
    office: Office,
    register: Register,
    unit: int,
    record: bytes,
    raw: Mapping[str, object],
    *,
    was: VersionToken | None = None,
    force: bool = False,
) -> list[Edit]:
    """Return the edit that `change` commits; none if nothing would change. Raises: as `change`."""
    state = get_active(tx, office, register, unit, record)
    stored_values = values_of(state, office.tables[register.name].schema)
    stored, faults = validated(register, raw, office.level, stored_values)
    if faults:
        raise InvalidRecord(register, faults)
    # A field that a form sends back unchanged is no edit, even if another office owns it.
    values = {n: v for n, v in stored.items() if v != stored_values.get(n)}
    if foreign := not_owned(register, values, office.level):
        raise FieldNotOwned(register, foreign)
    if was is not None and not force:
        _refuse_stale(register, state, was, values)
    if not values.keys().isdisjoint(register.key):
        key = key_of(register, {**stored_values, **values})
        table = office.tables[register.name]
        existing = find_by_key(tx, table, register, unit, key, other_than=record)
        if existing is not None:
            raise KeyTaken(register, existing)
    base = {n: was.version(n) for n in values} if was is not None else {}
    return [changed(office, register, unit, record, values, base=base)] if values else []


def _note_forced(tx: Connection, office: Office, edits: Sequence[Edit], by: Attribution) -> None:
    """Record edits that were written although somebody may have changed the record meanwhile."""
    for edit in edits:
        event = AuditEvent(
            event=EventKind.EDIT_FORCED, by=by.actor, unit=edit.key.unit,
            register=edit.key.register, record=edit.key.id, fields=tuple(sorted(edit.values)),
            facts={"operation": edit.operation.name.lower()},
        )  # fmt: skip
        office.audit.append(tx, event)


def audiences_for(office: Office, register: Register, unit: int) -> tuple[str, ...]:
    """Return who receives what this office does to a record of `unit`."""
    me = office.identity
    return audiences_of(register, unit=unit, writer=me.unit, level=me.level)


def created(
    office: Office,
    register: Register,
    unit: int,
    record: bytes,
    values: Mapping[str, Value],
    *,
    ended: bool,
) -> Edit:
    """Return the edit that makes a record, or that re-creates an `ended` one."""
    if ended:
        # None of our values from before its end may show; other levels' fields are theirs.
        own = (n for n, f in register.fields.items() if office.level in f.owners)
        values = {n: values.get(n) for n in own}
    return Edit(
        key=RecordKey(register.name, unit, record),
        operation=Operation.UPDATE if ended else Operation.CREATE,
        values=values,
        audiences=audiences_for(office, register, unit),
    )


def changed(
    office: Office,
    register: Register,
    unit: int,
    record: bytes,
    values: Mapping[str, Value],
    *,
    base: Mapping[str, bytes] | None = None,
) -> Edit:
    """Return the edit that gives fields new values."""
    return Edit(
        key=RecordKey(register.name, unit, record),
        operation=Operation.UPDATE,
        values=values,
        audiences=audiences_for(office, register, unit),
        base=base or {},
    )


def _place_for(
    tx: Connection, office: Office, register: Register, unit: int, values: Mapping[str, Value]
) -> tuple[bytes, bool]:
    """Return the id for a new record, and whether an ended one is there. Raises: KeyTaken."""
    table = office.tables[register.name]
    key = key_of(register, values)
    existing = find_by_key(tx, table, register, unit, key)
    if existing is not None:
        raise KeyTaken(register, existing)
    if not (register.singleton or named_by_key(register)):
        return fresh_id(office), False
    record = key_id(register, unit, key)
    life = next((row[0] for row in table.rows(tx, unit, [record], ["causal_length"])), None)
    if life is None:
        return record, False
    if life % 2 == 0:
        return record, True
    if register.singleton:
        raise KeyTaken(register, record)
    return fresh_id(office), False  # the record that first had this id has another key by now


def get_active(
    tx: Connection, office: Office, register: Register, unit: int, record: bytes
) -> RecordState:
    """Return the copy of a record that has not ended. Raises: RecordMissing, RecordEnded."""
    state = state_of(tx, office, register.name, unit, record)
    if state is None:
        raise RecordMissing(RecordKey(register.name, unit, record))
    if not state.alive:
        raise RecordEnded(register, record)
    return state


def _refuse_stale(
    register: Register, state: RecordState, was: VersionToken, names: Mapping[str, object]
) -> None:
    stale = [n for n in names if state.fields[n].shown.version != was.version(n)]
    if stale:
        raise StaleEdit(register, stale)
