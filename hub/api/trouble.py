"""Trouble over the wire: held changes, and two stores under one office's name."""

from __future__ import annotations

from functools import partial

from hub.api.desk import Desk, Method, id_asked
from node.services import copies, holes
from sync.wire.v1 import office_trouble_pb2 as pb

HOLES_PAGE = 50


def list_holes(desk: Desk, request: pb.ListHolesRequest) -> pb.ListHolesResponse:
    states = holes.STATES if request.all else holes.WAITING
    limit = request.limit or HOLES_PAGE
    page = holes.page_of(desk.office, states=states, after=request.after, limit=limit)
    return pb.ListHolesResponse(
        holes=[_hole(desk, line) for line in page.lines], total=page.total, next=page.next
    )


def get_hole(desk: Desk, request: pb.GetHoleRequest) -> pb.GetHoleResponse:
    view = holes.show_hole(desk.office, id_asked(request.id))
    return pb.GetHoleResponse(
        hole=_hole(desk, view.line),
        audience=view.audience,
        seq=view.seq,
        operation=view.operation or "",
        fields=view.fields,
    )


def retry_holes(desk: Desk, request: pb.RetryHolesRequest) -> pb.RetryHolesResponse:
    done = holes.retry_holes(desk.office, id_asked(request.id) if request.id else None)
    return pb.RetryHolesResponse(tried=done.tried, healed=done.healed)


def close_hole(desk: Desk, request: pb.CloseHoleRequest) -> pb.CloseHoleResponse:
    chosen = id_asked(request.id)
    done = holes.close_hole(desk.office, chosen, actor=request.actor, reason=request.reason)
    line = holes.show_hole(desk.office, chosen).line
    return pb.CloseHoleResponse(hole=_hole(desk, line), healed=done.healed)


def list_copies(desk: Desk, _request: pb.ListCopiesRequest) -> pb.ListCopiesResponse:
    found = copies.list_copies(desk.office)
    return pb.ListCopiesResponse(offices=[_copied(desk, each) for each in found])


def forget_copy(desk: Desk, request: pb.ForgetCopyRequest) -> pb.ForgetCopyResponse:
    unit = desk.unit_asked(request.unit)
    # The sessions of a served office must go, too: they know who was here last.
    forget = desk.parent.forget_copy if desk.parent else partial(copies.forget_copy, desk.office)
    done = forget(unit, actor=request.actor, reason=request.reason)
    return pb.ForgetCopyResponse(office=_copied(desk, done))


def _hole(desk: Desk, line: holes.HoleLine) -> pb.Hole:
    return pb.Hole(
        id=line.id,
        arrival=line.arrival,
        writer=desk.unit(line.writer or None),
        register=line.register,
        unit=desk.unit(line.unit or None),
        records=line.records,
        reason=line.reason,
        detail=line.detail,
        state=line.state,
        at_ms=line.at_ms,
        tries=line.tries,
        note=line.note,
    )


def _copied(desk: Desk, found: copies.Copied) -> pb.CopiedOffice:
    return pb.CopiedOffice(
        unit=desk.unit(found.unit),
        flagged=found.flagged,
        decisions=[
            pb.CopyForgotten(at_ms=word.at_ms, actor=word.actor, reason=word.reason)
            for word in found.decisions
        ],
    )


METHODS = {
    "ListHoles": Method(pb.ListHolesRequest, pb.ListHolesResponse, unary=list_holes),
    "GetHole": Method(pb.GetHoleRequest, pb.GetHoleResponse, unary=get_hole),
    "RetryHoles": Method(pb.RetryHolesRequest, pb.RetryHolesResponse, unary=retry_holes),
    "CloseHole": Method(pb.CloseHoleRequest, pb.CloseHoleResponse, unary=close_hole),
    "ListCopies": Method(pb.ListCopiesRequest, pb.ListCopiesResponse, unary=list_copies),
    "ForgetCopy": Method(pb.ForgetCopyRequest, pb.ForgetCopyResponse, unary=forget_copy),
}
