"""Registers over the wire: the catalogue, records one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import func, select

from hub.api.call_context import (
    BadRequest,
    CallContext,
    Method,
    parse_id,
    value_to_wire,
    values_to_wire,
)
from hub.api.pages import page_of
from node.domain.register import Field, Register
from node.services.records import edits as service
from node.services.records.rules import UnknownRegister
from node.services.records.search import Condition
from node.services.upkeep import zero_reports
from sync.model.attribution import attributed
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import registers_pb2 as pb


def list_registers(
    context: CallContext, request: pb.ListRegistersRequest
) -> pb.ListRegistersResponse:
    listed = [
        r for r in context.office.catalogue.registers.values() if request.system or not r.system
    ]
    shown, place = page_of(listed, request)
    counts = _counts(context, shown)
    return pb.ListRegistersResponse(
        registers=[_described(context, r, counts[r.name], fields=False) for r in shown], **place
    )


def get_register(context: CallContext, request: pb.GetRegisterRequest) -> pb.GetRegisterResponse:
    registers = context.office.catalogue.registers
    register = registers.get(request.register)
    if register is None:
        words = [word for r in registers.values() for word in (r.name, r.zh, r.en)]
        raise UnknownRegister(request.register, words)
    count = _counts(context, [register])[register.name]
    return pb.GetRegisterResponse(register=_described(context, register, count, fields=True))


def list_records(context: CallContext, request: pb.ListRecordsRequest) -> pb.ListRecordsResponse:
    asked: dict[str, Any] = {
        "unit": context.resolve_unit(request.unit),
        "subtree": request.subtree,
        "search": request.search,
        "include_ended": request.include_ended,
        "limit": request.page_size or 50,
        "after": request.page_token,
    }
    if request.register:
        page = service.list_records(
            context.office,
            request.register,
            where=dict(request.where),
            conditions=conditions_of(request.conditions),
            sort=request.sort,
            **asked,
        )
    elif request.where or request.conditions or request.sort or not request.search.strip():
        raise BadRequest(
            "without a register only --search can be used", "未指定台账时只能按词搜索",
            "Name a register, or give `search` alone.", "请指定台账，或只填写搜索词。",
            fields=["register"],
        )  # fmt: skip
    else:
        page = service.search_all(context.office, **asked)
    return pb.ListRecordsResponse(
        records=[record_to_wire(context, view) for view in page.records],
        total_size=page.total,
        next_page_token=page.next,
        below=page.below,
        partial=page.partial,
    )


def get_record(context: CallContext, request: pb.GetRecordRequest) -> pb.GetRecordResponse:
    which = (context.office, request.register, whose(context, request), parse_id(request.id))
    reply = pb.GetRecordResponse(record=record_to_wire(context, service.get(*which)))
    if request.history:
        past = service.past(*which)
        reply.remains.CopyFrom(
            pb.HistoryRemains(
                whole=past.whole,
                missing=past.missing,
                lacks=[lack.value for lack in past.lacks],
                since_ms=past.since_ms,
            )
        )
        reply.history.extend(
            pb.RecordEvent(
                at_ms=event.at_ms,
                kind=event.kind,
                unit=context.unit(event.unit),
                values=values_to_wire(event.values),
                state=event.state,
                actor=event.actor,
                reason=event.reason,
                changes=[
                    pb.FieldChange(
                        field=change.field,
                        old=value_to_wire(change.old),
                        new=value_to_wire(change.new),
                        old_known=change.old_known,
                        state=change.state,
                    )
                    for change in event.changes
                ],
                logged=event.logged,
            )
            for event in past.events
        )
    return reply


def create_record(context: CallContext, request: pb.CreateRecordRequest) -> pb.CreateRecordResponse:
    by = attributed(request.actor)
    view = service.create(context.office, request.register, _typed(request.values), by=by)
    return pb.CreateRecordResponse(record=record_to_wire(context, view))


def update_record(context: CallContext, request: pb.UpdateRecordRequest) -> pb.UpdateRecordResponse:
    _force_needs_seen(request)
    view = service.change(
        context.office,
        request.register,
        whose(context, request),
        parse_id(request.id),
        _typed(request.values),
        version_token=request.version_token,
        force=request.force,
        by=attributed(request.actor, request.reason),
    )
    return pb.UpdateRecordResponse(record=record_to_wire(context, view))


def end_record(context: CallContext, request: pb.EndRecordRequest) -> pb.EndRecordResponse:
    _force_needs_seen(request)
    view = service.end(
        context.office,
        request.register,
        parse_id(request.id),
        version_token=request.version_token,
        force=request.force,
        by=attributed(request.actor, request.reason),
    )
    return pb.EndRecordResponse(record=record_to_wire(context, view))


def state_zero(context: CallContext, request: pb.StateZeroRequest) -> pb.StateZeroResponse:
    stated = zero_reports.state_zero(
        context.office, request.register, actor=request.actor, withdraw=request.withdraw
    )
    return pb.StateZeroResponse(
        register=stated.register.name,
        label=common.Label(zh=stated.register.zh, en=stated.register.en),
        zero=stated.zero,
        actor=stated.actor,
        changed=stated.changed,
    )


def _force_needs_seen(request: Any) -> None:
    """Refuse `force` without a version token. Raises: BadRequest."""
    if request.force and not request.version_token:
        raise BadRequest(
            "force means nothing without seen", "未给出所见版本时不能强制保存",
            "Give the token of what was looked at.", "请给出所见版本。", fields=["version_token"],
        )  # fmt: skip


def restore_record(
    context: CallContext, request: pb.RestoreRecordRequest
) -> pb.RestoreRecordResponse:
    by = attributed(request.actor, request.reason)
    view = service.restore(context.office, request.register, parse_id(request.id), by=by)
    return pb.RestoreRecordResponse(record=record_to_wire(context, view))


def conditions_of(given: Iterable[pb.Condition]) -> list[Condition]:
    return [Condition(one.field, one.operator, one.value) for one in given]


def whose(context: CallContext, request: Any) -> int:
    """Return the unit of the record that a request names: as given, or where it is here."""
    if request.unit:
        return context.resolve_unit(request.unit)
    return service.unit_of(context.office, request.register, parse_id(request.id))


def record_to_wire(context: CallContext, view: service.RecordView) -> pb.Record:
    return pb.Record(
        register=view.register,
        unit=context.unit(view.unit),
        id=view.id.hex(),
        alive=view.alive,
        values=values_to_wire(view.values),
        writable=sorted(view.writable),
        version_token=view.version_token,
        created_ms=view.created_ms,
        changed_ms=view.changed_ms,
        conflicts=[found.hex() for ids in view.conflicts.values() for found in ids],
    )


def _typed(values: Any) -> dict[str, object]:
    return {name: text or None for name, text in values.items()}


def _counts(context: CallContext, registers: Iterable[Register]) -> dict[str, int]:
    """Return how many active records of each this office has."""
    with context.office.store.read() as tx:
        counted = {}
        for register in registers:
            table = context.office.tables[register.name].table
            active = select(func.count()).where(table.c.causal_length.bitwise_and(1) == 1)
            counted[register.name] = int(tx.execute(active.select_from(table)).scalar_one())
    return counted


def _described(
    context: CallContext, register: Register, records: int, *, fields: bool
) -> pb.RegisterDescription:
    kept_here = register.level in (None, context.office.level) and not register.system
    return pb.RegisterDescription(
        name=register.name,
        label=common.Label(zh=register.zh, en=register.en),
        audience=register.audience,
        level=None if register.level is None else int(register.level),
        key=register.key,
        singleton=register.singleton,
        system=register.system,
        fields=[_field(f) for f in register.fields.values()] if fields else (),
        records=records,
        kept_here=kept_here,
        end_reasons=_choices(register.end_reasons) if fields else (),
    )


def _field(field: Field) -> pb.FieldDescription:
    return pb.FieldDescription(
        name=field.name,
        label=common.Label(zh=field.zh, en=field.en),
        type=field.type,
        required=field.required,
        owners=[int(level) for level in field.owners],
        sensitivity=field.sensitivity,
        scale=field.scale,
        unit=field.unit,
        choices=_choices(field.choices),
        aliases=field.aliases,
    )


def _choices(choices: Mapping[str, tuple[str, str]]) -> list[pb.Choice]:
    return [
        pb.Choice(code=code, label=common.Label(zh=zh, en=en)) for code, (zh, en) in choices.items()
    ]


METHODS = {
    "ListRegisters": Method(
        pb.ListRegistersRequest, pb.ListRegistersResponse, unary=list_registers
    ),
    "GetRegister": Method(pb.GetRegisterRequest, pb.GetRegisterResponse, unary=get_register),
    "ListRecords": Method(pb.ListRecordsRequest, pb.ListRecordsResponse, unary=list_records),
    "GetRecord": Method(pb.GetRecordRequest, pb.GetRecordResponse, unary=get_record),
    "CreateRecord": Method(pb.CreateRecordRequest, pb.CreateRecordResponse, unary=create_record),
    "UpdateRecord": Method(pb.UpdateRecordRequest, pb.UpdateRecordResponse, unary=update_record),
    "EndRecord": Method(pb.EndRecordRequest, pb.EndRecordResponse, unary=end_record),
    "StateZero": Method(pb.StateZeroRequest, pb.StateZeroResponse, unary=state_zero),
    "RestoreRecord": Method(
        pb.RestoreRecordRequest, pb.RestoreRecordResponse, unary=restore_record
    ),
}
