"""Quarantine over the wire: quarantined changes, and two stores under one office's name."""

from __future__ import annotations

from hub.api.call_context import CallContext, Method, parse_id, parse_id_if_given
from hub.api.pages import page_of
from node.services.peers import clones
from node.services.upkeep import quarantine
from sync.wire.office.v1 import trouble_pb2 as pb

QUARANTINE_PAGE = 50


def list_quarantined(
    context: CallContext, request: pb.ListQuarantinedChangesRequest
) -> pb.ListQuarantinedChangesResponse:
    states = quarantine.STATES if request.all else quarantine.WAITING
    limit = request.page_size or QUARANTINE_PAGE
    page = quarantine.page_of(context.office, states=states, after=request.page_token, limit=limit)
    return pb.ListQuarantinedChangesResponse(
        quarantined_changes=[_quarantined(context, line) for line in page.lines],
        total_size=page.total,
        next_page_token=page.next,
    )


def get_quarantined(
    context: CallContext, request: pb.GetQuarantinedChangeRequest
) -> pb.GetQuarantinedChangeResponse:
    view = quarantine.show_quarantined(context.office, parse_id(request.id))
    return pb.GetQuarantinedChangeResponse(
        quarantined_change=_quarantined(context, view.line),
        audience=view.audience,
        seq=view.seq,
        operation=view.operation or "",
        fields=view.fields,
    )


def retry_quarantined(
    context: CallContext, request: pb.RetryQuarantinedChangesRequest
) -> pb.RetryQuarantinedChangesResponse:
    done = quarantine.retry_quarantined(context.office, parse_id_if_given(request.id))
    return pb.RetryQuarantinedChangesResponse(tried=done.tried, applied=done.applied)


def close_quarantined(
    context: CallContext, request: pb.CloseQuarantinedChangeRequest
) -> pb.CloseQuarantinedChangeResponse:
    chosen = parse_id(request.id)
    done = quarantine.close_quarantined(
        context.office, chosen, actor=request.actor, reason=request.reason
    )
    line = quarantine.show_quarantined(context.office, chosen).line
    return pb.CloseQuarantinedChangeResponse(
        quarantined_change=_quarantined(context, line), applied=done.applied
    )


def list_clones(
    context: CallContext, request: pb.ListClonedOfficesRequest
) -> pb.ListClonedOfficesResponse:
    found, place = page_of(clones.list_clones(context.office), request)
    return pb.ListClonedOfficesResponse(
        cloned_offices=[_clone(context, each) for each in found], **place
    )


def reset_clone(
    context: CallContext, request: pb.ResetClonedOfficeRequest
) -> pb.ResetClonedOfficeResponse:
    unit = context.resolve_unit(request.unit)
    done = clones.reset_clone(context.office, unit, actor=request.actor, reason=request.reason)
    if context.parent:  # a served office has a session, too, which knows the last process
        context.parent.forget_session(unit)
    return pb.ResetClonedOfficeResponse(office=_clone(context, done))


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
    "ListQuarantinedChanges": Method(
        pb.ListQuarantinedChangesRequest, pb.ListQuarantinedChangesResponse, unary=list_quarantined
    ),
    "GetQuarantinedChange": Method(
        pb.GetQuarantinedChangeRequest, pb.GetQuarantinedChangeResponse, unary=get_quarantined
    ),
    "RetryQuarantinedChanges": Method(
        pb.RetryQuarantinedChangesRequest,
        pb.RetryQuarantinedChangesResponse,
        unary=retry_quarantined,
    ),
    "CloseQuarantinedChange": Method(
        pb.CloseQuarantinedChangeRequest, pb.CloseQuarantinedChangeResponse, unary=close_quarantined
    ),
    "ListClonedOffices": Method(
        pb.ListClonedOfficesRequest, pb.ListClonedOfficesResponse, unary=list_clones
    ),
    "ResetClonedOffice": Method(
        pb.ResetClonedOfficeRequest, pb.ResetClonedOfficeResponse, unary=reset_clone
    ),
}
