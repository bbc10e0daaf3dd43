"""Codec of comparisons: whole copies of records as they cross the wire in a repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.codec import entry as codec
from sync.log.shown import SignedEntries
from sync.merge.evidence import Evidence
from sync.merge.record import Head, Heads, RecordState, canonical
from sync.model.change import ID_BYTES, RecordKey, Value
from sync.model.errors import Malformed
from sync.model.schema import FieldSchema, Kind
from sync.model.version import VERSION_BYTES, Version, incarnation_of
from sync.store.registers import RegisterTables
from sync.wire.link.v1 import link_pb2 as pb


def copy_to_wire(
    name: RecordKey, copy: RecordState | None, evidence: Evidence | None = None
) -> pb.RecordCopy:
    message = pb.RecordCopy(register=name.register, unit=name.unit, id=name.id)
    if copy is None:
        message.absent = True
        return message
    message.created, message.causal_length, message.causal_length_version = (
        copy.created,
        copy.causal_length,
        copy.causal_length_version,
    )
    for field, heads in sorted(copy.fields.items()):
        for head in heads.all:
            one = _head_to_wire(field, head.version, head.value)
            one.survived_delete = (field, head.version) in copy.survived_delete
            message.heads.append(one)
    if evidence is not None:
        message.causal_length_logged = copy.causal_length_version in evidence.causal_lengths
        for field, versions in sorted(evidence.overwritten.items()):
            message.overwritten.add(field=field, versions=sorted(versions))
        for field, values in sorted(evidence.written.items()):
            message.written.extend(_head_to_wire(field, v, x) for v, x in sorted(values.items()))
    return message


def _head_to_wire(field: str, version: Version, value: Value) -> pb.CopyHead:
    one = pb.CopyHead(field=field, version=version)
    if isinstance(value, int):
        one.number = value
    elif value is not None:
        one.text = value
    return one


def name_from_wire(message: pb.RecordCopy) -> RecordKey:
    """Raises: Malformed."""
    if len(message.id) != ID_BYTES:
        raise Malformed("a copy without an id")
    return RecordKey(message.register, message.unit, message.id)


def copy_from_wire(
    message: pb.RecordCopy, tables: RegisterTables, levels: Mapping[int, int]
) -> RecordState | None:
    """Return the copy; None: there is none. `levels` as in `RegisterTable`. Raises: Malformed."""
    if message.absent:
        return None
    schema = tables[message.register].schema.by_name
    found: dict[str, list[Head]] = {name: [] for name in schema}
    survived_delete: set[tuple[str, Version]] = set()
    for one in message.heads:
        field = schema.get(one.field)
        if field is None or not _fits(one, field):
            raise Malformed(f"a head of {one.field[:40]!r}")
        level = levels.get(incarnation_of(one.version), 3)
        found[one.field].append(Head(one.version, _value(one), level))
        if one.survived_delete:
            survived_delete.add((one.field, one.version))
    whole = all(found.values()) and message.causal_length >= 1
    if not whole or {len(message.created), len(message.causal_length_version)} != {VERSION_BYTES}:
        raise Malformed("a copy with something missing")
    for heads in found.values():
        if len({h.version for h in heads}) != len(heads):
            raise Malformed("two heads of one version")
    fields = {name: Heads(heads[0], tuple(heads[1:])) for name, heads in found.items()}
    copy = RecordState(
        message.created,
        message.causal_length,
        message.causal_length_version,
        fields,
        frozenset(survived_delete),
    )
    return canonical(copy, schema)


def evidence_from_wire(message: pb.RecordCopy, tables: RegisterTables) -> Evidence:
    """Return the evidence that came with a copy. Raises: Malformed."""
    schema = tables[message.register].schema.by_name
    overwritten = {one.field: frozenset(one.versions) for one in message.overwritten}
    if any(len(v) != VERSION_BYTES for versions in overwritten.values() for v in versions):
        raise Malformed("what was overwritten without its version")
    written: dict[str, dict[Version, Value]] = {}
    for one in message.written:
        field = schema.get(one.field)
        if field is None or not _fits(one, field):
            raise Malformed(f"what was written in {one.field[:40]!r}")
        written.setdefault(one.field, {})[one.version] = _value(one)
    return Evidence(
        frozenset([message.causal_length_version] if message.causal_length_logged else ()),
        overwritten,
        written,
    )


def proofs_to_wire(proofs: Iterable[SignedEntries]) -> list[pb.SignedEntries]:
    return [
        pb.SignedEntries(entries=one.wires, signature=codec.signature_to_wire(one.signature))
        for one in proofs
    ]


def proofs_from_wire(messages: Iterable[pb.SignedEntries]) -> list[SignedEntries]:
    """Raises: Malformed."""
    messages = list(messages)
    codec.check_entries_of_one_message([wire for m in messages for wire in m.entries])
    return [
        SignedEntries(tuple(m.entries), *codec.signatures_from_wire([m.signature]))
        for m in messages
    ]


def _value(one: pb.CopyHead) -> Value:
    kind = one.WhichOneof("value")
    return None if kind is None else one.number if kind == "number" else one.text


def _fits(one: pb.CopyHead, field: FieldSchema) -> bool:
    kind = one.WhichOneof("value")
    wrong = "text" if field.kind is Kind.INT else "number"
    return kind != wrong and len(one.version) == VERSION_BYTES
