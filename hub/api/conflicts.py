"""Conflicts over the wire: list, show both sides, decide."""

from __future__ import annotations

from typing import cast

from hub.api.desk import BadRequest, Desk, Method, id_asked, value_to_wire
from node.services import conflict_views as views
from node.services import conflicts as service
from sync.wire.v1 import office_pb2 as pb

TAKES = ("shown", "loser", "value")
ALIKE_BY = ("values", "writers")


def list_conflicts(desk: Desk, request: pb.ListConflictsRequest) -> pb.ListConflictsResponse:
    page = views.list_open(
        desk.office, register=request.register, limit=request.limit or 50, after=request.after
    )
    return pb.ListConflictsResponse(
        conflicts=[_conflict(desk, view) for view in page.conflicts],
        total=page.total,
        next=page.next,
    )


def get_conflict(desk: Desk, request: pb.GetConflictRequest) -> pb.GetConflictResponse:
    view = views.show(desk.office, id_asked(request.id))
    return pb.GetConflictResponse(conflict=_conflict(desk, view))


def resolve_conflict(desk: Desk, request: pb.ResolveConflictRequest) -> pb.ResolveConflictResponse:
    if request.take not in TAKES:
        raise BadRequest(
            f"{request.take[:20]!r} is no way to decide", f"不能按“{request.take[:20]}”处理",
            f"Take one of: {', '.join(TAKES)}.", f"请选择: {', '.join(TAKES)}。",
        )  # fmt: skip
    take = cast(service.Take, request.take)
    chosen = id_asked(request.id)
    values = {name: text or None for name, text in request.values.items()}
    if not request.alike:
        view = service.resolve(
            desk.office, chosen, take, reason=request.reason, actor=request.actor, values=values
        )
        return pb.ResolveConflictResponse(conflict=_conflict(desk, view), settled=1)
    by = request.alike_by or "values"
    if by not in ALIKE_BY or (by == "writers" and take == "value"):
        raise BadRequest(
            f"conflicts cannot be taken together by {by[:20]!r} and settled by {take!r}",
            f"不能按“{by[:20]}”归为同类并以“{take}”处理",
            "Alike by values, or by writers with `shown` or `loser`.",
            "同值可按任一方式处理; 同单位只能采用 shown 或 loser。",
        )
    alike = service.resolve_alike(
        desk.office,
        chosen,
        take,
        reason=request.reason,
        actor=request.actor,
        values=values,
        by=cast(service.AlikeBy, by),
        preview=request.preview,
    )
    return pb.ResolveConflictResponse(
        conflict=_conflict(desk, views.show(desk.office, chosen)),
        settled=alike.settled,
        left=alike.left,
        preview=request.preview,
    )


def _conflict(desk: Desk, view: views.ConflictView) -> pb.Conflict:
    return pb.Conflict(
        id=view.id,
        register=view.register,
        unit=desk.unit(view.unit),
        record=view.record,
        field=view.field,
        state=view.state,
        ended=view.ended,
        shown=_side(desk, view.shown),
        loser=_side(desk, view.loser),
        others=[_side(desk, side) for side in view.others],
        must_look=desk.unit(view.must_look),
        may_settle=view.may_settle,
        opened_ms=view.opened_ms,
        reason=view.reason,
    )


def _side(desk: Desk, side: views.Side) -> pb.ConflictSide:
    return pb.ConflictSide(
        value=value_to_wire(side.value), unit=desk.unit(side.unit), at_ms=side.at_ms
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
