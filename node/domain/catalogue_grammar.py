"""The small grammar inside catalogue entries: amounts, sources, conditions, choices, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from node.domain.contribution import UNKNOWN, Amount, Bound, Condition, Source
from node.domain.toml_table import Table
from node.domain.units import Level

LEVELS = {level.en: level for level in Level}
INT_MAX = 2**63 - 1

Choices = Mapping[str, tuple[str, str]]


def read_amount(table: Table) -> Amount:
    """Read 1, "field", ["first", "of", "these"], "minus:field" or "bool:field"."""
    raw = table.raw("amount")
    if raw == 1 and type(raw) is int:
        return Amount(constant=1)
    if isinstance(raw, list) and raw and all(isinstance(item, str) for item in raw):
        return Amount(fields=tuple(raw))
    if not isinstance(raw, str):
        table.fail("is 1, a field, a list of fields, minus: or bool:", "写法有误", "amount")
    how, _, name = raw.rpartition(":")
    if how not in ("", "minus", "bool"):
        table.fail(f"unknown prefix {how!r}", f"未知前缀 {how!r}", "amount")
    return Amount(fields=(name,), sign=-1 if how == "minus" else 1, flag=how == "bool")


def read_source(table: Table, key: str, raw: str, allowed: tuple[str, ...]) -> Source:
    """Read "field" or "how:field", how being one of `allowed`; const: takes a text, not a field."""
    how, _, name = raw.rpartition(":")
    how = how or "field"
    if how not in allowed or not re.fullmatch(r"[A-Za-z0-9_]+", name):
        table.fail(f"{raw!r} is no source of one", f"{raw!r} 写法有误", key)
    return Source(how, name)


def read_condition(table: Table, key: str, raw: Any) -> Condition:
    """Read a scalar (is), a list (is one of), or {not, min, max, present, starts}."""
    key = f"where.{key}"
    if not isinstance(raw, dict):
        return Condition(
            one_of=frozenset(map(read_scalar, raw if isinstance(raw, list) else [raw]))
        )
    part = Table(table.file, f"{table.key}.{key}", raw)
    found = Condition(
        none_of=frozenset(map(read_scalar, part.pop("not", list, []))),
        minimum=read_bound(part, "min"),
        maximum=read_bound(part, "max"),
        present=part.pop("present", bool, None),
        starts=part.text("starts", ""),
    )
    part.close()
    return found


def read_bound(table: Table, key: str) -> Bound | None:
    """Read a whole number, or "asof-60": the year of the figure minus 60."""
    raw = table.raw(key, None)
    if raw is None:
        return None
    if type(raw) is int:
        return Bound(raw)
    asof = re.fullmatch(r"asof([+-][0-9]{1,4})?", str(raw))
    if not asof:
        table.fail('is a number or "asof-60"', '应为数字或 "asof-60"', key)
    return Bound(int(asof[1] or 0), from_asof=True)


def read_scalar(raw: Any) -> str:
    """Return a TOML value as cells and conditions write it: true is 1."""
    return str(int(raw)) if isinstance(raw, bool) else str(raw)


def read_choices(table: Table, key: str = "choices") -> Choices:
    """Read choices: code = [Chinese, English], no name twice."""
    found: dict[str, tuple[str, str]] = {}
    for code, labels in table.table(key).items():
        named = isinstance(labels, list) and len(labels) == 2
        if not named or not all(isinstance(label, str) and label for label in labels):
            table.fail("has a Chinese and an English label", "需要中英文标签", f"{key}.{code}")
        if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", code) or code == UNKNOWN:
            table.fail("cannot be a code", "不能作为代码", f"{key}.{code}")
        found[code] = (labels[0], labels[1])
    names = [n for code, pair in found.items() for n in {t.casefold() for t in (code, *pair)}]
    if len(set(names)) != len(names):
        table.fail("two choices share a name", "两个选项同名", key)
    return found


def read_limit(
    table: Table, key: str, kind: str, scale: int, default: int | None = None
) -> int | str | None:
    """Read a bound of a field in people's units; returns it as stored."""
    raw = table.raw(key, default)
    if raw is None:
        return None
    if kind == "date":
        try:
            return date.fromisoformat(raw).isoformat()
        except (TypeError, ValueError):
            table.fail("must be 'YYYY-MM-DD'", "应为 'YYYY-MM-DD'", key)
    if kind not in ("int", "decimal", "text") or type(raw) is not int or abs(raw) > INT_MAX:
        table.fail("must be a whole number, of a number or text", "应为整数", key)
    return int(raw) * int(10**scale)


def read_levels(table: Table, key: str, default: Any = None) -> tuple[Level, ...]:
    """Read a list of level names; a missing key means `default`."""
    if default is not None and key not in table:
        return tuple(default)
    names = table.texts(key)
    if not names or not set(names) <= set(LEVELS):
        table.fail(f"must be of {', '.join(LEVELS)}", "层级名称有误", key)
    return tuple(sorted(LEVELS[name] for name in names))


def read_level(table: Table, default: str | None = None) -> Level | None:
    """Read one level name; "any" is None."""
    allowed = ("any", *LEVELS)
    name = table.one_of("level", allowed, default) if default else table.one_of("level", allowed)
    return LEVELS.get(name)


def read_name(name: str, table: Table) -> None:
    """Refuse a name that could not be a column."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name):
        table.fail("a name is small letters, digits and _", "名称只能用小写字母、数字和下划线")
