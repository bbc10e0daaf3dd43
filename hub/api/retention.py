"""Retention over the wire: log and ended records, shown and removed."""

from __future__ import annotations

from dataclasses import replace

from hub.api.call_context import CallContext, Method
from node.china import DAY_MS
from node.services.upkeep import redaction
from node.services.upkeep.log_retention import RetentionState, retention_state, truncate_log
from sync.wire.office.v1 import retention_pb2 as pb


def retain(context: CallContext, request: pb.ApplyRetentionRequest) -> pb.ApplyRetentionResponse:
    office = context.office
    now_ms = office.clock.now_ms()
    if request.dry_run:
        return _response(
            context,
            retention_state(office, now_ms),
            redaction.retention_state(office, now_ms),
            now_ms,
        )
    found = truncate_log(office, now_ms)
    redacted_now = redaction.redact_ended(office, now_ms)
    ended = replace(redaction.retention_state(office, now_ms), redactable=redacted_now)
    return _response(context, found, ended, now_ms)


def _response(
    context: CallContext, found: RetentionState, ended: redaction.RetentionState, now_ms: int
) -> pb.ApplyRetentionResponse:
    config = context.office.config
    lease_ms = config.lease_days * DAY_MS
    return pb.ApplyRetentionResponse(
        low_water_mark=found.low_water_mark,
        end=found.end,
        entries=found.extent.entries,
        bytes=found.extent.bytes,
        oldest_ms=found.extent.oldest_ms,
        truncated_entries=found.portion.entries,
        truncated_bytes=found.portion.bytes,
        holds=[
            pb.LogHold(
                why=hold.why.value,
                first=hold.first,
                unit=context.unit(hold.unit) if hold.unit else None,
                last_contact_ms=hold.last_contact_ms,
                lease_left_ms=hold.last_contact_ms + lease_ms - now_ms if hold.unit else 0,
            )
            for hold in found.holds
        ],
        local_entries=found.local.entries,
        cut_local_entries=found.local_cut.entries,
        log_days=config.log_days,
        lease_days=config.lease_days,
        tombstone_days=config.tombstone_days,
        ended_with_values=ended.values,
        redacted=ended.redacted,
        redacted_now=ended.redactable,
        kept=[
            pb.ValuesKept(why=why.value, records=n) for why, n in sorted(ended.keep_reasons.items())
        ],
    )


METHODS = {
    "ApplyRetention": Method(pb.ApplyRetentionRequest, pb.ApplyRetentionResponse, unary=retain)
}
