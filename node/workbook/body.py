"""The body of a sheet: rows below the header, read, refused or left out; merged cells filled."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from node.domain.register import Register
from node.domain.sheet_cell import MERGED, Unknown
from node.workbook.cells import Area, Cell, Merged, Value, is_blank
from node.workbook.faults import RowFault, column_letter
from node.workbook.headings import UnknownHeader, heading, is_fault_heading
from node.workbook.marks import Marks
from node.workbook.notes import (
    Note,
    hidden_column,
    hidden_rows,
    merged_read,
    no_rows,
    repeated_header,
    rows_above,
    rows_outside,
    running_number,
    unknown_heading,
    without_heading,
)
from node.workbook.text import unguard

SUMMED_TYPES = ("int", "decimal")
"""What a merged cell holds once for all its rows: as the value of each it would count twice."""


class Body:
    """The rows below a header while they are read: accepted, refused, or left out by name."""

    def __init__(
        self,
        register: Register,
        header_row: int,
        header: list[Cell],
        headers: dict[int, str],
        *,
        is_csv: bool,
    ) -> None:
        self.rows: list[tuple[int, dict[str, Value]]] = []
        self.faults: list[RowFault] = []
        self._register = register
        self._header_row = header_row
        self._header = header
        self._headers = headers
        self._names = [headers.get(i) for i in range(len(header))]
        self._width = len(header) if is_csv else None
        self._merged: dict[Area, list[tuple[int, dict[str, Value], str, Merged]]] = {}
        self._strays: dict[int, list[int]] = {}  # column -> rows that have a value there
        self._uncounted: set[int] = set()  # columns whose n-th value is not the number n
        self._repeated: list[int] = []
        self._outside: list[int] = []
        self._spread: list[str] = []
        self._second_header: int | None = None

    def take(self, number: int, cells: list[Cell]) -> None:
        """Process the next row."""
        values: dict[str, Value] = {}
        merged: list[tuple[str, Merged]] = []
        own = stray = False
        for index, cell in enumerate(cells):
            if is_blank(cell):
                continue
            name = self._names[index] if index < len(self._names) else None
            begins = not isinstance(cell, Merged) or _is_first(cell.area, number, index)
            if name is None:
                stray = (begins and self._is_stray(number, index, cell)) or stray
                continue
            own = own or begins
            if not isinstance(cell, Merged):
                values[name] = cell
            elif cell.area.first_row <= self._header_row:
                values[name] = Unknown(MERGED, str(cell.area))
            else:
                values[name] = None  # in the order of the columns; `spread_merged` fills it in
                merged.append((name, cell))
        if self._width is not None and any(not is_blank(c) for c in cells[self._width :]):
            self.faults.append(_too_long(number, self._width))
        if not own:
            if stray:
                self._outside.append(number)
        elif self._is_header(number, cells):
            self._repeated.append(number)
        else:
            self.rows.append((number, values))
            for name, cell in merged:
                self._merged.setdefault(cell.area, []).append((number, values, name, cell))
            if self._second_header is not None:
                self.faults.append(_below_another(number, self._second_header))

    def spread_merged(self) -> None:
        """Give each row under a merged cell its value, where it is clear what that is.

        A cell merged downwards gives every row its value, except numbers: they would be summed once
        for each. One merged over two fields gives neither a value.
        """
        for area, places in self._merged.items():
            fields = {name for _, _, name, _ in places}
            rows = {number for number, _, _, _ in places}
            column = self._names[area.first_column]
            summed = any(self._register.fields[each].type in SUMMED_TYPES for each in fields)
            clear = fields == {column} and not (summed and len(rows) > 1)
            for _, values, name, merged in places:
                shown = merged.value
                shown = unguard(shown, runs=False) if isinstance(shown, str) else shown
                values[name] = shown if clear else Unknown(MERGED, str(area))
            if clear and len(rows) > 1:
                self._spread.append(str(area))

    def blank_rows(self) -> int:
        """Return how many rows between the header and the last row hold nothing."""
        last = self.rows[-1][0] if self.rows else self._header_row
        named = [n for n in (*self._repeated, *self._outside) if n < last]
        return last - self._header_row - len(self.rows) - len(named)

    def notes(
        self, above: Sequence[int], unknown: Sequence[UnknownHeader], marks: Marks
    ) -> Iterator[Note]:
        """Yield what was left out, and what is hidden and was read."""
        fields = self._register.fields
        if above:
            yield rows_above(above)
        if not self.rows:
            yield no_rows()
        headed = {each.column: each for each in unknown}
        letters = {column_letter(i): i for i in self._strays}
        for letter in sorted({*headed, *letters}, key=lambda text: (len(text), text)):
            rows = self._strays.get(letters.get(letter, -1), [])
            if letter not in headed:
                yield without_heading(letter, rows)
                continue
            if self._numbers_the_rows(letters.get(letter, -1)):
                yield running_number(letter, headed[letter].text, rows)
                continue
            near = fields.get(headed[letter].nearest or "")
            nearest = None if near is None else (near.en, near.zh)
            yield unknown_heading(letter, headed[letter].text, rows, nearest)
        if self._repeated:
            yield repeated_header(self._repeated)
        if self._outside:
            yield rows_outside(self._outside)
        if self._spread:
            yield merged_read(self._spread)
        if hidden := [number for number, _ in self.rows if number in marks.hidden_rows]:
            yield hidden_rows(hidden)
        for index, name in self._headers.items():
            if marks.is_hidden_column(index) and any(name in values for _, values in self.rows):
                yield hidden_column(column_letter(index), fields[name].en, fields[name].zh)

    def _is_stray(self, number: int, index: int, cell: Cell) -> bool:
        """Note a value that no field takes; return whether it is one, not a fault of a long row."""
        if self._width is not None and index >= self._width:
            return False
        if index < len(self._header) and is_fault_heading(heading(self._header[index], index)):
            return False
        rows = self._strays.setdefault(index, [])
        rows.append(number)
        if not _is_number(cell, len(rows)):
            self._uncounted.add(index)
        return True

    def _numbers_the_rows(self, index: int) -> bool:
        """Return whether a column without a field has 1, 2, 3 in it, at the rows of the table."""
        rows = self._strays.get(index, [])
        return 1 < len(rows) >= len(self.rows) and index not in self._uncounted

    def _is_header(self, number: int, cells: list[Cell]) -> bool:
        """Return whether a row repeats the header; note one that heads another kind of table."""
        filled = [(i, text) for i, cell in enumerate(cells) if (text := heading(cell, i))]
        field_for = self._register.field_for
        if len(filled) < 2 or field_for(filled[0][1]) is None:
            return False
        named = [(i, field_for(text)) for i, text in filled]
        if not all(found for _, found in named):
            return False
        if all(found and self._headers.get(i) == found.name for i, found in named):
            return True
        self._second_header = self._second_header or number
        return False


def _is_number(cell: Cell, number: int) -> bool:
    """Return whether a cell, which may be a text, is this number."""
    text = unicodedata.normalize("NFKC", str(cell)).strip().removesuffix(".0")
    return text.removesuffix(".") == str(number)


def _is_first(area: Area, row: int, column: int) -> bool:
    return (area.first_row, area.first_column) == (row, column)


def _too_long(row: int, width: int) -> RowFault:
    return RowFault(
        row,
        column_letter(width),
        "",
        "row_too_long",
        f"The row has cells past the last heading (column {column_letter(width - 1)}).",
        f"本行内容超出表头最后一列（{column_letter(width - 1)} 列）。",
        "A separator inside a text must stand in quotation marks.",
        "文字中的分隔符须放在引号内。",
    )


def _below_another(row: int, header: int) -> RowFault:
    return RowFault(
        row,
        "",
        "",
        "second_header",
        f"Row {header} is the header of another table, with other columns.",
        f"第 {header} 行是另一个表的表头，列的顺序不同。",
        "Put each table on a sheet of its own.",
        "请将各表分别放在不同的工作表中。",
    )
