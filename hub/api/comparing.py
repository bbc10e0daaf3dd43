"""Comparing with the parent over the wire, and what was repaired."""

from __future__ import annotations

from hub.api.desk import Desk, Method
from hub.api.office import NoParent, NotServed
from node.services.comparisons import Repair
from sync.limits import DIGEST_BUCKETS
from sync.narrowing import Wish
from sync.wire.v1 import office_pb2 as pb

REPAIRS_LISTED = 100


def compare(desk: Desk, request: pb.CompareRequest) -> pb.CompareResponse:
    """Raises: NoParent, NotServed."""
    office = desk.office
    if not office.config.parent:
        raise NoParent
    if desk.dialer is None:
        raise NotServed
    wait_s = request.wait_ms / 1000
    read = frozenset(range(DIGEST_BUCKETS)) if request.deep else frozenset()
    desk.dialer.wait_compared(wait_s)  # the daily one may be under way
    office.comparisons.forget()
    desk.dialer.compare(Wish(repair=request.repair, read=read))
    desk.dialer.wait_compared(wait_s)
    found = office.comparisons.last
    if found is None:
        return pb.CompareResponse()
    left = dict(found.left)
    return pb.CompareResponse(
        outcome=found.word,
        units=found.units,
        other_catalogue=found.other_catalogue,
        records=[
            pb.DifferingRecord(
                register=name.register, unit=desk.unit(name.unit), id=name.id,
                repaired=name not in left, reason=left.get(name, ""),
            )
            for name in found.found
        ],
        sums_here=len(found.mended_here),
        sums_there=len(found.mended_there),
        at_ms=found.at_ms,
    )  # fmt: skip


def list_repairs(desk: Desk, request: pb.ListRepairsRequest) -> pb.ListRepairsResponse:
    found = desk.office.comparisons.repairs(request.limit or REPAIRS_LISTED)
    return pb.ListRepairsResponse(repairs=[_repair(desk, repair) for repair in found])


def _repair(desk: Desk, repair: Repair) -> pb.Repair:
    return pb.Repair(
        at_ms=repair.at_ms, peer=desk.unit(repair.peer), register=repair.register,
        unit=desk.unit(repair.unit), id=repair.record, side=repair.side, before=repair.before,
        after=repair.after,
    )  # fmt: skip


METHODS = {
    "Compare": Method(pb.CompareRequest, pb.CompareResponse, unary=compare),
    "ListRepairs": Method(pb.ListRepairsRequest, pb.ListRepairsResponse, unary=list_repairs),
}
