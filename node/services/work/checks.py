"""Checks before a step, beyond those of the state machine: duties, fees, rank."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.assignment import (
    AssignmentState,
    Duty,
    EventKind,
    IllegalEvent,
    State,
    Writer,
    guard,
)
from node.domain.assignment_rules import ASSIGNEE_KINDS
from node.domain.days import day_text
from node.domain.norms import Nature, fee_required
from node.domain.numbers import check_fen, yuan
from node.domain.plain_text import unkeepable_in_note
from node.domain.refusal import Refused
from node.domain.units import Level
from node.folds.assignments import COMPLETED, GATE
from node.folds.event_writer import EventWriter, reaches_community
from node.services.work.errors import BadOrder
from node.store.assignments import Assignment, children_of
from node.store.postings import COUNTED
from sync.store.sql import sql

if TYPE_CHECKING:
    from node.office import Office

DAYS_MAX = 36_500  # of workload and duration: a hundred years
RULINGS = GATE | {EventKind.ADJUDICATE}
RETURNS_MAX = 2  # after so many returns an office above both must rule (1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be issued. `targets`: unit ids of the final assignees, above or below."""

    title: str
    targets: tuple[int, ...]
    duty: Duty = Duty.OFFICE
    body: str = ""
    due_ms: int | None = None
    department: str = ""
    item_no: str = ""
    nature: Nature = Nature.ORDINARY
    workload_days: int = 0
    duration_days: int = 0
    fee_fen: int = 0  # for each community


def check_order(order: Order, writer: EventWriter, office: Office) -> None:
    """Refuse an order that may not leave this office.

    Raises: BadOrder, UnknownUnit, IllegalEvent (a department's duty for a community).
    """
    if not order.title.strip():
        raise BadOrder("no_title")
    check_texts(
        office, "work_order", title=order.title, body=order.body, department=order.department,
        item_no=order.item_no,
    )  # fmt: skip
    if not order.targets:
        raise BadOrder("no_targets")
    check_deadline(order.due_ms, writer.now_ms)
    try:
        check_fen(order.fee_fen, least=0)
    except Refused as refused:
        raise BadOrder("amount", yuan(order.fee_fen), refused) from refused
    for count in (order.workload_days, order.duration_days):
        if not 0 <= count <= DAYS_MAX:
            raise BadOrder("days", str(count))
    for target in order.targets:
        office.tree.get(target)
    if not reaches_community(writer.tree, writer.unit, order.targets):
        return
    if order.duty is Duty.OFFICE:
        raise BadOrder("office_duty")
    if order.duty is Duty.DEPARTMENT:
        raise IllegalEvent(State.DRAFT, EventKind.SUBMIT, "department_duty")
    owed = fee_required(
        assists=order.duty in (Duty.ASSISTS, Duty.UNLISTED),
        nature=order.nature,
        workload_days=order.workload_days,
        duration_days=order.duration_days,
        norms=office.norms,
    )
    if owed and order.fee_fen <= 0:
        raise BadOrder("fee_missing")


def check_deadline(due_ms: int | None, now_ms: int) -> None:
    """Refuse a deadline that has passed. Raises: BadOrder."""
    if due_ms is not None and due_ms <= now_ms:
        raise BadOrder("deadline_past", day_text(due_ms))


def check_texts(office: Office, register: str, **stated: str) -> None:
    """Refuse texts that their fields cannot hold. Raises: BadOrder."""
    fields = office.catalogue.registers[register].fields
    for name, text in stated.items():
        field = fields[name]
        if isinstance(field.maximum, int) and len(text) > field.maximum:
            raise BadOrder("too_long", (field.en, field.zh))
        if unkeepable_in_note(text):
            raise BadOrder("character", (field.en, field.zh))


def check_lawful(writer: EventWriter, behind: set[int], current: Assignment) -> None:
    """Refuse to pass work between offices on to a community. Raises: BadOrder."""
    if current.state.duty is Duty.OFFICE and reaches_community(
        writer.tree, writer.unit, {unit for unit in behind if unit in writer.tree}
    ):
        raise BadOrder("office_duty")


def check_step(
    office: Office, tx: Connection, current: Assignment, kind: EventKind, by: Writer, actor: str
) -> None:
    """Refuse what the state alone does not show: fees, open parts, too many returns.

    Raises: IllegalEvent.
    """
    parts: list[AssignmentState] = []
    if kind in (EventKind.CLAIM, EventKind.RELAY):
        rows = [r for r in children_of(tx, current.id) if r.issuer == current.hop.assignee]
        if kind is EventKind.RELAY:
            rows = [r for r in rows if r.round >= current.state.first_round]
        parts = [row.summary for row in rows]
        parts = [part for part in parts if part.state not in COMPLETED]
    guard(
        current.state,
        kind,
        by,
        actor=actor,
        fee_ready=kind is not EventKind.ACCEPT or _fee_released(tx, current),
        children=parts,
        returns_max=RETURNS_MAX,
    )
    community = office.identity.level == Level.COMMUNITY and by == "assignee"
    if kind is EventKind.ACCEPT and community and current.state.duty is Duty.OFFICE:
        raise IllegalEvent(current.state.state, kind, "department_duty")


def next_steps(office: Office, tx: Connection, current: Assignment) -> tuple[str, ...]:
    """Return the steps that this office may take now, by the names under which it takes them."""
    me, hop = office.identity.unit, current.hop
    found: list[str] = []
    for kind in EventKind:
        by: Writer = "assignee" if kind in ASSIGNEE_KINDS else "issuer"
        whose = hop.assignee if by == "assignee" else hop.issuer
        ours = _rules(office, current, kind) if kind in RULINGS else whose == me
        if kind in _BY_ITSELF or not ours:
            continue
        try:
            check_step(office, tx, current, kind, by, actor="")
        except IllegalEvent:
            continue
        found.append(_VERBS.get(kind, kind.value))
    return tuple(dict.fromkeys(found))


@contextmanager
def naming_steps(office: Office, tx: Connection, current: Assignment) -> Iterator[None]:
    """Add to a refused step which ones are allowed instead. Raises: IllegalEvent."""
    try:
        yield
    except IllegalEvent as error:
        raise error.with_steps(next_steps(office, tx, current)) from error


_BY_ITSELF = frozenset({EventKind.RECEIPT, EventKind.SUBMIT, EventKind.EXPIRE_CONSENT})
_VERBS = {
    EventKind.DRAFT: "amend",
    EventKind.APPRAISE_RESULT: "appraise",
    EventKind.APPRAISE_ORDER: "appraise",
}


def _rules(office: Office, current: Assignment, kind: EventKind) -> bool:
    me = office.identity
    return may_rule(
        EventWriter(me.unit, me.level, office.tree, office.clock.now_ms()), current, kind
    )


def _fee_released(tx: Connection, current: Assignment) -> bool:
    """Return whether the issuer has released the fee of a community's work (1.4, 费随事转)."""
    if not current.hop.to_community or not current.work.fee_fen:
        return True
    released = tx.exec_driver_sql(
        sql(
            tx,
            f"SELECT coalesce(sum(p.f_amount_fen), 0) FROM r_posting p WHERE {COUNTED} "  # noqa: S608
            "AND p.unit=? AND p.f_assignment=? AND p.f_kind='release' "
            "AND NOT EXISTS (SELECT 1 FROM r_posting r "
            "WHERE r.f_transfer=p.f_transfer AND r.unit=p.unit AND r.f_kind='reverse')",
        ),
        (current.hop.issuer, current.id.hex()),
    ).scalar_one()
    return int(released) >= current.work.fee_fen


def may_rule(writer: EventWriter, current: Assignment, kind: EventKind) -> bool:
    """Return whether this office decides. The city decides before dispatch; the office above both,
    or the city, decides a dispute."""
    if kind in GATE:
        return writer.unit == writer.tree.root
    if kind is not EventKind.ADJUDICATE:
        return False
    tree, hop = writer.tree, current.hop
    if hop.issuer not in tree or hop.assignee not in tree:
        return False
    upper = hop.issuer if tree.within(hop.assignee, hop.issuer) else hop.assignee
    return writer.unit == (tree.parent(upper) or tree.root)
