"""What crosses a link, or an office's calls, keeps its bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from sync.wire.link.v1 import link_pb2
from tests.checks import contract


def test_every_message_enum_and_call_of_the_contract_has_the_bytes_that_are_written_down() -> None:
    found = contract.differences()
    assert not found, "on purpose? then: python -m tests.checks.contract --write\n" + "\n".join(
        line[:200] for line in found
    )


def _renumbered(field: FieldDescriptorProto) -> None:
    field.number += 10


def _signed(field: FieldDescriptorProto) -> None:
    field.type = FieldDescriptorProto.TYPE_SINT64


def _repeated(field: FieldDescriptorProto) -> None:
    field.label = FieldDescriptorProto.LABEL_REPEATED


@pytest.mark.parametrize("change", [_renumbered, _signed, _repeated])
def test_another_number_type_or_cardinality_of_a_field_gives_other_bytes(
    change: Callable[[FieldDescriptorProto], None],
) -> None:
    file = descriptor_pb2.FileDescriptorProto()
    link_pb2.DESCRIPTOR.CopyToProto(file)
    (cursor,) = (m for m in file.message_type if m.name == "Cursor")
    change(cursor.field[-1])
    changed = descriptor_pool.DescriptorPool().AddSerializedFile(file.SerializeToString())
    before = contract.filled(link_pb2.DESCRIPTOR.message_types_by_name["Cursor"])
    assert contract.filled(changed.message_types_by_name["Cursor"]) != before
