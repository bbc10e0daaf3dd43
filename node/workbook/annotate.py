"""Giving a clerk's own file back with what is wrong in it: one more column, and red cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, MergedCell
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.worksheet import Worksheet

from node.workbook.book import csv_rows
from node.workbook.errors import NotAnnotatable, WorkbookError
from node.workbook.faults import RowFault
from node.workbook.limits import Limits
from node.workbook.package import clean_package
from node.workbook.reader import FAULT_COLUMN, FAULT_COLUMNS, Table
from node.workbook.text import decode

_RED = "FFFFC7CE"


def annotate(
    data: bytes,
    table: Table,
    faults: Iterable[RowFault],
    lang: str = "zh",
    limits: Limits | None = None,
) -> bytes:
    """Return the same file with the faults written into it; `table` is what was read from it.

    .xlsx: a 错误 column after the header's last, red cells; an earlier 错误 column is used anew.
    CSV: the same column, in the file's own encoding and separator. Macros are not kept.
    Raises: NotAnnotatable for .xls and for a workbook the writing library cannot open.
    """
    by_row: dict[int, list[RowFault]] = {}
    for fault in faults:
        by_row.setdefault(fault.row, []).append(fault)
    if table.kind == "csv":
        return _annotated_csv(data, table, by_row, lang, limits or Limits())
    if table.kind != "xlsx":
        raise _not_annotatable()
    try:
        return _annotated_xlsx(clean_package(data, limits or Limits()), table, by_row, lang)
    except WorkbookError:
        raise
    except Exception as bad:  # whatever the writing library trips over in a file that was readable
        raise _not_annotatable() from bad


def _annotated_xlsx(
    data: bytes, table: Table, by_row: dict[int, list[RowFault]], lang: str
) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(data), keep_vba=False, keep_links=False)
    sheet = book[table.sheet]
    assert isinstance(sheet, Worksheet)
    column = _fault_column(sheet, table)
    head = _write(
        sheet, table.header_row, column, FAULT_COLUMN if lang == "zh" else FAULT_COLUMNS[1]
    )
    sheet.column_dimensions[head.column_letter].width = 60
    red = PatternFill("solid", start_color=_RED)
    for row, faults in sorted(by_row.items()):
        cell = _write(sheet, row, column, _text(faults, lang))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        for marked in {fault.column for fault in faults if fault.column}:
            sheet.cell(row, column_index_from_string(marked)).fill = red
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fault_column(sheet: Worksheet, table: Table) -> int:
    """Return the column for the faults, counted from 1, cleared of an earlier annotation."""
    last = max(table.headers) + 1
    for cell in sheet[table.header_row]:
        if cell.value in FAULT_COLUMNS:
            _clear(sheet, table.header_row, cell.column)
            return int(cell.column)
        if cell.value not in (None, ""):
            last = max(last, cell.column)
    # Notes without a heading and merged titles may stand beside the table: keep off them.
    taken = {cell.column for row in sheet.iter_rows(min_col=last + 1) for cell in row
             if cell.value is not None or isinstance(cell, MergedCell)}  # fmt: skip
    return next(i for i in range(last + 1, last + len(taken) + 2) if i not in taken)


def _clear(sheet: Worksheet, header_row: int, column: int) -> None:
    for row in sheet.iter_rows(min_row=header_row + 1):
        for cell in row:
            if cell.column == column:
                cell.value = None
            elif cell.fill.fill_type == "solid" and cell.fill.start_color.rgb == _RED:
                cell.fill = PatternFill()


def _write(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell), "the column for the faults holds no merged cell"
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"  # never a formula, whatever the text begins with
    return cell


def _annotated_csv(
    data: bytes, table: Table, by_row: dict[int, list[RowFault]], lang: str, limits: Limits
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=table.separator, lineterminator="\r\n")
    column = -1
    for number, cells in csv_rows(decode(data).text, table.separator, limits):
        if number == table.header_row:
            old = [i for i, cell in enumerate(cells) if cell in FAULT_COLUMNS]
            column = old[0] if old else len(cells)
            text = FAULT_COLUMN if lang == "zh" else FAULT_COLUMNS[1]
        else:
            text = _text(by_row.get(number, []), lang)
        if column >= 0:
            # A row longer than its header keeps its cells; its text goes behind them.
            place = column if len(cells) <= column + 1 else len(cells)
            cells += [""] * (place + 1 - len(cells))
            cells[place] = text
        writer.writerow(cells)
    return out.getvalue().encode(_BOM_WRITERS.get(table.encoding, table.encoding))


_BOM_WRITERS = {"utf-16-le": "utf-16", "utf-16-be": "utf-16"}


def _text(faults: list[RowFault], lang: str) -> str:
    return "\n".join(fault.text(lang) for fault in faults)


def _not_annotatable() -> NotAnnotatable:
    return NotAnnotatable(
        "This file cannot be given back with its errors written in it.",
        "该文件无法加注错误说明。",
        remedy_en="Save it as .xlsx and send that; the list of errors is complete without it.",
        remedy_zh="请另存为 .xlsx 后再上传；错误清单本身是完整的。",
    )
