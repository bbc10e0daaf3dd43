"""Comparison with the parent over the wire, and what was repaired."""

from __future__ import annotations

from hub.api.call_context import CallContext, Method
from hub.api.office import NoParent, NotServed
from hub.api.pages import place_of, start_of
from node.peers.comparisons import Repair
from sync.model.limits import DIGEST_BUCKETS
from sync.model.report import CompareOptions
from sync.wire.office.v1 import office_pb2 as pb

REPAIRS_LISTED = 100


def compare(context: CallContext, request: pb.CompareOfficeRequest) -> pb.CompareOfficeResponse:
    """Raises: NoParent, NotServed."""
    office = context.office
    if not office.config.parent:
        raise NoParent
    if context.dialer is None:
        raise NotServed
    read = frozenset(range(DIGEST_BUCKETS)) if request.deep else frozenset()
    context.wait(context.dialer.wait_compared, request.wait_ms)  # the daily one may be under way
    office.comparisons.forget()
    context.dialer.compare(CompareOptions(repair=request.repair, read=read))
    context.wait(context.dialer.wait_compared, request.wait_ms)
    found = office.comparisons.last
    if found is None:
        return pb.CompareOfficeResponse()
    left = dict(found.left)
    return pb.CompareOfficeResponse(
        outcome=found.outcome,
        units=found.units,
        other_catalogue=found.other_catalogue,
        records=[
            pb.DifferingRecord(
                register=name.register, unit=context.unit(name.unit), id=name.id.hex(),
                repaired=name not in left, reason=left.get(name, ""),
            )
            for name in found.found
        ],
        sums_here=len(found.fixed_here),
        sums_there=len(found.fixed_there),
        at_ms=found.at_ms,
    )  # fmt: skip


def list_repairs(context: CallContext, request: pb.ListRepairsRequest) -> pb.ListRepairsResponse:
    start = start_of(request.page_token)
    comparisons = context.office.comparisons
    found = comparisons.repairs(request.page_size or REPAIRS_LISTED, start)
    return pb.ListRepairsResponse(
        repairs=[_repair(context, repair) for repair in found],
        **place_of(start, len(found), comparisons.repairs_in_all()),
    )


def _repair(context: CallContext, repair: Repair) -> pb.Repair:
    return pb.Repair(
        at_ms=repair.at_ms, peer=context.unit(repair.peer), register=repair.register,
        unit=context.unit(repair.unit), id=repair.record.hex(), side=repair.side,
        before=repair.before, after=repair.after,
    )  # fmt: skip


METHODS = {
    "CompareOffice": Method(pb.CompareOfficeRequest, pb.CompareOfficeResponse, unary=compare),
    "ListRepairs": Method(pb.ListRepairsRequest, pb.ListRepairsResponse, unary=list_repairs),
}
