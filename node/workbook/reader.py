"""Read a register's table from a clerk's file: find the sheet and the header row, read the cells.

Values are not checked here (node.domain.validate does that). A cell is passed on as it is in the
file, so that an identity number that Excel turned into a float can still be recognised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from node.domain.register import Register
from node.domain.sheet_cell import NOT_CALCULATED, Unknown
from node.workbook.body import Body
from node.workbook.book import Book, csv_rows
from node.workbook.cells import Rows, Value
from node.workbook.errors import HeaderNotFound
from node.workbook.faults import RowFault, column_letter
from node.workbook.headings import HEADER_ROWS, UnknownHeader, columns_of, fit, head
from node.workbook.limits import Limits
from node.workbook.marks import Marks
from node.workbook.notes import Note
from node.workbook.separators import is_spaced, separator_of
from node.workbook.sheets import sheets_with
from node.workbook.text import is_formula, unguard


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A register's rows as a file has them.

    `headers`: column index from 0 -> field name. `rows`: (row number as Excel shows it, cells by
    field name; empty cells are left out, one whose value is not known is not). `faults` are what
    only the file shows: rows longer than their header, a second table. `notes`: what else was met
    and left out. `encoding` is "" but for CSV.
    """

    kind: str
    sheet: str
    encoding: str
    separator: str
    header_row: int
    headers: dict[int, str]
    unknown_headers: tuple[UnknownHeader, ...]
    rows: list[tuple[int, dict[str, Value]]]
    blank_rows: int
    faults: list[RowFault] = field(default_factory=list)
    notes: tuple[Note, ...] = ()

    def column_of(self, name: str) -> str:
        """Return the letter of a field's column; "" if the file does not have it."""
        return next((column_letter(i) for i, each in self.headers.items() if each == name), "")


def table_of(
    book: Book, register: Register, sheet: str | None = None, limits: Limits | None = None
) -> Table:
    """Read the register's table from an opened book: one book may hold many registers."""
    if book.decoded is not None:
        text = book.decoded.text
        bounds = limits or Limits()
        separator = separator_of(text, register, bounds)
        encoding = book.decoded.encoding
        rows = _unguarded(csv_rows(text, separator, bounds))
        try:
            return _read(register, rows, book.kind, encoding=encoding, separator=separator)
        except HeaderNotFound as missing:
            raise _spaced(register) if is_spaced(text, register) else missing from None
    asked = () if sheet is None else (sheet,)
    chosen = sheets_with(book, register, asked)[0]
    rows = _unguarded(chosen.rows(), runs=False)
    return _read(register, rows, book.kind, name=chosen.name, marks=chosen.marks)


def _unguarded(rows: Rows, *, runs: bool = True) -> Rows:
    for number, cells in rows:
        yield number, [_unguarded_cell(c, runs=runs) if isinstance(c, str) else c for c in cells]


def _unguarded_cell(text: str, *, runs: bool) -> Value:
    """Return a cell's text without its marks. A formula in a CSV has no result, in any program."""
    plain = unguard(text, runs=runs)
    return Unknown(NOT_CALCULATED) if runs and plain is text and is_formula(text) else plain


def _read(
    register: Register,
    rows: Rows,
    kind: str,
    *,
    name: str = "",
    encoding: str = "",
    separator: str = "",
    marks: Marks | None = None,
) -> Table:
    above = list(head(rows))  # `rows` continues below the last of them
    if not above:
        raise _nothing(name)
    fits = [fit(cells, register).fields for _, cells in above]
    if not any(fits):
        raise _no_header(register, name, encoding)
    at = fits.index(max(fits))
    header_row, header = above[at]
    headers, unknown = columns_of(header, register, name)
    body = Body(register, header_row, header, headers, is_csv=kind == "csv")
    for number, cells in chain(above[at + 1 :], rows):
        body.take(number, cells)
    body.spread_merged()
    return Table(
        kind=kind,
        sheet=name,
        encoding=encoding,
        separator=separator,
        header_row=header_row,
        headers=headers,
        unknown_headers=unknown,
        rows=body.rows,
        blank_rows=body.blank_rows(),
        faults=body.faults,
        notes=tuple(body.notes([n for n, _ in above[:at]], unknown, marks or Marks())),
    )


def _nothing(sheet: str) -> HeaderNotFound:
    return HeaderNotFound(
        f'Sheet "{sheet}" is empty.' if sheet else "The file holds nothing but blank rows.",
        f"工作表“{sheet}”为空。" if sheet else "文件中只有空行。",
        remedy_en="Fill in the template and save it; then send it again.",
        remedy_zh="请按模板填写并保存后重新上传。",
    )


def _spaced(register: Register) -> HeaderNotFound:
    return HeaderNotFound(
        f"Only spaces stand between the column names of {register.en}.",
        f"“{register.zh}”的列名之间只有空格。",
        remedy_en="Put a comma or a tab between the columns, or save the file as .xlsx.",
        remedy_zh="请用逗号或制表符分隔各列，或另存为 .xlsx。",
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
