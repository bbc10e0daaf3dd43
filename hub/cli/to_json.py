"""To JSON: wire messages with ids as text, whole numbers as numbers, lists in one envelope.

Bytes are hexadecimal. A 64-bit number that names a unit is text, too: readers of JSON keep whole
numbers exactly only up to 2 to the power of 53.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.message import Message

from sync.wire.office.v1.common_pb2 import Value

PAGE = {"total_size": "total", "next_page_token": "next"}  # of a list, as the JSON calls it


def document(thing: Any) -> Any:
    """Return what a verb prints: every list is `items`, `next` (page; "": no more) and `total`."""
    if isinstance(thing, Message):
        items = _items(thing)
        if items is None:
            return to_json(thing)
        listed = to_json(getattr(thing, items))
        extras = {f.name: f for f in thing.DESCRIPTOR.fields if f.name not in {items, *PAGE}}
        return {
            "items": listed,
            "next": getattr(thing, "next_page_token", ""),
            "total": int(getattr(thing, "total_size", len(listed))),
            **{name: _field(thing, field) for name, field in extras.items()},
        }
    if isinstance(thing, Iterable) and not isinstance(thing, Mapping | str | bytes):
        listed = to_json(thing)
        return {"items": listed, "next": "", "total": len(listed)}
    return to_json(thing)


def _items(message: Message) -> str | None:
    """Return the field of a message that is a list: the only one, or the only list of a page."""
    names = {field.name for field in message.DESCRIPTOR.fields}
    fields = [field for field in message.DESCRIPTOR.fields if field.name not in PAGE]
    lists = [f for f in fields if f.is_repeated and f.message_type is not None]
    if len(lists) != 1 or (len(fields) != 1 and not names >= PAGE.keys()):
        return None
    return str(lists[0].name)


def to_json(thing: Any) -> Any:
    """Return a message, or a collection of them, as what `json` can write."""
    if isinstance(thing, Value):
        kind = thing.WhichOneof("kind")
        return getattr(thing, kind) if kind else None
    if isinstance(thing, Message):
        fields = thing.DESCRIPTOR.fields
        return {PAGE.get(field.name, field.name): _field(thing, field) for field in fields}
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
    value = getattr(message, field.name)
    return str(value) if field.type == field.TYPE_FIXED64 else to_json(value)
