"""Actions on work at one office: issue, relay, and every step of the two offices of a hop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.assignment import AssignmentState, Duty, EventKind, State, Writer
from node.domain.assignment_rules import ASSIGNEE_KINDS
from node.domain.units import Level
from node.folds import targets as final
from node.folds.event_writer import EventWriter
from node.ids import uuid7
from node.services.work.checks import (
    Order,
    check_deadline,
    check_lawful,
    check_order,
    check_step,
    check_texts,
    may_rule,
    naming_steps,
    next_steps,
)
from node.services.work.errors import BadOrder, NotYours, UnknownAssignment
from node.store.assignments import EVENT, Assignment, Work, load, select_rows
from sync.model import audience
from sync.model.change import Edit, Operation, RecordKey

if TYPE_CHECKING:
    from node.office import Office


@dataclass(frozen=True, slots=True)
class Issued:
    """The order's number and the first hops that it opened."""

    order: bytes
    assignments: tuple[bytes, ...]


def issue(office: Office, order: Order, *, actor: str, number: bytes | None = None) -> Issued:
    """Write an order and dispatch it to the next offices on the way; they relay it.

    What the city must approve first waits in SCREENING. `number`: 16 bytes chosen by the caller,
    so that a repeated call issues nothing twice.
    Raises: BadOrder, IllegalEvent (a department's duty for a community), UnknownUnit.
    """
    number = number or uuid7(office.clock.now_ms(), office.rng)
    issued: list[bytes] = []

    def work(tx: Connection) -> list[Edit]:
        issued.clear()
        there = select_rows(tx, "work_order=? AND parent IS NULL", (number,))
        if there:
            if there[0].title != order.title or there[0].issuer != office.identity.unit:
                raise BadOrder("order_exists", number.hex())
            issued.extend(sorted(row.id for row in there))
            return []
        writer = _writer(office)
        check_order(order, writer, office)
        asks = Work(title=order.title.strip(), body=order.body, fee_fen=order.fee_fen)
        try:
            hops = writer.open_hops(
                order.targets, asks, order.duty,
                work_order=number, parent=None, due_ms=order.due_ms, actor=actor,
            )  # fmt: skip
        except final.OutOfLine as error:
            raise BadOrder("out_of_line", _named(office, error.unit)) from error
        if any(len(hop.work.targets) > final.TEXT_MAX for hop in hops):
            raise BadOrder("too_long", ("the list of offices", "承办单位名单"))
        issued.extend(sorted(hop.id for hop in hops))
        return [_order_record(writer, number, order, hops, actor), *writer.edits]

    office.commit(work)
    return Issued(number, tuple(issued))


def relay(
    office: Office, assignment: bytes, *, actor: str, targets: Iterable[int] = ()
) -> tuple[bytes, ...]:
    """Pass accepted work on one level; without `targets`, to those that the order names.

    Returns: the numbers of the parts.
    Raises: UnknownAssignment, NotYours, IllegalEvent, BadOrder.
    """
    chosen = set(targets)
    parts: list[bytes] = []

    def work(tx: Connection) -> list[Edit]:
        parts.clear()
        writer = _writer(office)
        current = _load_own(office, tx, assignment, "assignee")
        with naming_steps(office, tx, current):
            check_step(office, tx, current, EventKind.RELAY, "assignee", actor)
            current = writer.write_event(current, EventKind.RELAY, "assignee", actor=actor)
        try:
            behind = chosen or final.read(writer.tree, writer.unit, current.work.targets) - {
                writer.unit
            }
            check_lawful(writer, behind, current)
            opened = writer.open_hops(
                behind, current.work, current.state.duty or Duty.OFFICE,
                work_order=current.hop.work_order, parent=current, due_ms=current.state.due_ms,
                actor=actor,
            )  # fmt: skip
        except final.OutOfLine as error:
            raise BadOrder("out_of_line", _named(office, error.unit)) from error
        if not opened:
            raise BadOrder("no_targets")
        parts.extend(part.id for part in opened)
        return writer.edits

    office.commit(work)
    return tuple(parts)


def act(
    office: Office,
    assignment: bytes,
    kind: EventKind,
    *,
    actor: str,
    reason: str = "",
    percent: int | None = None,
    due_ms: int | None = None,
    note: str = "",
    evidence: str = "",
) -> AssignmentState:
    """Take one step as the office whose step it is, and return the state after it.

    Raises: UnknownAssignment, NotYours, IllegalEvent with what to do instead.
    """
    by: Writer = "assignee" if kind in ASSIGNEE_KINDS else "issuer"
    after: list[AssignmentState] = []
    check_texts(office, EVENT, actor=actor, reason=reason, note=note, evidence=evidence)

    def work(tx: Connection) -> list[Edit]:
        after.clear()
        current = _load_own(office, tx, assignment, by)
        writer = _writer(office)
        with naming_steps(office, tx, current):
            check_step(office, tx, current, kind, by, actor)
            check_deadline(due_ms, writer.now_ms)
            current = writer.write_event(
                current, kind, by, actor=actor, reason=reason, percent=percent, due_ms=due_ms,
                note=note, evidence=evidence,
            )  # fmt: skip
        after.append(current.state)
        return writer.edits

    office.commit(work)
    return after[0]


def appraise(
    office: Office, assignment: bytes, *, actor: str, score: int, note: str = ""
) -> AssignmentState:
    """Give a score, 0 to 100: the issuer for the result, the assignee for the order."""
    with office.store.read() as tx:
        mine = _load_one(tx, assignment).hop.issuer == office.identity.unit
    kind = EventKind.APPRAISE_RESULT if mine else EventKind.APPRAISE_ORDER
    return act(office, assignment, kind, actor=actor, percent=score, note=note)


def rule(
    office: Office, assignment: bytes, kind: EventKind, *, actor: str, reason: str = "",
    note: str = "",
) -> None:  # fmt: skip
    """Decide from above: ADMIT, REFUSE or SEND_BACK for the city, or ADJUDICATE a dispute.

    Where this office issued the work itself the decision takes effect at once; elsewhere when it
    arrives at the issuer.
    Raises: UnknownAssignment, BadOrder (`not_above`), IllegalEvent.
    """

    check_texts(office, EVENT, actor=actor, reason=reason, note=note)

    def work(tx: Connection) -> list[Edit]:
        current = _load_one(tx, assignment)
        writer = _writer(office)
        if not may_rule(writer, current, kind):
            raise BadOrder("not_above", steps=next_steps(office, tx, current))
        with naming_steps(office, tx, current):
            if current.hop.issuer != writer.unit:
                _rehearse(office, current, kind, actor, reason)
                writer.rule(current, kind, actor=actor, reason=reason, note=note)
                return writer.edits
            current = writer.write_event(
                current, kind, "issuer", actor=actor, reason=reason, note=note
            )
        if current.state.state is State.READY:
            writer.write_event(current, EventKind.DISPATCH, "issuer", actor=actor)
        return writer.edits

    office.commit(work)


def amend(office: Office, assignment: bytes, *, actor: str, title: str, body: str) -> None:
    """Rewrite what the city sent back, and submit it again.

    Raises: UnknownAssignment, NotYours, IllegalEvent.
    """

    if not title.strip():
        raise BadOrder("no_title")
    check_texts(office, "work_order", title=title, body=body)

    def work(tx: Connection) -> list[Edit]:
        current = _load_own(office, tx, assignment, "issuer")
        writer = _writer(office)
        again = Work(
            title=title, body=body, targets=current.work.targets, fee_fen=current.work.fee_fen
        )
        with naming_steps(office, tx, current):
            current = writer.write_event(
                current, EventKind.DRAFT, "issuer",
                actor=actor, duty=current.state.duty, due_ms=current.state.due_ms, work=again,
            )  # fmt: skip
        writer.write_event(current, EventKind.SUBMIT, "issuer", actor=actor)
        return writer.edits

    office.commit(work)


# -- what the verbs share --------------------------------------------------------------------


def _writer(office: Office) -> EventWriter:
    me = office.identity
    return EventWriter(me.unit, me.level, office.tree, office.clock.now_ms())


def _load_one(tx: Connection, assignment: bytes) -> Assignment:
    current = load(tx, [assignment]).get(assignment)
    if current is None:
        raise UnknownAssignment(assignment)
    return current


def _load_own(office: Office, tx: Connection, assignment: bytes, by: Writer) -> Assignment:
    current = _load_one(tx, assignment)
    whose = current.hop.issuer if by == "issuer" else current.hop.assignee
    if whose != office.identity.unit:
        raise NotYours(_named(office, whose), next_steps(office, tx, current))
    return current


def _named(office: Office, unit: int) -> str:
    return office.tree.get(unit).name if unit in office.tree else f"#{unit}"


def _order_record(
    writer: EventWriter, number: bytes, order: Order, hops: list[Assignment], actor: str
) -> Edit:
    audiences = [audience.up(Level.CITY)] if writer.level > Level.CITY else []
    audiences += [a for hop in hops for a in writer.audiences(hop.hop.assignee)]
    return Edit(
        key=RecordKey("work_order", writer.unit, number),
        operation=Operation.CREATE,
        values={
            "title": order.title.strip(),
            "body": order.body or None,
            "origin": writer.unit,
            "department": order.department or None,
            "item_no": order.item_no or None,
            "kind": order.duty.value,
            "nature": order.nature.value,
            "target_level": max(int(writer.tree.level(unit)) for unit in order.targets),
            "due_ms": order.due_ms,
            "workload_days": order.workload_days or None,
            "duration_days": order.duration_days or None,
            "fee_fen": order.fee_fen or None,
            "at_ms": writer.now_ms,
            "actor": actor,
        },
        audiences=tuple(dict.fromkeys(audiences)),
    )


def _rehearse(
    office: Office, current: Assignment, kind: EventKind, actor: str, reason: str
) -> None:
    """Refuse now what the issuer's office would ignore when the ruling arrives."""
    me = office.identity
    EventWriter(me.unit, me.level, office.tree, office.clock.now_ms()).write_event(
        current, kind, "issuer", actor=actor, reason=reason
    )
