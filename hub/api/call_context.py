"""The context of a call to an office: the office, its link upward, and its name for units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain, repeat
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from node.domain import days
from node.domain.plain_text import unkeepable_in_note
from node.domain.refusal import Refused
from node.domain.units import Tree
from node.host import LinkedOffice
from sync.link import Dialer, Parent
from sync.model.change import ID_BYTES, Value
from sync.model.errors import ErrorKind, FieldViolation, SilianError
from sync.wire.office.v1 import common_pb2 as common

R = TypeVar("R", bound=Message)
WAIT_STEP_S = 1  # between two looks whether a caller still waits
_STEP_MS = WAIT_STEP_S * 1000
_ID = re.compile(f"[0-9a-fA-F]{{{ID_BYTES * 2}}}")


class BadRequest(SilianError):
    """The command or call itself is wrong, whatever data the office has.

    `fields`: those of the request that it is about.
    """

    code = "bad_request"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(
        self, what: str, what_zh: str, remedy_en: str, remedy_zh: str, *, fields: Iterable[str] = ()
    ) -> None:
        super().__init__(what, what_zh, remedy_en=remedy_en, remedy_zh=remedy_zh)
        self.violations = tuple(FieldViolation(field, what, what_zh) for field in fields)


@dataclass(frozen=True, slots=True)
class CallContext:
    """One office for its own people's calls. `dialer`, `parent`: None unless it is served.

    `actor`: who calls, by the name that the call states; the audit log names it.
    `tls_name`: the name in the certificate of the process that serves it; "": it is not served, or
    without TLS. `wanted`: whether the caller still waits for the answer.
    """

    office: LinkedOffice
    dialer: Dialer | None = None
    parent: Parent | None = None
    tls_name: str = ""
    actor: str = ""
    wanted: Callable[[], bool] = lambda: True

    def wait(self, done: Callable[[float], bool], wait_ms: int) -> None:
        """Wait for what `done` waits for, given seconds, as long as the caller does."""
        for wait_s in chain(repeat(WAIT_STEP_S, wait_ms // _STEP_MS), (wait_ms % _STEP_MS / 1000,)):
            if done(wait_s) or not self.wanted():
                return

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
    """One call: its request, and one of three ways to carry it out."""

    request: type[Message]
    response: type[Message]
    unary: Unary | None = None
    stream: Stream | None = None
    duplex: Duplex | None = None

    def answer(self, context: CallContext, request: Any) -> Any:
        """Carry it out: a message, or an iterator of them if it streams. Raises: SilianError."""
        if self.duplex is not None:
            return self.duplex(context, map(checked, request))
        one_way: Any = self.unary or self.stream
        assert one_way is not None, "a method has one way of doing it"
        return one_way(context, checked(request))


def value_to_wire(value: Value) -> common.Value:
    if value is None:
        return common.Value()
    if isinstance(value, int):
        return common.Value(integer=value)
    return common.Value(text=value)


def values_to_wire(values: Mapping[str, Value]) -> dict[str, common.Value]:
    """Return those of the values that are set."""
    return {name: value_to_wire(value) for name, value in values.items() if value is not None}


def parse_id(text: str, field: str = "id") -> bytes:
    """Return an id that came as 32 hexadecimal digits. Raises: BadRequest."""
    if not _ID.fullmatch(text):
        raise BadRequest(
            f"{text[:40]!r} is no id: 32 hexadecimal digits are needed",
            f"“{text[:40]}”不是编号：应为 32 位十六进制数字",
            "Take the id from a list.", "请从列表中复制编号。",
            fields=[field],
        )  # fmt: skip
    return bytes.fromhex(text)


def parse_id_if_given(text: str, field: str = "id") -> bytes | None:
    """Return an id; None for "". Raises: BadRequest."""
    return parse_id(text, field) if text else None


def id_text(value: bytes | None) -> str:
    """Return an id as 32 hexadecimal digits; "" for none."""
    return value.hex() if value is not None else ""


def parse_day(text: str, field: str) -> date | None:
    """Return a day, as `node.domain.days` reads it; None for "". Raises: BadRequest."""
    if not text:
        return None
    try:
        return days.day_of(text)
    except Refused as refused:
        raise BadRequest(
            f"{text[:20]!r} is no day: it {refused.en}", f"“{text[:20]}”不是日期：{refused.zh}",
            refused.suggestion_en, refused.suggestion_zh, fields=[field],
        ) from None  # fmt: skip


def moment_asked(ms: int, field: str) -> int | None:
    """Return a moment in milliseconds since 1970; None for 0. Raises: BadRequest."""
    if not ms:
        return None
    if not 0 < ms <= days.LAST_MS:
        raise BadRequest(
            f"{ms} is no moment up to {days.LAST}", f"{ms} 不是 {days.LAST} 以前的时刻",
            "Give milliseconds since 1970 UTC.", "请填写自 1970 年起的毫秒数（UTC）。",
            fields=[field],
        )  # fmt: skip
    return ms


def checked(request: R) -> R:
    """Return a request whose texts can be kept and shown. Raises: BadRequest.

    The values of records are checked with their fields.
    """
    for field, value in request.ListFields():
        for text in value if field.is_repeated else (value,):
            odd = unkeepable_in_note(text) if isinstance(text, str) else ""
            if odd and not _is_map(field):
                raise BadRequest(
                    f"{field.name} holds a character that cannot be kept ({odd})",
                    f"{field.name} 含有不可保存的字符（{odd}）",
                    "Type the text again instead of pasting it.", "请重新输入，不要直接粘贴。",
                    fields=[field.name],
                )  # fmt: skip
    return request


def only(request: Message, names: Iterable[str], *, when: str, when_zh: str) -> None:
    """Refuse fields that would be dropped: where `when` holds, only these are read.

    Raises: BadRequest.
    """
    excluding = [field.name for field, _ in request.ListFields() if field.name not in set(names)]
    if excluding:
        listed = ", ".join(excluding)
        raise BadRequest(
            f"{when} takes no {listed}", f"{when_zh}不能同时给出 {listed}",
            "Leave it out.", "请去掉后重试。", fields=excluding,
        )  # fmt: skip


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry
