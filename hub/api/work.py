"""Work over the wire: issue, take a step, list, show, the tree of an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.api import choices
from hub.api.call_context import (
    CallContext,
    Method,
    id_text,
    moment_asked,
    only,
    parse_id,
    parse_id_if_given,
)
from hub.api.pages import place_of, start_of
from node.domain.assignment import Duty, EventKind, State
from node.domain.norms import Nature
from node.services.work import actions as service
from node.services.work import views
from node.services.work.checks import RULINGS, Order
from node.store.assignments import Row
from sync.wire.office.v1 import work_pb2 as pb

# Steps whose event depends on who takes them, or that need more than a step.
APPRAISE, AMEND, RELAY = "appraise", "amend", "relay"
# What a step has besides the assignment, the step and who takes it.
_STATED = {
    APPRAISE: ("percent", "note"),
    AMEND: ("title", "body"),
    RELAY: ("targets",),
    EventKind.PROGRESS: ("percent", "note"),
    EventKind.CLAIM: ("evidence", "note"),
    EventKind.EXTEND: ("due_ms", "reason", "note"),
    EventKind.DISPATCH: ("due_ms", "reason", "note"),
}
_STATED_ELSE = ("reason", "note")


def issue_work_order(
    context: CallContext, request: pb.IssueWorkOrderRequest
) -> pb.IssueWorkOrderResponse:
    order = Order(
        title=request.title,
        targets=tuple(map(context.resolve_unit, request.targets)),
        duty=Duty(
            choices.chosen(
                request.duty or "office",
                choices.of_field(context, "work_order", "kind"),
                ("kind of duty", "责任类型"),
                "--duty",
            )
        ),
        body=request.body,
        due_ms=moment_asked(request.due_ms, "due_ms"),
        department=request.department,
        item_no=request.item_no,
        nature=Nature(
            choices.chosen(
                request.nature or "ordinary",
                choices.of_field(context, "work_order", "nature"),
                ("nature of work", "事务性质"),
                "--nature",
            )
        ),
        workload_days=request.workload_days,
        duration_days=request.duration_days,
        fee_fen=request.fee_fen,
    )
    number = parse_id_if_given(request.work_order, "work_order")
    issued = service.issue(context.office, order, actor=request.actor, number=number)
    return pb.IssueWorkOrderResponse(
        work_order=issued.order.hex(),
        assignments=[_shown(context, each) for each in issued.assignments],
    )


def transition_assignment(
    context: CallContext, request: pb.TransitionAssignmentRequest
) -> pb.TransitionAssignmentResponse:
    office, which, actor = context.office, parse_id(request.id), request.actor
    step = choices.chosen(request.step, choices.STEPS, ("step", "操作"), "step")
    only(
        request, ("id", "step", "actor", *_STATED.get(step, _STATED_ELSE)),
        when=f"the step {step}", when_zh=f"“{choices.STEPS[step][0]}”",
    )  # fmt: skip
    parts: tuple[bytes, ...] = ()
    if step == APPRAISE:
        service.appraise(office, which, actor=actor, score=request.percent, note=request.note)
    elif step == AMEND:
        service.amend(office, which, actor=actor, title=request.title, body=request.body)
    elif step == RELAY:
        targets = map(context.resolve_unit, request.targets)
        parts = service.relay(office, which, actor=actor, targets=targets)
    else:
        kind = EventKind(step)
        if kind in RULINGS:
            service.rule(office, which, kind, actor=actor, reason=request.reason, note=request.note)
        else:
            service.act(
                office, which, kind,
                actor=actor,
                reason=request.reason,
                percent=request.percent if request.HasField("percent") else None,
                due_ms=moment_asked(request.due_ms, "due_ms"),
                note=request.note,
                evidence=request.evidence,
            )  # fmt: skip
    return pb.TransitionAssignmentResponse(
        assignment=_shown(context, which), parts=[_shown(context, part) for part in parts]
    )


def list_assignments(
    context: CallContext, request: pb.ListAssignmentsRequest
) -> pb.ListAssignmentsResponse:
    start = start_of(request.page_token)
    page = views.find(
        context.office,
        views.Box(choices.chosen(request.box or "all", choices.BOXES, ("box", "范围"), "--box")),
        states=[
            State(
                choices.chosen(
                    state, choices.work_states(context), ("state", "任务状态"), "--state", "states"
                )
            )
            for state in request.states
        ],
        flagged=request.flagged,
        text=request.text,
        offset=start,
        limit=request.page_size or 50,
    )
    return pb.ListAssignmentsResponse(
        assignments=[_assignment(context, row) for row in page.rows],
        **place_of(start, len(page.rows), page.total),
    )


def get_assignment(
    context: CallContext, request: pb.GetAssignmentRequest
) -> pb.GetAssignmentResponse:
    detail = views.show(context.office, parse_id(request.id))
    return pb.GetAssignmentResponse(
        assignment=_assignment(context, detail.row),
        history=[
            pb.AssignmentEvent(
                kind=line.kind,
                unit=context.unit(line.unit),
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
        steps=detail.steps,
    )


def get_work_order(
    context: CallContext, request: pb.GetWorkOrderRequest
) -> pb.GetWorkOrderResponse:
    tree = views.order_tree(context.office, parse_id(request.id))
    return pb.GetWorkOrderResponse(
        assignments=[_assignment(context, row, depth) for row, depth in _flat(tree.roots)],
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


def _shown(context: CallContext, assignment: bytes) -> pb.Assignment:
    return _assignment(context, views.show(context.office, assignment).row)


def _assignment(context: CallContext, row: Row, depth: int = 0) -> pb.Assignment:
    return pb.Assignment(
        id=row.id.hex(),
        work_order=row.work_order.hex(),
        parent=id_text(row.parent),
        issuer=context.unit(row.issuer),
        assignee=context.unit(row.assignee),
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
    "IssueWorkOrder": Method(
        pb.IssueWorkOrderRequest, pb.IssueWorkOrderResponse, unary=issue_work_order
    ),
    "TransitionAssignment": Method(
        pb.TransitionAssignmentRequest, pb.TransitionAssignmentResponse, unary=transition_assignment
    ),
    "ListAssignments": Method(
        pb.ListAssignmentsRequest, pb.ListAssignmentsResponse, unary=list_assignments
    ),
    "GetAssignment": Method(
        pb.GetAssignmentRequest, pb.GetAssignmentResponse, unary=get_assignment
    ),
    "GetWorkOrder": Method(pb.GetWorkOrderRequest, pb.GetWorkOrderResponse, unary=get_work_order),
}
