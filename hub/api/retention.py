"""Retention over the wire: log and ended records, looked at and reduced."""

from __future__ import annotations

from dataclasses import replace

from hub.api.desk import Desk, Method
from node.services import stubs
from node.services.log_retention import DAY_MS, Standing, cut_log, standing
from sync.wire.v1 import office_retention_pb2 as pb


def retain(desk: Desk, request: pb.RetainRequest) -> pb.RetainResponse:
    office = desk.office
    now_ms = office.clock.now_ms()
    if request.dry_run:
        return _response(desk, standing(office, now_ms), stubs.standing(office, now_ms), now_ms)
    found = cut_log(office, now_ms)
    reduced = stubs.reduce_ended(office, now_ms)
    ended = replace(stubs.standing(office, now_ms), reducible=reduced)
    return _response(desk, found, ended, now_ms)


def _response(desk: Desk, found: Standing, ended: stubs.Standing, now_ms: int) -> pb.RetainResponse:
    config = desk.office.config
    lease_ms = config.lease_days * DAY_MS
    return pb.RetainResponse(
        floor=found.floor,
        end=found.end,
        entries=found.extent.entries,
        bytes=found.extent.bytes,
        oldest_ms=found.extent.oldest_ms,
        cut_entries=found.portion.entries,
        cut_bytes=found.portion.bytes,
        holds=[
            pb.LogHold(
                why=claim.why.value,
                first=claim.first,
                unit=desk.unit(claim.unit) if claim.unit else None,
                heard_ms=claim.heard_ms,
                lease_left_ms=claim.heard_ms + lease_ms - now_ms if claim.unit else 0,
            )
            for claim in found.holds
        ],
        log_days=config.log_days,
        lease_days=config.lease_days,
        tombstone_days=config.tombstone_days,
        ended_with_values=ended.values,
        stubs=ended.stubs,
        reduced=ended.reducible,
        kept=[pb.ValuesKept(why=why.value, records=n) for why, n in sorted(ended.spared.items())],
    )


METHODS = {"Retain": Method(pb.RetainRequest, pb.RetainResponse, unary=retain)}
