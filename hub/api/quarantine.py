"""Trouble over the wire: held changes, and two stores under one office's name."""

from __future__ import annotations

from hub.api.call_context import CallContext, Method, parse_id, parse_id_if_given
from node.services.peers import clones
from node.services.upkeep import quarantine
from sync.wire.office.v1 import trouble_pb2 as pb

QUARANTINE_PAGE = 50


def list_quarantined(
    context: CallContext, request: pb.ListQuarantinedRequest
) -> pb.ListQuarantinedResponse:
    states = quarantine.STATES if request.all else quarantine.WAITING
    limit = request.limit or QUARANTINE_PAGE
    page = quarantine.page_of(context.office, states=states, after=request.after, limit=limit)
    return pb.ListQuarantinedResponse(
        quarantined=[_quarantined(context, line) for line in page.lines],
        total=page.total,
        next=page.next,
    )


def get_quarantined(
    context: CallContext, request: pb.GetQuarantinedRequest
) -> pb.GetQuarantinedResponse:
    view = quarantine.show_quarantined(context.office, parse_id(request.id))
    return pb.GetQuarantinedResponse(
        quarantined_change=_quarantined(context, view.line),
        audience=view.audience,
        seq=view.seq,
        operation=view.operation or "",
        fields=view.fields,
    )


def retry_quarantined(
    context: CallContext, request: pb.RetryQuarantinedRequest
) -> pb.RetryQuarantinedResponse:
    done = quarantine.retry_quarantined(context.office, parse_id_if_given(request.id))
    return pb.RetryQuarantinedResponse(tried=done.tried, applied=done.applied)


def close_quarantined(
    context: CallContext, request: pb.CloseQuarantinedRequest
) -> pb.CloseQuarantinedResponse:
    chosen = parse_id(request.id)
    done = quarantine.close_quarantined(
        context.office, chosen, actor=request.actor, reason=request.reason
    )
    line = quarantine.show_quarantined(context.office, chosen).line
    return pb.CloseQuarantinedResponse(
        quarantined_change=_quarantined(context, line), applied=done.applied
    )


def list_clones(context: CallContext, _request: pb.ListClonesRequest) -> pb.ListClonesResponse:
    found = clones.list_clones(context.office)
    return pb.ListClonesResponse(offices=[_clone(context, each) for each in found])


def reset_clone(context: CallContext, request: pb.ResetCloneRequest) -> pb.ResetCloneResponse:
    unit = context.resolve_unit(request.unit)
    done = clones.reset_clone(context.office, unit, actor=request.actor, reason=request.reason)
    if context.parent:  # a served office has a session, too, and it knows who was here last
        context.parent.forget_session(unit)
    return pb.ResetCloneResponse(office=_clone(context, done))


def _quarantined(context: CallContext, line: quarantine.QuarantineLine) -> pb.QuarantinedChange:
    return pb.QuarantinedChange(
        id=line.id.hex(),
        arrival=line.arrival,
        writer=context.unit(line.writer or None),
        register=line.register,
        unit=context.unit(line.unit or None),
        records=[record.hex() for record in line.records],
        reason=line.reason,
        detail=line.detail,
        state=line.state,
        at_ms=line.at_ms,
        tries=line.tries,
        note=line.note,
    )


def _clone(context: CallContext, found: clones.Clone) -> pb.ClonedOffice:
    return pb.ClonedOffice(
        unit=context.unit(found.unit),
        flagged=found.flagged,
        decisions=[
            pb.CloneReset(at_ms=decision.at_ms, actor=decision.actor, reason=decision.reason)
            for decision in found.decisions
        ],
    )


METHODS = {
    "ListQuarantined": Method(
        pb.ListQuarantinedRequest, pb.ListQuarantinedResponse, unary=list_quarantined
    ),
    "GetQuarantined": Method(
        pb.GetQuarantinedRequest, pb.GetQuarantinedResponse, unary=get_quarantined
    ),
    "RetryQuarantined": Method(
        pb.RetryQuarantinedRequest, pb.RetryQuarantinedResponse, unary=retry_quarantined
    ),
    "CloseQuarantined": Method(
        pb.CloseQuarantinedRequest, pb.CloseQuarantinedResponse, unary=close_quarantined
    ),
    "ListClones": Method(pb.ListClonesRequest, pb.ListClonesResponse, unary=list_clones),
    "ResetClone": Method(pb.ResetCloneRequest, pb.ResetCloneResponse, unary=reset_clone),
}
