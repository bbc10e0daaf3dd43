"""Views of conflicts for people: what merging could not decide, both sides, who should decide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from node.domain.catalogue import Register
from node.domain.units import Tree
from node.services.common.pages import before, beyond, page_size, page_token
from node.services.records.rules import registered
from sync.log import entries as log
from sync.log.edit_history import edits_of
from sync.merge.record import Head, RecordState
from sync.model.change import RecordKey, Value
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import AUTO_RESOLVED, Policy
from sync.model.stream import levels_of
from sync.model.version import Version, incarnation_of, wall_ms_of
from sync.store import conflicts
from sync.store.tables import conflict

if TYPE_CHECKING:
    from node.office import Office

Writers = Mapping[int, tuple[int, int]]


class UnknownConflict(SilianError):
    """This office has no conflict with this id."""

    code = "unknown_conflict"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, conflict_id: bytes) -> None:
        super().__init__(
            f"no conflict {conflict_id.hex()}",
            f"没有编号为 {conflict_id.hex()} 的冲突",
            remedy_en="List the conflicts and take the id from there.",
            remedy_zh="请从冲突列表中选择。",
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
class Decision:
    """The edit that ended a conflict: who, when, why, and what it wrote.

    `known`: whether this office's log has the edit; else only office and time are known.
    """

    value: Value
    known: bool
    unit: int | None
    at_ms: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """Two sides of one field. `ended`: the record is ended, and `shown` is that end, no value.

    `others`: further losers of the same field; resolving one resolves them all. `assignee`: the
    unit whose office is suggested to decide, `may_decide` all that can; `may_resolve`: whether
    this office can. The id is the same at every office that has the conflict; `reason` is stored
    where it was decided. `decision`: None while it is open.
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
    assignee: int
    may_resolve: bool
    opened_ms: int
    reason: str
    may_decide: tuple[int, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Conflicts in order: `total` of them, `next` is the next page's token or ""."""

    conflicts: tuple[ConflictView, ...]
    total: int
    next: str


def list_open(
    office: Office, *, register: str = "", limit: int = 50, after: str = ""
) -> ConflictPage:
    """Return a page of the open conflicts, of one register or of all. Raises: BadToken."""
    return _page(office, [conflict.c.state == conflicts.OPEN], register, limit, after, newest=False)


def list_settled(
    office: Office, *, register: str = "", limit: int = 50, after: str = ""
) -> ConflictPage:
    """Return a page of conflicts that somebody decided or overwrote, the newest first.

    What a policy decides by itself (a maximum, a union) was no conflict. Raises: BadToken.
    """
    c = conflict.c
    people = [
        and_(c.register == r.name, c.field.in_(names))
        for r in office.catalogue.registers.values()
        if (names := [f.name for f in r.fields.values() if Policy(f.policy) not in AUTO_RESOLVED])
    ]
    ended = c.state.in_((conflicts.RESOLVED, conflicts.SUPERSEDED))
    return _page(office, [ended, or_(*people)], register, limit, after, newest=True)


def _page(
    office: Office, matches: list[Any], register: str, limit: int, after: str, *, newest: bool
) -> ConflictPage:
    c = conflict.c
    matches = [*matches, _known_here(office)]
    if register:
        registered(office, register)
        matches = [*matches, c.register == register]
    order = (c.opened_ms.desc(), c.id.desc()) if newest else (c.opened_ms, c.id)
    query = select(conflict).where(*matches).order_by(*order)
    if after:
        match = before if newest else beyond
        query = query.where(match(after, c.opened_ms, c.id))
    limit = page_size(limit)
    with office.store.read() as tx:
        counted = select(func.count()).select_from(conflict).where(*matches)
        total = int(tx.execute(counted).scalar_one())
        rows = tx.execute(query.limit(limit + 1)).all()
        views = [view for _, view in views_of(tx, office, rows[:limit])]
    last_view = views[-1] if len(rows) > limit else None
    token = page_token(last_view.opened_ms, last_view.id) if last_view else ""
    return ConflictPage(tuple(views), total, token)


def _known_here(office: Office) -> ColumnElement[bool]:
    """Return the condition for conflicts of registers and fields that this program knows.

    Others were stored by a newer program, before it was taken back; they wait for the upgrade.
    """
    c = conflict.c
    registers = office.catalogue.registers.values()
    return or_(*(and_(c.register == r.name, c.field.in_(list(r.fields))) for r in registers))


def show(office: Office, conflict_id: bytes) -> ConflictView:
    """Return one conflict, resolved ones too. Raises: UnknownConflict."""
    with office.store.read() as tx:
        return conflict_of(tx, office, conflict_id)[1]


def assignee(
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


def conflict_of(
    tx: Connection, office: Office, conflict_id: bytes
) -> tuple[RecordState, ConflictView]:
    """Return one conflict with the record it is about. Raises: UnknownConflict."""
    wanted = (conflict.c.id == conflict_id, _known_here(office))
    row = tx.execute(select(conflict).where(*wanted)).one_or_none()
    if row is None:
        raise UnknownConflict(conflict_id)
    return views_of(tx, office, [row])[0]


def views_of(
    tx: Connection, office: Office, rows: Sequence[Any]
) -> list[tuple[RecordState, ConflictView]]:
    """Return the conflicts of these rows of the table `conflict`, each with its record's state."""
    writers = log.writers(tx)
    levels = levels_of(writers)
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
        decision = _decision(tx, row, state, writers)
        views.append((state, _view(office, row, state, writers, decision)))
    return views


def _decision(tx: Connection, row: Any, state: RecordState, writers: Writers) -> Decision | None:
    """Return what ended the conflict of a row, as far as this office's log still has it."""
    if row.closed_by is None:
        return None
    version = bytes(row.closed_by)
    name = RecordKey(row.register, row.unit, bytes(row.record))
    edit = edits_of(tx, name, {version}).get(version)
    wrote = {f.field: f.new for f in edit.fields} if edit is not None else {}
    unit, _ = writers.get(incarnation_of(version), (None, None))
    return Decision(
        # The log may have the removed values of an ended record: these are not shown.
        value=None if not state.alive and row.value == "null" else wrote.get(row.field),
        known=edit is not None,
        unit=unit,
        at_ms=wall_ms_of(version),
        actor=edit.by.actor if edit is not None else "",
        reason=edit.by.reason if edit is not None else "",
    )


def _view(
    office: Office, row: Any, state: RecordState, writers: Writers, decision: Decision | None
) -> ConflictView:
    register = office.catalogue.registers[row.register]
    heads = state.fields[row.field]
    version = bytes(row.version)
    if state.alive:
        shown = _side(heads.shown, writers)
    else:
        shown = _side(Head(state.causal_length_version, None, 3), writers)
    loser = _side(Head(version, json.loads(row.value), row.level), writers)
    lost = heads.losers if state.alive else heads.all
    others = tuple(
        _side(head, writers)
        for head in lost
        if head.version != version
        and (state.alive or (row.field, head.version) in state.survived_delete)
    )
    owners = register.fields[row.field].owners
    path = (row.unit, *office.tree.ancestors(row.unit)) if row.unit in office.tree else ()
    able = tuple(u for u in path if office.tree.level(u) in owners)
    if state.alive:
        wrote = (side.unit for side in (shown, loser, *others))
        who = assignee(office.tree, register, row.field, row.unit, wrote)
        may = office.level in owners and office.routes.covers(office.identity.unit, row.unit)
    else:
        who, may, able = row.unit, row.unit == office.identity.unit, (row.unit,)
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
        assignee=who,
        may_resolve=may,
        opened_ms=row.opened_ms,
        reason=row.reason,
        may_decide=able,
        decision=decision,
    )


def _side(head: Head, writers: Writers) -> Side:
    unit, level = writers.get(incarnation_of(head.version), (None, None))
    return Side(head.value, unit, level, wall_ms_of(head.version), head.version)
