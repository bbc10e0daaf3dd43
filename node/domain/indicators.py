"""Indicators: figures from cells, as exact whole numbers.

A figure has numerator and denominator; the quotient is computed once, for display. Age is
calendar-year age, from the year of birth, so "60 and over" is exact on any day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from node.domain.contribution import UNKNOWN, CellKey, Condition, parse_dims
from node.domain.published_value import ANY, PERIOD, Interval, ends_of, is_combined
from node.domain.units import Level
from sync.model.errors import ErrorKind, SilianError

TYPES = ("S", "R", "L")
PERIODS = ("stock", "year", "month")
PERIOD_DIMENSIONS = ("year", "month")

Cells = Iterable[tuple[CellKey, int]]


class UnknownDimension(SilianError):
    """An indicator cannot be divided that way; take one of its dimensions."""

    code = "unknown_dimension"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, indicator: Indicator, dimension: str) -> None:
        listed = ", ".join(indicator.dimensions) or "-"
        super().__init__(
            f"{indicator.id} cannot be divided by {dimension!r}.",
            f"{indicator.id} 不能按“{dimension}”分组。",
            remedy_en=f"It can be divided by: {listed}.",
            remedy_zh="可用的分组见 silian indicator ls。",
        )


class NotFromCells(SilianError):
    """The indicator is counted on the tree of units, not on cells; ask the tree."""

    code = "not_from_cells"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, indicator: Indicator) -> None:
        super().__init__(
            f"{indicator.id} is counted on the tree of units, not on cells.",
            f"{indicator.id} 由行政区划树统计，不由汇总单元统计。",
            remedy_en="Count the open units of the tree by level.",
            remedy_zh="请按层级统计区划树中的有效单位。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Banding:
    """A dimension made of ages: which birth-year dimension it reads, and the edges of its bands."""

    of: str
    edges: tuple[int, ...]

    def group(self, dims: Mapping[str, str], as_of: date) -> str:
        """Return the band of a cell: "15-59", "80+", or unknown (no year, or a year to come).

        Of a group with several years: `ANY`, if they are in several bands.
        """
        text = dims.get(self.of, UNKNOWN)
        years = Interval.read(text)
        if years is None:
            return ANY if is_combined(text) else UNKNOWN
        first = as_of.year - self.edges[-1] if years.low is None else years.low
        last = as_of.year - self.edges[0] if years.high is None else years.high
        bands = {self._band(as_of.year - year) for year in (min(first, last), max(first, last))}
        return bands.pop() if len(bands) == 1 else ANY

    def _band(self, age: int) -> str:
        if age < self.edges[0]:
            return UNKNOWN
        at = max(n for n, edge in enumerate(self.edges) if edge <= age)
        last = at + 1 == len(self.edges)
        return f"{self.edges[at]}+" if last else f"{self.edges[at]}-{self.edges[at + 1] - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some cells of one measure, multiplied by `times`.

    `has`: the measure's dimensions. `whole`: never divided in a breakdown. Cells of a measure by
    year or month count within the calendar year of the figure, up to its day's month.
    """

    measure: str
    period: str = "stock"
    has: frozenset[str] = frozenset()
    where: Mapping[str, Condition] = field(default_factory=dict)
    times: int = 1
    whole: bool = False

    def counts(
        self, key: CellKey, dims: Mapping[str, str], as_of: date, *, past_years: bool = False
    ) -> bool | None:
        """Return whether a cell belongs to this part on that day; None: some of what it counts."""
        if key.measure != self.measure:
            return False
        found = [self._within(key.period, dims.get(PERIOD, ""), as_of, past_years)]
        if found[0] is not False:
            found += [
                condition.covers(dims.get(name, UNKNOWN), as_of)
                for name, condition in self.where.items()
            ]
        if False in found:
            return False
        return None if None in found else True

    def divides(self, dimension: str, bands: Mapping[str, Banding]) -> bool:
        """Return whether a breakdown by `dimension` divides this part; else it counts in full."""
        if self.whole:
            return False
        if dimension in PERIOD_DIMENSIONS:
            return self.period == "month" or self.period == dimension
        banding = bands.get(dimension)
        return (banding.of if banding else dimension) in self.has

    def _within(self, period: str, combined: str, as_of: date, past_years: bool) -> bool | None:
        if self.period == "stock":
            return period == ""
        first, last = ends_of(combined) if combined and not period else (period, period)
        year, month = f"{as_of.year:04}", f"{as_of.year:04}-{as_of.month:02}"
        limit = year if self.period == "year" else month
        begin = "" if past_years else year
        if first > limit or last < begin:
            return False
        return True if first >= begin and last <= limit else None


Term = tuple[Part, ...]
"""A sum of parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The result of an indicator: whole numbers, so that two figures can be added.

    Undecided: what is in groups that belong to a sum in part only (`node.domain.disclosure`), and
    is left out of it.
    """

    numerator: int
    denominator: int | None = None
    numerator_undecided: int = 0
    denominator_undecided: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One figure that people can ask for. `type`: S sum, R ratio of sums, L stock.

    `source`: "cells", or "tree" for what is counted on the units themselves (no terms then).
    `level`: whose offices are expected to report; None is any. `target`: the norm, for people.
    `inside`: a dimension of levels; of what goes between two offices only that counts whose upper
    office is the unit asked about or below it, so that both ends of it are seen.
    """

    id: str
    zh: str
    en: str
    unit: str
    type: str
    numerator: Term
    denominator: Term | None = None
    dimensions: tuple[str, ...] = ()
    level: Level | None = None
    target: str = ""
    scale: Fraction = Fraction(1)
    source: str = "cells"
    inside: str = ""
    bands: Mapping[str, Banding] = field(default_factory=dict)

    def value(self, figure: Figure) -> Fraction | None:
        """Return the figure in the indicator's unit, exactly; None if the denominator is 0."""
        if figure.denominator is None:
            return figure.numerator * self.scale
        if figure.denominator == 0:
            return None
        return Fraction(figure.numerator, figure.denominator) * self.scale


def cells_inside(indicator: Indicator, cells: Cells, level: int) -> Cells:
    """Return the cells that count for a unit of a level (`Indicator.inside`)."""
    if not indicator.inside:
        return cells
    levels = {str(each) for each in range(level, len(Level))}
    return (cell for cell in cells if parse_dims(cell[0].dims).get(indicator.inside) in levels)


def measures_of(indicator: Indicator) -> frozenset[str]:
    """Return the measures whose cells the indicator needs."""
    return frozenset(p.measure for p in (*indicator.numerator, *(indicator.denominator or ())))


def evaluate(indicator: Indicator, cells: Cells, as_of: date) -> Figure:
    """Return the indicator over `cells`, in raw whole numbers (scale: `Indicator.value`).

    Cells of other measures are ignored; the same key may come many times, once a unit.
    Raises: NotFromCells for an indicator of the tree.
    """
    if indicator.source != "cells":
        raise NotFromCells(indicator)
    found = _Sums()
    for key, amount in cells:
        dims = parse_dims(key.dims)
        for at, term in enumerate((indicator.numerator, indicator.denominator or ())):
            for part in term:
                found.add(at, part.counts(key, dims, as_of), part.times * amount)
    return found.figure(indicator)


def breakdown(indicator: Indicator, dimension: str, cells: Cells, as_of: date) -> dict[str, Figure]:
    """Return the indicator for each value of `dimension`, sorted, "unknown" last.

    A part that lacks the dimension counts in full in each group, so the numerators of the groups
    add up to the indicator's own. By "year", past years are shown as well.
    Raises: NotFromCells; UnknownDimension, which lists those that are possible.
    """
    if indicator.source != "cells":
        raise NotFromCells(indicator)
    if dimension not in indicator.dimensions:
        raise UnknownDimension(indicator, dimension)
    terms = (indicator.numerator, indicator.denominator or ())
    groups: dict[str, _Sums] = {}
    whole = _Sums()
    for key, amount in cells:
        dims = parse_dims(key.dims)
        for at, term in enumerate(terms):
            for part in term:
                divides = part.divides(dimension, indicator.bands)
                past_years = divides and dimension == "year"
                counts = part.counts(key, dims, as_of, past_years=past_years)
                if counts is False:
                    continue
                sums = whole
                if divides:
                    name = _group(indicator, dimension, key, dims, as_of)
                    sums = groups.setdefault(name, _Sums())
                sums.add(at, counts, part.times * amount)
    return {
        name: sums.figure(indicator, whole)
        for name, sums in sorted(groups.items(), key=lambda item: _order(item[0]))
    }


@dataclass(slots=True)
class _Sums:
    """The sums of numerator and denominator, and what is undecided of each."""

    decided: list[int] = field(default_factory=lambda: [0, 0])
    undecided: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, at: int, counts: bool | None, amount: int) -> None:
        if counts is None:
            self.undecided[at] += amount
        elif counts:
            self.decided[at] += amount

    def figure(self, indicator: Indicator, other: _Sums | None = None) -> Figure:
        both = (self, other) if other else (self,)
        numerator, denominator = (sum(each.decided[at] for each in both) for at in (0, 1))
        undecided = [sum(each.undecided[at] for each in both) for at in (0, 1)]
        return Figure(
            numerator=numerator,
            denominator=None if indicator.denominator is None else denominator,
            numerator_undecided=undecided[0],
            denominator_undecided=undecided[1],
        )


def _group(
    indicator: Indicator, dimension: str, key: CellKey, dims: Mapping[str, str], as_of: date
) -> str:
    if dimension in PERIOD_DIMENSIONS:
        ends = ends_of(dims[PERIOD]) if PERIOD in dims and not key.period else (key.period,) * 2
        first, last = (end[:4] if dimension == "year" else end for end in ends)
        return first if first == last else ANY
    banding = indicator.bands.get(dimension)
    if banding:
        return banding.group(dims, as_of)
    value = dims.get(dimension, UNKNOWN)
    return ANY if is_combined(value) else value


def _order(group: str) -> tuple[int, int, str]:
    digits = group.rstrip("+").split("-")[0]
    last = (UNKNOWN, ANY).index(group) + 1 if group in (UNKNOWN, ANY) else 0
    return last, int(digits) if digits.isdecimal() else -1, group
