"""The audit log over the wire: list, verify, export, prove."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hub.api.call_context import BadRequest, CallContext, Method, only, parse_day, parse_id
from hub.api.pages import start_of
from hub.api.progress_stream import stream_progress
from node.audit.log import hash_text
from node.services.audit import proofs, views
from node.services.audit.proofs import PaymentUnknown, Proof
from node.services.common.reason import stated_reason
from node.services.figures import rollup
from node.services.money.views import posting_of
from node.store.audit import Row
from sync.model.attribution import attributed
from sync.wire.office.v1 import audit_pb2 as pb
from sync.wire.office.v1 import common_pb2 as common

UNREADABLE = "unreadable"  # an entry that somebody has changed
PAGE = 20
PAGE_MAX = 10_000


def list_entries(
    context: CallContext, request: pb.ListAuditEntriesRequest
) -> pb.ListAuditEntriesResponse:
    limit = min(request.page_size or PAGE, PAGE_MAX)
    found = views.tail(context.office, start_of(request.page_token), limit)
    first = found.rows[0].index if found.rows else 0
    return pb.ListAuditEntriesResponse(
        entries=[_entry(context, row) for row in found.rows],
        next_page_token=str(first) if first else "",
        total_size=found.size,
    )


def verify(
    context: CallContext, _request: pb.VerifyAuditRequest
) -> Iterator[pb.VerifyAuditResponse]:
    for what, count, found in stream_progress(lambda report: views.verify(context.office, report)):
        if found is None:
            yield pb.VerifyAuditResponse(progress=common.Progress(done=count, of=what))
            continue
        yield pb.VerifyAuditResponse(
            report=pb.AuditReport(
                size=found.checkpoint.size,
                pruned=found.pruned,
                root=hash_text(found.checkpoint.root),
                faulty=found.faulty,
                faults=[pb.AuditFault(index=f.index, code=f.code) for f in found.faults],
                key=context.office.audit.key.text,
                checkpoint=found.note,
                witnesses=[
                    pb.AuditWitness(
                        unit=context.unit(each.witness),
                        size=each.size,
                        at_ms=each.at_ms,
                        refused=each.refused,
                    )
                    for each in found.witnesses
                ],
            )
        )


def export(
    context: CallContext, _request: pb.ExportAuditRequest
) -> Iterator[pb.ExportAuditResponse]:
    yield pb.ExportAuditResponse(key=context.office.audit.key.text)
    for lines in views.exported(context.office):
        yield pb.ExportAuditResponse(data="".join(f"{line}\n" for line in lines).encode())


def prove(context: CallContext, request: pb.ProveAuditRequest) -> pb.ProveAuditResponse:
    asked = [request.HasField("index"), bool(request.indicator), bool(request.posting)]
    if sum(asked) != 1:
        raise BadRequest(
            "exactly one thing can be proven: an entry, a figure or a payment",
            "一次只能证明一项：日志条目、指标数值或资金分录",
            "Give `index`, `indicator` or `posting`.", "请给出条目编号、指标或分录编号中的一项。",
            fields=["index", "indicator", "posting"],
        )  # fmt: skip
    if request.HasField("index"):
        only(request, ("index",), when="an entry", when_zh="日志条目")
        return _proven(proofs.prove_entry(context.office, request.index))
    unit = context.resolve_unit(request.unit)
    if request.posting:
        only(request, ("posting", "unit"), when="a payment", when_zh="资金分录")
        posting = parse_id(request.posting, "posting")
        found = posting_of(context.office, unit, posting)
        if found is None:
            raise PaymentUnknown(posting)
        line, counts = found
        return _proven(proofs.prove_payment(context.office, line, counts=counts, by=context.actor))
    day = parse_day(request.as_of, "as_of")
    answer = rollup.answer(context.office, request.indicator, unit, as_of=day)
    return _proven(proofs.prove_figure(context.office, answer, by=context.actor))


def accept(context: CallContext, request: pb.AcceptAuditLogRequest) -> pb.AcceptAuditLogResponse:
    unit = context.resolve_unit(request.unit)
    by, reason = attributed(request.actor).actor, stated_reason(request.reason)
    context.office.witness.accept(unit, by=by, reason=reason)
    return pb.AcceptAuditLogResponse(unit=context.unit(unit))


def _proven(proof: Proof) -> pb.ProveAuditResponse:
    return pb.ProveAuditResponse(
        index=proof.index, entry=proof.entry.decode(), proof=proof.file.encode(), key=proof.key
    )


def _entry(context: CallContext, row: Row) -> pb.AuditEntry:
    if row.entry is None:
        return pb.AuditEntry(index=row.index, at_ms=row.at_ms)
    try:
        content = json.loads(row.entry)
        unit, event = content.get("unit"), content["event"]
    except (ValueError, KeyError, AttributeError, TypeError):  # `verify` names it
        return pb.AuditEntry(index=row.index, at_ms=row.at_ms, event=UNREADABLE)
    return pb.AuditEntry(
        index=row.index,
        at_ms=row.at_ms,
        event=event,
        by=content.get("by", ""),
        unit=None if unit is None else context.unit(int(unit)),
        register=content.get("register", ""),
        record=content.get("record", ""),
        fields=content.get("fields", ()),
        facts={name: str(fact) for name, fact in content.get("facts", {}).items()},
    )


METHODS = {
    "ListAuditEntries": Method(
        pb.ListAuditEntriesRequest, pb.ListAuditEntriesResponse, unary=list_entries
    ),
    "VerifyAudit": Method(pb.VerifyAuditRequest, pb.VerifyAuditResponse, stream=verify),
    "ExportAudit": Method(pb.ExportAuditRequest, pb.ExportAuditResponse, stream=export),
    "ProveAudit": Method(pb.ProveAuditRequest, pb.ProveAuditResponse, unary=prove),
    "AcceptAuditLog": Method(pb.AcceptAuditLogRequest, pb.AcceptAuditLogResponse, unary=accept),
}
