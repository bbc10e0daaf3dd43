"""Work over the wire: issue, take a step, list, show, the tree of an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.api.desk import Desk, Method, id_asked
from hub.api.words import member
from node.domain.assignment import Duty, EventKind, State
from node.domain.norms import Nature
from node.services import assignment_views as views
from node.services import assignments as service
from node.services.assignment_checks import Order
from node.store.assignments import Row
from sync.wire.v1 import office_work_pb2 as pb

RULINGS = frozenset({EventKind.ADMIT, EventKind.REFUSE, EventKind.SEND_BACK, EventKind.ADJUDICATE})
# Steps whose event depends on who takes them, or that need more than a step.
APPRAISE, AMEND, RELAY = "appraise", "amend", "relay"
STEPS = tuple(sorted({*(kind.value for kind in EventKind), APPRAISE, AMEND}))


def issue_work(desk: Desk, request: pb.IssueWorkRequest) -> pb.IssueWorkResponse:
    order = Order(
        title=request.title,
        targets=tuple(map(desk.unit_asked, request.targets)),
        duty=member(Duty, request.duty or "office", "duty"),
        body=request.body,
        due_ms=request.due_ms or None,
        department=request.department,
        item_no=request.item_no,
        nature=member(Nature, request.nature or "ordinary", "nature"),
        workload_days=request.workload_days,
        duration_days=request.duration_days,
        fee_fen=request.fee_fen,
    )
    number = id_asked(request.work_order) if request.work_order else None
    issued = service.issue(desk.office, order, actor=request.actor, number=number)
    return pb.IssueWorkResponse(
        work_order=issued.order, assignments=[_shown(desk, each) for each in issued.assignments]
    )


def act_on_assignment(desk: Desk, request: pb.ActOnAssignmentRequest) -> pb.ActOnAssignmentResponse:
    office, which, actor = desk.office, id_asked(request.id), request.actor
    parts: tuple[bytes, ...] = ()
    if request.step == APPRAISE:
        service.appraise(office, which, actor=actor, score=request.percent)
    elif request.step == AMEND:
        service.amend(office, which, actor=actor, title=request.title, body=request.body)
    elif request.step == RELAY:
        targets = map(desk.unit_asked, request.targets)
        parts = service.relay(office, which, actor=actor, targets=targets)
    else:
        kind = member(EventKind, request.step, "step", STEPS)
        if kind in RULINGS:
            service.rule(office, which, kind, actor=actor, reason=request.reason)
        else:
            service.act(
                office, which, kind,
                actor=actor,
                reason=request.reason,
                percent=request.percent if request.HasField("percent") else None,
                due_ms=request.due_ms or None,
                note=request.note,
                evidence=request.evidence,
            )  # fmt: skip
    return pb.ActOnAssignmentResponse(
        assignment=_shown(desk, which), parts=[_shown(desk, part) for part in parts]
    )


def list_assignments(desk: Desk, request: pb.ListAssignmentsRequest) -> pb.ListAssignmentsResponse:
    page = views.find(
        desk.office,
        member(views.Box, request.box or "all", "box"),
        states=[member(State, state, "state") for state in request.states],
        flagged=request.flagged,
        text=request.text,
        offset=request.offset,
        limit=request.limit or 50,
    )
    return pb.ListAssignmentsResponse(
        assignments=[_assignment(desk, row) for row in page.rows], total=page.total
    )


def get_assignment(desk: Desk, request: pb.GetAssignmentRequest) -> pb.GetAssignmentResponse:
    detail = views.show(desk.office, id_asked(request.id))
    return pb.GetAssignmentResponse(
        assignment=_assignment(desk, detail.row),
        history=[
            pb.AssignmentEvent(
                kind=line.kind,
                unit=desk.unit(line.unit),
                at_ms=line.at_ms,
                actor=line.actor,
                reason=line.reason,
                percent=line.percent,
                due_ms=line.due_ms or 0,
                note=line.note,
                evidence=line.evidence,
                before=line.before,
                after=line.after,
                ignored=line.ignored,
            )
            for line in detail.history
        ],
        body=detail.body,
        fee_fen=detail.fee_fen,
        waiting=detail.waiting,
    )


def get_work_order(desk: Desk, request: pb.GetWorkOrderRequest) -> pb.GetWorkOrderResponse:
    tree = views.order_tree(desk.office, id_asked(request.id))
    return pb.GetWorkOrderResponse(
        assignments=[_assignment(desk, row, depth) for row, depth in _flat(tree.roots)],
        counts=[
            pb.StateCount(level=level, state=state, count=count)
            for level, states in tree.counts.items()
            for state, count in states.items()
        ],
        done=tree.done,
    )


def _flat(nodes: Iterable[views.Node], depth: int = 0) -> Iterator[tuple[Row, int]]:
    for node in nodes:
        yield node.row, depth
        yield from _flat(node.parts, depth + 1)


def _shown(desk: Desk, assignment: bytes) -> pb.Assignment:
    return _assignment(desk, views.show(desk.office, assignment).row)


def _assignment(desk: Desk, row: Row, depth: int = 0) -> pb.Assignment:
    return pb.Assignment(
        id=row.id,
        work_order=row.work_order,
        parent=row.parent or b"",
        issuer=desk.unit(row.issuer),
        assignee=desk.unit(row.assignee),
        title=row.title,
        state=row.state,
        percent=row.percent,
        duty=row.duty or "",
        due_ms=row.due_ms or 0,
        updated_ms=row.updated_ms,
        flag=row.flag,
        escalated=row.escalated,
        depth=depth,
    )


METHODS = {
    "IssueWork": Method(pb.IssueWorkRequest, pb.IssueWorkResponse, unary=issue_work),
    "ActOnAssignment": Method(
        pb.ActOnAssignmentRequest, pb.ActOnAssignmentResponse, unary=act_on_assignment
    ),
    "ListAssignments": Method(
        pb.ListAssignmentsRequest, pb.ListAssignmentsResponse, unary=list_assignments
    ),
    "GetAssignment": Method(
        pb.GetAssignmentRequest, pb.GetAssignmentResponse, unary=get_assignment
    ),
    "GetWorkOrder": Method(pb.GetWorkOrderRequest, pb.GetWorkOrderResponse, unary=get_work_order),
}
