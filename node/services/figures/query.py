"""One query of the cells while it is answered: figures, breakdowns, and what must be hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.contribution import CellKey
from node.domain.figure_text import display, exact_text, meets
from node.domain.indicators import Figure, Indicator, breakdown, cells_inside, evaluate, measures_of
from node.domain.register import Register
from node.domain.suppression import Cell, hidden
from node.domain.suppression import Counts as PersonCounts
from node.domain.units import Level, Tree
from node.services.figures.closings import CLOSING, newest_closing, stock_at, stock_measures
from node.services.figures.completeness import (
    Completeness,
    Counts,
    Standings,
    end_of_day_ms,
    of_tree,
)
from node.store.cells import Sums, cells_of, sums_below, sums_then
from sync.model.errors import ErrorKind, SilianError

if TYPE_CHECKING:
    from node.office import Office

BY_UNIT = "unit"


class NoClosing(SilianError):
    """No month was closed by that day, so the figures of that day are not known."""

    code = "no_closing"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, indicator: Indicator, as_of: date) -> None:
        super().__init__(
            f"{indicator.id} is not known for {as_of}: no month was closed by then.",
            f"{as_of} 之前没有月结数据，无法得知当时的“{indicator.zh}”。",
            remedy_en="Ask for today, or for a day after the first closing.",
            remedy_zh="请查询今天，或第一次月结之后的日期。",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure as it may be shown. Suppressed: only that is given, whether it is small or not.

    Unknown: a sum of it is not known, and that sum is None: none of the offices that it counts has
    filled in what it counts. That is not zero.
    """

    numerator: int | None
    denominator: int | None
    value: str  # exact, in the indicator's unit: "12.5" or "2/3"; "" when there is none
    display: str  # at most two decimals, no unit
    met: bool | None = None  # the target; None when it cannot be decided
    suppressed: bool = False
    unknown: bool = False


SUPPRESSED = Shown(numerator=None, denominator=None, value="", display="*", suppressed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One part of a breakdown: a child unit (`key` its code), or a value of a dimension."""

    key: str
    zh: str
    en: str
    shown: Shown
    unit: int | None = None
    own: bool = False  # the asked unit's own cells, separate from those of its children
    counts: Counts | None = None  # of the offices at and below the unit


class Question:
    """One question about `asked` and what is below it while it is answered, on one snapshot.

    Each unit's cells are read once.
    """

    def __init__(
        self, office: Office, tx: Connection, indicator: Indicator, asked: int,
        now: Tree, tree: Tree, day: date,
    ) -> None:  # fmt: skip
        self._asked = asked
        self._office, self._tx, self._indicator = office, tx, indicator
        self._now, self._tree, self._day = now, tree, day
        self._top = office.identity.unit
        self._live = day == office.today()
        self._stock = stock_measures(office.catalogue)
        self._measures = measures_of(indicator)
        self._personal = self._personal_measures()
        self._read: dict[int, Sums] = {}
        self._figures: dict[tuple[int, str], dict[str, Figure]] = {}
        self._tables: dict[tuple[int, str], frozenset[Cell]] = {}
        self.closing = self._closing()

    # -- the answer ---------------------------------------------------------------------------

    def shown(self, unit: int) -> Shown:
        if "" in self._hidden(unit, ""):
            return SUPPRESSED
        figure = self._of(unit, "")[""]
        unknown = self._unknown(unit, figure)
        if not any(unknown):
            return self._shown(figure)
        numerator, denominator = (
            None if sum_unknown else amount
            for sum_unknown, amount in zip(unknown, _sums_of(figure), strict=True)
        )
        return Shown(
            numerator=numerator, denominator=denominator, value="", display="", unknown=True
        )

    def rows(self, unit: int, by: str | None) -> tuple[Row, ...]:
        if by is None:
            return ()
        if by == BY_UNIT:
            return (*self._own_row(unit), *map(self._unit_row, self._tree.children(unit)))
        dimension = self._office.catalogue.dimensions.get(by)
        out = self._hidden(unit, by)
        return tuple(
            Row(
                key=group,
                zh=dimension.label(group, "zh") if dimension else group,
                en=dimension.label(group, "en") if dimension else group,
                shown=SUPPRESSED if group in out else self._shown(figure),
            )
            for group, figure in self._of(unit, by).items()
        )

    def rows_at(self, unit: int, level: Level) -> tuple[Row, ...]:
        """Return a row for each unit of a level below `unit`, in the tree's order."""
        return tuple(
            self._unit_row(each)
            for each in self._tree.subtree(unit)
            if self._tree.level(each) == level
        )

    def completeness(self) -> Completeness:
        return self._standings.completeness(self._asked)

    @cached_property
    def _registers(self) -> tuple[tuple[Register, ...], ...]:
        """The registers that the numerator counts, and those that the denominator counts."""
        terms = (self._indicator.numerator, self._indicator.denominator or ())
        return tuple(
            self._office.catalogue.counted_by(part.measure for part in term) for term in terms
        )

    @cached_property
    def _standings(self) -> Standings:
        return Standings(
            self._office, self._tx, self._tree, self._asked, self._indicator.level,
            self._office.catalogue.counted_by(self._measures),
            since_ms=0 if self._live else end_of_day_ms(self._day), closing=self.closing,
        )  # fmt: skip

    def _unknown(self, unit: int, figure: Figure) -> tuple[bool, bool]:
        """Return which of the two sums of a unit and those below it are not known: that is no zero.

        Nothing was received of them, or none has filled in a register that the sum counts.
        """
        counts = self._standings.counts(unit)
        nothing = counts.expected > 0 and counts.received == 0 and not any(_sums_of(figure))
        numerator, denominator = (
            amount == 0 and (nothing or self._standings.nobody_has_filled(unit, registers))
            for registers, amount in zip(self._registers, _sums_of(figure), strict=True)
        )
        return numerator, denominator

    # -- figures ------------------------------------------------------------------------------

    def _of(self, unit: int, by: str) -> dict[str, Figure]:
        """Return the figure of each group of a unit; undivided it is one group, ""."""
        key = (unit, by)
        if key not in self._figures:
            cells = list(self._inside(unit, self._sums(unit)))
            self._figures[key] = (
                breakdown(self._indicator, by, cells, self._day)
                if by
                else {"": evaluate(self._indicator, cells, self._day)}
            )
        return self._figures[key]

    def _sums(self, unit: int) -> Sums:
        if unit not in self._read:
            if self._tree is self._now:
                found = sums_below(self._tx, self._now, self._top, unit, self._measures)
            else:
                found = sums_then(self._tx, self._now, self._tree, self._top, unit, self._measures)
            self._read[unit] = self._gathered(found)
        return self._read[unit]

    def _gathered(self, cells: Iterable[tuple[CellKey, int]]) -> Sums:
        sums: Sums = {}
        for key, amount in stock_at(cells, self._stock, self.closing):
            sums[key] = sums.get(key, 0) + amount
        return sums

    def _inside(self, unit: int, sums: Sums) -> Iterable[tuple[CellKey, int]]:
        return cells_inside(self._indicator, sums.items(), self._tree.level(unit))

    def _unit_row(self, unit: int) -> Row:
        at = self._tree.get(unit)
        return Row(
            key=at.code, zh=at.name, en=at.name, unit=unit, shown=self.shown(unit),
            counts=self._standings.counts(unit),
        )  # fmt: skip

    def _own_row(self, unit: int) -> tuple[Row, ...]:
        """Return a row for what a unit with children wrote itself, so that the rows add up."""
        if not self._tree.children(unit):
            return ()
        figure = self._own_figure(unit)
        if not figure.numerator and not figure.denominator:
            return ()
        at = self._tree.get(unit)
        return (
            Row(key=at.code, zh=f"{at.name}（本级）", en=f"{at.name} (itself)", unit=unit, own=True,
                shown=self._shown(figure)),
        )  # fmt: skip

    def _own_figure(self, unit: int) -> Figure:
        """Return what the rows of the units below leave: what the unit wrote itself, or, of
        transfers between offices, those between it and them.
        """
        if self._indicator.inside:
            below = (self._of(child, "")[""].numerator for child in self._tree.children(unit))
            return Figure(numerator=self._of(unit, "")[""].numerator - sum(below))
        return self._figure_of(self._gathered(cells_of(self._tx, (unit,), self._measures)))

    def _figure_of(self, sums: Sums) -> Figure:
        return evaluate(self._indicator, sums.items(), self._day)

    def _shown(self, figure: Figure) -> Shown:
        value = self._indicator.value(figure)
        return Shown(
            numerator=figure.numerator,
            denominator=figure.denominator,
            value=exact_text(value),
            display=display(value),
            met=meets(value, self._indicator.target, self._indicator.unit),
        )

    def _closing(self) -> str:
        if self._live or not self._measures & self._stock:
            return ""
        marks = sums_below(self._tx, self._now, self._top, self._top, (CLOSING,))
        closing = newest_closing(marks, self._day)
        if not closing:
            raise NoClosing(self._indicator, self._day)
        return closing

    # -- who may see what ---------------------------------------------------------------------

    def _personal_measures(self) -> frozenset[str]:
        """Return the measures that count persons of offices below this one."""
        return frozenset(
            contribution.measure
            for register in self._office.catalogue.registers.values()
            if register.audience == "local"
            and (register.level is None or register.level > self._office.level)
            for contribution in register.contributions
        )

    def _counts(self, figure: Figure) -> PersonCounts:
        """Return the persons that a figure counts: none, one or two counts."""
        terms = ((self._indicator.numerator, figure.numerator),
                 (self._indicator.denominator or (), figure.denominator))  # fmt: skip
        return tuple(
            count or 0
            for term, count in terms
            if any(part.measure in self._personal for part in term)
        )

    def _hidden(self, unit: int, by: str) -> frozenset[str]:
        """Return the groups of a unit that may not be shown; our own undivided figure always may.

        What is hidden in the parent's table is hidden in every answer, so that no other question
        reveals it.
        """
        if not self._measures & self._personal:
            return frozenset()
        if unit == self._top and not by:
            return frozenset()
        if unit == self._top:
            column: dict[Cell, PersonCounts] = {
                (group, ""): self._counts(figure) for group, figure in self._of(unit, by).items()
            }
            return frozenset(str(group) for group, _ in hidden(column, row_sums=False))
        parent = self._tree.parent(unit)
        assert parent is not None, "only the top has no parent among the units asked for"
        return frozenset(group for child, group in self._table(parent, by) if child == unit)

    def _table(self, parent: int, by: str) -> frozenset[Cell]:
        """Return the hidden cells of the table of a unit's children by the groups of `by`."""
        if (parent, by) not in self._tables:
            children = self._tree.children(parent)
            table: dict[Cell, PersonCounts] = {
                (child, group): self._counts(figure)
                for child in children
                for group, figure in self._of(child, by).items()
            }
            above = self._hidden(parent, by) | self._hidden(parent, "")
            given = {cell for cell in table if cell[1] in above or "" in above}
            if by:
                whole = {child for child, _ in self._table(parent, "")}
                given |= {cell for cell in table if cell[0] in whole}
            self._tables[parent, by] = hidden(table, given, row_sums=bool(by))
        return self._tables[parent, by]


def _sums_of(figure: Figure) -> tuple[int, int | None]:
    return figure.numerator, figure.denominator


class TreeQuestion(Question):
    """A question about the units themselves."""

    def shown(self, unit: int) -> Shown:
        return self._shown(Figure(numerator=len(self._tree.subtree(unit))))

    def rows(self, unit: int, by: str | None) -> tuple[Row, ...]:
        if by != "level":
            return super().rows(unit, by)
        counts: dict[str, int] = {}
        for each in self._tree.subtree(unit):
            level = str(int(self._tree.level(each)))
            counts[level] = counts.get(level, 0) + 1
        dimension = self._office.catalogue.dimensions["level"]
        return tuple(
            Row(key=level, zh=dimension.label(level, "zh"), en=dimension.label(level, "en"),
                shown=self._shown(Figure(numerator=count)))
            for level, count in sorted(counts.items())
        )  # fmt: skip

    def completeness(self) -> Completeness:
        return of_tree(self._office, self._tx, self._tree)

    def _unit_row(self, unit: int) -> Row:
        at = self._tree.get(unit)
        return Row(key=at.code, zh=at.name, en=at.name, unit=unit, shown=self.shown(unit))

    def _figure_of(self, sums: Sums) -> Figure:
        return Figure(numerator=1)  # the unit itself
