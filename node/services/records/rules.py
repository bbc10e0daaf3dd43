"""Rules of records at an office: registers it keeps, who owns a field, how ids are made."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, func, or_, select

from node.audiences import stays_below
from node.domain.catalogue import Field, Register
from node.domain.comparison_form import Key, comparison_form, key_form
from node.domain.indicators import Indicator, measures_of
from node.domain.quotation import ASCII_QUOTES
from node.domain.units import Level
from node.domain.validate import Fault, check
from node.ids import natural_id, uuid7
from node.workbook.writer import shown
from sync.apply.compose import NotWritable
from sync.model import audience
from sync.model.change import Value
from sync.model.errors import ErrorKind, FieldViolation, SilianError
from sync.store.registers import RegisterTable

if TYPE_CHECKING:
    from node.office import Office

ASK_MAX = 3  # indicators that are named instead of records
_KEEPERS_ZH = {
    Level.CITY: "市级", Level.DISTRICT: "区级", Level.STREET: "街道", Level.COMMUNITY: "社区",
}  # fmt: skip


class UnknownRegister(SilianError):
    """No register of this name; take one of those that the message names."""

    code = "unknown_register"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, asked: str, names: Iterable[str]) -> None:
        near = ", ".join(difflib.get_close_matches(asked, list(names), n=3, cutoff=0.4))
        super().__init__(
            f"there is no register {asked[:60]!r}",
            f"没有名为“{asked[:60]}”的台账",
            remedy_en=f"Did you mean: {near}?" if near else "List them: `silian register ls`.",
            remedy_zh=f"是否应为：{near}？" if near else "请查看台账目录：silian register ls。",
        )


class SystemRegister(SilianError):
    """The program itself writes this register. Use the verbs for work, money or units."""

    code = "system_register"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: Register) -> None:
        super().__init__(
            f"{register.en} is kept by the program",
            f"“{register.zh}”由系统维护",
            remedy_en="Use the verbs made for it: work, money or unit.",
            remedy_zh="请使用相应的功能：任务，资金或单位。",
        )


class NotKeptHere(SilianError):
    """Offices of another level keep this register's records."""

    code = "not_kept_here"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: Register, keeper: Level) -> None:
        super().__init__(
            f"{register.en} records are kept by offices of level {keeper.en}",
            f"“{register.zh}”由{keeper.zh}一级填报",
            remedy_en="Ask that office to add or end the record.",
            remedy_zh="请联系该级单位新增或注销。",
        )


class KeptElsewhere(SilianError):
    """These records are stored only at the offices that keep them. This does not mean that there
    are none.
    """

    code = "kept_elsewhere"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, register: Register, ask: Sequence[Indicator]) -> None:
        keeper_en = f"{register.level.en} offices" if register.level is not None else "each office"
        keeper_zh = _KEEPERS_ZH[register.level] if register.level is not None else "本单位"
        ids = ", ".join(f"silian rollup {each.id} ({each.en})" for each in ask)
        ids_zh = "、".join(f"silian rollup {each.id}（{each.zh}）" for each in ask)
        super().__init__(
            f"{register.en} records are kept in {keeper_en} only; there are none to list here",
            f"“{register.zh}”台账只在{keeper_zh}保存，这里没有明细",
            remedy_en=f"Ask for the figures instead: {ids}." if ids else "Ask that office.",
            remedy_zh=f"请查询汇总数：{ids_zh}。" if ids_zh else "请联系该单位。",
        )


class ForeignUnit(SilianError):
    """The unit is neither this office's nor below it, so this office has no data of it."""

    code = "foreign_unit"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, code: str) -> None:
        super().__init__(
            f"unit {code} is neither this office's nor below it",
            f"单位 {code} 不属于本单位及下级",
            remedy_en="Choose this office's unit or one below it.",
            remedy_zh="请选择本单位或下级单位。",
        )


class InvalidRecord(SilianError):
    """The office cannot store the values; `faults` names them and what to write instead.

    `of_request`: the faults lie in the request's `values`, and not in what it searches for.
    """

    code = "invalid_record"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(
        self, register: Register, faults: Sequence[Fault], *, of_request: bool = True
    ) -> None:
        super().__init__(
            f"{register.en}: " + " ".join(fault.en for fault in faults),
            f"{register.zh}：" + "".join(fault.zh for fault in faults),
            remedy_en=" ".join(_remedies(register, faults, "en")),
            remedy_zh="".join(_remedies(register, faults, "zh")),
        )
        self.faults = tuple(faults)
        self.violations = tuple(
            FieldViolation(f"values.{fault.field}", fault.en, fault.zh)
            for fault in faults
            if of_request and fault.field
        )


def _remedies(register: Register, faults: Sequence[Fault], lang: str) -> Iterator[str]:
    """Yield each remedy once; of several, each with the fields that it is for."""
    fields_of: dict[str, list[str]] = {}
    for fault in faults:
        field = register.fields.get(fault.field)
        remedy = fault.suggestion_zh if lang == "zh" else fault.suggestion_en
        if remedy:
            named = fields_of.setdefault(remedy, [])
            named.append(field.label(lang) if field else fault.field)
    for remedy, named in fields_of.items():
        names = [name for name in dict.fromkeys(named) if name]
        if len(fields_of) == 1 or not names:
            yield remedy
        else:
            yield (
                f"{'、'.join(names)}：{remedy}" if lang == "zh" else f"{', '.join(names)}: {remedy}"
            )


class FieldNotOwned(NotWritable):
    """Fields that this level does not fill in; their owner is named."""

    def __init__(self, register: Register, names: Sequence[str]) -> None:
        fields = [register.fields[name] for name in names]
        listed_en = ", ".join(f"{f.en} ({owners_text(f.owners, 'en')})" for f in fields)
        listed_zh = "、".join(f"{f.zh}（{owners_text(f.owners, 'zh')}）" for f in fields)
        SilianError.__init__(
            self,
            f"{register.en}: not this office's to fill in: {listed_en}",
            f"{register.zh}：以下内容不由本级填写：{listed_zh}",
            remedy_en="Leave them as they are; ask their owner: `silian correction ask`.",
            remedy_zh="请保持原值，并向负责单位申请更正：silian correction ask。",
        )
        self.fields = tuple(names)
        self.violations = tuple(
            FieldViolation(f"values.{name}", self.en, self.zh) for name in names
        )


class KeyTaken(SilianError):
    """Another record of the unit has this key already; change that one."""

    code = "key_taken"
    kind = ErrorKind.ALREADY_EXISTS

    def __init__(self, register: Register, existing: bytes) -> None:
        names = [register.fields[name] for name in register.key]
        what_en = "/".join(f.en for f in names) or "unit"
        what_zh = "、".join(f.zh for f in names) or "单位"
        super().__init__(
            f"{register.en}: a record with the same {what_en} exists ({existing.hex()})",
            f"{register.zh}：{what_zh}相同的记录已存在（{existing.hex()}）",
            remedy_en="Change that record, or correct the key.",
            remedy_zh="请修改已有记录，或更正后重试。",
        )
        self.existing = existing


def registered(office: Office, name: str) -> Register:
    """Return a register that people may see and edit. Raises: UnknownRegister, SystemRegister."""
    register = office.catalogue.registers.get(name)
    if register is None:
        people = [r for r in office.catalogue.registers.values() if not r.system]
        raise UnknownRegister(name, [word for r in people for word in (r.name, r.zh, r.en)])
    if register.system:
        raise SystemRegister(register)
    return register


def maintained_register(office: Office, name: str) -> Register:
    """Return a register whose records this office adds and ends. Raises: also NotKeptHere."""
    register = registered(office, name)
    if register.level is not None and register.level != office.level:
        raise NotKeptHere(register, register.level)
    return register


def covered(office: Office, unit: int) -> int:
    """Return `unit` if it is this office's or below it. Raises: ForeignUnit."""
    if not office.routes.covers(office.identity.unit, unit):
        raise ForeignUnit(office.tree.get(unit).code if unit in office.tree else str(unit))
    return unit


def must_be_here(office: Office, register: Register, unit: int, *, subtree: bool = False) -> None:
    """Make sure that records asked for can be here: a unit's, with `subtree` also those below it.

    Raises: KeptElsewhere.
    """
    own = unit == office.identity.unit and register.level in (None, office.level)
    if own or not stays_below(register, office.level):
        return
    if unit == office.identity.unit and not subtree and not office.tree.children(unit):
        return  # nobody below has any either: this office just keeps no such register
    counting = [
        each
        for each in office.catalogue.indicators.values()
        if register.name in {r.name for r in office.catalogue.counted_by(measures_of(each))}
    ]
    raise KeptElsewhere(register, counting[:ASK_MAX])


def validated(
    register: Register,
    raw: Mapping[str, object],
    level: Level,
    stored_values: Mapping[str, Value] | None,
) -> tuple[dict[str, Value], list[Fault]]:
    """Check what is to be written; `stored_values` is what the record has, None when it is new.

    Rules over two fields apply to the record as it will be, so the other field is taken from it.
    Returns: (stored values of what was given, faults).
    """
    other_fields: dict[str, object] = {}
    for rule in register.rules if stored_values else ():
        for name in rule.fields:
            value = stored_values.get(name) if stored_values else None
            if value is not None and name not in raw and any(n in raw for n in rule.fields):
                other_fields[name] = shown(register.fields[name], value)
    stored, faults = check(
        register, {**raw, **other_fields}, level, partial=stored_values is not None
    )
    if not other_fields:
        return stored, faults
    return (
        {name: value for name, value in stored.items() if name not in other_fields},
        [f for f in faults if f.field not in other_fields or f.code.startswith("rule_")],
    )


def not_owned(register: Register, names: Iterable[str], level: Level) -> list[str]:
    """Return those of the fields that an office of `level` does not fill in."""
    return [name for name in names if level not in register.fields[name].owners]


def owners_text(owners: Iterable[Level], lang: str) -> str:
    return "、".join(o.zh for o in owners) if lang == "zh" else "/".join(o.en for o in owners)


def named_by_key(register: Register) -> bool:
    """Return whether a record's id follows from its key, so that it is the same wherever made.

    Not where the key is a person's number: an id is sent where the number may not be. Nor where
    the records never leave: nobody else makes the same one, and ids in order of time are faster.
    """
    personal = any(register.fields[name].personal for name in register.key)
    return bool(register.key) and not personal and register.audience != audience.LOCAL


def key_of(register: Register, values: Mapping[str, Value]) -> Key:
    return tuple(values.get(name) for name in register.key)


def key_id(register: Register, unit: int, key: Key) -> bytes:
    """Return the id that a key, or for a singleton the unit, gives a record."""
    return natural_id(register.name, str(unit), *("" if k is None else str(k) for k in key))


def fresh_id(office: Office) -> bytes:
    return uuid7(office.clock.now_ms(), office.rng)


def find_by_key(
    tx: Connection,
    table: RegisterTable,
    register: Register,
    unit: int,
    key: Key,
    *,
    other_than: bytes = b"",
) -> bytes | None:
    """Return the id of the unit's active record with this key, however it is spelled there.

    First by the key's index, then by the comparison form of what may be another spelling.
    """
    if not register.key:
        return None
    c = table.table.c
    living = (c.unit == unit, c.causal_length.bitwise_and(1) == 1, c.id != other_than)
    names = list(zip(register.key, key, strict=True))
    exact = select(c.id).where(*living, *(c[f"f_{name}"] == value for name, value in names))
    found = tx.execute(exact.limit(1)).scalar_one_or_none()
    if found is not None:
        return bytes(found)
    if not any(has_spellings(register.fields[name]) for name in register.key):
        return None
    maybe = [
        _maybe_spelled(tx, c[f"f_{name}"], value)
        if isinstance(value, str) and has_spellings(register.fields[name])
        else c[f"f_{name}"] == value
        for name, value in names
    ]
    columns = (c[f"f_{name}"] for name in register.key)
    for record, *values in tx.execute(select(c.id, *columns).where(*living, *maybe)):
        if key_form(tuple(values)) == key_form(key):
            return bytes(record)
    return None


def has_spellings(field: Field) -> bool:
    """Return whether a value of a field can be stored in several spellings: free text can."""
    return field.type == "text" and field.form in ("", "code")


def spelled_as(
    tx: Connection, column: ColumnElement[str], value: str, *within: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the condition that a column holds `value` in any spelling; `within`: of which rows."""
    query = select(column).distinct().where(*within, _maybe_spelled(tx, column, value))
    form = comparison_form(value)
    spellings = [each for each in tx.execute(query).scalars() if comparison_form(each) == form]
    return column.in_([value, *spellings])


def _maybe_spelled(tx: Connection, column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Return a condition that the store can check; it selects at least what the form would.

    Of a text of plain ASCII only cases, spaces and quotation marks are left out; any other may be
    anything.
    """
    pattern = ("GLOB", "*[^ -~]*") if tx.dialect.name == "sqlite" else ("~", "[^ -~]")
    plain, form = func.lower(column), comparison_form(value)
    for mark in (" ", *ASCII_QUOTES):
        plain, form = func.replace(plain, mark, ""), form.replace(mark, "")
    return or_(
        plain == form,
        column.op(pattern[0], is_comparison=True)(pattern[1]),
    )
