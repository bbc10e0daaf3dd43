"""Wire messages as JSON: ids in hexadecimal, whole numbers as numbers, values as themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.message import Message

from sync.wire.v1.office_common_pb2 import Value


def to_json(thing: Any) -> Any:
    """Return a message, or a collection of them, as what `json` can write."""
    if isinstance(thing, Value):
        kind = thing.WhichOneof("kind")
        return getattr(thing, kind) if kind else None
    if isinstance(thing, Message):
        return {field.name: _field(thing, field) for field in thing.DESCRIPTOR.fields}
    if isinstance(thing, bytes):
        return thing.hex()
    if isinstance(thing, Mapping):
        return {str(key): to_json(value) for key, value in sorted(thing.items())}
    if isinstance(thing, str | int | float) or thing is None:
        return thing
    assert isinstance(thing, Iterable), f"no JSON for {type(thing)}"
    return [to_json(each) for each in thing]


def _field(message: Message, field: Any) -> Any:
    if field.has_presence and not message.HasField(field.name):
        return None
    return to_json(getattr(message, field.name))
