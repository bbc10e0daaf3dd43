"""Validation: turn the values of a form or sheet into stored values, or faults with a remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.domain.identity import birth_of
from node.domain.refusal import Refused
from node.domain.register import Field, Register, Rule
from node.domain.sheet_values import Reader, read_value
from node.domain.units import Level
from sync.model.change import Value

QUOTED_MAX = 40
"""Characters of a wrong value that a fault repeats; enough to find it by."""
_NAME = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of one record. `code` is stable.

    The value is quoted only for registers that have no personal field at all.
    """

    field: str
    code: str
    en: str
    zh: str
    suggestion_en: str = ""
    suggestion_zh: str = ""


def check(
    register: Register,
    values: Mapping[str, object],
    level: Level,
    *,
    partial: bool = False,
    read: Reader = read_value,
) -> tuple[dict[str, Value], list[Fault]]:
    """Turn cells by field name into stored values, and list all faults.

    `level`: of the writing office; it need not fill in required fields of another level. Its values
    for another level's fields are parsed too: the service makes a correction request of them.
    `partial`: fields that are not in `values` stay unchanged. `read`: how a cell is read;
    `MemoReader` for many rows with equal cells.
    Returns: the good values by field (an empty cell is None), and every fault.
    """
    stored: dict[str, Value] = {}
    faults: list[Fault] = []
    for name, raw in values.items():
        field = register.fields.get(name)
        if field is None:
            faults.append(unknown_field(register, name))
            continue
        try:
            stored[name] = read(field, raw)
        except Refused as refused:
            faults.append(_fault(register, field, raw, refused))
    refused_fields = {fault.field for fault in faults}
    for name, field in register.fields.items():
        if not field.required or stored.get(name) is not None or name in refused_fields:
            continue
        if (name in values or not partial) and level in field.owners:
            faults.append(_required(field))
    for rule in register.rules:
        first, second = (stored.get(name) for name in rule.fields)
        if first is not None and second is not None and not HOLDS[rule.kind](first, second):
            faults.append(_broken(register, rule))
    return stored, faults


def _at_most(first: Value, second: Value) -> bool:
    """Compare two numbers or two dates; a register's rule never mixes them."""
    return first <= second  # type: ignore[operator]


def _id_birth(identity: Value, birth: Value) -> bool:
    return birth_of(str(identity)) == birth


HOLDS: dict[str, Callable[[Value, Value], bool]] = {"at_most": _at_most, "id_birth": _id_birth}
"""The cross-field rules by kind; a rule is checked once both of its fields have a good value."""


def _fault(register: Register, field: Field, raw: object, refused: Refused) -> Fault:
    # People mix up columns: in a register of persons any cell may have a name or a number.
    quote = str(raw) and not any(each.personal for each in register.fields.values())
    quoted = f" ({_quoted(raw)})" if quote else ""
    return Fault(
        field=field.name,
        code=refused.code,
        en=f"{field.en}{quoted} {refused.en}.",
        zh=f"{field.zh}{quoted}{refused.zh}。",
        suggestion_en=refused.suggestion_en,
        suggestion_zh=refused.suggestion_zh,
    )


def _quoted(raw: object) -> str:
    """Return the value for people: shortened, odd characters escaped."""
    text = repr(str(raw)[:QUOTED_MAX])
    return text if len(str(raw)) <= QUOTED_MAX else f"{text}..."


def _required(field: Field) -> Fault:
    return Fault(
        field=field.name,
        code="required",
        en=f"{field.en} is empty.",
        zh=f"{field.zh}未填。",
        suggestion_en="Fill it in.",
        suggestion_zh="请填写。",
    )


def sayable(register: Register, name: str) -> str:
    """Return a field name that was given, if a refusal may quote it; else "".

    It may be a value in the place of a name: for registers of persons, only what looks like a name
    of a field is quoted.
    """
    if len(name) > QUOTED_MAX or not name.isprintable():
        return ""
    personal = any(field.personal for field in register.fields.values())
    return name if not personal or _NAME.fullmatch(name) else ""


def unknown_field(register: Register, name: str) -> Fault:
    """Return the fault of a name that is no field's, with the fields that may be meant."""
    named = sayable(register, name)
    near = _near(register, name) or list(register.fields)
    return Fault(
        field=named if named.isascii() else "",
        code="unknown_field",
        en=f"there is no field {named!r}." if named else "there is no such field.",
        zh=f"没有字段“{named}”。" if named else "没有这个字段。",
        suggestion_en=f"Use one of: {', '.join(near)}.",
        suggestion_zh=f"可用字段：{'、'.join(register.fields[n].zh for n in near)}。",
    )


def _near(register: Register, name: str) -> list[str]:
    """Return the fields that a name may mean: those that begin with its first word, then others
    that are spelled nearly so.
    """
    first = _first_word(name)
    begun = [each for each in register.fields if first and _first_word(each) == first]
    words = {word: f.name for f in register.fields.values() for word in f.headers()}
    close = [words[word] for word in difflib.get_close_matches(name, list(words), n=3)]
    return list(dict.fromkeys([*begun, *close]))


def _first_word(name: str) -> str:
    return re.split(r"[\s_-]", name.strip().casefold())[0]


def _broken(register: Register, rule: Rule) -> Fault:
    first, second = (register.fields[name] for name in rule.fields)
    return Fault(
        field=rule.fields[0],
        code=f"rule_{rule.kind}",
        en=f"{rule.en}.",
        zh=f"{rule.zh}。",
        suggestion_en=f"Compare {first.en} with {second.en}.",
        suggestion_zh=f"请核对{first.zh}与{second.zh}。",
    )
