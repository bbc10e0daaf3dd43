"""Messages for fuzzing: those of every method of both contracts, built from their descriptors.

A message that is added to a contract is drawn without a change here. Most fields get what is right
(`Known`), so that a message comes past the first check; some get what no sender would write.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import zstandard
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

import sync.wire

F = FieldDescriptor
DEPTH = 4  # of messages in messages
LISTED = 3
Known = Mapping[str, Sequence[Any]]  # what a field of this name may well have
INTEGERS = (
    0, 1, 2, -1, 7, 100, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 62, (1 << 63) - 1, -(1 << 63),
    (1 << 64) - 1,
)  # fmt: skip
TEXTS = (
    "", " ", "a\0b", "\x1b[2J", "\u202egnp.exe", "\ufffe", "１００", "1e3", "NaN", "-1", "0",
    str(1 << 63), "' OR 1=1; --", "owner;--", "%" * 400, "../../x", "$.a[0]", "=cmd|'/c'!A1",
    "x" * 5_000, "不存在的单位", "2026-02-30", "up:city", "down:all",
)  # fmt: skip
# What lies in these fields as bytes is a message again, or one compressed.
PACKED = {
    "entries": ("Entry",), "payload": ("Body", "SnapshotChunk"), "statement": ("Statement",),
    "receipt": ("Receipt",),
}  # fmt: skip


def services() -> Iterator[ServiceDescriptor]:
    """Yield the services of both contracts, from what was generated."""
    for module in pkgutil.walk_packages(sync.wire.__path__, "sync.wire."):
        if module.name.endswith("_pb2"):
            found: Any = importlib.import_module(module.name)
            yield from found.DESCRIPTOR.services_by_name.values()


def methods() -> dict[str, MethodDescriptor]:
    """Return every method, by the path of its calls."""
    return {
        f"/{service.full_name}/{method.name}": method
        for service in services()
        for method in service.methods
    }


@st.composite
def messages(
    draw: st.DrawFn, kind: Descriptor, known: Known, depth: int = DEPTH, tame: bool | None = None
) -> Message:
    """Draw a message that is well formed; what is in it need not be true.

    `tame`: what is known of a field is all that it gets; None: by chance.
    """
    if tame is None:
        tame = draw(st.booleans())
    made: Message = GetMessageClass(kind)()
    for field in kind.fields:
        _set(draw, made, field, known, depth, tame)
    return made


def _set(draw: st.DrawFn, made: Message, field: F, known: Known, depth: int, tame: bool) -> None:
    right = _right(field, known)
    if not draw(st.integers(0, 9 if right else 2)):
        return  # absent
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _fill(draw, made, field, known, depth, tame)
    elif field.is_repeated:
        count = draw(st.integers(0, LISTED))
        whole = tame or draw(st.integers(0, 4)) > 0
        values = (
            right
            if right and whole
            else [_value(draw, field, known, depth, tame) for _ in range(count)]
        )
        if field.message_type is None:
            getattr(made, field.name).extend(values)
        else:
            for value in values:
                getattr(made, field.name).add().CopyFrom(value)
    elif field.message_type is not None:
        if depth:
            getattr(made, field.name).CopyFrom(
                draw(messages(field.message_type, known, depth - 1, tame))
            )
    else:
        setattr(made, field.name, _value(draw, field, known, depth, tame))


def _fill(draw: st.DrawFn, made: Message, field: F, known: Known, depth: int, tame: bool) -> None:
    assert field.message_type is not None
    key, value = (
        field.message_type.fields_by_name["key"],
        field.message_type.fields_by_name["value"],
    )
    for _ in range(draw(st.integers(0, LISTED))):
        name = draw(
            st.sampled_from([*known.get(f"{field.name}.key", ()), _value(draw, key, {}, 0, tame)])
        )
        if value.message_type is not None:
            filled = draw(messages(value.message_type, known, max(depth - 1, 0), tame))
            getattr(made, field.name)[name].CopyFrom(filled)
        else:
            getattr(made, field.name)[name] = _value(draw, value, known, depth, tame)


def _value(draw: st.DrawFn, field: F, known: Known, depth: int, tame: bool) -> Any:
    """Draw one value of a field: what may well be there, or anything of its type."""
    right = _right(field, known)
    if right and (tame or draw(st.integers(0, 5))):
        return draw(st.sampled_from(right))
    if field.message_type is not None:
        return draw(messages(field.message_type, known, max(depth - 1, 0), tame))
    if field.type == F.TYPE_BOOL:
        return draw(st.booleans())
    if field.type in (F.TYPE_DOUBLE, F.TYPE_FLOAT):
        return draw(st.floats(width=32))
    if field.type == F.TYPE_STRING:
        return draw(st.sampled_from(TEXTS) | st.text(max_size=20))
    if field.type == F.TYPE_BYTES:
        return draw(_octets(field, known, depth, tame))
    if field.enum_type is not None:
        numbers = [each.number for each in field.enum_type.values]
        return draw(st.sampled_from([*numbers, -1, 99, (1 << 31) - 1]))
    low, high = _range(field)
    return draw(st.sampled_from([n for n in INTEGERS if low <= n <= high]) | st.integers(low, high))


def _right(field: F, known: Known) -> list[Any]:
    """Return what is known for a field of this name, as far as it is of the field's type."""
    found = known.get(field.name, ())
    if field.type == F.TYPE_STRING:
        return [each for each in found if isinstance(each, str)]
    if field.type == F.TYPE_BYTES:
        return [each for each in found if isinstance(each, bytes)]
    if field.enum_type is not None:
        return [each for each in found if isinstance(each, int)]
    if field.type not in _TYPES:
        return []
    low, high = _range(field)
    return [each for each in found if isinstance(each, int) and low <= each <= high]


def _range(field: F) -> tuple[int, int]:
    bits = 32 if "32" in _TYPES[field.type] else 64
    if _TYPES[field.type].startswith(("uint", "fixed")):
        return 0, (1 << bits) - 1
    return -(1 << bits - 1), (1 << bits - 1) - 1


_TYPES = {
    F.TYPE_INT32: "int32", F.TYPE_SINT32: "sint32", F.TYPE_SFIXED32: "sfixed32",
    F.TYPE_UINT32: "uint32", F.TYPE_FIXED32: "fixed32", F.TYPE_INT64: "int64",
    F.TYPE_SINT64: "sint64", F.TYPE_SFIXED64: "sfixed64", F.TYPE_UINT64: "uint64",
    F.TYPE_FIXED64: "fixed64",
}  # fmt: skip


def _octets(field: F, known: Known, depth: int, tame: bool) -> st.SearchStrategy[bytes]:
    plain = st.binary(max_size=40) | st.sampled_from([16, 32, 64]).flatmap(
        lambda size: st.binary(min_size=size, max_size=size)
    )
    owner = field.containing_type
    assert owner is not None
    within = [
        found
        for name in PACKED.get(field.name, ())
        if (found := owner.file.message_types_by_name.get(name)) is not None
    ]
    if not within or not depth:
        return plain
    packed = st.sampled_from(within).flatmap(lambda kind: messages(kind, known, depth - 1, tame))
    raw = packed.map(lambda message: message.SerializeToString())
    if field.name == "payload":
        raw = raw.map(lambda octets: zstandard.ZstdCompressor(level=1).compress(octets))
    return raw | raw | plain


@st.composite
def mutated(draw: st.DrawFn, octets: bytes) -> bytes:
    """Draw bytes that were those of a message, with something done to them."""
    changed = bytearray(octets)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(changed)))
        match draw(st.integers(0, 3)):
            case 0:
                del changed[at : at + draw(st.integers(1, 8))]
            case 1:
                changed[at:at] = draw(st.binary(min_size=1, max_size=8))
            case 2 if at < len(changed):
                changed[at] ^= draw(st.integers(1, 255))
            case _:
                changed[at:] = changed[:at]
    return bytes(changed[:100_000])
