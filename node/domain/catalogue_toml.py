"""Parse each kind of catalogue entry from TOML, and check each entry on its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from node.domain.catalogue_grammar import (
    Choices,
    read_amount,
    read_choices,
    read_condition,
    read_level,
    read_levels,
    read_limit,
    read_name,
    read_source,
)
from node.domain.contribution import UNKNOWN, Contribution
from node.domain.derived import RULES, Derived
from node.domain.indicators import PERIODS, Banding, Indicator, Part, Term
from node.domain.indicators import TYPES as INDICATOR_TYPES
from node.domain.published_value import ANY, COMBINED
from node.domain.register import (
    FORMS,
    POLICIES,
    RULE_KINDS,
    SENSITIVITIES,
    TEXT_MAXIMUM,
    TYPES,
    Field,
    Register,
    Rule,
    Unique,
)
from node.domain.toml_table import Table
from node.domain.units import Level

LANES = ("control", "bulk")
UPWARD = ("up:city", "up:district", "up:street")
AUDIENCES = ("local", "record", "down:all", *UPWARD)
PERIOD_SOURCES = ("year", "month", "int")
DIMENSION_SOURCES = ("field", "year", "month", "each", "const")
WRITERS = ("contribution", "derived", "assignment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What cells of one name count: their dimensions, period kind, unit, and who writes them."""

    name: str
    zh: str
    en: str
    dims: tuple[str, ...] = ()
    period: str = "stock"  # stock, year, month
    unit: str = ""
    writer: str = "contribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A way to divide a measure. `choices`: code -> (zh, en); empty if values are shown as stored.

    `values` ("register.field") and `fields_of` (a register) say where the choices come from.
    """

    name: str
    zh: str
    en: str
    choices: Choices = field(default_factory=dict)
    values: str = ""
    fields_of: str = ""
    banding: Banding | None = None

    def label(self, value: str, lang: str = "zh") -> str:
        """Return the label of a value; the value itself if it has none."""
        others = {UNKNOWN: ("未填", "Unknown"), ANY: COMBINED}
        pair = self.choices.get(value) or others.get(value, (value, value))
        return pair[0] if lang == "zh" else pair[1]


def read_register(name: str, table: Table) -> Register:
    """Read [register.<name>]."""
    read_name(name, table)
    owners = read_levels(table, "owners")
    fields = {
        each: read_field(each, part, owners=owners)
        for each, part in table.table("field").each_table()
    }
    register = Register(
        name=name,
        zh=table.text("zh"),
        en=table.text("en"),
        lane=table.one_of("lane", LANES),
        audience=table.one_of("audience", AUDIENCES),
        level=read_level(table),
        key=table.texts("key"),
        end_reasons=read_choices(table, "end_reasons"),
        fields=fields,
        contributions=tuple(_contribution(each) for each in table.tables("contribution")),
        rules=tuple(_rule(each) for each in table.tables("rule")),
        uniques=tuple(_unique(name, each) for each in table.tables("unique")),
        singleton=table.pop("singleton", bool, False),
        system=table.pop("system", bool, False),
        append_only=table.pop("append_only", bool, False),
        source=table.text("source", ""),
        audience_includes=table.one_of("audience_includes", ("", *UPWARD), ""),
    )
    if register.audience_includes and register.audience != "record":
        table.fail("goes with audience record only", "只用于 `audience` 为 `record` 的台账",
                   "audience_includes")  # fmt: skip
    if not fields:
        table.fail("has no field", "没有字段", "field")
    table.close()
    return register


def read_field(name: str, table: Table, *, owners: tuple[Level, ...]) -> Field:
    """Read one field; `owners` are the register's, for a field that names none."""
    read_name(name, table)
    kind = table.one_of("type", TYPES)
    owners = read_levels(table, "owners", owners)
    scale = table.pop("scale", int, 0)
    if (scale > 0) != (kind == "decimal") or not 0 <= scale <= 6:
        table.fail("a decimal, and nothing else, has 1 to 6 places", "小数位数应为1至6", "scale")
    choices = read_choices(table)
    if bool(choices) != (kind in ("choice", "set")):
        table.fail("choices go with choice and set", "选项只用于 `choice` 和 `set` 类型", "choices")
    form = table.one_of("form", FORMS, "")
    if form and kind != "text":
        table.fail("a form goes with a text", "格式只用于 `text` 类型", "form")
    pattern = table.text("pattern", "")
    try:
        re.compile(pattern)
    except re.error as error:
        table.fail(f"no regular expression: {error}", f"不是正则表达式：{error}", "pattern")
    found = Field(
        name=name,
        zh=table.text("zh"),
        en=table.text("en"),
        type=kind,
        required=table.pop("required", bool, False),
        owners=owners,
        policy=table.one_of("policy", POLICIES, "owner" if len(owners) == 1 else "latest"),
        sensitivity=table.one_of("sensitivity", SENSITIVITIES, "internal"),
        choices=choices,
        minimum=read_limit(table, "minimum", kind, scale),
        maximum=read_limit(table, "maximum", kind, scale, TEXT_MAXIMUM if kind == "text" else None),
        scale=scale,
        pattern=pattern,
        form=form,
        unit=table.text("unit", ""),
        aliases=table.texts("aliases", ()),
    )
    table.close()
    return found


def read_measure(name: str, table: Table) -> Measure:
    """Read [measure.<name>]."""
    read_name(name, table)
    found = Measure(
        name=name,
        zh=table.text("zh"),
        en=table.text("en"),
        dims=table.texts("dims", ()),
        period=table.one_of("period", PERIODS, "stock"),
        unit=table.text("unit", ""),
        writer=table.one_of("writer", WRITERS, "contribution"),
    )
    table.close()
    return found


def read_dimension(name: str, table: Table) -> Dimension:
    """Read [dimension.<name>]; choices that come from a register are filled in by the check."""
    read_name(name, table)
    banding = None
    of = table.text("bands_of", "")
    if of:
        edges = table.pop("edges", list)
        rising = all(isinstance(edge, int) for edge in edges) and edges == sorted({*edges})
        if not edges or not rising:
            table.fail("must be rising whole numbers", "应为递增的整数", "edges")
        banding = Banding(of=of, edges=tuple(edges))
    found = Dimension(
        name=name,
        zh=table.text("zh"),
        en=table.text("en"),
        choices=read_choices(table),
        values=table.text("values", ""),
        fields_of=table.text("fields_of", ""),
        banding=banding,
    )
    table.close()
    return found


def read_derived(name: str, table: Table) -> Derived:
    """Read [derived.<name>]."""
    found = Derived(
        name=name,
        rule=table.one_of("rule", tuple(RULES)),
        reads=table.texts("reads"),
        writes=table.texts("writes"),
        source=table.text("source", ""),
    )
    table.close()
    return found


def read_indicator(name: str, table: Table) -> Indicator:
    """Read [indicator.<id>]; the check connects its parts with their measures."""
    source = table.one_of("source", ("cells", "tree"), "cells")
    numerator = tuple(_part(each) for each in table.tables("numerator"))
    denominator: Term = tuple(_part(each) for each in table.tables("denominator"))
    kind = table.one_of("type", INDICATOR_TYPES)
    if (source == "cells") != bool(numerator):
        table.fail("only one of cells has a numerator", "只有来自汇总的指标才有分子", "numerator")
    if (kind == "R") != bool(denominator):
        table.fail("a ratio, and nothing else, has one", "只有比率才有分母", "denominator")
    scale = table.text("scale", "1")
    if not re.fullmatch(r"[1-9][0-9]*(/[1-9][0-9]*)?", scale):
        table.fail('must be like "100" or "1/100"', '应如 "100" 或 "1/100"', "scale")
    found = Indicator(
        id=name,
        zh=table.text("zh"),
        en=table.text("en"),
        unit=table.text("unit"),
        type=kind,
        numerator=numerator,
        denominator=denominator or None,
        dimensions=table.texts("by", ()),
        level=read_level(table, Level.COMMUNITY.en),
        target=table.text("target", ""),
        scale=Fraction(scale),
        source=source,
        inside=table.text("inside", ""),
    )
    table.close()
    return found


def _contribution(table: Table) -> Contribution:
    dims = table.table("dims")
    period = table.text("period", "")
    found = Contribution(
        measure=table.text("measure"),
        amount=read_amount(table),
        where={f: read_condition(table, f, raw) for f, raw in table.table("where").items()},
        dims={
            dim: read_source(table, f"dims.{dim}", str(raw), DIMENSION_SOURCES)
            for dim, raw in sorted(dims.items())
        },
        period=read_source(table, "period", period, PERIOD_SOURCES) if period else None,
        since=table.text("from", ""),
        until=table.text("until", ""),
    )
    table.close()
    return found


def _part(table: Table) -> Part:
    found = Part(
        measure=table.text("measure"),
        where={f: read_condition(table, f, raw) for f, raw in table.table("where").items()},
        times=table.pop("times", int, 1),
        whole=table.pop("whole", bool, False),
    )
    table.close()
    return found


def _unique(register: str, table: Table) -> Unique:
    table.one_of("over", ("city",))
    fields = table.texts("fields")
    found = Unique(
        name=f"{register}.{'+'.join(fields)}",
        fields=fields,
        where={f: read_condition(table, f, raw) for f, raw in table.table("where").items()},
    )
    if not fields or len(set(fields)) != len(fields):
        table.fail("names fields, each once", "应写字段，不得重复", "fields")
    table.close()
    return found


def _rule(table: Table) -> Rule:
    kind = next((kind for kind in RULE_KINDS if kind in table), "")
    if not kind:
        table.fail(f"is one of {', '.join(RULE_KINDS)}", f"应为 {'、'.join(RULE_KINDS)} 之一")
    fields = table.texts(kind)
    if len(fields) != 2:
        table.fail("names two fields", "应写两个字段", kind)
    rule = Rule(kind=kind, fields=(fields[0], fields[1]), zh=table.text("zh"), en=table.text("en"))
    table.close()
    return rule
