"""Conflicts: list what merging could not decide, show both sides, settle it with an edit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, and_, func, or_, select, update

from node.domain.catalogue import Register
from node.domain.units import Level, Tree
from node.domain.validate import Fault
from node.services.record_rules import (
    FieldNotOwned,
    InvalidRecord,
    KeyTaken,
    bearer_of,
    judged,
    key_of,
    not_owned,
)
from node.services.record_views import PAGE_MAX, BadToken
from node.services.registers import heard_by
from node.workbook.writer import shown as as_typed
from sync import conflicts, log
from sync.change import Edit, Operation, RecordKey, Value
from sync.errors import SilianError
from sync.limits import SQL_KEYS_MAX
from sync.merge import Head, RecordState
from sync.registers import values_of
from sync.tables import conflict
from sync.version import Version, incarnation_of, wall_ms_of

if TYPE_CHECKING:
    from node.app import Office

Take = Literal["shown", "loser", "value"]
Writers = Mapping[int, tuple[int, int]]


class UnknownConflict(SilianError):
    """No conflict has this id here; take the id from the list."""

    code = "unknown_conflict"

    def __init__(self, conflict_id: bytes) -> None:
        super().__init__(
            f"no conflict {conflict_id.hex()}",
            f"没有编号为 {conflict_id.hex()} 的冲突",
            remedy_en="List the conflicts and take the id from there.",
            remedy_zh="请从冲突列表中选择。",
        )


class ConflictClosed(SilianError):
    """Somebody has settled it already, here or elsewhere; nothing is left to do."""

    code = "conflict_closed"

    def __init__(self, conflict_id: bytes) -> None:
        super().__init__(
            f"conflict {conflict_id.hex()} is settled already",
            f"冲突 {conflict_id.hex()} 已处理",
            remedy_en="Look at the record: what it shows now is what was decided.",
            remedy_zh="请查看记录当前的内容。",
        )


class ConflictNotOurs(SilianError):
    """Whether an ended record stays ended is for the office that keeps it."""

    code = "conflict_not_ours"

    def __init__(self, register: Register, keeper: str) -> None:
        super().__init__(
            f"{register.en}: whether the record stays ended is for {keeper} to say",
            f"{register.zh}: 记录是否保持注销由{keeper}决定",
            remedy_en="Ask that office to look at the conflict; it sees the same one.",
            remedy_zh="请联系该单位处理, 对方看到的是同一条冲突。",
        )


class ReasonMissing(SilianError):
    """A decision between two offices is written down with its reason."""

    code = "reason_missing"

    def __init__(self) -> None:
        super().__init__(
            "the reason is missing",
            "未填写理由",
            remedy_en="Say in a few words why this value is right.",
            remedy_zh="请简要说明采用该值的理由。",
        )


@dataclass(frozen=True, slots=True)
class Side:
    """One value, and who wrote it when: unit and level are None if the writer is unknown."""

    value: Value
    unit: int | None
    level: int | None
    at_ms: int
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """Two sides of one field. `ended`: the record is ended, and `shown` is that end, no value.

    `others`: further losers of the same field; settling one settles them all. `must_look`: the
    unit whose office is to decide; `may_settle`: whether this office can. The id is the same at
    every office that meets the conflict; `reason` is kept where it was decided.
    """

    id: bytes
    register: str
    unit: int
    record: bytes
    field: str
    state: str
    ended: bool
    shown: Side
    loser: Side
    others: tuple[Side, ...]
    must_look: int
    may_settle: bool
    opened_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Open conflicts, oldest first: `total` of them, `next` is the next page's token or ""."""

    conflicts: tuple[ConflictView, ...]
    total: int
    next: str


@dataclass(frozen=True, slots=True)
class Alike:
    """What settling all alike did: how many records, and how many are left for a closer look."""

    settled: int
    left: int


def list_open(
    office: Office, *, register: str = "", limit: int = 50, after: str = ""
) -> ConflictPage:
    """Return a page of the open conflicts, of one register or of all. Raises: BadToken."""
    c = conflict.c
    matches = [c.state == "open", *([c.register == register] if register else [])]
    query = select(conflict).where(*matches).order_by(c.opened_ms, c.id)
    if after:
        ms, last = _place(after)
        query = query.where(or_(c.opened_ms > ms, and_(c.opened_ms == ms, c.id > last)))
    limit = max(1, min(limit, PAGE_MAX))
    with office.store.read() as tx:
        counted = select(func.count()).select_from(conflict).where(*matches)
        total = int(tx.execute(counted).scalar_one())
        rows = tx.execute(query.limit(limit + 1)).all()
        views = [view for _, view in _sides(tx, office, rows[:limit])]
    last_view = views[-1] if len(rows) > limit else None
    token = f"{last_view.opened_ms:x}.{last_view.id.hex()}" if last_view else ""
    return ConflictPage(tuple(views), total, token)


def show(office: Office, conflict_id: bytes) -> ConflictView:
    """Return one conflict, settled ones too. Raises: UnknownConflict."""
    with office.store.read() as tx:
        return _one(tx, office, conflict_id)[1]


def resolve(
    office: Office,
    conflict_id: bytes,
    take: Take,
    *,
    reason: str,
    actor: str,
    values: Mapping[str, object] | None = None,
) -> ConflictView:
    """Settle a conflict with an edit that stands on what is shown and names every loser.

    `take`: "shown" (an ended record stays ended), "loser" (an ended one comes back with it), or
    "value": what `values` has for the field, as a clerk writes it. `values` may hold further
    fields that are to change with it. The edit goes to all who saw the conflict and closes it
    there; losers are kept as settled. `reason` and `actor` are kept in this office.
    Raises: UnknownConflict, ConflictClosed, ConflictNotOurs, FieldNotOwned, InvalidRecord,
    KeyTaken, ReasonMissing.
    """
    note = _note(reason, actor)

    def work(tx: Connection) -> list[Edit]:
        state, view = _one(tx, office, conflict_id)
        if view.state != "open":
            raise ConflictClosed(conflict_id)
        edit = _settling(tx, office, state, view, take, values or {})
        _keep_reason(tx, [view], note)
        return [edit]

    office.commit(work)
    return show(office, conflict_id)


def resolve_alike(
    office: Office,
    conflict_id: bytes,
    take: Take,
    *,
    reason: str,
    actor: str,
    values: Mapping[str, object] | None = None,
) -> Alike:
    """Settle this conflict and all alike: same register and field, same two values.

    Those that this office may not settle, or whose value would break a rule of the record, are
    left open. Raises: as `resolve`, for the conflict named.
    """
    note = _note(reason, actor)
    with office.store.read() as tx:
        state, model = _one(tx, office, conflict_id)
        if model.state != "open":
            raise ConflictClosed(conflict_id)
        _settling(tx, office, state, model, take, values or {})
        c = conflict.c
        ids = tx.execute(
            select(c.id)
            .where(
                c.state == "open",
                c.register == model.register,
                c.field == model.field,
                c.value == conflicts.value_to_json(model.loser.value),
            )
            .order_by(c.id)
        ).scalars()
        waiting = [bytes(found) for found in ids]
    settled = left = 0

    def work(tx: Connection, part: Sequence[bytes]) -> list[Edit]:
        nonlocal settled, left
        edits: dict[RecordKey, Edit] = {}
        done: list[ConflictView] = []
        rows = tx.execute(select(conflict).where(conflict.c.id.in_(part))).all()
        for state, view in _sides(tx, office, rows):
            if view.state != "open" or not _is_alike(view, model):
                continue
            try:
                edit = _settling(tx, office, state, view, take, values or {})
            except SilianError:
                left += 1  # stays open: the list shows it to whoever can decide
                continue
            settled += edit.key not in edits
            edits[edit.key] = edit
            done.append(view)
        _keep_reason(tx, done, note)
        return list(edits.values())

    for start in range(0, len(waiting), SQL_KEYS_MAX):
        part = waiting[start : start + SQL_KEYS_MAX]
        office.commit(lambda tx, part=part: work(tx, part))  # type: ignore[misc]
    return Alike(settled, left)


def must_look(
    tree: Tree, register: Register, field: str, unit: int, writers: Iterable[int | None]
) -> int:
    """Return the unit whose office is to decide about a field of a record of `unit`.

    Under the policy "owner" the office of the owning level; else the lowest common ancestor of
    those who wrote, or the nearest office on the way to the record that fills in the field.
    """
    if unit not in tree:
        return unit
    spec = register.fields[field]
    path = (unit, *tree.ancestors(unit))
    if spec.policy == "owner":
        return next((u for u in path if tree.level(u) == spec.owners[0]), unit)
    known = [w for w in writers if w is not None and w in tree]
    lowest = next((u for u in path if all(tree.within(w, u) for w in known)), unit)
    able = [u for u in path if tree.level(u) in spec.owners]
    above = [u for u in able if tree.level(u) <= tree.level(lowest)]
    return above[0] if above else able[-1] if able else unit


# -- reading -----------------------------------------------------------------------------------


def _one(tx: Connection, office: Office, conflict_id: bytes) -> tuple[RecordState, ConflictView]:
    row = tx.execute(select(conflict).where(conflict.c.id == conflict_id)).one_or_none()
    if row is None:
        raise UnknownConflict(conflict_id)
    return _sides(tx, office, [row])[0]


def _sides(
    tx: Connection, office: Office, rows: Sequence[Any]
) -> list[tuple[RecordState, ConflictView]]:
    writers = log.writers(tx)
    levels = {incarnation: level for incarnation, (_, level) in writers.items()}
    by_unit: dict[tuple[str, int], set[bytes]] = {}
    for row in rows:
        by_unit.setdefault((row.register, row.unit), set()).add(bytes(row.record))
    states: dict[tuple[str, int, bytes], RecordState] = {}
    for (register, unit), found in by_unit.items():
        ids = sorted(found)
        losers = conflicts.losers(tx, register, unit, ids)
        for record, state in office.tables[register].states(tx, unit, ids, levels, losers).items():
            states[register, unit, record] = state
    views = []
    for row in rows:
        state = states[row.register, row.unit, bytes(row.record)]
        views.append((state, _view(office, row, state, writers)))
    return views


def _view(office: Office, row: Any, state: RecordState, writers: Writers) -> ConflictView:
    register = office.catalogue.registers[row.register]
    heads = state.fields[row.field]
    version = bytes(row.version)
    if state.alive:
        shown = _side(heads.shown, writers)
    else:
        shown = _side(Head(state.life_version, None, 3), writers)
    loser = _side(Head(version, json.loads(row.value), row.level), writers)
    lost = heads.losers if state.alive else heads.all
    others = tuple(
        _side(head, writers)
        for head in lost
        if head.version != version and (state.alive or (row.field, head.version) in state.unseen)
    )
    if state.alive:
        wrote = (side.unit for side in (shown, loser, *others))
        who = must_look(office.tree, register, row.field, row.unit, wrote)
        may = office.level in register.fields[row.field].owners and office.routes.covers(
            office.identity.unit, row.unit
        )
    else:
        who, may = row.unit, row.unit == office.identity.unit
    return ConflictView(
        id=bytes(row.id),
        register=row.register,
        unit=row.unit,
        record=bytes(row.record),
        field=row.field,
        state=row.state,
        ended=not state.alive,
        shown=shown,
        loser=loser,
        others=others,
        must_look=who,
        may_settle=may,
        opened_ms=row.opened_ms,
        reason=row.reason,
    )


def _side(head: Head, writers: Writers) -> Side:
    unit, level = writers.get(incarnation_of(head.version), (None, None))
    return Side(head.value, unit, level, wall_ms_of(head.version), head.version)


def _place(token: str) -> tuple[int, bytes]:
    ms, _, last = token.partition(".")
    try:
        return int(ms, 16), bytes.fromhex(last)
    except ValueError:
        raise BadToken from None


def _is_alike(view: ConflictView, model: ConflictView) -> bool:
    return (view.ended, view.shown.value) == (model.ended, model.shown.value)


# -- settling ----------------------------------------------------------------------------------


def _settling(
    tx: Connection,
    office: Office,
    state: RecordState,
    view: ConflictView,
    take: Take,
    raw: Mapping[str, object],
) -> Edit:
    """Return the edit that settles the conflict."""
    register = office.catalogue.registers[view.register]
    if view.ended and not view.may_settle:
        raise ConflictNotOurs(register, office.tree.path(view.unit))
    key = RecordKey(view.register, view.unit, view.record)
    if view.ended and take == "shown":
        return Edit(
            key=key,
            operation=Operation.DELETE,
            audiences=heard_by(office, register, view.unit),
            settles=_unseen(state),
        )
    values = _decided(office, register, state, view, take, raw)
    if foreign := not_owned(register, values, office.level):
        raise FieldNotOwned(register, foreign)
    settles = {view.field: tuple(head.version for head in state.fields[view.field].losers)}
    if view.ended:
        held = {**values_of(state, office.tables[view.register].schema), **values}
        bearer = bearer_of(
            tx, office.tables[view.register], register, view.unit, key_of(register, held)
        )
        if bearer is not None:
            raise KeyTaken(register, bearer)
        # Whoever brings the record back has looked at all that stood against its end.
        settles = {
            **_unseen(state),
            view.field: tuple(h.version for h in state.fields[view.field].all),
        }
    return Edit(
        key=key,
        operation=Operation.UPDATE,
        values=values,
        audiences=heard_by(office, register, view.unit),
        settles=settles,
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
    held = values_of(state, office.tables[view.register].schema)
    spec = register.fields[view.field]
    chosen: dict[str, Value] = {}
    typed = dict(raw)
    if take == "shown":
        chosen[view.field] = held[view.field]
    elif take == "loser":
        chosen[view.field] = view.loser.value
    elif view.field not in raw:
        raise InvalidRecord(register, [Fault(
            field=view.field, code="required", en=f"{spec.en} is not given.",
            zh=f"{spec.zh}未填。", suggestion_en="Give the value to keep.",
            suggestion_zh="请填写要保留的值。",
        )])  # fmt: skip
    for name, value in chosen.items():
        typed[name] = as_typed(register.fields[name], value)
    stored, faults = judged(register, typed, Level(office.level), held)
    # What an office wrote under a newer catalogue may be taken though it cannot be read here.
    faults = [f for f in faults if f.field not in chosen or f.code.startswith("rule_")]
    if faults:
        raise InvalidRecord(register, faults)
    return {**stored, **chosen}


def _unseen(state: RecordState) -> dict[str, tuple[Version, ...]]:
    """Return the heads that stand against the record's end, by field."""
    unseen: dict[str, tuple[Version, ...]] = {}
    for name, version in sorted(state.unseen):
        unseen[name] = (*unseen.get(name, ()), version)
    return unseen


def _note(reason: str, actor: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return f"{actor}: {reason.strip()}"


def _keep_reason(tx: Connection, views: Sequence[ConflictView], note: str) -> None:
    """Write the reason beside every conflict that the decision closes."""
    c = conflict.c
    for view in views:
        closed = and_(
            c.register == view.register, c.unit == view.unit, c.record == view.record,
            c.state == "open",
        )  # fmt: skip
        if not view.ended:
            closed = and_(closed, c.field == view.field)
        tx.execute(update(conflict).where(closed).values(reason=note))
