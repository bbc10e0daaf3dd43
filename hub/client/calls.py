"""Every call of OfficeService as a method, made from the contract; calls.pyi has their types."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from sync.wire.office.v1 import office_pb2

SERVICE = office_pb2.DESCRIPTOR.services_by_name["OfficeService"]


class Calls:
    """A method for each call: its name in snake_case, a keyword for each field of the request."""

    def __init__(self, call: Callable[[str, Any], Any]) -> None:
        self._call = call


def _method(descriptor: Any) -> Callable[..., Any]:
    request = GetMessageClass(descriptor.input_type)

    def one(self: Any, **fields: Any) -> Any:
        return self._call(descriptor.name, request(**fields))

    def stream(self: Any, requests: Any) -> Any:
        return self._call(descriptor.name, requests)

    return stream if descriptor.client_streaming else one


def snake(name: str) -> str:
    """Return the Python name of a call: list_records for ListRecords."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


for _descriptor in SERVICE.methods:
    setattr(Calls, snake(_descriptor.name), _method(_descriptor))
