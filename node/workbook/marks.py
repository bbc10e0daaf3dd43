"""Marks of a sheet's cells besides their values, and the rows with these marks applied.

The reading library gives values. It does not return that a formula was never calculated, in which
format a number is shown, which cells are merged, what is hidden. `sheet_xml` and `legacy_records`
find that, for .xlsx and .xls; here it is put together, so that both kinds are read alike.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from node.domain.number_format import GENERAL
from node.domain.sheet_cell import EPOCH_1900, EPOCH_1904, NOT_CALCULATED, Formatted, Unknown
from node.workbook.cells import Area, Cell, Merged, Rows, is_blank
from node.workbook.limits import Limits
from node.workbook.package import too_large

_INDEX_BITS = 16
_INDEX_MASK = (1 << _INDEX_BITS) - 1

_PLAIN = frozenset({GENERAL, "0", "#", "@"})
"""Formats in which every field reads a number as it does without one."""

_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 37: "#,##0_);(#,##0)", 38: "#,##0_);(#,##0)",
    39: "#,##0.00_);(#,##0.00)", 40: "#,##0.00_);(#,##0.00)", 41: "#,##0", 43: "#,##0.00",
    48: "##0.0E+0", 49: "@",
    **dict.fromkeys((5, 6, 7, 8, 42, 44), '"¤"#,##0.00'),  # the currency of who opens the file
    **dict.fromkeys((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)), "yyyy-mm-dd"),
}  # fmt: skip
"""Formats that a file names by number only. Source: ECMA-376 part 1, 18.8.30."""


def formats_of(styles: Iterable[int], named: dict[int, str]) -> list[str | None]:
    """Return the number format of each style, None where it changes nothing.

    `styles`: the number of each style's format; `named`: the formats that the file spells out.
    """
    codes = [named.get(number) or _BUILT_IN.get(number, GENERAL) for number in styles]
    return [None if code in _PLAIN else code for code in codes][: _INDEX_MASK + 1]


@dataclass(slots=True)
class Marks:
    """What is marked in one sheet; of a place that comes twice, the last counts.

    Rows are counted from 1, columns from 0. `formatted`: row -> column and index into `formats`,
    in one number, for a long sheet has many. `hidden_columns`: first and last of each run.
    """

    epoch_1904: bool = False
    formats: list[str | None] = field(default_factory=list)
    unknown: dict[int, dict[int, Unknown]] = field(default_factory=dict)
    formatted: dict[int, array[int]] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merges: list[Area] = field(default_factory=list)

    def mark_unknown(self, row: int, column: int, what: Unknown) -> None:
        self.unknown.setdefault(row, {})[column] = what

    def mark_known(self, row: int, column: int, style: int | None = None) -> None:
        """Remove what an earlier cell of this place had; note the style of a number."""
        if row in self.unknown:
            self.unknown[row].pop(column, None)
        if style is not None and style < len(self.formats) and self.formats[style] is not None:
            of_row = self.formatted.get(row)
            if of_row is None:
                of_row = self.formatted[row] = array("L")
            of_row.append(column << _INDEX_BITS | style)

    def is_hidden_column(self, index: int) -> bool:
        return any(first <= index <= last for first, last in self.hidden_columns)


def mark_areas(marks: Marks, areas: Iterable[Area], limits: Limits) -> None:
    """Mark what array formulas without a result would fill.

    Raises: WorkbookTooLarge, before that are more cells than a file may have.
    """
    cells = 0
    for area in areas:
        rows = range(area.first_row, min(area.last_row, limits.rows_max) + 1)
        columns = range(area.first_column, min(area.last_column + 1, limits.columns_max))
        cells += len(rows) * len(columns)
        if cells > limits.cells_max:
            raise too_large("too many formulas without a result", "未计算的公式过多")
        for row in rows:
            for column in columns:
                marks.mark_unknown(row, column, Unknown(NOT_CALCULATED))


def marked(rows: Rows, marks: Marks, limits: Limits) -> Rows:
    """Yield the rows as a sheet shows them: with their marks in place of the bare values.

    Raises: WorkbookTooLarge when more cells are merged across a row than it may have columns.
    """
    overlay = _Overlay(marks, limits)
    last = 0
    for last, cells in rows:
        yield last, overlay.lay(last, cells)
    for number in range(last + 1, max(marks.unknown, default=0) + 1):
        yield number, overlay.lay(number, [])


class _Overlay:
    """The marks of one sheet, applied to its rows from the top."""

    def __init__(self, marks: Marks, limits: Limits) -> None:
        self._marks = marks
        self._columns_max = limits.columns_max
        self._epoch = EPOCH_1904 if marks.epoch_1904 else EPOCH_1900
        self._begins: dict[int, list[Area]] = {}
        for area in marks.merges:
            self._begins.setdefault(area.first_row, []).append(area)
        self._open: list[Merged] = []

    def lay(self, number: int, cells: list[Cell]) -> list[Cell]:
        marks = self._marks
        if marks.epoch_1904:
            cells = [self._formatted(cell, GENERAL) for cell in cells]
        for each in marks.formatted.get(number, ()):
            column, format_ = each >> _INDEX_BITS, marks.formats[each & _INDEX_MASK]
            if column < len(cells) and format_ is not None:
                cells[column] = self._formatted(cells[column], format_)
        for column, what in marks.unknown.get(number, {}).items():
            _put(cells, column, what)
        self._merge(number, cells)
        return cells

    def _formatted(self, cell: Cell, format_: str) -> Cell:
        """Return a number with its format; not for dates, which the library has converted."""
        number = cell.number if isinstance(cell, Formatted) else cell
        if isinstance(number, bool) or not isinstance(number, int | float):
            return cell
        return Formatted(number, format_, self._epoch)

    def _merge(self, number: int, cells: list[Cell]) -> None:
        self._open = [merged for merged in self._open if merged.area.last_row >= number]
        for area in self._begins.get(number, ()):
            shown = cells[area.first_column] if area.first_column < len(cells) else None
            assert not isinstance(shown, Merged), "a place is merged once"
            self._open.append(Merged(shown, area))
        if len(self._open) > self._columns_max:
            raise too_large("too many merged cells in a row", "一行内的合并单元格过多")
        for merged in self._open:
            _, first, _, last = merged.area
            for column in range(first, min(last + 1, self._columns_max)):
                _put(cells, column, "" if is_blank(merged.value) else merged)


def _put(cells: list[Cell], column: int, cell: Cell) -> None:
    cells.extend([""] * (column + 1 - len(cells)))
    cells[column] = cell
