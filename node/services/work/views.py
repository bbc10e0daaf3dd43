"""Views of assignments: lists, one with its history, an order's tree, counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from node.domain.assignment import Event, State
from node.domain.assignment_texts import KIND_ZH, REASONS, STATE_ZH
from node.domain.days import day_text, time_text
from node.services.common.pages import PAGE_MAX
from node.services.work.checks import next_steps
from node.services.work.errors import UnknownAssignment
from node.store.assignments import Assignment, Row, load, select_rows
from sync.store.sql import sql

if TYPE_CHECKING:
    from node.office import Office


class Box(StrEnum):
    """Which assignments: from this office's place in them."""

    TODO = "todo"  # asked of this office
    ISSUED = "issued"  # asked by it
    PASSING = "passing"  # between two other offices, seen from above
    ALL = "all"


_WHERE = {
    Box.TODO: ("assignee=?", 1),
    Box.ISSUED: ("issuer=?", 1),
    Box.PASSING: ("issuer<>? AND assignee<>?", 2),
    Box.ALL: ("1=1", 0),
}


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first, and how many there are in all."""

    rows: tuple[Row, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event for people. `ignored`: why it changed nothing ("" when it counted)."""

    at_ms: int
    unit: int
    unit_name: str
    actor: str
    kind: str
    before: str
    after: str
    ignored: str = ""
    percent: int | None = None
    due_ms: int | None = None
    reason: str = ""
    note: str = ""
    evidence: str = ""

    def text(self, lang: str = "zh") -> str:
        """Return the line as a person reads it; times in China's zone."""
        zh = lang == "zh"
        parts = [time_text(self.at_ms), self.unit_name, KIND_ZH_BY[self.kind] if zh else self.kind]
        if self.percent is not None:
            parts.append(f"{self.percent}%")
        if self.due_ms is not None:
            parts.append(f"{'期限' if zh else 'due'} {day_text(self.due_ms)}")
        parts += [text for text in (self.reason, self.note, self.evidence) if text]
        if self.ignored:
            en, chinese, _, _ = REASONS[self.ignored]
            parts.append(f"（未生效：{chinese}）" if zh else f"(no effect: {en})")
        elif self.before != self.after:
            parts.append(f"→ {STATE_ZH[State(self.after)] if zh else self.after}")
        return " ".join(parts)


KIND_ZH_BY = {kind.value: text for kind, text in KIND_ZH.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One assignment with everything that this office knows of it."""

    row: Row
    issuer_name: str
    assignee_name: str
    body: str
    fee_fen: int
    history: tuple[Line, ...]
    waiting: int  # events whose causes have not arrived
    steps: tuple[str, ...]  # that this office may take now

    def text(self, lang: str = "zh") -> str:
        """Return it as lines for people, the history last."""
        zh = lang == "zh"
        state = STATE_ZH[State(self.row.state)] if zh else self.row.state
        head = [
            self.row.title,
            f"{self.issuer_name} → {self.assignee_name}",
            f"{state} {self.row.percent}%" + (f" [{self.row.flag}]" if self.row.flag else ""),
        ]
        if self.row.due_ms is not None:
            head.append(f"{'期限' if zh else 'Due'}: {day_text(self.row.due_ms)}")
        if self.body:
            head.append(self.body)
        return "\n".join([*head, *(line.text(lang) for line in self.history)])


def find(
    office: Office,
    box: Box = Box.TODO,
    *,
    states: Iterable[State] = (),
    flagged: bool = False,
    text: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page:
    """Return a page of assignments, the latest change first. `text`: part of a title."""
    where, places = _WHERE[box]
    params: list[Any] = [office.identity.unit] * places
    if wanted := sorted(state.value for state in states):
        where += f" AND state IN ({','.join('?' * len(wanted))})"
        params += wanted
    if flagged:
        where += " AND flag<>''"
    if text:
        where += " AND title LIKE ? ESCAPE '!'"
        params.append(f"%{_escaped(text)}%")
    order = f"{where} ORDER BY updated_ms DESC, id LIMIT ? OFFSET ?"
    with office.store.read() as tx:
        total = tx.exec_driver_sql(
            sql(tx, f"SELECT count(*) FROM assignment WHERE {where}"),  # noqa: S608
            tuple(params),
        ).scalar_one()
        rows = select_rows(tx, order, (*params, min(limit, PAGE_MAX), offset))
    return Page(tuple(rows), int(total))


def show(office: Office, assignment: bytes) -> Detail:
    """Return one assignment with its history in causal order. Raises: UnknownAssignment."""
    with office.store.read() as tx:
        current = load(tx, [assignment]).get(assignment)
        rows = select_rows(tx, "id=?", (assignment,))
        if current is None or not rows:
            raise UnknownAssignment(assignment)
        steps = next_steps(office, tx, current)
    return Detail(
        row=rows[0],
        issuer_name=_name(office, current.hop.issuer),
        assignee_name=_name(office, current.hop.assignee),
        body=current.work.body,
        fee_fen=current.work.fee_fen,
        history=_history(office, current),
        waiting=len(current.state.waiting),
        steps=steps,
    )


def _history(office: Office, current: Assignment) -> tuple[Line, ...]:
    """Return events that counted in their order, each ignored one after what its writer had read.

    An ignored event is placed by its time: it has no place in the order of states.
    """
    lines = [
        _line(office, current, step.event, step.before.value, step.after.value)
        for step in current.state.history
    ]
    for lost in current.state.ignored:
        line = _line(office, current, lost.event, lost.at.value, lost.at.value, lost.code)
        place = next((i for i, one in enumerate(lines) if one.at_ms > line.at_ms), len(lines))
        lines.insert(place, line)
    return tuple(lines)


def _line(
    office: Office, current: Assignment, event: Event, before: str, after: str, ignored: str = ""
) -> Line:
    evidence = (current.evidence or {}).get(event.seq, "") if event.by == "assignee" else ""
    return Line(
        at_ms=event.at_ms,
        unit=event.unit_id,
        unit_name=_name(office, event.unit_id),
        actor=event.actor,
        kind=event.kind.value,
        before=before,
        after=after,
        ignored=ignored,
        percent=event.percent,
        due_ms=event.due_ms,
        reason=event.reason,
        note=event.note,
        evidence=evidence,
    )


def _name(office: Office, unit: int) -> str:
    return office.tree.get(unit).name if unit in office.tree else f"#{unit}"


def _escaped(text: str) -> str:
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return text
