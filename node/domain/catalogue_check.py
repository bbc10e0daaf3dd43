"""The check of a complete catalogue: every reference between entries must resolve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from node.domain.catalogue_toml import Dimension, Measure
from node.domain.contribution import Contribution, Source
from node.domain.derived import Derived
from node.domain.indicators import PERIOD_DIMENSIONS, Indicator, Part
from node.domain.register import Field, Register
from node.domain.toml_table import Table

T = TypeVar("T")

PERIOD_OF_SOURCE = {"year": "year", "month": "month", "int": "year"}
GROUPABLE = ("choice", "bool", "int", "date")
"""Types whose values are few and safe enough to be a dimension; a text is neither."""


@dataclass
class Sheaf:
    """A catalogue while it is read: entries by name, and their places in the files."""

    registers: dict[str, Register] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    indicators: dict[str, Indicator] = field(default_factory=dict)
    places: dict[tuple[type, str], Table] = field(default_factory=dict)  # the place of each

    def put(self, into: dict[str, T], name: str, entry: T, table: Table) -> None:
        """Add an entry; refuse a name that is used twice."""
        if name in into:
            table.fail("is defined twice", "重复定义")
        into[name] = entry
        self.places[type(entry), name] = table

    def extend(self, name: str, fields: Sequence[Field], table: Table) -> None:
        """Add an office's own fields to an existing register."""
        register = self.registers.get(name)
        if register is None:
            table.fail("no such register", "没有这个台账")
        for each in fields:
            if each.name in register.fields:
                table.fail("the register has it already", "台账已有该字段", f"field.{each.name}")
            if each.required:
                # Records from other offices do not have it and must still be valid.
                table.fail(
                    "a local field is never required", "本地字段不能必填", f"field.{each.name}"
                )
        merged = {**register.fields, **{each.name: each for each in fields}}
        self.registers[name] = replace(register, fields=merged)

    def place(self, kind: type, name: str) -> Table:
        """Return the table that an entry was read from."""
        return self.places[kind, name]


def check(sheaf: Sheaf) -> None:
    """Resolve every reference and fill in what an entry takes from another.

    Raises: BadCatalogue for the first name that does not resolve, heading that means two fields,
    measure that nothing writes, or register that would let personal data leave the community.
    """
    for register in sheaf.registers.values():
        _check_register(sheaf, register)
    sheaf.dimensions = {n: _filled(sheaf, each) for n, each in sheaf.dimensions.items()}
    _check_measures(sheaf)
    for rule in sheaf.derived.values():
        for key, names in (("reads", rule.reads), ("writes", rule.writes)):
            for name in names:
                if name not in sheaf.measures:
                    sheaf.place(Derived, rule.name).fail(
                        f"no measure {name!r}", f"没有计量 {name!r}", key
                    )
    sheaf.indicators = {n: _resolved(sheaf, each) for n, each in sheaf.indicators.items()}


def _check_register(sheaf: Sheaf, register: Register) -> None:
    place = sheaf.place(Register, register.name)
    for name in register.key:
        # The network's own keys may be empty texts: a stock cell has no period.
        if name not in register.fields or not (register.fields[name].required or register.system):
            place.fail(f"{name!r} is no required field", f"{name!r} 不是必填字段", "key")
    if not (register.key or register.singleton or register.system):
        place.fail("needs a key, or to be a singleton", "需要主键，或设为单条", "key")
    means: dict[str, str] = {}
    for heading, each in register.header_pairs():
        if means.setdefault(heading, each.name) != each.name:
            place.fail(
                f"heading {heading!r} already means {means[heading]!r}",
                f"表头 {heading!r} 已用于 {means[heading]!r}",
                f"field.{each.name}.aliases",
            )
    for each in register.fields.values():
        if each.personal and each.required and register.audience != "local":
            place.fail(
                "is personal and required, but the register leaves the office",
                "是必填的个人信息，而该台账会上报",
                f"field.{each.name}",
            )
    for rule in register.rules:
        for name in rule.fields:
            if name not in register.fields:
                place.fail(f"no field {name!r}", f"没有字段 {name!r}", f"rule.{rule.kind}")
    for unique in register.uniques:
        for name in sorted(unique.reads - register.fields.keys()):
            place.fail(f"no field {name!r}", f"没有字段 {name!r}", f"unique.{unique.name}")
    for number, contribution in enumerate(register.contributions):
        _check_contribution(sheaf, register, contribution, f"contribution[{number}]")


def _check_contribution(
    sheaf: Sheaf, register: Register, contribution: Contribution, key: str
) -> None:
    place = sheaf.place(Register, register.name)
    measure = sheaf.measures.get(contribution.measure)
    if measure is None or measure.writer != "contribution":
        name = contribution.measure
        place.fail(f"no measure {name!r} to add to", f"没有可累加的计量 {name!r}", key)
    for name in sorted(contribution.fields):
        if name not in register.fields:
            place.fail(f"no field {name!r}", f"没有字段 {name!r}", key)
    if register.audience == "local" and contribution.amount.constant != 1:
        place.fail(
            "records that stay in their office are only counted: the amount is 1",
            "不出本级的台账只能计数，数量应为 1", f"{key}.amount",
        )  # fmt: skip
    for name in contribution.days:
        if register.fields[name].type != "date":
            place.fail(f"{name!r} is no date", f"{name!r} 不是日期", f"{key}.from")
    for name in contribution.amount.fields:
        each = register.fields[name]
        if not each.is_number or contribution.amount.flag != (each.type == "bool"):
            place.fail(f"{name!r} is no amount", f"{name!r} 不能作为数量", f"{key}.amount")
    if tuple(contribution.dims) != tuple(sorted(measure.dims)):
        listed = ", ".join(measure.dims) or "-"
        place.fail(f"dims must be {listed}", f"维度应为 {listed}", f"{key}.dims")
    many = [name for name, source in contribution.dims.items() if source.how == "each"]
    if (
        register.audience == "local"
        and many
        and len(contribution.dims) + bool(contribution.period) > 1
    ):
        place.fail(
            f"a record has several values of {many[0]!r}: no other dimension, no period",
            f"{many[0]!r} 会重复计数，不得再有其他维度或期间", f"{key}.dims",
        )  # fmt: skip
    for source in contribution.dims.values():
        _check_source(place, register, source, f"{key}.dims")
    how = contribution.period.how if contribution.period else ""
    if PERIOD_OF_SOURCE.get(how, "stock") != measure.period:
        place.fail(f"must be by {measure.period}", f"应按 {measure.period}", f"{key}.period")
    if contribution.period:
        _check_source(place, register, contribution.period, f"{key}.period")
        by = register.fields[contribution.period.name]
        if not by.required:
            place.fail("needs a required field", "需要必填字段", f"{key}.period")
        if by.type == "int" and not _is_year(by):
            place.fail("needs bounds of four digits", "需要四位数的上下限", f"{key}.period")
    for name, condition in contribution.where.items():
        bounds = (condition.minimum, condition.maximum)
        if any(bound and bound.from_asof for bound in bounds):
            place.fail("a record does not know the day", "不能引用统计日期", f"{key}.where.{name}")
        codes = {*(condition.one_of or ()), *condition.none_of}
        choices = register.fields[name].choices
        if choices and not codes <= {*choices, ""}:
            place.fail("names a code that is none", "引用了不存在的代码", f"{key}.where.{name}")


def _check_source(place: Table, register: Register, source: Source, key: str) -> None:
    if source.how == "const":
        return
    allowed = {"year": ("date",), "month": ("date",), "int": ("int",), "each": ("set",)}
    if register.fields[source.name].type not in allowed.get(source.how, GROUPABLE):
        place.fail(f"{source.name!r} cannot be {source.how}", f"{source.name!r} 类型不符", key)


def _is_year(field: Field) -> bool:
    low, high = field.minimum, field.maximum
    return isinstance(low, int) and isinstance(high, int) and low >= 1000 and high <= 9999


def _check_measures(sheaf: Sheaf) -> None:
    added_to = {c.measure for r in sheaf.registers.values() for c in r.contributions}
    written = {"contribution": added_to, "derived": set[str]()}
    for rule in sheaf.derived.values():
        written["derived"].update(rule.writes)
    for measure in sheaf.measures.values():
        place = sheaf.place(Measure, measure.name)
        for dim in measure.dims:
            if dim not in sheaf.dimensions or sheaf.dimensions[dim].banding:
                place.fail(f"no dimension {dim!r}", f"没有维度 {dim!r}", "dims")
        if measure.name not in written.get(measure.writer, {measure.name}):
            place.fail(f"no {measure.writer} writes it", "没有任何来源写入", "writer")


def _filled(sheaf: Sheaf, dimension: Dimension) -> Dimension:
    place = sheaf.place(Dimension, dimension.name)
    if dimension.banding and dimension.banding.of not in sheaf.dimensions:
        place.fail("no such dimension", "没有这个维度", "bands_of")
    if dimension.fields_of:
        register = sheaf.registers.get(dimension.fields_of)
        if register is None:
            place.fail("no such register", "没有这个台账", "fields_of")
        return replace(dimension, choices={f.name: (f.zh, f.en) for f in register.fields.values()})
    if dimension.values:
        register_name, _, name = dimension.values.partition(".")
        register = sheaf.registers.get(register_name)
        if register is None or name not in register.fields:
            place.fail("no such register.field", "没有这个台账字段", "values")
        return replace(dimension, choices=register.fields[name].choices)
    return dimension


def _resolved(sheaf: Sheaf, indicator: Indicator) -> Indicator:
    place = sheaf.place(Indicator, indicator.id)
    terms = []
    for key, term in (("numerator", indicator.numerator), ("denominator", indicator.denominator)):
        parts = []
        for part in term or ():
            measure = sheaf.measures.get(part.measure)
            if measure is None:
                place.fail(f"no measure {part.measure!r}", f"没有计量 {part.measure!r}", key)
            _check_part(sheaf, place, part, measure, key)
            parts.append(replace(part, period=measure.period, has=frozenset(measure.dims)))
        terms.append(tuple(parts))
    if indicator.inside and not all(indicator.inside in part.has for part in terms[0]):
        place.fail(f"no dimension {indicator.inside!r}", f"没有维度 {indicator.inside!r}", "inside")
    bands = {
        name: each.banding
        for name in indicator.dimensions
        if (each := sheaf.dimensions.get(name)) and each.banding
    }
    for name in indicator.dimensions:
        if name not in sheaf.dimensions and name not in PERIOD_DIMENSIONS:
            place.fail(f"no dimension {name!r}", f"没有维度 {name!r}", "by")
        if not all(part.divides(name, bands) for part in terms[0]):
            place.fail(f"{name!r} does not divide it", f"不能按 {name!r} 划分", "by")
    return replace(indicator, numerator=terms[0], denominator=terms[1] or None, bands=bands)


def _check_part(sheaf: Sheaf, place: Table, part: Part, measure: Measure, key: str) -> None:
    for name, condition in part.where.items():
        if name not in measure.dims:
            place.fail(f"{measure.name} has no {name!r}", f"没有维度 {name!r}", f"{key}.where")
        codes = {*(condition.one_of or ()), *condition.none_of}
        choices = sheaf.dimensions[name].choices
        if choices and not codes <= set(choices):
            place.fail("names a code that is none", "引用了不存在的代码", f"{key}.where.{name}")
