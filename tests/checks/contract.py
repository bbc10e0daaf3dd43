"""The bytes of the contract: every message, filled, against those in tests/data/contract.txt.

A field number, a type, an enum's number or a call that changes is noticed: offices upgrade months
apart. `python -m tests.checks.contract --write` writes the file anew, on purpose.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import Message

from sync.wire.link.v1 import bundle_pb2, enrolment_pb2, link_pb2, sealed_pb2
from sync.wire.office.v1 import office_pb2

FILE = Path(__file__).resolve().parents[1] / "data/contract.txt"
REPEATED = 2  # values of a repeated field
ROOTS = (  # they import all others
    link_pb2.DESCRIPTOR, bundle_pb2.DESCRIPTOR, enrolment_pb2.DESCRIPTOR, sealed_pb2.DESCRIPTOR,
    office_pb2.DESCRIPTOR,
)  # fmt: skip
INTEGERS = {
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_FIXED64,
}  # fmt: skip
SIGNED = {
    FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_SFIXED64,
}  # fmt: skip
FLOATS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def contract_files() -> list[FileDescriptor]:
    """Return every file of the contract, in the order of their names."""
    found: dict[str, FileDescriptor] = {}
    wanted = list(ROOTS)
    while wanted:
        file = wanted.pop()
        if file.package.startswith("silian.") and file.name not in found:
            found[file.name] = file
            wanted += file.dependencies
    return [found[name] for name in sorted(found)]


def lines() -> Iterator[str]:
    """Yield what the file has, one line for each message, enum value and call."""
    for file in contract_files():
        for message in file.message_types_by_name.values():
            for each in (message, *_nested(message)):
                yield f"{each.full_name} {b''.join(filled(each)).hex()}"
        for enum in file.enum_types_by_name.values():
            for value in enum.values:
                yield f"{enum.full_name}.{value.name} {value.number}"
        for service in file.services_by_name.values():
            for call in service.methods:
                sides = call.input_type.full_name, call.output_type.full_name
                streams = call.client_streaming, call.server_streaming
                marks = ("stream " if stream else "" for stream in streams)
                asked, answered = (f"{m}{side}" for m, side in zip(marks, sides, strict=True))
                yield f"/{service.full_name}/{call.name} {asked} -> {answered}"


def _nested(message: Descriptor) -> Iterator[Descriptor]:
    for each in message.nested_types:
        yield each
        yield from _nested(each)


def filled(message: Descriptor, inside: tuple[str, ...] = ()) -> list[bytes]:
    """Return filled instances of a message: as many as its longest oneof has alternatives.

    `inside`: the messages around it; one that is inside itself stays empty there.
    """
    oneofs = [oneof.fields for oneof in message.oneofs]
    instances = []
    for n in range(max(map(len, oneofs), default=1)):
        chosen = {fields[n % len(fields)].number for fields in oneofs}
        instance = message_factory.GetMessageClass(message)()
        for field in message.fields:
            if field.containing_oneof is None or field.number in chosen:
                _fill(instance, field, (*inside, message.full_name))
        instances.append(instance.SerializeToString(deterministic=True))
    return instances


def _fill(instance: Message, field: FieldDescriptor, inside: tuple[str, ...]) -> None:
    values = [_value(field, n, inside) for n in range(REPEATED if field.is_repeated else 1)]
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        for value in values:  # as on the wire: a map is a repeated message there
            instance.MergeFromString(
                b"".join((_varint(field.number << 3 | 2), _varint(len(value)), value))
            )
    elif field.is_repeated:
        getattr(instance, field.name).extend(values)
    else:
        setattr(instance, field.name, values[0])


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _value(field: FieldDescriptor, n: int, inside: tuple[str, ...]) -> Any:
    """Return a value by a field's type and number. Never the default: it is not serialized."""
    number = field.number * 1_000 + n + 1
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        nested = field.message_type
        return b"" if nested.full_name in inside else filled(nested, inside)[0]
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values[-1].number
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type in INTEGERS:
        return number
    if field.type in SIGNED:
        return -number
    if field.type in FLOATS:
        return number / 4
    text = f"{field.number}.{n}"
    return text if field.type == FieldDescriptor.TYPE_STRING else text.encode()


def differences() -> list[str]:
    """Return the lines that are not as the file has them: with -, what it had; with +, what is."""
    before, now = FILE.read_text(encoding="utf-8").splitlines(), list(lines())
    return [
        *(f"-{line}" for line in before if line not in set(now)),
        *(f"+{line}" for line in now if line not in set(before)),
    ]


def main() -> int:
    if sys.argv[1:] == ["--write"]:
        FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
        return 0
    found = differences()
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
