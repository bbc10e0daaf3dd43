"""Resolve conflicts: one edit, based on what is shown, names every loser and gives its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, and_, select, update

from node.domain.audit import AuditEvent, EventKind
from node.domain.catalogue import Field, Register
from node.domain.units import Level
from node.domain.validate import Fault
from node.services.common.reason import stated_reason
from node.services.conflicts.views import (
    ConflictView,
    conflict_of,
    show,
    views_of,
)
from node.services.records.edits import audiences_for
from node.services.records.rules import (
    FieldNotOwned,
    InvalidRecord,
    KeyTaken,
    find_by_key,
    key_of,
    not_owned,
    validated,
)
from node.workbook.writer import shown as as_typed
from sync.merge.record import RecordState
from sync.model.attribution import attributed
from sync.model.change import Edit, Operation, RecordKey, Value
from sync.model.errors import ErrorKind, SilianError
from sync.model.limits import SQL_KEYS_MAX
from sync.model.version import Version
from sync.store import conflicts
from sync.store.registers import values_of
from sync.store.tables import conflict

if TYPE_CHECKING:
    from node.office import Office

Take = Literal["shown", "loser", "value"]
AlikeBy = Literal["values", "writers"]


class ConflictClosed(SilianError):
    """A person has resolved this conflict already, here or at another office."""

    code = "conflict_closed"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, conflict_id: bytes) -> None:
        super().__init__(
            f"conflict {conflict_id.hex()} is resolved already",
            f"冲突 {conflict_id.hex()} 已处理",
            remedy_en="Nothing to do. The record shows the value that was decided.",
            remedy_zh="请查看记录当前的内容。",
        )


class ConflictNotOurs(SilianError):
    """Only the office that keeps a record decides whether it stays ended."""

    code = "conflict_not_ours"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: Register, keeper: str) -> None:
        super().__init__(
            f"{register.en}: only {keeper} decides whether the record stays ended",
            f"{register.zh}：记录是否保持注销由{keeper}决定",
            remedy_en="Ask that office to resolve the conflict; it has the same one.",
            remedy_zh="请联系该单位处理，对方看到的是同一条冲突。",
        )


@dataclass(frozen=True, slots=True)
class Alike:
    """What resolving all alike did: how many records, and how many are left for a person."""

    resolved: int
    left: int


def resolve(
    office: Office,
    conflict_id: bytes,
    take: Take,
    *,
    reason: str,
    actor: str,
    values: Mapping[str, object] | None = None,
) -> ConflictView:
    """Resolve a conflict with an edit that is based on what is shown and names every loser.

    `take`: "shown" (an ended record stays ended), "loser" (an ended one comes back with it), or
    "value": what `values` has for the field, as a clerk writes it. `values` may have further
    fields that are to change with it. The edit goes to all who saw the conflict and closes it
    there; losers are kept as resolved. `reason` and `actor` go with the edit.
    Raises: UnknownConflict, ConflictClosed, ConflictNotOurs, FieldNotOwned, InvalidRecord,
    KeyTaken, ReasonMissing.
    """
    note = _note(reason, actor)
    decider = attributed(actor, reason)

    def work(tx: Connection) -> list[Edit]:
        state, view = conflict_of(tx, office, conflict_id)
        if view.state != "open":
            raise ConflictClosed(conflict_id)
        edit = _resolution(tx, office, state, view, take, values or {})
        _keep_reason(tx, [view], note)
        office.audit.append(tx, _event(view, take, actor))
        return [edit]

    office.commit(work, by=decider)
    return show(office, conflict_id)


def resolve_alike(
    office: Office,
    conflict_id: bytes,
    take: Take,
    *,
    reason: str,
    actor: str,
    values: Mapping[str, object] | None = None,
    by: AlikeBy = "values",
    preview: bool = False,
) -> Alike:
    """Resolve this conflict and all alike: of the same register and field, and with the same two
    values, or with values of the same two offices (`by`). With `preview` they are only counted.

    Those that this office may not resolve, or whose value would break a rule of the record, are
    left open; by writers also those in which a third office wrote.
    Raises: as `resolve`, for the conflict named.
    """
    note = _note(reason, actor)
    decider = attributed(actor, reason)
    chosen = values or {}
    with office.store.read() as tx:
        state, model = conflict_of(tx, office, conflict_id)
        if model.state != "open":
            raise ConflictClosed(conflict_id)
        _resolution(tx, office, state, model, take, chosen)
        c = conflict.c
        alike = [c.state == "open", c.register == model.register, c.field == model.field]
        if by == "values":
            alike.append(c.value == conflicts.value_to_json(model.loser.value))
        ids = tx.execute(select(c.id).where(*alike).order_by(c.id)).scalars()
        waiting = [bytes(found) for found in ids]
    parts = [waiting[at : at + SQL_KEYS_MAX] for at in range(0, len(waiting), SQL_KEYS_MAX)]
    counted: dict[bytes, Alike] = {}  # by part, which may be looked at twice

    def decide(tx: Connection, part: Sequence[bytes]) -> tuple[list[Edit], list[ConflictView]]:
        edits: dict[RecordKey, Edit] = {}
        done: list[ConflictView] = []
        left = 0
        rows = tx.execute(select(conflict).where(conflict.c.id.in_(part))).all()
        for state, view in views_of(tx, office, rows):
            if view.state != "open" or not _is_alike(view, model, by):
                continue
            try:
                edit = _resolution(tx, office, state, view, take, chosen)
            except SilianError:
                left += 1  # stays open: the list shows it to those who can decide
                continue
            edits[edit.key] = edit
            done.append(view)
        counted[part[0]] = Alike(len(edits), left)
        return list(edits.values()), done

    def work(tx: Connection, part: Sequence[bytes]) -> list[Edit]:
        edits, done = decide(tx, part)
        _keep_reason(tx, done, note)
        office.audit.append(tx, *(_event(view, take, actor) for view in done))
        return edits

    for part in parts:
        if preview:
            with office.store.read() as tx:
                decide(tx, part)
        else:
            office.commit(lambda tx, part=part: work(tx, part), by=decider)  # type: ignore[misc]
    return Alike(
        sum(part.resolved for part in counted.values()), sum(part.left for part in counted.values())
    )


def _event(view: ConflictView, take: Take, actor: str) -> AuditEvent:
    return AuditEvent(
        event=EventKind.CONFLICT_RESOLVED, by=actor, unit=view.unit, register=view.register,
        record=view.record, fields=(view.field,), facts={"take": take},
    )  # fmt: skip


def _resolution(
    tx: Connection,
    office: Office,
    state: RecordState,
    view: ConflictView,
    take: Take,
    raw: Mapping[str, object],
) -> Edit:
    """Return the edit that resolves the conflict."""
    register = office.catalogue.registers[view.register]
    if view.ended and not view.may_resolve:
        raise ConflictNotOurs(register, office.tree.path(view.unit))
    key = RecordKey(view.register, view.unit, view.record)
    if view.ended and take == "shown":
        return Edit(
            key=key,
            operation=Operation.DELETE,
            audiences=audiences_for(office, register, view.unit),
            resolves=_survivors(state),
        )
    values = _decided(office, register, state, view, take, raw)
    if foreign := not_owned(register, values, office.level):
        raise FieldNotOwned(register, foreign)
    resolves = {view.field: tuple(head.version for head in state.fields[view.field].losers)}
    if view.ended:
        stored_values = {**values_of(state, office.tables[view.register].schema), **values}
        # It writes all fields of this level: another office may no longer have their values.
        own = {n: f for n, f in register.fields.items() if office.level in f.owners}
        values = {n: stored_values.get(n) for n in own}
        # The former values of a redacted record are not known any more.
        gone = [_not_given(f) for n, f in own.items() if f.required and values[n] is None]
        if gone:
            raise InvalidRecord(register, gone)
        existing = find_by_key(
            tx, office.tables[view.register], register, view.unit, key_of(register, stored_values)
        )
        if existing is not None:
            raise KeyTaken(register, existing)
        # Who restores the record has looked at all that was written against its end.
        resolves = {
            **_survivors(state),
            view.field: tuple(h.version for h in state.fields[view.field].all),
        }
    return Edit(
        key=key,
        operation=Operation.UPDATE,
        values=values,
        audiences=audiences_for(office, register, view.unit),
        resolves=resolves,
    )


def _decided(
    office: Office,
    register: Register,
    state: RecordState,
    view: ConflictView,
    take: Take,
    raw: Mapping[str, object],
) -> dict[str, Value]:
    """Return the values that the decision writes. Raises: InvalidRecord."""
    stored_values = values_of(state, office.tables[view.register].schema)
    spec = register.fields[view.field]
    chosen: dict[str, Value] = {}
    typed = dict(raw)
    if take != "value" and view.field in raw:
        raise InvalidRecord(register, [_not_taken(spec)])
    if take == "shown":
        chosen[view.field] = stored_values[view.field]
    elif take == "loser":
        chosen[view.field] = view.loser.value
    elif view.field not in raw:
        raise InvalidRecord(register, [_not_given(spec)])
    for name, value in chosen.items():
        typed[name] = as_typed(register.fields[name], value)
    stored, faults = validated(register, typed, Level(office.level), stored_values)
    # A value that an office wrote under a newer catalogue may be kept though it is unknown here.
    faults = [f for f in faults if f.field not in chosen or f.code.startswith("rule_")]
    if faults:
        raise InvalidRecord(register, faults)
    return {**stored, **chosen}


def _not_given(field: Field) -> Fault:
    return Fault(
        field=field.name, code="required", en=f"{field.en} is not given.",
        zh=f"{field.zh}未填。", suggestion_en="Give the value to keep.",
        suggestion_zh="请填写要保留的值。",
    )  # fmt: skip


def _not_taken(field: Field) -> Fault:
    return Fault(
        field=field.name, code="not_taken", en=f"{field.en} is given a value that is not taken.",
        zh=f"{field.zh}已给出新值，但选择的不是新值。",
        suggestion_en="Take `value` to keep it, or leave it out.",
        suggestion_zh="如需采用新值，请选择“新值”；否则请去掉。",
    )  # fmt: skip


def _survivors(state: RecordState) -> dict[str, tuple[Version, ...]]:
    """Return the heads that survived the record's end, by field."""
    survived_delete: dict[str, tuple[Version, ...]] = {}
    for name, version in sorted(state.survived_delete):
        survived_delete[name] = (*survived_delete.get(name, ()), version)
    return survived_delete


def _is_alike(view: ConflictView, model: ConflictView, by: AlikeBy) -> bool:
    if by == "values":
        return (view.ended, view.shown.value) == (model.ended, model.shown.value)
    pair = {model.shown.unit, model.loser.unit}
    third = any(side.unit not in pair for side in view.others)
    same = (view.ended, view.shown.unit, view.loser.unit) == (
        model.ended, model.shown.unit, model.loser.unit,
    )  # fmt: skip
    return same and not third


def _note(reason: str, actor: str) -> str:
    return f"{actor}: {stated_reason(reason)}"


def _keep_reason(tx: Connection, views: Sequence[ConflictView], note: str) -> None:
    """Store the reason with every conflict that the decision closes."""
    c = conflict.c
    for view in views:
        closed = and_(
            c.register == view.register, c.unit == view.unit, c.record == view.record,
            c.state == "open",
        )  # fmt: skip
        if not view.ended:
            closed = and_(closed, c.field == view.field)
        tx.execute(update(conflict).where(closed).values(reason=note))
