"""Conflicts over the wire: list, show both sides, decide."""

from __future__ import annotations

from typing import cast

from hub.api import choices
from hub.api.call_context import BadRequest, CallContext, Method, only, parse_id, value_to_wire
from hub.api.names import fields_coded
from node.services.conflicts import resolve as service
from node.services.conflicts import views
from sync.wire.office.v1 import office_pb2 as pb

ALIKE_BY = ("values", "writers")


def list_conflicts(
    context: CallContext, request: pb.ListConflictsRequest
) -> pb.ListConflictsResponse:
    listed = views.list_settled if request.resolved else views.list_open
    page = listed(
        context.office,
        register=request.register,
        limit=request.page_size or 50,
        after=request.page_token,
    )
    return pb.ListConflictsResponse(
        conflicts=[_conflict(context, view) for view in page.conflicts],
        total_size=page.total,
        next_page_token=page.next,
    )


def get_conflict(context: CallContext, request: pb.GetConflictRequest) -> pb.GetConflictResponse:
    view = views.show(context.office, parse_id(request.id))
    return pb.GetConflictResponse(conflict=_conflict(context, view))


def resolve_conflict(
    context: CallContext, request: pb.ResolveConflictRequest
) -> pb.ResolveConflictResponse:
    take = cast(
        service.Take,
        choices.chosen(request.take, choices.TAKES, ("way to decide", "处理方式"), "--take"),
    )
    by = request.alike_by or "values"
    if not request.alike:
        only(
            request, ("id", "take", "reason", "actor", "values"),
            when="settling one conflict", when_zh="处理单个冲突",
        )  # fmt: skip
    elif by not in ALIKE_BY or (by == "writers" and take == "value"):
        raise BadRequest(
            f"conflicts cannot be taken together by {by[:20]!r} and settled by {take!r}",
            f"不能按“{by[:20]}”归为同类并以“{take}”处理",
            "Alike by values, or by writers with `shown` or `loser`.",
            "同值可按任一方式处理；同单位只能采用现值或未采用的值。",
            fields=["alike_by"],
        )
    chosen = parse_id(request.id)
    register = context.office.catalogue.registers[views.show(context.office, chosen).register]
    typed = fields_coded(register, request.values)
    values = {name: text or None for name, text in typed.items()}
    if not request.alike:
        view = service.resolve(
            context.office, chosen, take, reason=request.reason, actor=request.actor, values=values
        )
        return pb.ResolveConflictResponse(conflict=_conflict(context, view), resolved=1)
    alike = service.resolve_alike(
        context.office,
        chosen,
        take,
        reason=request.reason,
        actor=request.actor,
        values=values,
        by=cast(service.AlikeBy, by),
        preview=request.preview,
    )
    return pb.ResolveConflictResponse(
        conflict=_conflict(context, views.show(context.office, chosen)),
        resolved=alike.resolved,
        left=alike.left,
        preview=request.preview,
    )


def _conflict(context: CallContext, view: views.ConflictView) -> pb.Conflict:
    return pb.Conflict(
        id=view.id.hex(),
        register=view.register,
        unit=context.unit(view.unit),
        record=view.record.hex(),
        field=view.field,
        state=view.state,
        ended=view.ended,
        shown=_side(context, view.shown),
        loser=_side(context, view.loser),
        others=[_side(context, side) for side in view.others],
        assignee=context.unit(view.assignee),
        may_resolve=view.may_resolve,
        opened_ms=view.opened_ms,
        reason=view.reason,
        may_decide=[found for u in view.may_decide if (found := context.unit(u)) is not None],
        decision=_decision(context, view.decision) if view.decision is not None else None,
    )


def _decision(context: CallContext, found: views.Decision) -> pb.Decision:
    return pb.Decision(
        value=value_to_wire(found.value),
        known=found.known,
        unit=context.unit(found.unit),
        at_ms=found.at_ms,
        actor=found.actor,
        reason=found.reason,
    )


def _side(context: CallContext, side: views.Side) -> pb.ConflictSide:
    return pb.ConflictSide(
        value=value_to_wire(side.value), unit=context.unit(side.unit), at_ms=side.at_ms
    )


METHODS = {
    "ListConflicts": Method(
        pb.ListConflictsRequest, pb.ListConflictsResponse, unary=list_conflicts
    ),
    "GetConflict": Method(pb.GetConflictRequest, pb.GetConflictResponse, unary=get_conflict),
    "ResolveConflict": Method(
        pb.ResolveConflictRequest, pb.ResolveConflictResponse, unary=resolve_conflict
    ),
}
