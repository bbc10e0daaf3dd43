"""Pack blocks by column, and unpack them (`Block` in link.proto)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from sync.model.change import ID_BYTES, Block, Operation, Value
from sync.model.errors import Malformed
from sync.model.version import VERSION_BYTES, Version
from sync.wire.link.v1 import link_pb2 as pb


def split(packed: bytes, width: int) -> list[bytes]:
    """Split concatenated fixed-width values."""
    return [packed[i : i + width] for i in range(0, len(packed), width)]


def column_to_wire(values: Sequence[Value]) -> pb.Column:
    present = [v for v in values if v is not None]
    column = pb.Column()
    if present and isinstance(present[0], int):
        column.is_int = True
        column.ints.extend(present)  # type: ignore[arg-type]  # one kind a column: RegisterSchema
    else:
        column.texts.extend(present)  # type: ignore[arg-type]
    if len(present) != len(values):
        nulls = bytearray((len(values) + 7) // 8)
        for i, value in enumerate(values):
            if value is None:
                nulls[i >> 3] |= 1 << (i & 7)
        column.nulls = bytes(nulls)
    return column


def column_from_wire(column: pb.Column, count: int) -> list[Value]:
    """Return the values. Raises: Malformed, if they are not `count`."""
    given = column.ints if column.is_int else column.texts
    if len(given) > count:  # before a list is made of them
        raise Malformed(f"column of {len(given)} values for {count} records")
    values: list[Value] = list(given)
    nulls = column.nulls
    if nulls:
        present = iter(values)
        try:
            values = [None if nulls[i >> 3] >> (i & 7) & 1 else next(present) for i in range(count)]
        except (StopIteration, IndexError, RuntimeError) as error:
            raise Malformed("column is too short") from error
        if next(present, None) is not None:
            raise Malformed("column is too long")
    if len(values) != count:
        raise Malformed(f"column of {len(values)} values for {count} records")
    return values


def block_to_wire(block: Block) -> pb.Block:
    message = pb.Block(
        register=block.register,
        unit=block.unit,
        operation=block.operation.value,  # type: ignore[arg-type]
        ids=b"".join(block.ids),
        fields=block.fields,
        columns=[column_to_wire(c) for c in block.columns],
        causal_length=block.causal_length,
    )
    if block.bases or block.lives:
        named = chain(chain.from_iterable(block.bases), block.lives)
        index = {v: i for i, v in enumerate(dict.fromkeys(named))}
        message.versions = b"".join(index)
        for column in block.bases:
            message.bases.add(index=_numbers(column, index))
        if block.lives:
            message.lives.index.extend(_numbers(block.lives, index))
    for (record, field), versions in block.resolved.items():
        for version in versions:
            message.resolved.add(record=record, field=field, version=version)
    return message


def _numbers(column: Sequence[Version], index: Mapping[Version, int]) -> list[int]:
    numbers = [index[v] for v in column]
    return numbers[:1] if numbers.count(numbers[0]) == len(numbers) else numbers


def block_from_wire(m: pb.Block) -> Block:
    if m.operation not in (1, 2, 3) or not m.ids or len(m.ids) % ID_BYTES or m.unit >= 1 << 63:
        raise Malformed(f"block of {m.register[:40]!r}: operation {m.operation}, ids {len(m.ids)}")
    count = len(m.ids) // ID_BYTES
    operation = Operation(m.operation)
    ids = split(m.ids, ID_BYTES)
    if len(set(ids)) != count:
        raise Malformed("block names a record twice")
    fields = tuple(m.fields)
    if len(set(fields)) != len(fields):
        raise Malformed("block names a field twice")
    if operation is not Operation.DELETE and len(m.columns) != len(fields):
        raise Malformed("block does not have one column for each field")
    bases: list[Sequence[Version]] = []
    if operation is not Operation.CREATE:
        if len(m.bases) != len(fields):
            raise Malformed("block does not have one base column for each field")
        bases = [base_from_wire(b, m.versions, count) for b in m.bases]
    resolved: dict[tuple[int, str], list[Version]] = {}
    for s in m.resolved:
        if s.record >= count or len(s.version) != VERSION_BYTES:
            raise Malformed("block resolves values of records that it does not have")
        resolved.setdefault((s.record, s.field), []).append(s.version)
    return Block(
        register=m.register,
        unit=m.unit,
        operation=operation,
        ids=ids,
        fields=fields,
        columns=[column_from_wire(c, count) for c in m.columns],
        bases=bases,
        causal_length=m.causal_length,
        resolved={key: tuple(dict.fromkeys(versions)) for key, versions in resolved.items()},
        lives=base_from_wire(m.lives, m.versions, count) if m.HasField("lives") else (),
    )


def base_from_wire(column: pb.BaseColumn, versions: bytes, count: int) -> Sequence[Version]:
    """Return a base version for each record. Raises: Malformed."""
    if len(versions) % VERSION_BYTES:
        raise Malformed("base versions are cut off")
    known = split(versions, VERSION_BYTES)
    if len(column.index) > count:
        raise Malformed(f"{len(column.index)} base versions for {count} records")
    try:
        values = [known[i] for i in column.index]
    except IndexError as error:
        raise Malformed("base version out of range") from error
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise Malformed(f"{len(values)} base versions for {count} records")
    return values
