"""The judge of received values: entries, copies, repairs, bundles and replays all ask it. Pure.

A value that no honest office can write is quarantined before it is stored, so that whatever reads
the store - sums, folds, lists, start-up - may rely on the register's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sync.model.change import Block, Operation, Value
from sync.model.schema import FieldSchema, RegisterSchema
from sync.model.values import ANY, NaturalId

if TYPE_CHECKING:
    from sync.merge.record import RecordState

WRONG_KIND = "wrong_kind"
INVALID_VALUE = "invalid_value"


def fault_in_block(block: Block, register: RegisterSchema) -> tuple[str, str] | None:
    """Return why a block's values are refused, and the field; None if they are accepted.

    Fields that the register does not have are left out before.
    """
    given = dict(zip(block.fields, block.columns, strict=False))
    for name, column in given.items():
        if fault := _fault(register.by_name[name], column):
            return fault, name
    if block.operation is Operation.DELETE:
        return None
    created = block.operation is Operation.CREATE
    for field in register.fields:
        asked = field.limits.required and (created or field.name in given)
        if asked and None in given.get(field.name, (None,)):
            return INVALID_VALUE, field.name
    natural = register.natural_id
    if natural is not None:
        if created:
            named = [given.get(name, [None] * len(block.ids)) for name in natural.fields]
            rows = zip(block.ids, *named, strict=True)
            if any(_other_id(natural, record, key) for record, *key in rows):
                return INVALID_VALUE, "id"
        elif moved := sorted(given.keys() & set(natural.fields)):
            return INVALID_VALUE, moved[0]
    return None


def fault_in_copy(
    record: bytes, copy: RecordState, register: RegisterSchema, *, whole: bool = False
) -> tuple[str, str] | None:
    """Return why a copy's values are refused, and the field; None if they are accepted.

    `whole`: it has all of the register's fields; else what is missing is judged later.
    """
    for name, heads in copy.fields.items():
        field = register.by_name.get(name)
        if field is None:
            continue
        if fault := _fault(field, [head.value for head in heads.all]):
            return fault, name
    if not (whole and copy.alive):
        return None
    shown: Mapping[str, Value] = {n: heads.shown.value for n, heads in copy.fields.items()}
    for field in register.fields:
        if field.limits.required and shown.get(field.name) is None:
            return INVALID_VALUE, field.name
    natural = register.natural_id
    if natural is not None and _other_id(natural, record, [shown.get(n) for n in natural.fields]):
        return INVALID_VALUE, "id"
    return None


def _other_id(natural: NaturalId, record: bytes, key: Sequence[Value]) -> bool:
    return natural.of(*("" if part is None else str(part) for part in key)) != record


def _fault(field: FieldSchema, column: Sequence[Value]) -> str:
    if not {field.kind.type, type(None)}.issuperset(map(type, column)):
        return WRONG_KIND
    return "" if field.limits is ANY or field.limits.admit(column) else INVALID_VALUE
