"""One query of the cells while it is answered: figures, breakdowns, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.contribution import CellKey
from node.domain.disclosure import WITHHELD, withheld_dims
from node.domain.figure_text import display, exact_text, meets
from node.domain.indicators import Figure, Indicator, breakdown, cells_inside, evaluate, measures_of
from node.domain.published_value import ANY, COMBINED
from node.domain.register import Register
from node.domain.units import Level, Tree
from node.services.figures.closings import CLOSING, newest_closing, stock_at, stock_measures
from node.services.figures.completeness import (
    Completeness,
    Counts,
    Standings,
    end_of_day_ms,
    of_tree,
)
from node.store import private_cells
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
    """A figure, and what it leaves out because it would show a few persons.

    Undecided: persons in groups of which only a part belongs to a sum; the sum leaves them out.
    `withheld`: offices that count fewer than five persons, and do not say how many. Suppressed:
    nothing else is in the figure. Unknown: a sum of it is not known, and that sum is None: none of
    the offices that it counts has filled in what it counts. That is not zero.
    """

    numerator: int | None
    denominator: int | None
    value: str  # exact, in the indicator's unit: "12.5" or "2/3"; "" when there is none
    display: str  # at most two decimals, no unit; "≥" or "≈" before it if something is left out
    met: bool | None = None  # the target; None when it cannot be decided
    suppressed: bool = False
    unknown: bool = False
    numerator_undecided: int = 0
    denominator_undecided: int = 0
    withheld: int = 0


SUPPRESSED_TEXT = "*"


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
        self._personal = self._measures & office.catalogue.disclosure_plans.keys()
        self._read: dict[int, Sums] = {}
        self._figures: dict[tuple[int, str], dict[str, Figure]] = {}
        self.closing = self._closing()

    # -- the answer ---------------------------------------------------------------------------

    def shown(self, unit: int) -> Shown:
        figure = self._of(unit, "")[""]
        withheld = self._withheld(unit)
        if withheld and not any(_sums_of(figure)):
            return Shown(
                numerator=None, denominator=None, value="", display=SUPPRESSED_TEXT,
                suppressed=True, withheld=withheld,
            )  # fmt: skip
        unknown = self._unknown(unit, figure)
        if not any(unknown):
            return self._shown(figure, withheld)
        numerator, denominator = (
            None if sum_unknown else amount
            for sum_unknown, amount in zip(unknown, _sums_of(figure), strict=True)
        )
        return Shown(
            numerator=numerator, denominator=denominator, value="", display="", unknown=True,
            withheld=withheld,
        )  # fmt: skip

    def rows(self, unit: int, by: str | None) -> tuple[Row, ...]:
        if by is None:
            return ()
        if by == BY_UNIT:
            return (*self._own_row(unit), *map(self._unit_row, self._tree.children(unit)))
        return tuple(
            Row(key=group, zh=self._label(by, group, "zh"), en=self._label(by, group, "en"),
                shown=self._shown(figure, 0))
            for group, figure in self._of(unit, by).items()
            if group != ANY or any(astuple(figure))  # nobody is combined any more
        )  # fmt: skip

    def _label(self, by: str, group: str, lang: str) -> str:
        dimension = self._office.catalogue.dimensions.get(by)
        if dimension is None and group == ANY:
            return COMBINED[0] if lang == "zh" else COMBINED[1]
        return dimension.label(group, lang) if dimension else group

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
            open_, private = self._measures | {WITHHELD}, frozenset[str]()
            if unit == self._top and not self._tree.children(unit):  # its own persons, every value
                open_, private = self._measures - self._personal, self._personal
            if self._tree is self._now:
                found = sums_below(self._tx, self._now, self._top, unit, open_)
            else:
                found = sums_then(self._tx, self._now, self._tree, self._top, unit, open_)
            own = private_cells.cells(self._tx, private) if private else ()
            self._read[unit] = self._gathered(chain(found, own))
        return self._read[unit]

    def _withheld(self, unit: int) -> int:
        """Return how many offices at and below a unit withhold a measure of the indicator."""
        sums = self._sums(unit)
        keys = [CellKey(WITHHELD, "", withheld_dims(name)) for name in self._personal]
        return max((sums.get(key, 0) for key in keys), default=0)

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
                shown=self._shown(figure, 0)),
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

    def _shown(self, figure: Figure, withheld: int) -> Shown:
        indicator = self._indicator
        value = indicator.value(figure)
        undecided = figure.numerator_undecided, figure.denominator_undecided
        left_out = value is not None and bool(withheld or any(undecided))
        sign = "" if not left_out else "≥" if figure.denominator is None else "≈"
        return Shown(
            numerator=figure.numerator,
            denominator=figure.denominator,
            value=exact_text(value),
            display=sign + display(value),
            met=None if left_out else meets(value, indicator.target, indicator.unit),
            numerator_undecided=undecided[0],
            denominator_undecided=undecided[1],
            withheld=withheld,
        )

    def _closing(self) -> str:
        if self._live or not self._measures & self._stock:
            return ""
        marks = sums_below(self._tx, self._now, self._top, self._top, (CLOSING,))
        closing = newest_closing(marks, self._day)
        if not closing:
            raise NoClosing(self._indicator, self._day)
        return closing


def _sums_of(figure: Figure) -> tuple[int, int | None]:
    return figure.numerator, figure.denominator


class TreeQuestion(Question):
    """A question about the units themselves."""

    def shown(self, unit: int) -> Shown:
        return self._shown(Figure(numerator=len(self._tree.subtree(unit))), 0)

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
                shown=self._shown(Figure(numerator=count), 0))
            for level, count in sorted(counts.items())
        )  # fmt: skip

    def completeness(self) -> Completeness:
        return of_tree(self._office, self._tx, self._tree)

    def _unit_row(self, unit: int) -> Row:
        at = self._tree.get(unit)
        return Row(key=at.code, zh=at.name, en=at.name, unit=unit, shown=self.shown(unit))

    def _figure_of(self, sums: Sums) -> Figure:
        return Figure(numerator=1)  # the unit itself
