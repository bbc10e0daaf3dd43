"""Duplicate cases over the wire: list, show, close."""

from __future__ import annotations

from hub.api.call_context import CallContext, Method, parse_id
from hub.api.pages import page_of
from node.services.duplicates import cases as service
from sync.wire.office.v1 import office_pb2 as pb


def list_cases(context: CallContext, request: pb.ListCasesRequest) -> pb.ListCasesResponse:
    found, place = page_of(service.list_cases(context.office, every=request.all), request)
    return pb.ListCasesResponse(cases=[_case(context, view) for view in found], **place)


def get_case(context: CallContext, request: pb.GetCaseRequest) -> pb.GetCaseResponse:
    return pb.GetCaseResponse(
        case=_case(context, service.show(context.office, parse_id(request.id)))
    )


def close_case(context: CallContext, request: pb.CloseCaseRequest) -> pb.CloseCaseResponse:
    closed = service.close(
        context.office, parse_id(request.id), reason=request.reason, actor=request.actor
    )
    return pb.CloseCaseResponse(case=_case(context, closed))


def _case(context: CallContext, view: service.CaseView) -> pb.Case:
    return pb.Case(
        id=view.id.hex(),
        kind=view.kind,
        owner=context.unit(view.owner),
        units=[pb.CaseUnit(unit=context.unit(u), records=n) for u, n in sorted(view.units.items())],
        state=view.state,
        reason=view.reason,
        actor=view.actor,
        records=[record.hex() for record in view.records],
    )


METHODS = {
    "ListCases": Method(pb.ListCasesRequest, pb.ListCasesResponse, unary=list_cases),
    "GetCase": Method(pb.GetCaseRequest, pb.GetCaseResponse, unary=get_case),
    "CloseCase": Method(pb.CloseCaseRequest, pb.CloseCaseResponse, unary=close_case),
}
