"""What a call shows of persons is in the audit log before it is shown.

Which calls those are is asked of the contract: every answer that can have values of records is
looked through, and the personal fields in it are recorded. If that fails, nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from hub.api.call_context import CallContext, Method
from node.domain.audit import AuditEvent, EventKind

# The calls that answer with what the caller has just written: the log of changes has that.
WRITES = frozenset({"CreateRecord", "UpdateRecord", "EndRecord", "RestoreRecord"})


@dataclass(frozen=True, slots=True)
class Shown:
    """Values of one record in an answer."""

    register: str
    unit: int
    record: str
    fields: tuple[str, ...]


# The messages of the contract that have values of records, and how they name them.
CARRIERS: dict[str, Callable[[Any], Shown]] = {
    "silian.office.v1.Record": lambda m: Shown(m.register, m.unit.unit_id, m.id, tuple(m.values)),
    "silian.office.v1.Conflict": lambda m: Shown(m.register, m.unit.unit_id, m.record, (m.field,)),
    "silian.office.v1.Correction": lambda m: Shown(
        m.register, m.unit.unit_id, m.record, tuple(each.field for each in m.proposed)
    ),
}


def disclosing(name: str, method: Method) -> Method:
    """Return a method that records what of persons its answer shows, if it can show any."""
    unary = method.unary
    if (
        unary is None
        or name in WRITES
        or not can_show(cast(Descriptor, method.response.DESCRIPTOR))
    ):
        return method

    def call(context: CallContext, request: Any) -> Message:
        reply = unary(context, request)
        events = _events(context, name, reply)
        if events:
            context.office.audit.record(*events)
        return reply

    return replace(method, unary=call)


def can_show(descriptor: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a message can have values of records."""
    if descriptor.full_name in CARRIERS:
        return True
    if descriptor.full_name in seen:
        return False
    inside = seen | {descriptor.full_name}
    return any(
        field.message_type is not None and can_show(field.message_type, inside)
        for field in descriptor.fields
    )


def _events(context: CallContext, name: str, reply: Message) -> list[AuditEvent]:
    by_register: dict[str, list[Shown]] = {}
    for shown in _shown(reply):
        by_register.setdefault(shown.register, []).append(shown)
    found = []
    for register, listed in sorted(by_register.items()):
        known = context.office.catalogue.registers.get(register)
        personal = {f.name for f in known.fields.values() if f.personal} if known else set()
        fields = sorted(personal & {f for each in listed for f in each.fields})
        if not fields:
            continue
        records = {each.record for each in listed}
        units = {each.unit for each in listed}
        found.append(
            AuditEvent(
                event=EventKind.RECORDS_READ,
                by=context.actor,
                unit=units.pop() if len(units) == 1 else 0,
                register=register,
                record=bytes.fromhex(records.pop()) if len(records) == 1 else b"",
                fields=tuple(fields),
                facts={"call": name, "records": len({each.record for each in listed})},
            )
        )
    return found


def _shown(message: Message) -> Iterator[Shown]:
    carrier = CARRIERS.get(message.DESCRIPTOR.full_name)
    if carrier is not None:
        yield carrier(message)
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in value if field.is_repeated else (value,):
            yield from _shown(each)
