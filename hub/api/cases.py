"""Cases over the wire: list, show, close."""

from __future__ import annotations

from hub.api.desk import Desk, Method, id_asked
from node.services import cases as service
from sync.wire.v1 import office_pb2 as pb


def list_cases(desk: Desk, request: pb.ListCasesRequest) -> pb.ListCasesResponse:
    found = service.list_cases(desk.office, every=request.all)
    return pb.ListCasesResponse(cases=[_case(desk, view) for view in found])


def get_case(desk: Desk, request: pb.GetCaseRequest) -> pb.GetCaseResponse:
    return pb.GetCaseResponse(case=_case(desk, service.show(desk.office, id_asked(request.id))))


def close_case(desk: Desk, request: pb.CloseCaseRequest) -> pb.CloseCaseResponse:
    closed = service.close(
        desk.office, id_asked(request.id), reason=request.reason, actor=request.actor
    )
    return pb.CloseCaseResponse(case=_case(desk, closed))


def _case(desk: Desk, view: service.CaseView) -> pb.Case:
    return pb.Case(
        id=view.id,
        kind=view.kind,
        owner=desk.unit(view.owner),
        units=[pb.CaseUnit(unit=desk.unit(u), records=n) for u, n in sorted(view.units.items())],
        state=view.state,
        reason=view.reason,
        actor=view.actor,
        records=view.records,
    )


METHODS = {
    "ListCases": Method(pb.ListCasesRequest, pb.ListCasesResponse, unary=list_cases),
    "GetCase": Method(pb.GetCaseRequest, pb.GetCaseResponse, unary=get_case),
    "CloseCase": Method(pb.CloseCaseRequest, pb.CloseCaseResponse, unary=close_case),
}
