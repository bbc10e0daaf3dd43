"""Ids over the wire: which thing is meant by the first digits of its id, or by its name."""

from __future__ import annotations

from hub.api import choices
from hub.api.call_context import CallContext, Method
from node.services.records import lookup
from sync.wire.office.v1 import office_pb2 as pb


def find_ids(context: CallContext, request: pb.FindIdsRequest) -> pb.FindIdsResponse:
    found = lookup.find(
        context.office,
        lookup.Kind(
            choices.chosen(request.kind, choices.ID_KINDS, ("kind of id", "编号种类"), "kind")
        ),
        request.text,
        register=request.register,
        unit=context.resolve_unit(request.unit) if request.unit else None,
    )
    return pb.FindIdsResponse(
        found=[
            pb.FoundId(
                id=each.id.hex(),
                unit=context.unit(each.unit),
                register=each.register,
                text=each.text,
            )
            for each in found
        ]
    )


METHODS = {"FindIds": Method(pb.FindIdsRequest, pb.FindIdsResponse, unary=find_ids)}
