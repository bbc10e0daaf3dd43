"""Whole copies of records as they cross the wire in a repair."""

from __future__ import annotations

from collections.abc import Mapping

from sync.change import ID_BYTES, Value
from sync.joining import Told
from sync.merge import Head, Heads, RecordState, arranged
from sync.narrowing import RecordName
from sync.registers import RegisterTables
from sync.schema import FieldSchema, Kind
from sync.version import VERSION_BYTES, Version, incarnation_of
from sync.wire.v1 import link_pb2 as pb
from sync.wire_errors import Malformed


def copy_to_wire(
    name: RecordName, copy: RecordState | None, told: Told | None = None
) -> pb.RecordCopy:
    message = pb.RecordCopy(register=name.register, unit=name.unit, id=name.id)
    if copy is None:
        message.absent = True
        return message
    message.born, message.life, message.life_version = copy.born, copy.life, copy.life_version
    for field, heads in sorted(copy.fields.items()):
        for head in heads.all:
            one = _head_to_wire(field, head.version, head.value)
            one.unseen = (field, head.version) in copy.unseen
            message.heads.append(one)
    if told is not None:
        message.life_told = copy.life_version in told.lives
        for field, versions in sorted(told.overwritten.items()):
            message.overwritten.add(field=field, versions=sorted(versions))
        for field, values in sorted(told.written.items()):
            message.written.extend(_head_to_wire(field, v, x) for v, x in sorted(values.items()))
    return message


def _head_to_wire(field: str, version: Version, value: Value) -> pb.CopyHead:
    one = pb.CopyHead(field=field, version=version)
    if isinstance(value, int):
        one.number = value
    elif value is not None:
        one.text = value
    return one


def name_from_wire(message: pb.RecordCopy) -> RecordName:
    """Raises: Malformed."""
    if len(message.id) != ID_BYTES:
        raise Malformed("a copy without an id")
    return RecordName(message.register, message.unit, message.id)


def copy_from_wire(
    message: pb.RecordCopy, tables: RegisterTables, levels: Mapping[int, int]
) -> RecordState | None:
    """Return the copy; None: there is none. `levels` as in `RegisterTable`. Raises: Malformed."""
    if message.absent:
        return None
    schema = tables[message.register].schema.by_name
    found: dict[str, list[Head]] = {name: [] for name in schema}
    unseen: set[tuple[str, Version]] = set()
    for one in message.heads:
        field = schema.get(one.field)
        if field is None or not _fits(one, field):
            raise Malformed(f"a head of {one.field[:40]!r}")
        level = levels.get(incarnation_of(one.version), 3)
        found[one.field].append(Head(one.version, _value(one), level))
        if one.unseen:
            unseen.add((one.field, one.version))
    whole = all(found.values()) and message.life >= 1
    if not whole or {len(message.born), len(message.life_version)} != {VERSION_BYTES}:
        raise Malformed("a copy with something missing")
    for heads in found.values():
        if len({h.version for h in heads}) != len(heads):
            raise Malformed("two heads of one version")
    fields = {name: Heads(heads[0], tuple(heads[1:])) for name, heads in found.items()}
    copy = RecordState(message.born, message.life, message.life_version, fields, frozenset(unseen))
    return arranged(copy, schema)


def told_from_wire(message: pb.RecordCopy, tables: RegisterTables) -> Told:
    """Return what is told beside a copy. Raises: Malformed."""
    schema = tables[message.register].schema.by_name
    gone = {one.field: frozenset(one.versions) for one in message.overwritten}
    if any(len(v) != VERSION_BYTES for versions in gone.values() for v in versions):
        raise Malformed("what was overwritten without its version")
    written: dict[str, dict[Version, Value]] = {}
    for one in message.written:
        field = schema.get(one.field)
        if field is None or not _fits(one, field):
            raise Malformed(f"what was written in {one.field[:40]!r}")
        written.setdefault(one.field, {})[one.version] = _value(one)
    return Told(frozenset([message.life_version] if message.life_told else ()), gone, written)


def _value(one: pb.CopyHead) -> Value:
    kind = one.WhichOneof("value")
    return None if kind is None else one.number if kind == "number" else one.text


def _fits(one: pb.CopyHead, field: FieldSchema) -> bool:
    kind = one.WhichOneof("value")
    wrong = "text" if field.kind is Kind.INT else "number"
    return kind != wrong and len(one.version) == VERSION_BYTES
