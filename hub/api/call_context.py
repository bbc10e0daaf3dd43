"""What a call to an office works on: the office, its line upward, and its word for units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from google.protobuf.message import Message

from hub.link.parent import Parent
from node.domain.units import Tree
from node.host import LinkedOffice
from sync.link.dialer import Dialer
from sync.model.change import ID_BYTES, Value
from sync.model.errors import SilianError
from sync.wire.v1 import office_common_pb2 as common


class BadRequest(SilianError):
    """The call itself is wrong, whatever the office holds; correct what is named."""

    code = "bad_request"

    def __init__(self, what: str, what_zh: str, remedy_en: str, remedy_zh: str) -> None:
        super().__init__(what, what_zh, remedy_en=remedy_en, remedy_zh=remedy_zh)


@dataclass(frozen=True, slots=True)
class CallContext:
    """One office as its own people's calls see it. `dialer`, `parent`: None unless it is served."""

    office: LinkedOffice
    dialer: Dialer | None = None
    parent: Parent | None = None

    def resolve_unit(self, text: str, tree: Tree | None = None) -> int:
        """Return the unit meant by a code, a name or a path; "" is this office's own.

        Raises: UnknownUnit with the nearest, AmbiguousUnit with every path.
        """
        if not text.strip():
            return self.office.identity.unit
        return (tree or self.office.tree).find(text).unit_id

    def unit(self, unit_id: int | None, tree: Tree | None = None) -> common.Unit | None:
        """Return a unit for the wire; one that is not in the tree keeps its number."""
        if unit_id is None:
            return None
        known = tree or self.office.tree
        if unit_id not in known:
            return common.Unit(unit_id=unit_id)
        at = known.get(unit_id)
        return common.Unit(
            unit_id=unit_id, code=at.code, name=at.name, level=at.level, path=known.path(unit_id)
        )


Unary = Callable[[CallContext, Any], Message]
Stream = Callable[[CallContext, Any], Iterator[Message]]
Duplex = Callable[[CallContext, Iterator[Any]], Iterator[Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """One call: its request, and one of three ways of doing it."""

    request: type[Message]
    response: type[Message]
    unary: Unary | None = None
    stream: Stream | None = None
    duplex: Duplex | None = None


def value_to_wire(value: Value) -> common.Value:
    if value is None:
        return common.Value()
    if isinstance(value, int):
        return common.Value(integer=value)
    return common.Value(text=value)


def values_to_wire(values: Mapping[str, Value]) -> dict[str, common.Value]:
    """Return those of the values that are there."""
    return {name: value_to_wire(value) for name, value in values.items() if value is not None}


def parse_id(value: bytes) -> bytes:
    """Return an id of 16 bytes. Raises: BadRequest."""
    if len(value) != ID_BYTES:
        raise BadRequest(
            f"an id has 16 bytes, not {len(value)}", f"编号应为 16 字节, 而不是 {len(value)} 字节",
            "Take the id from a list: 32 hexadecimal digits.", "请从列表中复制 32 位编号。",
        )  # fmt: skip
    return value


def parse_day(text: str) -> date | None:
    """Return a day written YYYY-MM-DD; None for "". Raises: BadRequest."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{text[:20]!r} is no day", f"“{text[:20]}”不是日期",
            "Write it as 2026-07-01.", "请按 2026-07-01 的形式填写。",
        ) from None  # fmt: skip
