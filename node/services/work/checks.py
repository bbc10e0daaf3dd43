"""What an office asks before a step, beyond what the state machine asks: duties, fees, rank."""

from __future__ import annotations

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
from node.domain.norms import Nature, fee_required
from node.domain.units import Level
from node.folds.assignments import COMPLETED, GATE
from node.folds.event_writer import EventWriter, reaches_community
from node.services.work.errors import BadOrder
from node.store.assignments import Assignment, children_of
from sync.store.sql import sql

if TYPE_CHECKING:
    from node.app import Office

TITLE_MAX, BODY_MAX = 200, 4_000  # characters, as in the catalogue
RETURNS_MAX = 2  # after so many returns an office above both must rule


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
    for text, limit, name in ((order.title, TITLE_MAX, "title"), (order.body, BODY_MAX, "body")):
        if len(text) > limit:
            raise BadOrder("too_long", name)
    if not order.targets:
        raise BadOrder("no_targets")
    if order.due_ms is not None and order.due_ms <= writer.now_ms:
        raise BadOrder("deadline_past", str(order.due_ms))
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
    if kind is EventKind.CLAIM:
        rows = children_of(tx, current.id)
        parts = [r.summary for r in rows if r.issuer == current.hop.assignee]
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


def _fee_released(tx: Connection, current: Assignment) -> bool:
    """Say whether the issuer has released the fee of a community's work (1.4, 费随事转)."""
    if not current.hop.to_community or not current.work.fee_fen:
        return True
    released = tx.exec_driver_sql(
        sql(
            tx,
            "SELECT coalesce(sum(p.f_amount_fen), 0) FROM r_posting p WHERE p.unit=? AND "
            "p.f_assignment=? AND p.f_kind='release' AND NOT EXISTS (SELECT 1 FROM r_posting r "
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
