"""Read a register's table from a clerk's file: find the sheet and the header row, read the cells.

Values are not checked here (node.domain.validate does that). A cell is passed on as it is in the
file, so that an identity number that Excel turned into a float can still be recognised.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from node.domain.register import Register, plain_header
from node.workbook.book import Book, Cell, Rows, Sheet, csv_rows, open_book
from node.workbook.errors import (
    ColumnDuplicated,
    ColumnsMissing,
    HeaderNotFound,
    SheetNotFound,
    WorkbookUnreadable,
)
from node.workbook.faults import RowFault, column_letter
from node.workbook.limits import Limits
from node.workbook.text import SEPARATORS, unguard

HEADER_ROWS = 10
"""The header is one of the first ten rows that are not blank; titles may stand above it."""

FAULT_COLUMN = "错误"
"""The heading of the column that an annotated copy adds; a corrected copy may keep it."""

FAULT_COLUMNS = (FAULT_COLUMN, "Errors")


@dataclass(frozen=True, slots=True)
class UnknownHeader:
    """A heading that is no field of the register, and the nearest field."""

    column: str  # letter
    text: str
    nearest: str | None  # field name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A register's rows as a file has them.

    `headers`: column index from 0 -> field name. `rows`: (row number as Excel shows it, cells by
    field name; empty cells are left out, a failed formula is its "#N/A"). `faults` are what only
    the file shows: CSV rows longer than their header. `encoding` is "" but for CSV.
    """

    kind: str
    sheet: str
    encoding: str
    separator: str
    header_row: int
    headers: dict[int, str]
    unknown_headers: tuple[UnknownHeader, ...]
    rows: list[tuple[int, dict[str, Cell]]]
    blank_rows: int
    faults: list[RowFault] = field(default_factory=list)

    def column_of(self, name: str) -> str:
        """Return the letter of a field's column; "" if the file does not have it."""
        return next((column_letter(i) for i, each in self.headers.items() if each == name), "")


def read_table(
    data: bytes,
    filename: str,
    register: Register,
    sheet: str | None = None,
    limits: Limits | None = None,
) -> Table:
    """Read the register's table from a file's bytes: .xlsx, .xls, or CSV (UTF-8, GB18030).

    Without `sheet`: the sheet named after the register, else the first visible one whose header
    fits. Raises: a WorkbookError, and never anything else, whatever the bytes are.
    """
    bounds = limits or Limits()
    return table_of(open_book(data, filename, bounds), register, sheet, bounds)


def table_of(
    book: Book, register: Register, sheet: str | None = None, limits: Limits | None = None
) -> Table:
    """Read the register's table from an opened book: one book may hold many registers."""
    if book.decoded is not None:
        text = book.decoded.text
        bounds = limits or Limits()
        separator = _separator(text, register, bounds)
        encoding = book.decoded.encoding
        rows = _unguarded(csv_rows(text, separator, bounds))
        return _read(register, rows, book.kind, encoding=encoding, separator=separator)
    chosen = _choose(book, register, sheet)
    return _read(register, chosen.rows(), book.kind, name=chosen.name)


def _separator(text: str, register: Register, limits: Limits) -> str:
    """Return the separator with which most headings fit, so commas in a title do not matter."""
    return max(SEPARATORS, key=lambda s: _best_fit(_unguarded(csv_rows(text, s, limits)), register))


def _unguarded(rows: Rows) -> Rows:
    for number, cells in rows:
        yield number, [unguard(cell) if isinstance(cell, str) else cell for cell in cells]


def _best_fit(rows: Rows, register: Register) -> int:
    try:
        return max((_fit(cells, register) for _, cells in _head(rows)), default=0)
    except WorkbookUnreadable:  # with this separator the quotation marks are wrong
        return -1


def _choose(book: Book, register: Register, asked: str | None) -> Sheet:
    names = (asked,) if asked is not None else (register.zh, register.en, register.name)
    plain = {plain_header(name) for name in names}
    for sheet in book.sheets:
        if plain_header(sheet.name) in plain:
            return sheet
    visible = [sheet for sheet in book.sheets if sheet.visible]
    if asked is None and visible:
        fits = [(_best_fit(sheet.rows(), register), -i) for i, sheet in enumerate(visible)]
        return visible[-max(fits)[1]]
    listed = "、".join(sheet.name for sheet in book.sheets)
    raise SheetNotFound(
        f"There is no sheet {asked!r}; there are: {listed}.",
        f"没有名为“{asked}”的工作表，现有：{listed}。" if asked else "文件中没有可读的工作表。",
        remedy_en=f"Choose one of them, or name it {register.zh}.",
        remedy_zh=f"请选择其中之一，或将工作表命名为“{register.zh}”。",
    )


def _head(rows: Rows) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the first rows that are not blank."""
    found = 0
    for number, cells in rows:
        if any(not _is_blank(cell) for cell in cells):
            yield number, cells
            found += 1
            if found == HEADER_ROWS:
                return


def _fit(cells: list[Cell], register: Register) -> int:
    """Return how many different fields the row's cells name."""
    fields = (register.field_for(cell) for cell in cells if isinstance(cell, str))
    return len({each.name for each in fields if each is not None})


def _read(
    register: Register,
    rows: Rows,
    kind: str,
    *,
    name: str = "",
    encoding: str = "",
    separator: str = "",
) -> Table:
    above = list(_head(rows))  # `rows` then continues below the last of them
    fits = [_fit(cells, register) for _, cells in above]
    if not any(fits):
        raise _no_header(register, name, encoding)
    at = fits.index(max(fits))
    header_row, header = above[at]
    headers, unknown = _columns(header, register)
    names = [headers.get(i) for i in range(len(header))]
    taken: list[tuple[int, dict[str, Cell]]] = []
    faults: list[RowFault] = []
    for number, cells in chain(above[at + 1 :], rows):
        values = {
            name: cell
            for cell, name in zip(cells, names, strict=False)
            if name and (cell.strip() if isinstance(cell, str) else cell is not None)
        }
        if (
            len(cells) > len(header)
            and kind == "csv"
            and not all(map(_is_blank, cells[len(header) :]))
        ):
            faults.append(_too_long(number, len(header)))
        if not values:
            continue
        taken.append((number, values))
    last_row = taken[-1][0] if taken else header_row
    return Table(
        kind=kind,
        sheet=name,
        encoding=encoding,
        separator=separator,
        header_row=header_row,
        headers=headers,
        unknown_headers=unknown,
        rows=taken,
        blank_rows=last_row - header_row - len(taken),
        faults=faults,
    )


def _columns(
    header: list[Cell], register: Register
) -> tuple[dict[int, str], tuple[UnknownHeader, ...]]:
    """Return column -> field; refuse repeated and missing ones, all named in one error."""
    found: dict[int, str] = {}
    unknown: list[UnknownHeader] = []
    for index, cell in enumerate(header):
        if _is_blank(cell):
            continue
        known = register.field_for(str(cell))
        if known is not None:
            found[index] = known.name
        elif str(cell).strip() not in FAULT_COLUMNS:
            letter = column_letter(index)
            unknown.append(UnknownHeader(letter, str(cell), _nearest(str(cell), register)))
    names = list(found.values())
    doubled = [each for each in register.fields if names.count(each) > 1]
    if doubled:
        raise _doubled(register, doubled, found)
    missing = [f.name for f in register.fields.values() if f.required and f.name not in names]
    if missing:
        raise _missing(register, missing, unknown)
    return found, tuple(unknown)


def _nearest(text: str, register: Register) -> str | None:
    fields = {plain_header(label): each.name
              for each in register.fields.values() for label in each.headers()}  # fmt: skip
    near = difflib.get_close_matches(plain_header(text), fields, n=1, cutoff=0.5)
    return fields[near[0]] if near else None


def _is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


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


def _no_header(register: Register, sheet: str, encoding: str) -> HeaderNotFound:
    wanted_zh = "、".join(f.zh for f in register.fields.values() if f.required) or register.zh
    wanted_en = ", ".join(f.en for f in register.fields.values() if f.required) or register.en
    where = sheet or (f"{encoding} text" if encoding else "the file")
    return HeaderNotFound(
        f"No header of {register.en} in the first {HEADER_ROWS} rows of {where}.",
        f"{sheet or '文件'}的前 {HEADER_ROWS} 行中没有“{register.zh}”的表头。",
        remedy_en=f"One row must hold the column names ({wanted_en}); start from the template.",
        remedy_zh=f"须有一行写明列名（{wanted_zh}），建议使用下载的模板。",
    )


def _doubled(register: Register, names: list[str], found: dict[int, str]) -> ColumnDuplicated:
    def where(name: str) -> str:
        return "+".join(column_letter(i) for i, each in found.items() if each == name)

    listed_en = "; ".join(f"{register.fields[n].en} ({where(n)})" for n in names)
    listed_zh = "；".join(f"{register.fields[n].zh}（{where(n)} 列）" for n in names)
    return ColumnDuplicated(
        f"More than one column is the same field: {listed_en}.",
        f"有重复的列：{listed_zh}。",
        remedy_en="Delete or rename the columns that are not meant.",
        remedy_zh="请删除或改名多余的列。",
    )


def _missing(register: Register, names: list[str], unknown: list[UnknownHeader]) -> ColumnsMissing:
    listed_en = ", ".join(register.fields[n].en for n in names)
    listed_zh = "、".join(register.fields[n].zh for n in names)
    maybe = [each for each in unknown if each.nearest in names]
    hint_en = "".join(f" Column {u.column} ({u.text}) may be meant." for u in maybe)
    hint_zh = "".join(f"{u.column} 列“{u.text}”可能就是所缺的列。" for u in maybe)
    return ColumnsMissing(
        f"Required columns are missing: {listed_en}.",
        f"缺少必填列：{listed_zh}。",
        remedy_en=f"Add them, or rename the columns that hold them.{hint_en}",
        remedy_zh=f"请补上这些列，或修改对应列的列名。{hint_zh}",
    )
