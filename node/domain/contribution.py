"""Contributions: what one record adds to the kept sums, and how a cell's key is written.

A contribution is a pure function of the record's own values and of the day up to which days are
counted, so the change of a cell is contributions(after) - contributions(before), whatever happened
in between, and the coming of a day is such a change, too (ADR 0033).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import NamedTuple

from node.domain.published_value import Interval, is_combined
from sync.model.change import Value

UNKNOWN = "unknown"
"""What a dimension says of a record that has no value for it; no choice may have this code."""


Day = str
"""The last day that is counted, as dates are stored: 'YYYY-MM-DD'."""


class CellKey(NamedTuple):
    """Identifies a sum: measure, period ("", "YYYY" or "YYYY-MM") and canonical dimensions."""

    measure: str
    period: str
    dims: str


def dims_text(dims: Mapping[str, str]) -> str:
    """Write dimensions canonically: "k=v;k=v" sorted by k, "" for none.

    A value that cannot be written so (with ";" or "=" in it) counts as unknown, so the sum stays
    complete whatever a peer sent.
    """
    return ";".join(f"{k}={UNKNOWN if set(v) & set(';=') else v}" for k, v in sorted(dims.items()))


def parse_dims(text: str) -> dict[str, str]:
    """Read what `dims_text` wrote; of any other text what can be read so."""
    pairs = (pair.partition("=") for pair in text.split(";") if text)
    return {key: value for key, is_pair, value in pairs if is_pair}


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit for whole numbers: `number`, or the year of the figure plus `number`."""

    number: int
    from_asof: bool = False

    def at(self, as_of: date | None) -> int:
        """Return the limit on a day."""
        if not self.from_asof:
            return self.number
        assert as_of is not None, "the catalogue lets only indicators ask for the day"
        return as_of.year + self.number


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a value. Every given part must be true."""

    one_of: frozenset[str] | None = None
    none_of: frozenset[str] = frozenset()
    minimum: Bound | None = None
    maximum: Bound | None = None
    present: bool | None = None
    starts: str = ""

    def holds(self, value: Value, as_of: date | None = None) -> bool:
        """Return whether `value` satisfies the condition; a missing value satisfies no limit."""
        text = "" if value is None else str(value)
        if self.one_of is not None and text not in self.one_of:
            return False
        if text in self.none_of or self.present not in (None, text != ""):
            return False
        if not text.startswith(self.starts):
            return False
        if self.minimum is None and self.maximum is None:
            return True
        if not text.removeprefix("-").isdecimal():
            return False
        number = int(text)
        low = self.minimum is None or number >= self.minimum.at(as_of)
        return low and (self.maximum is None or number <= self.maximum.at(as_of))

    def covers(self, text: str, as_of: date | None = None) -> bool | None:
        """Return whether all values that a cell's text stands for satisfy the condition; None: some
        may and some may not.
        """
        if not is_combined(text):
            return self.holds(text, as_of)
        within = Interval.read(text)
        if within is None or self.one_of is not None or self.none_of or self.starts:
            return True if self == Condition() else None
        low = None if self.minimum is None else self.minimum.at(as_of)
        high = None if self.maximum is None else self.maximum.at(as_of)
        return None if self.present is False else within.lies_in(Interval(low, high))


@dataclass(frozen=True, slots=True)
class Amount:
    """How much a record adds: `constant`, or sign x the first of `fields` that has a value.

    `flag`: the field is a yes or no and adds one or nothing.
    """

    constant: int | None = None
    fields: tuple[str, ...] = ()
    sign: int = 1
    flag: bool = False

    def of(self, values: Mapping[str, Value]) -> int:
        """Return the amount for one record; 0 when no field has a whole number."""
        if self.constant is not None:
            return self.constant
        for name in self.fields:
            value = values.get(name)
            if isinstance(value, int):
                return int(value != 0) if self.flag else self.sign * value
        return 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a dimension or a period comes from: `how` is field, year, month, int, each or const."""

    how: str
    name: str

    def texts(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the texts of the source: one, or for `each` one for every member."""
        if self.how == "const":
            return (self.name,)
        value = values.get(self.name)
        if self.how == "each":
            return tuple(str(value).split(",")) if value else ()
        if value is None or value == "":
            return (UNKNOWN,)
        # A stored date is 'YYYY-MM-DD'.
        length = {"year": 4, "month": 7}.get(self.how)
        return (str(value)[:length],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One line of the catalogue: which measure a record adds to, how much, and when.

    `since`, `until`: the fields with the first day on which it counts and the first on which it
    counts no more; "" or an empty field bounds nothing.
    """

    measure: str
    amount: Amount
    where: Mapping[str, Condition] = field(default_factory=dict)
    dims: Mapping[str, Source] = field(default_factory=dict)
    period: Source | None = None
    since: str = ""
    until: str = ""

    @property
    def days(self) -> tuple[str, ...]:
        """The fields whose day may still have to come."""
        return tuple(name for name in (self.since, self.until) if name)

    @property
    def fields(self) -> frozenset[str]:
        """The register's fields that it reads."""
        sources = [s for s in (*self.dims.values(), self.period) if s and s.how != "const"]
        named = {*self.amount.fields, *self.where, *(s.name for s in sources), *self.days}
        return frozenset(named)

    @property
    def counts_once(self) -> bool:
        """Whether it counts each record once, in one cell."""
        return self.amount.constant == 1 and not self.dims and self.period is None

    def counts_the_same_records_as(self, other: Contribution) -> bool:
        """Return whether both count the same records on each day."""
        return (self.where, self.since, self.until) == (other.where, other.since, other.until)

    def in_force(self, since: Value, until: Value, day: Day) -> bool:
        """Return whether it counts on a day, by the days in its two fields."""
        begun = since is None or since == "" or str(since) <= day
        return begun and (until is None or until == "" or str(until) > day)

    def on(self, day: Day, values: Mapping[str, Value]) -> Iterable[tuple[CellKey, int]]:
        """Yield the cells that a record with `values` adds to on a day, without zeros."""
        if self.in_force(values.get(self.since), values.get(self.until), day):
            yield from self.of(values)

    def of(self, values: Mapping[str, Value]) -> Iterable[tuple[CellKey, int]]:
        """Yield the cells that a record adds to while it is in force, without zeros.

        A record without the date of its period belongs to no period and adds nothing.
        """
        if not all(condition.holds(values.get(f)) for f, condition in self.where.items()):
            return
        amount = self.amount.of(values)
        period = self.period.texts(values)[0] if self.period else ""
        if amount == 0 or period == UNKNOWN:
            return
        for texts in product(*(source.texts(values) for source in self.dims.values())):
            dims = dims_text(dict(zip(self.dims, texts, strict=True)))
            yield CellKey(self.measure, period, dims), amount


def total(
    contributions: Iterable[Contribution], values: Mapping[str, Value], day: Day
) -> dict[CellKey, int]:
    """Return all that one record adds on a day, without zeros."""
    sums: dict[CellKey, int] = {}
    for contribution in contributions:
        for key, amount in contribution.on(day, values):
            sums[key] = sums.get(key, 0) + amount
    return {key: amount for key, amount in sums.items() if amount}


def difference(before: Mapping[CellKey, int], after: Mapping[CellKey, int]) -> dict[CellKey, int]:
    """Return what must be added to the cells when a record's share goes from before to after."""
    moved = {key: after.get(key, 0) - before.get(key, 0) for key in {*before, *after}}
    return {key: amount for key, amount in sorted(moved.items()) if amount}
