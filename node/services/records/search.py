"""Search of records, and their order: conditions, words, sort keys, as SQL.

A field is named by its code or as a sheet's heading would; values are as a clerk writes them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, false, not_, or_, true

from node.domain.refusal import Refused
from node.domain.register import Field, Register
from node.domain.sheet_values import NARROW, read_value
from node.domain.validate import Fault, unknown_field
from node.services.common.pages import BadToken
from node.services.records.rules import InvalidRecord, has_spellings, spelled_as
from sync.model.change import ID_BYTES, Value

OPERATORS = ("=", "!=", "~", ">=", "<=", ">", "<")
ORDERED = ("int", "decimal", "date")
LISTED = ("choice", "set")
RANGE = ".."
WORDS_MAX = 8
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SORT_MAX = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold. `value` as a clerk writes it; "" is no value.

    `operator`: = and != (a value, or with = a range a..b of numbers or days), ~ (contains),
    >=, <=, >, <. What has no value is never equal, and always unequal, to one.
    """

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Key:
    """A field to sort by; records without a value come last in either direction."""

    field: Field
    descending: bool


def equal_to(where: Mapping[str, object]) -> tuple[Condition, ...]:
    """Return the conditions that fields have these values."""
    return tuple(Condition(n, "=", "" if v is None else str(v)) for n, v in where.items())


def matching(
    tx: Connection, register: Register, table: Table, conditions: Iterable[Condition], search: str,
    *, within: Sequence[ColumnElement[bool]],
) -> list[ColumnElement[bool]]:  # fmt: skip
    """Return the SQL conditions that a record must satisfy. `within`: what else limits the rows.

    Raises: InvalidRecord.
    """

    def equal(field: Field, column: ColumnElement[Any], value: Value) -> ColumnElement[bool]:
        if field.name in register.key and isinstance(value, str) and has_spellings(field):
            return spelled_as(tx, column, value, *within)  # a key is one however it is spelled
        return column == value

    found = [_condition(register, table, one, equal) for one in conditions]
    words = _plain(register, search).split()
    if len(words) > WORDS_MAX:
        raise _refused(
            register, "", "too_many_words", f"More than {WORDS_MAX} words",
            f"搜索词超过 {WORDS_MAX} 个词", "Search for fewer words.", "请减少搜索词。",
        )  # fmt: skip
    texts = [table.c[f"f_{f.name}"] for f in register.fields.values() if f.type == "text"]
    found += (or_(false(), *(c.icontains(word, autoescape=True) for c in texts)) for word in words)
    return found


def keys_of(register: Register, sort: Sequence[str]) -> tuple[Key, ...]:
    """Return what to sort by: fields, each with - before it for the greatest first.

    Raises: InvalidRecord.
    """
    if len(sort) > SORT_MAX:
        raise _refused(
            register, "", "too_many_keys", f"Sorted by more than {SORT_MAX} fields",
            f"排序字段超过 {SORT_MAX} 个", "Name fewer.", "请减少排序字段。",
        )  # fmt: skip
    return tuple(
        Key(field_of(register, one.removeprefix("-")), one.startswith("-")) for one in sort
    )


def field_of(register: Register, name: str) -> Field:
    """Return the field with this name. Raises: InvalidRecord."""
    field = register.fields.get(name) or register.field_for(name)
    if field is None:
        raise InvalidRecord(register, [unknown_field(register, name)], of_request=False)
    return field


# -- conditions -----------------------------------------------------------------------------------


Equal = Callable[[Field, ColumnElement[Any], Value], ColumnElement[bool]]


def _condition(
    register: Register, table: Table, one: Condition, equal: Equal
) -> ColumnElement[bool]:
    field = field_of(register, one.field)
    column: ColumnElement[Any] = table.c[f"f_{field.name}"]
    if one.operator not in OPERATORS:
        raise _refused(
            register, field.name, "unknown_operator", f"cannot be compared by {one.operator[:8]!r}",
            f"不能用“{one.operator[:8]}”比较", f"Use one of: {' '.join(OPERATORS)}.",
            f"可用：{' '.join(OPERATORS)}。",
        )  # fmt: skip
    if one.operator == "~":
        return _contains(register, field, column, one.value)
    if one.operator in ("=", "!="):
        if one.operator == "=" and RANGE in one.value and field.type in ORDERED:
            return _between(register, field, column, *one.value.split(RANGE, 1))
        value = _read(register, field, one.value)
        if value is None:
            return column.is_(None) if one.operator == "=" else column.is_not(None)
        same = equal(field, column, value)
        return same if one.operator == "=" else or_(not_(same), column.is_(None))
    if field.type not in ORDERED:
        raise _refused(
            register, field.name, "no_order", f"cannot be compared by {one.operator}",
            f"不能用 {one.operator} 比较", "Only numbers and days have an order; use = or ~.",
            "只有数字和日期可比较大小，请改用 = 或 ~。",
        )  # fmt: skip
    bound = _read(register, field, one.value)
    if bound is None:
        raise _refused(
            register, field.name, "no_bound", f"needs a value after {one.operator}",
            f"{one.operator} 后未填写", "Write a number or a day.", "请填写数字或日期。",
        )  # fmt: skip
    return _COMPARE[one.operator](column, bound)


_COMPARE: Mapping[str, Callable[[ColumnElement[Any], Value], ColumnElement[bool]]] = {
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    "<": lambda column, value: column < value,
}


def _between(
    register: Register, field: Field, column: ColumnElement[Any], low: str, high: str
) -> ColumnElement[bool]:
    """Return the condition of a range, both ends in it; an end that is left out is open."""
    bounds: list[ColumnElement[bool]] = [column.is_not(None)]
    for text, compare in ((low, _COMPARE[">="]), (high, _COMPARE["<="])):
        if text.strip():
            bounds.append(compare(column, _read(register, field, text)))
    return and_(true(), *bounds)


def _contains(
    register: Register, field: Field, column: ColumnElement[Any], part: str
) -> ColumnElement[bool]:
    """Return the condition that a text has a part, or that a choice has it in its name."""
    plain = _plain(register, part)
    if field.type in LISTED:
        codes = [
            code
            for code, labels in field.choices.items()
            if any(plain.casefold() in word.casefold() for word in (code, *labels))
        ]
        if field.type == "choice":
            return column.in_(codes)
        listed = "," + column + ","
        return or_(false(), *(listed.contains(f",{code},", autoescape=True) for code in codes))
    if field.type not in ("text", "date"):
        raise _refused(
            register, field.name, "no_text", "is no text that has parts",
            "不是文本，不能按部分查找", "Compare it by =, >= or <=.", "请使用 =、>= 或 <=。",
        )  # fmt: skip
    return column.icontains(plain, autoescape=True)


def _plain(register: Register, text: str) -> str:
    """Return a part of a text as stored texts are written. Raises: InvalidRecord."""
    if _CONTROL.search(text):
        raise _refused(
            register, "", "control_character", "The text holds a character that none has",
            "含有文本中没有的字符", "Type it again.", "请重新输入。",
        )  # fmt: skip
    return text.translate(NARROW).strip()


def _read(register: Register, field: Field, text: str) -> Value:
    try:
        return read_value(field, text.strip())
    except Refused as bad:
        raise InvalidRecord(register, [Fault(
            field=field.name, code=bad.code, en=f"{field.en} {bad.en}.", zh=f"{field.zh}{bad.zh}。",
            suggestion_en=bad.suggestion_en, suggestion_zh=bad.suggestion_zh,
        )], of_request=False) from bad  # fmt: skip


def _refused(
    register: Register, field: str, code: str, en: str, zh: str, do_en: str, do_zh: str
) -> InvalidRecord:
    named = register.fields.get(field)
    whole_en, whole_zh = (f"{named.en} {en}", f"{named.zh}{zh}") if named else (en, zh)
    return InvalidRecord(register, [Fault(
        field=field, code=code, en=f"{whole_en}.", zh=f"{whole_zh}。",
        suggestion_en=do_en, suggestion_zh=do_zh,
    )], of_request=False)  # fmt: skip


# -- order and pages ------------------------------------------------------------------------------


def ordered(table: Table, keys: Sequence[Key]) -> list[ColumnElement[Any]]:
    """Return the order of a list: by the keys, then by unit and id, so that it is one order."""
    c = table.c
    found: list[ColumnElement[Any]] = []
    for key in keys:
        column = c[f"f_{key.field.name}"]
        found += [column.is_(None), column.desc() if key.descending else column]
    return [*found, c.unit, c.id]


def beyond(table: Table, keys: Sequence[Key], token: str) -> ColumnElement[bool]:
    """Return the condition that a record comes after the one that a token names. Raises: BadToken.

    However records come and go between two pages, none of those that stay is listed twice or left
    out, unless its own place has changed.
    """
    values, unit, record = _parsed(token, keys)
    c = table.c
    last = or_(c.unit > unit, and_(c.unit == unit, c.id > record))
    for key, value in reversed(list(zip(keys, values, strict=True))):
        column = c[f"f_{key.field.name}"]
        if value is None:
            last = and_(column.is_(None), last)
            continue
        after = column < value if key.descending else column > value
        last = or_(column.is_(None), after, and_(column == value, last))
    return last


def token_of(keys: Sequence[Key], values: Mapping[str, Value], unit: int, record: bytes) -> str:
    """Return the token of the page after a record."""
    place = f"{unit:x}.{record.hex()}"
    if not keys:
        return place
    text = json.dumps([values[key.field.name] for key in keys], ensure_ascii=False)
    return f"{place}.{base64.urlsafe_b64encode(text.encode()).decode()}"


def _parsed(token: str, keys: Sequence[Key]) -> tuple[list[Value], int, bytes]:
    unit, _, rest = token.partition(".")
    record, _, values = rest.partition(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(values)) if values else []
        where = int(unit, 16), bytes.fromhex(record)
    except (ValueError, RecursionError):
        raise BadToken from None
    if not 0 <= where[0] < 1 << 63 or len(where[1]) != ID_BYTES:
        raise BadToken
    if not isinstance(found, list) or len(found) != len(keys):
        raise BadToken  # it is of a list in another order
    for key, value in zip(keys, found, strict=True):
        kind = int if key.field.is_number else str
        small = not isinstance(value, int) or abs(value) < 1 << 63
        if value is not None and not (type(value) is kind and small):
            raise BadToken
    return found, *where
