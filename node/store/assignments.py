"""Assignments in the store: read events from their register; read and write rows of their state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from sqlalchemy import Connection

from node.domain.assignment import AssignmentState, Duty, Event, EventKind, State, Writer, fold
from node.domain.units import Level
from node.ids import natural_id
from node.store.tables import assignment as table
from sync.store.sql import pieces, sql

EVENT = "assignment_event"
ABOVE = "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Issuer, assignee and origin of one hop. `id` is a hash of them, so no event can forge it."""

    work_order: bytes
    parent: bytes | None  # the assignment it was relayed from
    round: int  # the parent's when it was relayed: a later relay is another assignment
    issuer: int
    assignee: int
    level: int  # the assignee's

    @property
    def id(self) -> bytes:
        parent = self.parent.hex() if self.parent else ""
        numbers = map(str, (self.round, self.issuer, self.assignee, self.level))
        return natural_id("assignment", self.work_order.hex(), parent, *numbers)

    @property
    def to_community(self) -> bool:
        return self.level == Level.COMMUNITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work itself; it comes with the draft."""

    title: str = ""
    body: str = ""
    targets: str = ""  # see node.folds.targets
    fee_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The ruling of an office above both; the issuer's office makes it an event of its own."""

    unit: int
    kind: EventKind
    seq: int
    seen: int  # before dispatch: the issuer's events it had read; a dispute: the assignee's
    actor: str
    reason: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Everything that this office has of one assignment."""

    hop: Hop
    work: Work = Work()
    events: tuple[Event, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    evidence: Mapping[int, str] | None = None  # of the assignee's event with this number
    state: AssignmentState = field(default_factory=AssignmentState)

    @property
    def id(self) -> bytes:
        return self.hop.id

    def with_event(self, event: Event) -> Self:
        """Return the assignment with one more event folded in."""
        events = (*self.events, event)
        return replace(self, events=events, state=fold(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assignment as lists show it; columns of the table `assignment`."""

    id: bytes
    work_order: bytes
    parent: bytes | None
    round: int
    issuer: int
    assignee: int
    level: int
    title: str
    state: str
    percent: int
    duty: str | None
    due_ms: int | None
    dispatched_ms: int
    updated_ms: int
    flag: str = ""
    escalated: int = 0

    @classmethod
    def of(cls, current: Assignment, *, flag: str, escalated: int) -> Self:
        hop, state = current.hop, current.state
        return cls(
            id=current.id,
            work_order=hop.work_order,
            parent=hop.parent,
            round=hop.round,
            issuer=hop.issuer,
            assignee=hop.assignee,
            level=hop.level,
            title=current.work.title,
            state=state.state.value,
            percent=state.percent,
            duty=state.duty.value if state.duty else None,
            due_ms=state.due_ms,
            dispatched_ms=state.milestones.get(State.DISPATCHED, 0),
            updated_ms=max((step.event.at_ms for step in state.history), default=0),
            flag=flag,
            escalated=escalated,
        )

    @property
    def summary(self) -> AssignmentState:
        """The state without its history: enough for lateness and for the progress of parts."""
        return AssignmentState(
            assignment=self.id,
            state=State(self.state),
            percent=self.percent,
            due_ms=self.due_ms,
            duty=Duty(self.duty) if self.duty else None,
            to_community=self.level == Level.COMMUNITY,
        )


_COLUMNS = tuple(f.name for f in fields(Row))
_LIST = ",".join(_COLUMNS)
_SAVE = (
    f"INSERT INTO {table.name} ({_LIST}) VALUES ({','.join('?' * len(_COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (id) DO UPDATE SET "
    + ",".join(f"{name}=excluded.{name}" for name in _COLUMNS if name != "id")
)
_EVENT_FIELDS = (
    "assignment", "work_order", "parent", "round", "issuer", "assignee", "level", "kind", "by",
    "seq", "seen", "at_ms", "actor", "reason", "percent", "due_ms", "duty", "title", "body",
    "targets", "fee_fen", "evidence", "note",
)  # fmt: skip


def load(tx: Connection, ids: Iterable[bytes]) -> dict[bytes, Assignment]:
    """Return these assignments; leave out those without a valid event.

    An event counts if its record is the writer's own and its id fits the offices it names.
    """
    found: dict[bytes, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    columns = ",".join(f"f_{name}" for name in _EVENT_FIELDS)
    for part in pieces([i.hex() for i in ids]):
        marks = ",".join("?" * len(part))
        rows = tx.exec_driver_sql(
            sql(
                tx,
                f"SELECT unit, {columns} FROM r_{EVENT} "  # noqa: S608
                f"WHERE f_assignment IN ({marks})",  # ended ones, too: an event is never revoked
            ),
            tuple(part),
        )
        for row in rows:
            values = dict(zip(_EVENT_FIELDS, row[1:], strict=True))
            found[bytes.fromhex(values["assignment"])].append((row[0], values))
    assembled = ((i, _assembled(i, records)) for i, records in found.items())
    return {i: current for i, current in assembled if current is not None}


def rows_of(tx: Connection, ids: Sequence[bytes]) -> dict[bytes, Row]:
    """Return the rows of those assignments that have one."""
    found: dict[bytes, Row] = {}
    for part in pieces(ids):
        for row in select_rows(tx, f"id IN ({','.join('?' * len(part))})", tuple(part)):
            found[row.id] = row
    return found


def children_of(tx: Connection, parent: bytes) -> list[Row]:
    """Return the rows of the assignments that were relayed from this one."""
    return select_rows(tx, "parent=?", (parent,))


def select_rows(tx: Connection, where: str, params: tuple[Any, ...]) -> list[Row]:
    """Return the rows that satisfy a condition (written with `?`, from this program)."""
    rows = tx.exec_driver_sql(
        sql(tx, f"SELECT {_LIST} FROM {table.name} WHERE {where}"),  # noqa: S608
        params,
    )
    return [_row(row) for row in rows]


def save(tx: Connection, rows: Sequence[Row]) -> None:
    """Write rows; replace existing ones."""
    if rows:
        tx.exec_driver_sql(
            sql(tx, _SAVE), [tuple(getattr(row, name) for name in _COLUMNS) for row in rows]
        )


def _row(row: Sequence[Any]) -> Row:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("id", "work_order", "parent"):
        values[name] = None if values[name] is None else bytes(values[name])
    return Row(**values)


def _assembled(
    assignment: bytes, records: Iterable[tuple[int, dict[str, Any]]]
) -> Assignment | None:
    hop: Hop | None = None
    events, rulings = [], []
    drafts: dict[int, Work] = {}
    evidence: dict[int, str] = {}
    for unit, values in records:
        named = _hop(values)
        if named is None or named.id != assignment:
            continue
        by, seq = values["by"], values["seq"]
        try:
            kind = EventKind(values["kind"])
            duty = Duty(values["duty"]) if values["duty"] else None
        except ValueError:
            continue  # of a newer program; later events wait until this office is upgraded
        if by == ABOVE:
            rulings.append(
                Ruling(unit=unit, kind=kind, seq=seq, seen=values["seen"],
                       actor=values["actor"] or "", reason=values["reason"] or "",
                       note=values["note"] or "")
            )  # fmt: skip
            hop = named
            continue
        if by not in ("issuer", "assignee") or unit != getattr(named, by):
            continue
        hop = named
        events.append(_event(assignment, named, unit, kind, duty, values))
        if by == "issuer" and kind is EventKind.DRAFT:
            drafts[seq] = _work(values)
        if values["evidence"]:
            evidence[seq] = values["evidence"]
    if hop is None:
        return None
    state = fold(events)
    counted = [seq for seq in drafts if seq <= state.issuer_seq]
    work = drafts[max(counted)] if counted else Work()
    rulings.sort(key=lambda r: (r.unit, r.seq))
    return Assignment(
        hop=hop,
        work=work,
        events=tuple(events),
        rulings=tuple(rulings),
        evidence=evidence,
        state=state,
    )


def _hop(values: Mapping[str, Any]) -> Hop | None:
    try:
        return Hop(
            work_order=bytes.fromhex(values["work_order"]),
            parent=bytes.fromhex(values["parent"]) if values["parent"] else None,
            round=values["round"],
            issuer=values["issuer"],
            assignee=values["assignee"],
            level=values["level"],
        )
    except (TypeError, ValueError):
        return None


def _work(values: Mapping[str, Any]) -> Work:
    return Work(
        title=values["title"] or "",
        body=values["body"] or "",
        targets=values["targets"] or "",
        fee_fen=values["fee_fen"] or 0,
    )


def _event(
    assignment: bytes,
    hop: Hop,
    unit: int,
    kind: EventKind,
    duty: Duty | None,
    values: Mapping[str, Any],
) -> Event:
    by: Writer = values["by"]
    return Event(
        assignment=assignment,
        kind=kind,
        by=by,
        seq=values["seq"],
        seen=values["seen"],
        at_ms=values["at_ms"],
        actor=values["actor"] or "",
        unit_id=unit,
        reason=values["reason"] or "",
        percent=values["percent"],
        due_ms=values["due_ms"],
        note=values["note"] or "",
        duty=duty,
        to_community=hop.to_community,
    )
