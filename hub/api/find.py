"""Find ids over the wire: which thing is meant by the first digits of its id, or by its name."""

from __future__ import annotations

from hub.api import choices
from hub.api.call_context import CallContext, Method
from node.services.records import lookup
from sync.wire.office.v1 import office_pb2 as pb


def search_ids(context: CallContext, request: pb.SearchIdsRequest) -> pb.SearchIdsResponse:
    found = lookup.find(
        context.office,
        lookup.Kind(
            choices.chosen(request.kind, choices.ID_KINDS, ("kind of id", "编号种类"), "kind")
        ),
        request.text,
        register=request.register,
        unit=context.resolve_unit(request.unit) if request.unit else None,
    )
    return pb.SearchIdsResponse(
        found_ids=[
            pb.FoundId(
                id=each.id.hex(),
                unit=context.unit(each.unit),
                register=each.register,
                text=each.text,
            )
            for each in found
        ]
    )


METHODS = {"SearchIds": Method(pb.SearchIdsRequest, pb.SearchIdsResponse, unary=search_ids)}
